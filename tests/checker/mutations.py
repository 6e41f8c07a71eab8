"""The rules, each broken once on purpose: what the checker must find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from decisions import election, steps
from decisions import member as member_decisions
from decisions import record as leader_decisions
from decisions import unit as unit_decisions
from decisions.facts import View
from decisions.steps import Step
from state.member import Member
from state.messages import Promise
from state.record import LogPosition, Record
from tests.checker.hook import Rules


def _with(view: View, **changes: Any) -> View:
    assert view.record is not None
    return replace(view, record=replace(view.record, **changes))


def _electing(view: View) -> bool:
    return view.record is not None and view.record.primary is None


def _leading(change: Callable[[View], View]) -> Rules:
    """The leader decides on what a change makes of its view."""

    def next_record(view: View, new_cluster_id: str) -> Record | None:
        return leader_decisions.next_record(
            change(view) if view.record is not None else view, new_cluster_id
        )

    return Rules(next_record=next_record)


def _writing(change: Callable[[View, Record | None], Record | None]) -> Rules:
    """The leader writes what a change makes of its decision."""

    def next_record(view: View, new_cluster_id: str) -> Record | None:
        record = leader_decisions.next_record(view, new_cluster_id)
        return change(view, record) if view.record is not None else record

    return Rules(next_record=next_record)


def _acting(change: Callable[[View], View]) -> Rules:
    """A unit acts on what a change makes of its view."""

    def decided(view: View) -> tuple[Step, ...]:
        return unit_decisions.steps(change(view) if view.record is not None else view)

    return Rules(steps=decided)


def _stepping(change: Callable[[View, Step], Step | None]) -> Rules:
    """A unit takes the steps that a change makes of the right ones."""

    def decided(view: View) -> tuple[Step, ...]:
        changed = (change(view, step) for step in unit_decisions.steps(view))
        return tuple(step for step in changed if step is not None)

    return Rules(steps=decided)


def _telling(change: Callable[[View], View]) -> Rules:
    """A unit tells what it would of what a change makes of its view."""

    def member(
        view: View,
        admitted: tuple[str, ...] | None,
        proved: bool,
        instructed: bool,
        shut: str,
    ) -> Member:
        return member_decisions.member(change(view), admitted, proved, instructed, shut)

    return Rules(member=member)


def _members(view: View, change: Callable[[Member], Member]) -> View:
    return replace(view, members={name: change(each) for name, each in view.members.items()})


def _one_ballot_fewer(view: View) -> View:
    if not _electing(view) or view.record is None or not view.record.quorum:
        return view
    return _with(view, quorum=view.record.quorum + 1)


def _no_floor(view: View) -> View:
    return _with(view, floor=LogPosition(0, 0)) if _electing(view) else view


def _alone_is_replaced() -> Rules:
    """An election replaces a primary that stood alone, by the ballots of those who followed."""

    def next_record(view: View, new_cluster_id: str) -> Record | None:
        record = view.record
        if record is not None and record.candidates and not record.quorum:
            counted = _with(view, quorum=1)
            if begun := election.begun(counted):
                return begun
            if record.primary is None:
                view = counted
        return leader_decisions.next_record(view, new_cluster_id)

    return Rules(next_record=next_record)


def _successor_uncovered(view: View) -> View:
    return _with(view, successor=None) if _electing(view) else view


def _older_promise(view: View) -> View:
    serial = view.record.serial if view.record else 0

    def renewed(member: Member) -> Member:
        promise = member.promise
        return replace(member, promise=replace(promise, serial=serial)) if promise else member

    return _members(view, renewed)


def _older_ballot(view: View) -> View:
    term = view.record.term if view.record else 0

    def renewed(member: Member) -> Member:
        ballot = member.ballot
        return replace(member, ballot=replace(ballot, term=term)) if ballot else member

    return _members(view, renewed)


def _any_winner(view: View, record: Record | None) -> Record | None:
    if record is None or not _electing(view) or not record.candidates or record.primary is None:
        return record
    first, *others = record.candidates
    return replace(record, primary=first, candidates=(*others, record.primary))


def _raised_by_leader(view: View, record: Record | None) -> Record | None:
    old, primary = view.record, view.primary
    if record is not None or old is None or primary is None or old.successor:
        return record
    wanted = min(view.wanted_quorum or 0, len(old.candidates))
    if not primary.streaming or wanted <= old.quorum:
        return None
    return replace(old, serial=old.serial + 1, quorum=wanted)


def _dropped_by_leader(view: View, record: Record | None) -> Record | None:
    old, primary = view.record, view.primary
    if record is not None or old is None or primary is None or old.successor:
        return record
    streaming = tuple(unit for unit in old.candidates if unit in primary.streaming)
    if len(streaming) < max(1, old.quorum) or streaming == old.candidates:
        return None
    return replace(old, serial=old.serial + 1, candidates=streaming)


def _successor_alone(view: View, record: Record | None) -> Record | None:
    if record is None or record.successor is None or record.primary is None:
        return record
    return replace(record, successor_quorum=0)


def _same_term(view: View, record: Record | None) -> Record | None:
    if record is None or record.primary is not None or record.successor is None:
        return record
    return replace(record, term=record.term - 1)


def _relaxed_by_primary(view: View, step: Step) -> Step | None:
    """The primary takes a new standby into its setting before the record has it."""
    if isinstance(step, steps.Synchronise) and step.promise.quorum:
        members = tuple(sorted({*step.promise.members, *view.machine.streaming}))
        return replace(step, promise=replace(step.promise, members=members))
    return step


def _lowered_by_primary(view: View, step: Step) -> Step | None:
    """The primary stands alone as soon as nobody follows it."""
    if isinstance(step, steps.Synchronise) and not view.machine.streaming:
        return replace(step, promise=replace(step.promise, members=(), quorum=0))
    return step


def _promise_forgotten(view: View) -> View:
    """The primary loosens what it has promised under the same serial."""
    members = {**view.members, view.me: replace(view.members[view.me], promise=None)}
    return replace(view, members=members, machine=replace(view.machine, promise=Promise(0)))


def _authority_kept(view: View, step: Step) -> Step | None:
    """A unit that seals does not take the successor's authority away from its sentinel."""
    return None if isinstance(step, steps.Instruct) and _electing(view) else step


