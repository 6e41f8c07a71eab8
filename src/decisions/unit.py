"""What this unit does to its own machine, by the committed record."""

from __future__ import annotations

from decisions import parameters, quorum, switchover
from decisions.admission import addresses, role_in_use, upstream_for
from decisions.facts import View
from decisions.names import is_slot_of_application, slot_of
from decisions.steps import (
    AdoptClone,
    Archive,
    Authority,
    BeginTerm,
    Checkpoint,
    Configure,
    Create,
    DropRole,
    DropSlot,
    ForgetRewind,
    HandOver,
    Instruct,
    MakeRoles,
    MakeSlots,
    Open,
    OpenTo,
    Promote,
    Refuse,
    Seal,
    Start,
    StartClone,
    StartRewind,
    Step,
    Synchronise,
    Wait,
)
from state.member import Member, Phase
from state.messages import Promise
from state.record import Record


def steps(view: View) -> tuple[Step, ...]:
    """Decides the steps of this hook, in their order.

    A server that has to be started before more can be told of it ends the list: decide again
    when it runs.
    """
    record = view.record
    if record is None:
        return (Wait("for the first leader to found the cluster"),)
    if not view.credentials:
        return (Wait("for the replication credentials"),)
    # Before anything else: what the record allows no more, the sentinel must know first.
    return (_instruct(view, record), *_steps(view, record))


def _steps(view: View, record: Record) -> tuple[Step, ...]:
    if record.primary is None:
        return _as_voter(view, record)
    took_over = view.owns_data and view.machine.reached == record.term + 1
    if record.successor == view.me and took_over:
        return _as_new_primary(view)
    if record.successor == view.me and _is_taking_over(view):
        # Its sentinel goes on by itself, and may have come further since this was looked at. To
        # seal it now would leave a log that goes beyond the last word, and nobody to go on.
        return (Wait(f"to begin the term {record.term + 1}"),)
    if not view.is_primary:
        return _as_standby(view, record, view.primary)
    if record.successor is None:
        return _as_primary(view, record)
    successor = _successor(view, record)
    if switchover.failed(view):
        return (Wait("for an election: PostgreSQL ended before it had handed over"),)
    if view.owns_data and not view.machine.running:
        # Whether it has handed over, its log tells; and nothing else asks so little of a disk.
        return (Start(), Wait(f"for {record.successor} to take over: PostgreSQL has ended"))
    if not view.machine.writable:
        return _as_standby(view, record, successor)
    if successor is None or successor.ready != record.serial:
        return _as_primary(view, record)
    # Writes stand still from the last word on: whom it will follow is written before.
    ready = Configure(
        units=len(view.members),
        floors={},
        ceilings=parameters.ceilings(view.others),
        upstream=upstream_for(view.me, successor),
    )
    written = Checkpoint(or_end=record.asynchronous and bool(view.machine.ailing))
    return (written, ready, HandOver(record.term), *_as_standby(view, record, successor))


def _is_taking_over(view: View) -> bool:
    """Whether a successor's promotion has begun: it takes the signal away before all else."""
    machine = view.machine
    return view.owns_data and (
        machine.writable or (machine.running and not machine.standby_signal)
    )


def _as_new_primary(view: View) -> tuple[Step, ...]:
    """A successor that has taken over, until the leader records it: its setting stays.

    One that has ended since comes back as a standby, and is opened as a primary of that term is.
    """
    machine = view.machine
    return (
        *((Open(),) if machine.in_recovery else ()),
        Configure(
            units=len(view.members),
            floors={},
            ceilings=parameters.ceilings(view.others),
            upstream=None,
        ),
        Archive(),
        OpenTo(machine.replication_roles, addresses(view)),
        MakeSlots(tuple(member.unit for member in view.others)),
    )


