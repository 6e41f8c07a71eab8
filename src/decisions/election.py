"""Who becomes primary when the present one is lost: rules R4 and R7 of README.md."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping

from decisions import losses
from decisions.facts import View
from state.member import Member, Phase
from state.messages import Ballot
from state.record import LogPosition, Record, Takeover


def begun(view: View) -> Record | None:
    """Decides whether the leader begins an election.

    Returns:
        The record without a primary; None where the primary is not lost, or where those who
        would answer are too few to end an election.
    """
    record = view.record
    if record is None or record.primary is None:
        return None
    machine = view.machine
    at_work = view.is_primary and machine.writable and not (machine.unwell or machine.ailing)
    if at_work and record.successor is None:
        return None
    answering = _answering(view, record)
    if not answering or not _can_end(view, record, answering):
        return None
    return dataclasses.replace(
        record,
        serial=record.serial + 1,
        # A successor may have taken the next term by itself.
        term=record.term + (2 if record.successor else 1),
        primary=None,
        previous_primary=record.primary,
        previous_term=record.term,
    )


def named(view: View) -> Record | None:
    """Decides whether the leader can end the election.

    Returns:
        The record with the winner; None while the ballots do not cover what was acknowledged.
    """
    record = view.record
    if record is None or record.primary is not None:
        return None
    ballots = ballots_of(record, view.members)
    if not ballots or not covered(record, ballots) or _awaits(view, ballots):
        return None
    winner = max(ballots, key=lambda unit: _rank(record, unit, ballots[unit]))
    log = ballots[winner]
    candidates = tuple(sorted(unit for unit in ballots if unit != winner))
    wanted = record.quorum if view.wanted_quorum is None else view.wanted_quorum
    return dataclasses.replace(
        record,
        serial=record.serial + 1,
        primary=winner,
        candidates=candidates,
        quorum=min(wanted, len(candidates)),
        successor=None,
        successor_candidates=(),
        successor_quorum=0,
        floor=LogPosition(log.reached, log.lsn),
        previous_primary=None,
        previous_term=None,
        asynchronous=wanted == 0,
        takeover=_takeover(record, log, ballots),
    )


def _takeover(record: Record, log: Ballot, ballots: Mapping[str, Ballot]) -> Takeover:
    """How the winner came to be primary, and what it may lack."""
    at_risk = not covered(dataclasses.replace(record, asynchronous=False), ballots)
    takeover = Takeover("election", record.previous_primary or "", at_risk)
    return losses.of_election(takeover, log.lsn, ballots.values()) if at_risk else takeover


def ballots_of(record: Record, members: Mapping[str, Member]) -> dict[str, Ballot]:
    """Returns the ballots that count in this election, by unit."""
    return {
        name: member.ballot
        for name, member in members.items()
        if member.ballot is not None and member.ballot.term == record.term
    }


def needed(record: Record) -> int:
    """How many of the candidates must give a ballot where the former primary is silent."""
    return len(record.candidates) - record.quorum + 1


def covered(record: Record, ballots: Mapping[str, Ballot]) -> bool:
    """Whether every acknowledged commit is on one of the logs that the ballots tell of."""
    return _former_covered(record, ballots) and _successor_covered(record, ballots)


def _former_covered(record: Record, ballots: Mapping[str, Ballot]) -> bool:
    """The regime of the primary that is being replaced."""
    before = record.previous_term or 0
    if record.previous_primary in ballots or record.asynchronous:
        return True
    if any(ballot.final == before for ballot in ballots.values()):
        return True
    if record.successor and any(ballot.reached == before + 1 for ballot in ballots.values()):
        # Its log begins with all of the former one's.
        return True
    if not record.quorum or _count(ballots, record.candidates) < needed(record):
        return False
    return any(
        ballot.reached == before
        or (record.floor is not None and LogPosition(ballot.reached, ballot.lsn) >= record.floor)
        for ballot in ballots.values()
    )


def _successor_covered(record: Record, ballots: Mapping[str, Ballot]) -> bool:
    """The regime that a successor may have begun by itself."""
    if record.successor is None or record.successor in ballots or record.asynchronous:
        return True
    former = ballots.get(record.previous_primary or "")
    if former is not None and former.unsaid and former.unsaid == record.previous_term:
        # No successor begins without the last word, and it will never be said.
        return True
    if not record.successor_quorum:
        return False
    members = record.successor_candidates
    return _count(ballots, members) >= len(members) - record.successor_quorum + 1


def _count(ballots: Collection[str], members: Collection[str]) -> int:
    return sum(unit in ballots for unit in members)


def _awaits(view: View, ballots: Mapping[str, Ballot]) -> bool:
    """Whether somebody is still to be heard where no number of ballots makes it safe.

    One that is gone for good would be waited for for good.
    """
    return any(member.unit not in view.machine.silent for member in awaited(view, ballots))


def awaited(view: View, ballots: Collection[str]) -> tuple[Member, ...]:
    """The units that have lost the primary, and whose logs may be further on than all others'.

    Args:
        view: whose record has no primary.
        ballots: the units that have given one.
    """
    record = view.record
    if record is None or not record.asynchronous or record.previous_primary in ballots:
        return ()
    return tuple(
        member
        for name, member in view.members.items()
        if member.lost is not None
        and member.lost.term == record.previous_term
        and name not in (record.previous_primary, *ballots)
    )


def _rank(record: Record, unit: str, ballot: Ballot) -> tuple[int, int, bool, str]:
    """The one furthest on; between equals the former primary, so that the least changes."""
    return ballot.reached, ballot.lsn, unit == record.previous_primary, unit


def _answering(view: View, record: Record) -> set[str]:
    """The units that have lost the primary and would give a ballot."""
    holders = {
        name: member
        for name, member in view.members.items()
        if name != record.primary and member.system_id == record.system_id
    }
    former = view.members.get(record.primary or "")
    if former is None:
        # It has left. Those who still stream from it would do so for as long as its machine runs,
        # which may be for ever; where they are too few without its last word, `_can_end` waits.
        return set(holders)
    if not record.successor and _has_lost(record, former):
        # It cannot be opened, and says so; nobody need find that out by waiting.
        return set(holders)
    if record.successor and record.successor not in view.members:
        # It has left, and will never be ready.
        return {*holders, former.unit}
    lost = {name for name, member in holders.items() if _has_lost(record, member)}
    if record.successor and (
        _has_lost(record, former) or (lost and former.phase is Phase.standby)
    ):
        # It has handed over, or waits in vain for a successor to be ready.
        lost |= {former.unit, *(each for each in holders if holders[each].follows == former.unit)}
    return lost


def _has_lost(record: Record, member: Member) -> bool:
    lost = member.lost
    return lost is not None and lost.term == record.term and (lost.long or not record.asynchronous)


def _can_end(view: View, record: Record, answering: Collection[str]) -> bool:
    """Whether ballots of these units would cover what was acknowledged."""
    begun_record = dataclasses.replace(
        record, previous_primary=record.primary, previous_term=record.term
    )
    # As far as can be told before they are cast: on the term's timeline.
    expected = {
        unit: Ballot(
            0, record.term, 0, view.members[unit].final, unsaid=_unsaid(record, view.members[unit])
        )
        for unit in answering
    }
    return covered(begun_record, expected)


def _unsaid(record: Record, member: Member) -> int:
    """What the ballot of a primary that has not handed over will say of its last word."""
    writes = member.phase is Phase.primary and member.term == record.term
    ended = member.lost is not None and member.lost.term == record.term and member.lost.unsaid
    return record.term if member.unit == record.primary and (writes or ended) else 0