def _opened_for_any_term(view: View, step: Step) -> Step | None:
    return steps.Open() if isinstance(step, steps.Promote) else step


def _reopened(view: View) -> View:
    """A primary that has said its last word comes back as primary."""
    if view.is_primary and view.record and view.record.successor and not view.machine.writable:
        return _with(view, successor=None)
    return view


def _deaf_only_once(view: View) -> View:
    """After its ballot a unit follows the former primary again."""
    record = view.record
    if record is None or record.primary is not None or view.machine.writable:
        return view
    mine = view.members[view.me].ballot
    if mine is None or mine.term != record.term:
        return view
    return _with(view, primary=record.previous_primary)


def _unsealed() -> Rules:
    def decided(view: View) -> tuple[Step, ...]:
        return tuple(
            step
            for step in unit_decisions.steps(view)
            if not isinstance(step, steps.Seal) or view.machine.writable
        )

    return Rules(steps=decided, deafless=True)


def _final_always(view: View) -> View:
    """A unit says that its log is complete, whatever it ends with."""
    machine = view.machine
    term = view.record.previous_term if view.record else 0
    return replace(view, machine=replace(machine, final=term)) if machine.deaf and term else view


def _never_said(view: View) -> View:
    """A former primary tells that it has not handed over, whatever its log holds."""
    return replace(view, machine=replace(view.machine, farewell=0))


@dataclass(frozen=True)
class Mutation:
    """A rule that is broken.

    Attributes:
        rules: with it broken.
        harm: what it takes for that to show.
    """

    rules: Rules
    harm: tuple[str, ...]


