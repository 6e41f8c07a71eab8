"""What this unit tells the others of itself."""

from __future__ import annotations

from decisions import switchover
from decisions.admission import addresses, role_in_use, unit_at
from decisions.facts import View
from state.member import Admission, Member, Phase
from state.messages import Ballot, Lost, Promise, Promotion, Request
from state.record import Record


def phase(view: View) -> Phase:
    """Names how far this unit has come, for its data bag."""
    machine = view.machine
    if view.owns_data and machine.running and machine.in_recovery is not None:
        return Phase.standby if machine.in_recovery else Phase.primary
    if machine.clone in ("running", "failed"):
        return Phase.cloning
    return Phase.waiting


def member(
    view: View,
    admitted: tuple[str, ...] | None,
    proved: bool,
    instructed: bool,
    shut: str = "",
) -> Member:
    """Decides what this unit tells the others of itself.

    Args:
        view: as it is after the steps.
        admitted: the units that have a slot and a line in pg_hba.conf by now; None: the steps
            did not come to that, and it is as it was.
        proved: whether a commit was held back as the synchronous setting in force asks.
        instructed: whether the sentinel knows what the record allows.
        shut: why the server could not be opened, or was ended, although the record names this
            unit.
    """
    machine = view.machine
    serving = view.is_primary and machine.writable and view.owns_data
    return Member(
        unit=view.me,
        address=machine.address,
        architecture=machine.architecture,
        os=machine.os,
        major=machine.major,
        version=machine.version,
        phase=phase(view),
        system_id=machine.system_id if view.owns_data else "",
        timeline=machine.timeline,
        follows=_follows(view),
        follows_as=machine.upstream_role if machine.upstream else "",
        parameters=dict(machine.parameters),
        admits=_admission(view, admitted),
        term=view.record.term if view.record and serving else 0,
        streaming=machine.streaming if serving else (),
        promise=_promise(view, proved) if serving else None,
        ballot=_ballot(view),
        ready=_ready(view) if instructed else 0,
        promotion=_promotion(view),
        lost=_lost(view, shut),
        unwell=machine.unwell if view.is_primary else "",
        ailing=machine.ailing if serving else "",
        final=machine.final if view.owns_data and not machine.upstream else 0,
        request=_request(view),
    )


def _follows(view: View) -> str:
    """The unit from which it streams; also one that has left the relation."""
    upstream = view.machine.upstream
    before = view.members[view.me].follows
    if not upstream:
        return ""
    return unit_at(view, upstream) or (before if before not in view.members else "")


def _admission(view: View, admitted: tuple[str, ...] | None) -> Admission | None:
    role = _role(view)
    if admitted is None:
        return view.members[view.me].admits if view.owns_data else None
    if not (admitted and role and view.owns_data):
        return None
    known = addresses(view)
    return Admission(role, {unit: known[unit] for unit in admitted if unit in known})


def _role(view: View) -> str | None:
    if not view.is_primary and view.primary is not None and view.primary.admits is not None:
        return view.primary.admits.role
    return (view.replication_role if view.is_primary else None) or role_in_use(view)


def _promise(view: View, proved: bool) -> Promise | None:
    """Only what is proved, of this very record alone; and it is never taken back: rule R4.

    What is in force without a proof is tighter than what was told before, which stands.
    """
    record, told = view.record, view.members[view.me].promise
    promise = view.machine.promise
    if record is None:
        return None
    if proved and promise.serial == record.serial:
        return promise
    return told if told is not None and told.serial == record.serial else None


def _ballot(view: View) -> Ballot | None:
    """Only of a server that is deaf, has replayed all that it has, and could be primary.

    One whose disk is full is as far on as anybody, as often as it is elected and fails. Where it
    says nothing, it counts as one that is down: rule R7 asks whether the others are enough.
    """
    record, machine = view.record, view.machine
    if record is None or record.primary is not None or not view.owns_data:
        return None
    if not machine.running or not machine.in_recovery or not machine.deaf:
        return None
    if machine.log_end is None or machine.cramped:
        return None
    return Ballot(
        record.term,
        machine.reached,
        machine.log_end,
        machine.final,
        machine.heard,
        machine.heard_at,
        _unsaid(view, record),
    )


def _unsaid(view: View, record: Record) -> int:
    """Of a former primary that is sealed now: it will never say what it has not said."""
    before = record.previous_term or 0
    was_primary = record.previous_primary == view.me
    return before if was_primary and switchover.is_unsaid(view, before) else 0


def _ready(view: View) -> int:
    """The primary stops only for a successor that needs no hook any more."""
    record = view.record
    return record.serial if record and record.successor == view.me else 0


def _promotion(view: View) -> Promotion | None:
    record, machine = view.record, view.machine
    if record is None or record.successor != view.me or machine.promoted != record.term + 1:
        return None
    if not machine.writable or machine.reached != machine.promoted:
        return None
    return Promotion(machine.promoted, record.term, machine.reached_lsn)


def _lost(view: View, shut: str) -> Lost | None:
    record, machine = view.record, view.machine
    if record is not None and view.is_primary and shut and not machine.writable:
        return Lost(record.term, shut, long=True)
    if ended := _ended(view):
        return ended
    if record is None or (record.primary in (None, view.me) and record.successor is None):
        return None
    unsaid = switchover.failed(view)
    if machine.lost:
        return Lost(record.term, machine.lost, machine.lost_long or unsaid, unsaid)
    if ailing := _ailing(view, record):
        return Lost(record.term, ailing)
    # What it is asked by a write, a standby that is to be primary again answers for a minute.
    reason = "it ended before its last word"
    return Lost(record.term, reason, long=True, unsaid=True) if unsaid else None


def _ended(view: View) -> Lost | None:
    """That this unit, the primary, has ended, as it has told: true until its server runs again."""
    told, record = view.members[view.me].lost, view.record
    if record is None or told is None or not view.is_primary or view.machine.running:
        return None
    return told if told.long and told.term == record.term else None


def _ailing(view: View, record: Record) -> str:
    """What is wrong with the disk of the primary's data, where this unit could take over.

    Its probe is answered all the same: WAL may have a disk of its own, and a commit that needs no
    other page goes on.
    """
    primary = view.primary
    if primary is None or view.is_primary or primary.term != record.term:
        return ""
    # One that does not run has not been looked at; its own disk may be full.
    roomy = view.owns_data and view.machine.in_recovery and not view.machine.cramped
    return primary.ailing if roomy else ""


def _request(view: View) -> Request | None:
    """What was asked stands until the record is another; force only while there is a reason."""
    asked = view.members[view.me].request
    if asked is None or view.record is None or asked.serial != view.record.serial:
        return None
    if asked.kind == switchover.FORCE and switchover.force_refusal(view):
        return None
    return asked