def _as_primary(view: View, record: Record) -> tuple[Step, ...]:
    machine = view.machine
    if machine.has_data and not view.owns_data:
        return (
            Refuse(
                "move away another cluster's data directory: pg_renamecluster keeps it, "
                "pg_dropcluster deletes it; within some five minutes the charm goes on"
            ),
        )
    if not machine.has_data and record.system_id:
        return (
            Refuse(
                f"the primary's data directory is gone; put it back and start the server, "
                f"or restore a backup; the standbys keep the data of system {record.system_id}"
            ),
        )
    role = view.replication_role or role_in_use(view)
    if role is None:
        return (Refuse("no valid replication-user was ever given; set config replication-user"),)
    configured = Configure(
        units=len(view.members),
        floors={},
        ceilings=parameters.ceilings(view.others),
        upstream=None,
    )
    served = _served(view, record, role)
    if not machine.has_data:
        # To archive at all takes a start.
        return (Create(record.cluster_id), configured, Archive(), Open(), *served)
    if not machine.writable and (not machine.running or machine.in_recovery is None):
        return (configured, *_archived(view), Start())
    if machine.writable:
        opened: tuple[Step, ...] = ()
    elif _was_primary(view, record):
        opened = (Open(),)
    else:
        # Writes stand still until it is done, so it comes first.
        opened = (Promote(record.term, _first_promise(record)),)
    return (*opened, configured, *served, *_archived(view))


def _archived(view: View) -> tuple[Step, ...]:
    """The archive's part, which a file system that does not answer may hold up for a while.

    While clients may be without a primary it waits.
    """
    machine = view.machine
    return () if machine.lost or machine.unwell or machine.ailing else (Archive(),)


def _served(view: View, record: Record, role: str) -> tuple[Step, ...]:
    """What a server that accepts writes is given, besides its configuration."""
    machine = view.machine
    kept = tuple(slot_of(member.unit) for member in view.others)
    return (
        MakeRoles(role),
        BeginTerm(record.term, record.takeover),
        Synchronise(_promise(view, record), record.term),
        OpenTo(tuple(sorted({role, *machine.replication_roles})), addresses(view)),
        MakeSlots(tuple(member.unit for member in view.others)),
        *(
            DropSlot(slot)
            for slot in machine.slots
            if slot not in kept and is_slot_of_application(slot, view.me)
        ),
        *(DropRole(old) for old in machine.replication_roles if _unused(view, old, role)),
    )


def _as_voter(view: View, record: Record) -> tuple[Step, ...]:
    if not view.owns_data:
        return (Wait("for the election of a primary"),)
    return (Seal(), Wait(f"for the election of a primary of term {record.term}"))


def _as_standby(view: View, record: Record, primary: Member | None) -> tuple[Step, ...]:
    machine = view.machine
    if (
        view.owns_data
        and (machine.writable or not machine.standby_signal)
        and (not view.is_primary)
    ):
        # It was the primary: what it must do next shows when it is a standby of nobody.
        return (Seal(),)
    if primary is None:
        # A unit that is new hears of the others one by one; only one that has followed the
        # primary can say that it is gone.
        if not view.owns_data:
            return (Wait(f"for the primary {record.primary}"),)
        return (Start(), Wait(f"the primary {record.primary} is gone"))
    upstream = upstream_for(view.me, primary)
    spoilt = machine.rewind == "failed" and not machine.running
    if machine.diverged and machine.rewind in ("absent", "running") and upstream is not None:
        return (StartRewind(upstream),)
    if machine.diverged and machine.rewind == "postponed":
        # What it lacks a copy would lack, too, and this log may be all that is left of something.
        return (Wait(f"to try again to rewind to the log of {primary.unit}"),)
    if not view.owns_data or machine.diverged or (spoilt and machine.clone != "finished"):
        if refusal := mismatch(view, primary):
            return (Refuse(refusal),)
        if upstream is None:
            return (Wait(f"for {primary.unit} to let this unit in"),)
        if machine.clone != "finished":
            return (StartClone(upstream),)
    if machine.rewind == "running":
        return (Wait(f"to be rewound to the log of {primary.unit}"),)
    made: tuple[Step, ...] = ()
    if machine.clone == "finished":
        made = (AdoptClone(record.cluster_id, record.system_id or primary.system_id),)
    elif machine.clone != "absent" and upstream is not None:
        # The unit was told to clone anew and serves its old data until the copy is whole.
        made = (StartClone(upstream, machine.starved),)
    elif machine.rewind not in ("absent", "postponed"):
        made = (ForgetRewind(),)
    roles = {primary.admits.role} if primary.admits else set[str]()
    return (
        *made,
        Configure(
            units=len(view.members),
            floors=parameters.floors(primary),
            ceilings={},
            upstream=upstream,
        ),
        *_archived(view),
        Start(),
        OpenTo(tuple(sorted({*roles, *machine.replication_roles})), addresses(view)),
        MakeSlots(tuple(member.unit for member in view.others), idle=True),
        *_renewed(view, record, primary),
    )


