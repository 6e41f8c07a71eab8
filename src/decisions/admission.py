"""Who lets whom in, and as whom."""

from __future__ import annotations

from decisions.facts import View
from decisions.steps import Upstream
from state.member import Member


def upstream_for(me: str, primary: Member) -> Upstream | None:
    """Names whom to follow, once the primary has let this unit in."""
    if primary.admits is None or me not in primary.admits.units or not primary.address:
        return None
    return Upstream(primary.unit, primary.address, primary.admits.role)


def addresses(view: View) -> dict[str, str]:
    """Returns the addresses of the other units that have told theirs."""
    return {member.unit: member.address for member in view.others if member.address}


def unit_at(view: View, address: str) -> str:
    """Names the other unit at an address; empty if there is none."""
    return next(
        (member.unit for member in view.others if address and member.address == address), ""
    )


def role_in_use(view: View) -> str | None:
    """The role of the last good configuration, which this unit's own bag remembers."""
    mine = view.members[view.me].admits
    if mine:
        return mine.role
    return view.machine.replication_roles[0] if view.machine.replication_roles else None
