"""The status line: what is true now, and what to do where something has to be done.

`juju status` shows the first 120 characters, and a terminal of 80 columns the first 25 or so of
them in its first line. So what is wrong stands first, then what to do, then the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from decisions import election, losses, quorum
from decisions.facts import View
from decisions.names import slot_of
from outcome import Found, Outcome
from postgresql.observe import Server
from postgresql.sizes import pretty
from state.member import Member, Phase
from state.record import Record

Level = Literal["active", "waiting", "maintenance", "blocked"]

# Tries that fail are told of at once, but only from this one on is a person asked for.
_PATIENT_TRIES = 3
# Characters of a status; a value of an option may have millions. What is wrong stands at the
# beginning, and what to do at the end.
_HEAD, _TAIL = 400, 150


@dataclass(frozen=True)
class Line:
    """A status.

    Attributes:
        level: Juju's name of it.
        text: what a person reads.
    """

    level: Level
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", _legible(self.text))


def of_unit(outcome: Outcome) -> Line:
    """Computes the status of a unit: what a person must do goes before what is merely so."""
    state = _state(outcome)
    if outcome.refused:
        return Line("blocked", outcome.refused)
    if outcome.found.view.owns_data and outcome.found.server.overridden:
        # Whatever fails besides may come of it.
        return Line("blocked", _overridden(outcome.found))
    if outcome.failures:
        return Line("blocked", outcome.failures[0])
    if outcome.problems:
        return Line("blocked", f"{outcome.problems[0]}; the last good value stays in force")
    archive = outcome.archive
    if archive is not None and archive.failing and state.level == "active":
        return Line("blocked", f"{archive.failure}; {archive.waiting} WAL files wait for it")
    if archive is not None and archive.moving and state.level == "active":
        return Line(state.level, f"{state.text}; {archive.moving}")
    return state


def of_application(outcome: Outcome) -> Line:
    """Computes the status of the application, as its leader knows it."""
    view = outcome.found.view
    primary = view.primary
    if view.record is None:
        return Line("waiting", "for the first leader to found the cluster")
    if view.record.primary is None:
        return Line("waiting", _electing(view))
    if view.record.successor is not None:
        return _handing_over(view, view.record)
    if primary is None and view.owns_data:
        return _gone(view, view.record)
    if primary is None:
        return Line("waiting", f"for the primary {view.record.primary}")
    if primary.phase is not Phase.primary:
        return Line("waiting", f"for the primary {primary.unit}")
    others = [member for name, member in view.members.items() if name != primary.unit]
    # Both must say so: what a dead one told last stands in its bag.
    missing = [
        member
        for member in others
        if member.follows != primary.unit or member.unit not in primary.streaming
    ]
    text = f"primary {primary.unit}{_company(view, others, missing)}"
    late = view.record.quorum < min(_wanted(view, view.record), len(others))
    return Line("waiting" if missing or late else "active", text)


def _state(outcome: Outcome) -> Line:
    """What the unit is, all errors apart."""
    found = outcome.found
    view, server, clone = found.view, found.server, found.clone
    if clone.phase in ("running", "failed") and not view.owns_data:
        return _cloning(found)
    if view.record is not None and view.record.primary is None and view.owns_data:
        if view.machine.cramped:
            return Line(
                "blocked",
                f"no room to take over: {view.machine.cramped}, make room; {_electing(view)}",
            )
        return Line("waiting", _electing(view))
    if view.owns_data and server.accepting:
        line = _standby(found) if server.in_recovery else _primary(found)
        if clone.phase in ("running", "failed"):
            copying = _cloning(found)
            return Line(copying.level, f"{line.text}; {copying.text}")
        return line
    if outcome.waiting:
        return Line("waiting", outcome.waiting)
    if view.owns_data:
        return _not_running(server)
    return Line("maintenance", "installing PostgreSQL")


def _primary(found: Found) -> Line:
    view, server = found.view, found.server
    streaming = {standby.name for standby in server.standbys if standby.state == "streaming"}
    others = view.others
    missing = [member for member in others if slot_of(member.unit) not in streaming]
    text = f"primary{_company(view, others, missing)}"
    if missing and not _is_alone(view, others, missing):
        text += ": " + ", ".join(f"{member.unit} {_absence(member)}" for member in missing)
    if view.machine.ailing:
        return Line("blocked", f"the primary's disk: {view.machine.ailing}; {text}")
    promise = view.machine.promise
    if promise.quorum > sum(slot_of(unit) in streaming for unit in promise.members):
        return Line("waiting", f"commits wait for {' or '.join(promise.members)}; {text}")
    takeover = view.record.takeover if view.record else None
    if takeover and takeover.at_risk and takeover.former in {one.unit for one in missing}:
        # Until it is back, and what only it had is set aside there.
        text += f"; {losses.in_words(takeover)}"
    return Line("active", text)


def _company(view: View, others: Sequence[Member], missing: Sequence[Member]) -> str:
    """Whether somebody could take a primary's part over, and who follows it."""
    if not others or _is_alone(view, others, missing):
        return f" {quorum.alone(missing)}"
    following = f"{len(others) - len(missing)} of {len(others)}"
    record = view.record
    wanted = _wanted(view, record) if record else 0
    if record is None or record.quorum >= wanted:
        return f", {following} standbys streaming"
    if not record.quorum:
        return f", no standby to take over yet; {following} standbys streaming"
    return f", {following} standbys streaming, commits wait for {record.quorum}, not {wanted}"