def _renewed(view: View, record: Record, primary: Member) -> tuple[Step, ...]:
    """A copy for a standby that can never catch up, and whose log nobody needs.

    Last of all, so that nothing else waits where there is no room for it.
    """
    machine, upstream = view.machine, upstream_for(view.me, primary)
    if not machine.starved or machine.patience_s or machine.clone != "absent" or upstream is None:
        return ()
    serves = primary.phase is Phase.primary and primary.term == record.term
    if record.successor is not None or not serves or machine.lost or mismatch(view, primary):
        return ()
    return (StartClone(upstream, starved=True),)


def _instruct(view: View, record: Record) -> Instruct:
    # One that hands over is not to be stopped in another way meanwhile.
    writable = view.is_primary and view.owns_data
    kept = view.machine.promise
    asked = kept if kept.serial == record.serial else _first_promise(record)
    watched = view.primary if not view.is_primary else _successor(view, record)
    authority = None
    if record.successor == view.me:
        authority = Authority(
            record.term,
            Promise(record.serial, record.successor_candidates, record.successor_quorum),
        )
    return Instruct(
        serial=record.serial,
        term=record.term,
        electing=record.primary is None,
        writable=writable or (view.is_primary and not record.system_id),
        final=record.successor is not None,
        alone=not asked.quorum and not record.asynchronous,
        members=asked.members,
        quorum=asked.quorum,
        probe=watched.address if watched else "",
        authority=authority,
    )


def _successor(view: View, record: Record) -> Member | None:
    return view.members.get(record.successor) if record.successor else None


def _was_primary(view: View, record: Record) -> bool:
    """Whether the log says that this unit has begun the term; only a new one has no word yet."""
    reached = view.machine.reached
    return reached == record.term or (not reached and (record.term == 1 or not record.system_id))


def _first_promise(record: Record) -> Promise:
    """What a primary begins with: who follows it shows only later."""
    return quorum.setting(record, (), record.quorum, Promise(0))


def _promise(view: View, record: Record) -> Promise:
    wanted = record.quorum if view.wanted_quorum is None else view.wanted_quorum
    # What is in force but was never told binds nobody: its members may be gone by now.
    told = view.members[view.me].promise or Promise(0)
    return quorum.setting(record, view.machine.streaming, wanted, told)


def mismatch(view: View, primary: Member) -> str:
    """Compares this machine with the primary's; a physical copy works only between equals.

    Returns:
        What differs and what to do; empty if nothing does, or the primary has not told yet.
    """
    mine = view.machine
    for what, here, there in (
        ("architecture", mine.architecture, primary.architecture),
        ("operating system", mine.os, primary.os),
        ("PostgreSQL major version", mine.major, primary.major),
    ):
        if here and there and here != there:
            return (
                f"{what} is {here} here and {there} on the primary {primary.unit}; "
                f"a standby needs the same: remove {view.me} and add a unit on such a machine"
            )
    return ""


def _unused(view: View, old: str, role: str) -> bool:
    if old == role:
        return False
    standbys = [member for member in view.others if member.phase is not Phase.waiting]
    return all(member.follows_as == role for member in standbys)
