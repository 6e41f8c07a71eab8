"""What the leader writes into the cluster record."""

from __future__ import annotations

import dataclasses

from decisions import election, quorum, switchover
from decisions.facts import View
from state.record import Record


def next_record(view: View, new_cluster_id: str) -> Record | None:
    """Decides the record that the leader commits with this hook.

    Args:
        view: as it is at the end of the hook; this unit's own member as it tells of itself now.
        new_cluster_id: the identity of the cluster, should one be founded.

    Returns:
        The new record, or None if the present one is right.
    """
    record = view.record
    if record is None:
        return Record(serial=1, term=1, primary=view.me, cluster_id=new_cluster_id)
    if not record.system_id:
        return _founded(view, record, new_cluster_id)
    if forced := switchover.forced(view):
        return forced
    if record.primary is None:
        return election.named(view)
    if record.successor is not None:
        return switchover.concluded(view) or election.begun(view)
    return election.begun(view) or switchover.begun(view) or quorum.adjusted(view)


def _founded(view: View, record: Record, new_cluster_id: str) -> Record | None:
    founder = view.members.get(record.primary or "")
    if founder is None:
        # It left before it had told of a database, so nobody has followed it and no client has
        # been sent to it. With a system id in the record this would lose data: see rule R4.
        return Record(
            serial=record.serial + 1,
            term=record.term + 1,
            primary=view.me,
            cluster_id=new_cluster_id,
        )
    if founder.system_id:
        return dataclasses.replace(record, serial=record.serial + 1, system_id=founder.system_id)
    return None
