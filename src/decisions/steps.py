"""The steps that a unit can be told to take, each a small value with a name.

Every step may be taken again: one that finds its work done does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from state.messages import Promise
from state.record import Takeover


@dataclass(frozen=True)
class Create:
    """Make the data directory of a new cluster."""

    cluster_id: str


@dataclass(frozen=True)
class Instruct:
    """Write down for the sentinel what the committed record allows this unit.

    Attributes:
        serial: of the record.
        term: of the record.
        electing: it names no primary.
        writable: this unit may accept writes.
        final: it is to hand over, so that it must not begin again once it has stopped.
        alone: it does so by right when nobody follows it.
        members: the units whose flush counts.
        quorum: how many of them must have flushed a commit.
        probe: where the primary is that this unit looks after; empty: it looks after none.
        authority: what it may do by itself as a successor; None: nothing.
    """

    serial: int
    term: int
    electing: bool
    writable: bool
    final: bool
    alone: bool
    members: tuple[str, ...]
    quorum: int
    probe: str
    authority: Authority | None


@dataclass(frozen=True)
class Authority:
    """A successor's: to promote itself once its log holds the last word of a term.

    Attributes:
        replaces: that term.
        promise: the synchronous setting with which it begins the next.
    """

    replaces: int
    promise: Promise


@dataclass(frozen=True)
class Start:
    """Start the server, as a standby, if it does not run."""


@dataclass(frozen=True)
class Open:
    """Have the server read-write again that has been the primary of this term already."""


@dataclass(frozen=True)
class Seal:
    """Be deaf to every primary: stop one that is here, cut the connection to one elsewhere."""


@dataclass(frozen=True)
class Promote:
    """Become the primary of a term.

    Attributes:
        term: it.
        promise: the synchronous setting with which it begins.
    """

    term: int
    promise: Promise


@dataclass(frozen=True)
class BeginTerm:
    """Have the log of a primary say which term it is in.

    Attributes:
        term: it.
        takeover: how its primary came to be, which the log is told, too; None: not known.
    """

    term: int
    takeover: Takeover | None = None


@dataclass(frozen=True)
class Synchronise:
    """Have commits wait for the standbys that the promise names, and prove that they do.

    Attributes:
        promise: the setting.
        term: of the primary, whose first commit comes before everybody else's.
    """

    promise: Promise
    term: int


@dataclass(frozen=True)
class Checkpoint:
    """Have the server write what it has to write, so that its end takes little.

    A disk that hangs shows here, where a hook does not hang with it.

    Attributes:
        or_end: a server that cannot is ended: it would go on acknowledging what nobody else has.
    """

    or_end: bool = False


@dataclass(frozen=True)
class HandOver:
    """Say the last word of a term and stop, so that a successor has everything."""

    term: int


@dataclass(frozen=True)
class StartRewind:
    """Have this unit's log taken back to where the primary's left it, beside the hooks."""

    upstream: Upstream


@dataclass(frozen=True)
class ForgetRewind:
    """Clear away what the finished job has noted."""


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
    """Have a slot for every unit named.

    Attributes:
        units: they.
        idle: that hold no WAL back, as this server sends none yet.
    """

    units: tuple[str, ...]
    idle: bool = False


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

    Attributes:
        upstream: whom to copy.
        starved: because the WAL that this standby needs is gone.
    """

    upstream: Upstream
    starved: bool = False


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
    Instruct
    | Create
    | Start
    | Open
    | Seal
    | Promote
    | BeginTerm
    | Synchronise
    | Checkpoint
    | HandOver
    | StartRewind
    | ForgetRewind
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
