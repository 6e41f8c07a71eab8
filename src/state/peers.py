"""The peer relation: every unit's bag and the cluster record, read once when a hook begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import ops

from state.member import Member
from state.record import Record

RELATION = "cluster"
RECORD_KEY = "record"
CREDENTIALS_KEY = "credentials"


@dataclass(frozen=True)
class Peers:
    """The peer relation as it stood when the hook began.

    The record here is a committed one: Juju hands a hook only what earlier hooks have committed,
    and what this hook writes does not change this value. Acting on it alone is rule R2.

    Attributes:
        me: name of this unit.
        joined: whether the relation is there yet.
        record: the cluster record; None before the first leader has written one.
        credentials_id: of the secret with the passwords; empty if there is none yet.
        members: all units of the relation by name, this one included.
    """

    me: str
    joined: bool
    record: Record | None
    credentials_id: str
    members: Mapping[str, Member]

    @property
    def primary(self) -> Member | None:
        """The unit that the record names primary, if it is in the relation."""
        return self.members.get(self.record.primary or "") if self.record else None


def read(model: ops.Model, unit: ops.Unit, app: ops.Application) -> Peers:
    """Reads the peer relation.

    Raises:
        RecordUnreadable: if the application's bag holds something that is not a record.
    """
    relation = model.get_relation(RELATION)
    if relation is None:
        return Peers(unit.name, False, None, "", {unit.name: Member(unit.name)})
    shared = relation.data[app]
    record = shared.get(RECORD_KEY)
    return Peers(
        me=unit.name,
        joined=True,
        record=Record.from_json(record) if record else None,
        credentials_id=shared.get(CREDENTIALS_KEY, ""),
        members={
            member.name: Member.from_bag(member.name, relation.data[member])
            for member in sorted({unit, *relation.units}, key=lambda each: each.name)
        },
    )


def credentials_id(relation: ops.Relation | None, app: ops.Application) -> str:
    """The id of the secret with the passwords; empty if there is none yet."""
    return relation.data[app].get(CREDENTIALS_KEY, "") if relation else ""


def bags(relation: ops.Relation | None, unit: ops.Unit) -> list[Callable[[], object]]:
    """The units' bags as questions to Juju, to be asked together before `read`."""

    def bag(member: ops.Unit) -> Callable[[], object]:
        return lambda: relation.data[member].get("") if relation else None

    return [bag(member) for member in {unit, *relation.units}] if relation else []


def publish_member(model: ops.Model, unit: ops.Unit, member: Member) -> None:
    """Writes this unit's bag; only what differs, each write being a process of its own."""
    relation = model.get_relation(RELATION)
    if relation is None:
        return
    bag = relation.data[unit]
    changed = {key: value for key, value in member.to_bag().items() if bag.get(key, "") != value}
    if changed:
        bag.update(changed)


def publish_shared(
    model: ops.Model, app: ops.Application, *, record: Record | None, credentials_id: str | None
) -> None:
    """Writes the application's bag, which only the leader may; None leaves a value as it is."""
    relation = model.get_relation(RELATION)
    if relation is None:
        return
    written = {
        RECORD_KEY: record.to_json() if record else None,
        CREDENTIALS_KEY: credentials_id,
    }
    relation.data[app].update({key: value for key, value in written.items() if value is not None})