def _is_alone(view: View, others: Sequence[Member], missing: Sequence[Member]) -> bool:
    """Whether commits wait for nobody although they should, and nobody is on the way to that."""
    record = view.record
    return (
        record is not None
        and not record.quorum
        and _wanted(view, record) > 0
        and len(missing) == len(others)
        and not any(member.phase in (Phase.waiting, Phase.cloning) for member in missing)
    )


def _absence(member: Member) -> str:
    if member.phase is Phase.cloning:
        return "is cloning"
    if member.phase is Phase.standby:
        return "does not stream"
    return "is not ready"


def _standby(found: Found) -> Line:
    view, server, machine = found.view, found.server, found.view.machine
    record = view.record
    name = record.primary if record else None
    if (
        record is not None
        and record.successor
        and (view.is_primary or record.successor == view.me)
    ):
        return _handing_over(view, record)
    if view.is_primary:
        return Line("waiting", _rising(view))
    if view.primary is None and record is not None:
        return _gone(view, record)
    if machine.rewind == "running":
        return Line("maintenance", f"rewinding to the log of {name}")
    if machine.rewind == "postponed" and machine.diverged:
        job = found.rewind
        level = "blocked" if job.attempt >= _PATIENT_TRIES else "waiting"
        return Line(
            level,
            f"rewinding to the log of {name} failed (try {job.attempt}, again in "
            f"{_duration(job.next_try_s)}): {job.error}",
        )
    if server.receiver_status == "streaming":
        return Line("active", f"standby of {name}, {pretty(server.behind_bytes)} behind")
    if machine.starved and machine.patience_s and found.clone.phase == "absent":
        return Line(
            "blocked",
            f"the WAL it needs is gone again; cloned anew in {_duration(machine.patience_s)}, or "
            f"now by juju run {view.me} reinit-standby confirm={view.me}; "
            "raise max-slot-wal-keep-size",
        )
    if machine.starved:
        return Line("waiting", "the WAL it needs is gone")
    if machine.lost and record is not None and not record.quorum and not record.asynchronous:
        return Line(
            "blocked",
            f"{name} is lost and stood alone; {_force(view.me)} ({machine.lost})",
        )
    since = ""
    if server.last_message_age_s is not None:
        since = f" for {_duration(server.last_message_age_s)}"
    if machine.lost:
        return Line("waiting", f"{name} takes no write: {machine.lost}; not streaming{since}")
    text = f"standby of {name}, not streaming{since}"
    if server.log_errors:
        text += f": {server.log_errors[-1]}"
    return Line("waiting", text)


