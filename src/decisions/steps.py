"""The steps that a unit can be told to take, each a small value with a name.

Every step may be taken again: one that finds its work done does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Create:
    """Make the data directory of a new cluster."""

    cluster_id: str


@dataclass(frozen=True)
class Start:
    """Start the server if it does not run."""


@dataclass(frozen=True)
class Configure:
    """Bring the settings into force.

    Attributes:
        units: number of units in the relation.
        floors: values below which settings must not go.
        ceilings: values above which settings must not go yet.
        upstream: the primary to follow; None on the primary itself.
    """

    units: int
    floors: Mapping[str, int]
    ceilings: Mapping[str, int]
    upstream: Upstream | None


@dataclass(frozen=True)
class Upstream:
    """The primary that a standby follows.

    Attributes:
        unit: its name.
        address: where its server listens.
        role: the role with which to connect.
    """

    unit: str
    address: str
    role: str


@dataclass(frozen=True)
class OpenTo:
    """Let the other units in, and nobody else.

    Attributes:
        roles: with which they may connect, besides the charm's own.
        peers: their addresses by unit.
    """

    roles: tuple[str, ...]
    peers: Mapping[str, str]


@dataclass(frozen=True)
class MakeRoles:
    """Make the roles for replication and for the charm's actions."""

    replication_role: str


@dataclass(frozen=True)
class DropRole:
    """Drop a replication role that no standby uses any more."""

    role: str


@dataclass(frozen=True)
class MakeSlots:
    """Have a slot for every unit named."""

    units: tuple[str, ...]


@dataclass(frozen=True)
class DropSlot:
    """Drop the slot of a unit that has left, so that it holds no WAL back."""

    slot: str


@dataclass(frozen=True)
class Archive:
    """Bring the archive over to the path that the settings name, files of older paths too."""


@dataclass(frozen=True)
class StartClone:
    """Have a base backup of the primary under way, beside the hooks.

    One that is running goes on; its next try goes to this upstream.
    """

    upstream: Upstream


@dataclass(frozen=True)
class AdoptClone:
    """Put the finished base backup in the place of the data directory, which is set aside."""

    cluster_id: str
    system_id: str


@dataclass(frozen=True)
class Wait:
    """Nothing can be done before something happens elsewhere.

    Attributes:
        reason: what is waited for, as a status says it.
    """

    reason: str


@dataclass(frozen=True)
class Refuse:
    """Nothing may be done before a person has acted.

    Attributes:
        reason: what is wrong, and what to do.
    """

    reason: str


Step = (
    Create
    | Start
    | Configure
    | OpenTo
    | MakeRoles
    | DropRole
    | MakeSlots
    | DropSlot
    | Archive
    | StartClone
    | AdoptClone
    | Wait
    | Refuse
)