def _never_renewed(view: View, step: Step) -> Step | None:
    """A standby whose WAL is gone waits for it."""
    return None if isinstance(step, steps.StartClone) and step.starved else step


NEVER_SAID = _telling(_never_said)
_FAST_FIRST = ("the fast one first", "power off")
_ELECTIONS = ("one after the other", "all alarmed", "power off", "freeze", "cut")
_SWITCHOVERS = ("contested", "too late", "switchover", "power off", "all alarmed")
MUTATIONS: dict[str, Mutation] = {
    "R2: act on the uncommitted record": Mutation(Rules(uncommitted=True), _ELECTIONS),
    "R3: the primary takes a standby into S before the record does": Mutation(
        _stepping(_relaxed_by_primary), ("power off", "add")
    ),
    "R3: the primary lowers k by itself": Mutation(
        _stepping(_lowered_by_primary), ("power off", "wanted")
    ),
    "R3: the leader raises k by itself": Mutation(
        _writing(_raised_by_leader), ("wanted", "power off", "lease")
    ),
    "R3: the leader drops a candidate by itself": Mutation(
        _writing(_dropped_by_leader), (*_FAST_FIRST, "lease")
    ),
    "R4: tighten by a promise of an older serial": Mutation(
        _leading(_older_promise), ("wanted", "back again", "lease", "freeze")
    ),
    "R4: loosen what was promised under the serial": Mutation(
        _acting(_promise_forgotten), ("back again", "lease")
    ),
    "R4: promise before a commit was held back": Mutation(Rules(unproved=True), _FAST_FIRST),
    "R6: commit a record although the lease was lost meanwhile": Mutation(
        Rules(broken_leadership=True), ("lease and back",)
    ),
    "R7: one ballot fewer": Mutation(_leading(_one_ballot_fewer), _ELECTIONS),
    "R7: ballots of another election": Mutation(_leading(_older_ballot), _ELECTIONS),
    "R7: no ballot need reach the floor": Mutation(_leading(_no_floor), _ELECTIONS),
    "R7: a primary that stands alone is replaced": Mutation(_alone_is_replaced(), _ELECTIONS),
    "R7: not the one furthest on": Mutation(_writing(_any_winner), _ELECTIONS),
    "R7: a ballot without being deaf": Mutation(_unsealed(), ("behind its back",)),
    "R7: follow again after the ballot": Mutation(_acting(_deaf_only_once), _ELECTIONS),
    "R7: every log counts as complete": Mutation(_telling(_final_always), _ELECTIONS),
    "R8: the successor's regime is not covered": Mutation(
        _leading(_successor_uncovered), _SWITCHOVERS
    ),
    "R8: an election takes the successor's term": Mutation(_writing(_same_term), _SWITCHOVERS),
    "R8: the successor begins with k2 = 0": Mutation(_writing(_successor_alone), _SWITCHOVERS),
    "R8: the authority outlives the seal": Mutation(_stepping(_authority_kept), _SWITCHOVERS),
    "R8: the sentinel promotes by what it knew": Mutation(Rules(unlocked=True), _SWITCHOVERS),
    "R8: promoted without the last word": Mutation(Rules(early=True), _SWITCHOVERS),
    "R8: open again after the last word": Mutation(_acting(_reopened), _SWITCHOVERS),
    "R9: a term begins without the hold": Mutation(Rules(no_hold=True), ("torn", "contested")),
    "R10: the hook opens for a term that was never begun": Mutation(
        _stepping(_opened_for_any_term), _ELECTIONS
    ),
    "R10: the sentinel opens for a term that was never begun": Mutation(
        Rules(loose_gate=True), ("cut off at once",)
    ),
    "a new copy counts before it is as far as the old data": Mutation(
        Rules(forgets_owed=True), ("copied",)
    ),
    "a standby whose WAL is gone is not cloned anew": Mutation(
        _stepping(_never_renewed), ("starved",)
    ),
}
