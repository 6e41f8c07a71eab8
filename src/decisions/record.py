"""What the leader writes into the cluster record."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from state.member import Member
from state.record import Record


def next_record(
    record: Record | None, me: str, members: Mapping[str, Member], new_cluster_id: str
) -> Record | None:
    """Decides the record that the leader commits with this hook.

    Args:
        record: the committed record; None before there is one.
        me: the leading unit.
        members: the units of the relation.
        new_cluster_id: the identity of the cluster, should one be founded.

    Returns:
        The new record, or None if the present one is right.
    """
    if record is None:
        return Record(serial=1, term=1, primary=me, cluster_id=new_cluster_id)
    if record.system_id:
        return None
    founder = members.get(record.primary or "")
    if founder is None:
        # It left before it had told of a database, so nobody has followed it and no client has
        # been sent to it. With a system id in the record this would lose data: see rule R4.
        return Record(
            serial=record.serial + 1,
            term=record.term + 1,
            primary=me,
            cluster_id=new_cluster_id,
        )
    if founder.system_id:
        return dataclasses.replace(record, serial=record.serial + 1, system_id=founder.system_id)
    return None