def _cloning(found: Found) -> Line:
    clone = found.clone
    primary = found.view.record.primary if found.view.record else None
    if clone.error:
        again = f"again in {_duration(clone.next_try_s)}" if clone.next_try_s else "trying again"
        level = "blocked" if clone.attempt >= _PATIENT_TRIES else "waiting"
        return Line(
            level, f"cloning from {primary} failed (try {clone.attempt}, {again}): {clone.error}"
        )
    if clone.phase == "failed":
        return Line("maintenance", f"cloning from {primary} was interrupted, beginning anew")
    if not clone.total_bytes:
        return Line("maintenance", f"cloning from {primary}: waiting for its checkpoint")
    rate = f", {pretty(clone.bytes_per_second)}/s" if clone.bytes_per_second else ""
    return Line(
        "maintenance",
        f"cloning from {primary}: {clone.percent} %, "
        f"{_progress(clone.copied_bytes, clone.total_bytes)}{rate}",
    )


def _not_running(server: Server) -> Line:
    if server.running:
        why = server.refusal or "it does not accept connections yet"
        return Line("waiting", f"PostgreSQL is starting: {why}")
    why = server.log_errors[-1] if server.log_errors else "its log names no error"
    return Line("blocked", f"PostgreSQL does not run: {why}")


def _gone(view: View, record: Record) -> Line:
    name = record.primary
    if record.quorum or record.asynchronous or view.machine.final == record.term:
        return Line("waiting", f"the primary {name} is gone, another one is to be elected")
    return Line("blocked", f"{name} is gone and stood alone; {_force(view.me)}")


def _overridden(found: Found) -> str:
    """What an operator has to undo on the machine itself; all of it by one command."""
    (name, why), *more = found.server.overridden
    names = [name, *(other for other, _ in more)]
    resets = " ".join(f'-c "ALTER SYSTEM RESET {each}"' for each in names)
    others = f" (so {'is' if len(more) == 1 else 'are'} {', '.join(names[1:])})" if more else ""
    return (
        f"ALTER SYSTEM has set {name}{others}: {why}; undo it on the machine of {found.view.me}: "
        f'sudo -u postgres psql {resets} -c "SELECT pg_reload_conf()"'
    )


def _force(me: str) -> str:
    """What a person can do where only the lost primary can tell what was committed."""
    return f"bring it back, or lose what only it had: juju run {me} force-promote confirm={me}"


def _electing(view: View) -> str:
    record = view.record
    if record is None:
        return "no primary"
    ballots = election.ballots_of(record, view.members)
    text = f"no primary: electing, {len(ballots)} of {election.needed(record)} ballots"
    silent = [unit for unit in record.candidates if unit not in ballots]
    if silent and not election.covered(record, ballots):
        former = record.previous_primary
        text += f"; bring back {former} or {' or '.join(silent)}"
    return text


def _handing_over(view: View, record: Record) -> Line:
    machine = view.machine
    gone = record.successor not in view.members
    stuck = gone or (machine.lost and machine.lost_long)
    if not stuck or machine.writable or election.begun(view):
        return Line("waiting", f"{record.successor} takes over from {record.primary}")
    # The former primary has everything but what the successor may have acknowledged.
    there = record.primary is not None and record.primary in view.members
    force = _force(record.primary if there and record.primary else view.me)
    if gone:
        return Line("blocked", f"{record.successor} left as it took over; {force}")
    return Line("blocked", f"{record.successor} does not take over; {force} ({machine.lost})")


def _rising(view: View) -> str:
    return f"becoming primary of term {view.record.term if view.record else 0}"


def _wanted(view: View, record: Record) -> int:
    return record.quorum if view.wanted_quorum is None else view.wanted_quorum


def _progress(done: int, total: int) -> str:
    """How much of a size is done, in the unit of the whole where both have the same."""
    left, right = pretty(done), pretty(total)
    amount, _, unit = left.partition(" ")
    return f"{amount if unit == right.partition(' ')[2] else left} of {right}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min"
    return f"{seconds // 3600:.0f} h"


def _legible(text: str) -> str:
    r"""Make one line of it that shows what it holds, and does nothing to a terminal.

    What an operator gave and what PostgreSQL says of it may hold any character.

    >>> print(_legible("\x1b[1mred\u202e\nend"))
    \x1b[1mred\u202e\nend
    """
    shown = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
    return shown if len(shown) <= _HEAD + _TAIL else f"{shown[:_HEAD]} … {shown[-_TAIL:]}"
