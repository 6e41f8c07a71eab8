"""Looks at this unit's machine and puts what it sees into the decisions' own terms."""

from __future__ import annotations

from decisions.facts import Machine, View
from outcome import Found
from postgresql import archive, clone, install, observe, recovery
from postgresql.layout import Layout
from postgresql.observe import Server
from surroundings import Surroundings


def look(layout: Layout | None, here: Surroundings) -> Found:
    """Takes one look at everything that a decision needs; changes nothing."""
    server = observe.observe(layout)
    copying = clone.state(layout) if layout else clone.CloneState("absent")
    view = View(
        me=here.peers.me,
        leader=here.leader,
        record=here.peers.record,
        members=here.peers.members,
        machine=_machine(layout, server, copying.phase, here.address),
        replication_role=here.options.replication_user,
        credentials=here.credentials is not None,
    )
    return Found(view, server, copying, archive.state(layout) if layout else None)


def _machine(layout: Layout | None, server: Server, copying: str, address: str) -> Machine:
    host = install.machine()
    followed = recovery.follows(layout) if layout and server.receiver_status else None
    return Machine(
        address=address,
        architecture=host.architecture,
        os=host.os,
        major=layout.major if layout else None,
        version=server.version,
        cluster_id=server.cluster_id,
        has_data=server.has_data,
        system_id=server.system_id,
        standby_signal=server.standby_signal,
        running=server.accepting,
        in_recovery=server.in_recovery if server.accepting else None,
        timeline=server.timeline if server.accepting else None,
        upstream=server.upstream_address if server.receiver_status == "streaming" else "",
        upstream_role=followed.user if followed else "",
        clone=copying,
        slots=tuple(slot.name for slot in server.slots),
        replication_roles=server.replication_roles,
        parameters=server.hot_standby_parameters if server.accepting else {},
    )
