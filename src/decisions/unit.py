"""What this unit does to its own machine, by the committed record."""

from __future__ import annotations

from decisions import parameters
from decisions.facts import View
from decisions.names import is_slot_of_application, slot_of
from decisions.steps import (
    AdoptClone,
    Archive,
    Configure,
    Create,
    DropRole,
    DropSlot,
    MakeRoles,
    MakeSlots,
    OpenTo,
    Refuse,
    Start,
    StartClone,
    Step,
    Upstream,
    Wait,
)
from state.member import Admission, Member, Phase
from state.record import Record


def steps(view: View) -> tuple[Step, ...]:
    """Decides the steps of this hook, in their order."""
    if view.record is None:
        return (Wait("for the first leader to found the cluster"),)
    if not view.credentials:
        return (Wait("for the replication credentials"),)
    if view.is_primary:
        return _as_primary(view, view.record)
    return _as_standby(view, view.record)


def _as_primary(view: View, record: Record) -> tuple[Step, ...]:
    machine = view.machine
    if machine.has_data and not view.owns_data:
        return (
            Refuse(
                "another cluster's data directory is on this machine; move it away "
                "(pg_renamecluster keeps it, pg_dropcluster deletes it), "
                "and within some five minutes the charm goes on"
            ),
        )
    if not machine.has_data and record.system_id:
        return (
            Refuse(
                f"the primary's data directory is gone; put it back and start the server, "
                f"or restore a backup; the standbys keep the data of system {record.system_id}"
            ),
        )
    if machine.standby_signal:
        return (Wait("to be promoted"),)
    role = view.replication_role or _role_in_use(view)
    if role is None:
        return (Refuse("no valid replication-user was ever given; set config replication-user"),)
    kept = tuple(slot_of(member.unit) for member in view.others)
    found: tuple[Step, ...] = () if machine.has_data else (Create(record.cluster_id),)
    return (
        *found,
        Configure(
            units=len(view.members),
            floors={},
            ceilings=parameters.ceilings(view.others),
            upstream=None,
        ),
        Archive(),
        Start(),
        MakeRoles(role),
        OpenTo(tuple(sorted({role, *machine.replication_roles})), _addresses(view)),
        MakeSlots(tuple(member.unit for member in view.others)),
        *(
            DropSlot(slot)
            for slot in machine.slots
            if slot not in kept and is_slot_of_application(slot, view.me)
        ),
        *(DropRole(old) for old in machine.replication_roles if _unused(view, old, role)),
    )


def _as_standby(view: View, record: Record) -> tuple[Step, ...]:
    machine, primary = view.machine, view.primary
    if primary is None:
        # A unit that is new hears of the others one by one; only one that has followed the
        # primary can say that it is gone.
        if not view.owns_data:
            return (Wait(f"for the primary {record.primary}"),)
        return (Start(), Wait(f"the primary {record.primary} is gone"))
    upstream = upstream_for(view.me, primary)
    if not view.owns_data or not machine.standby_signal:
        if refusal := mismatch(view, primary):
            return (Refuse(refusal),)
        if upstream is None:
            return (Wait(f"for {primary.unit} to let this unit in"),)
        if machine.clone != "finished":
            return (StartClone(upstream),)
    adopted: tuple[Step, ...] = ()
    if machine.clone == "finished":
        adopted = (AdoptClone(record.cluster_id, record.system_id or primary.system_id),)
    elif machine.clone != "absent" and upstream is not None:
        # The unit was told to clone anew and serves its old data until the copy is whole.
        adopted = (StartClone(upstream),)
    roles = {primary.admits.role} if primary.admits else set[str]()
    return (
        *adopted,
        Configure(
            units=len(view.members),
            floors=parameters.floors(primary),
            ceilings={},
            upstream=upstream,
        ),
        Archive(),
        Start(),
        OpenTo(tuple(sorted({*roles, *machine.replication_roles})), _addresses(view)),
    )


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


def phase(view: View) -> Phase:
    """Names how far this unit has come, for its data bag."""
    machine = view.machine
    if view.owns_data and machine.running and machine.in_recovery is not None:
        return Phase.standby if machine.in_recovery else Phase.primary
    if machine.clone in ("running", "failed"):
        return Phase.cloning
    return Phase.waiting


def member(view: View, admitted: tuple[str, ...]) -> Member:
    """Decides what this unit tells the others of itself.

    Args:
        view: as it is after the steps.
        admitted: the units that have a slot and a line in pg_hba.conf by now.
    """
    machine = view.machine
    role = view.replication_role or _role_in_use(view)
    admits = None
    if view.is_primary and admitted and role:
        addresses = _addresses(view)
        admits = Admission(role, {unit: addresses[unit] for unit in admitted if unit in addresses})
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
        follows=_unit_at(view, machine.upstream),
        follows_as=machine.upstream_role if machine.upstream else "",
        parameters=dict(machine.parameters),
        admits=admits,
    )


def upstream_for(me: str, primary: Member) -> Upstream | None:
    """Names whom to follow, once the primary has let this unit in."""
    if primary.admits is None or me not in primary.admits.units or not primary.address:
        return None
    return Upstream(primary.unit, primary.address, primary.admits.role)


def _addresses(view: View) -> dict[str, str]:
    return {member.unit: member.address for member in view.others if member.address}


def _unit_at(view: View, address: str) -> str:
    return next(
        (member.unit for member in view.others if address and member.address == address), ""
    )


def _role_in_use(view: View) -> str | None:
    """The role of the last good configuration, which the primary's own bag remembers."""
    mine = view.members[view.me].admits
    if mine:
        return mine.role
    return view.machine.replication_roles[0] if view.machine.replication_roles else None


def _unused(view: View, old: str, role: str) -> bool:
    if old == role:
        return False
    standbys = [member for member in view.others if member.phase is not Phase.waiting]
    return all(member.follows_as == role for member in standbys)
