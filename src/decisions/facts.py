"""What a decision is made of: this unit's machine as it is, in plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from state.member import Member
from state.messages import Promise
from state.record import Record

NO_PROMISE = Promise(0)


@dataclass(frozen=True)
class Machine:
    """This unit's machine and the PostgreSQL on it.

    Attributes:
        address: where the other units reach this one; empty while Juju names none.
        architecture: as Debian calls it.
        os: the distribution and its release.
        major: of the installed server; None if there is none.
        version: of the running server in full.
        cluster_id: of the data directory; empty if there is none, or it is a stranger's.
        has_data: whether there is a data directory.
        system_id: of the data directory.
        standby_signal: whether it would start as a standby.
        running: whether the server accepts connections.
        in_recovery: of the running server; None if it does not run.
        timeline: of the running server.
        upstream: address from which it streams now; empty if it does not.
        upstream_role: role with which it streams.
        clone: phase of the base backup job: absent, running, finished or failed.
        slots: names of the slots on this server.
        replication_roles: roles that the charm has made for replication.
        parameters: settings in force that standbys must not have lower.
        streaming: the units that stream from it and are up with it.
        promise: the synchronous setting that its configuration has.
        reached: the term that its log has reached; 0: none, or not to be asked.
        log_end: of a server in recovery: how far its log is flushed and replayed, in bytes;
            None while something that was received is not replayed.
        final: of a server in recovery: the term whose last word is the end of its log.
        farewell: of a server in recovery: the newest term whose last word is anywhere in its log;
            None while something that was received is not replayed.
        reached_lsn: where the log of that term began, in bytes.
        deaf: of a server in recovery: it is told to follow nobody, and has no connection left.
        diverged: its log goes beyond where the log of the primary left it.
        starved: its log is a part of the primary's, and the WAL that it needs next is nowhere.
        patience_s: seconds until it may be cloned anew for that reason by itself; 0: now.
        rewind: phase of the rewind job: absent, running, finished, postponed (it has failed and
            changed nothing) or failed (half-way).
        promoted: the term to which it promoted itself as a successor; 0: none.
        lost: why the primary takes no write from here; empty if it does.
        lost_long: for longer than an isolated primary goes on.
        heard: how far the primary that it lost had told it that its log reached, in bytes; 0: not
            known.
        heard_at: when it told so last, in seconds since 1970 by this machine's clock.
        unwell: why its own server, a primary's, takes no write.
        silent: of the leader: the units whose ballots an election would wait for, and whose
            servers take no connection.
        ailing: what is wrong with the disk of its own server's data, a primary's.
        cramped: of a standby: which of its disks has no room for what a primary writes; looked at
            only while one is elected, or the primary's disk ails.
    """

    address: str = ""
    architecture: str = ""
    os: str = ""
    major: int | None = None
    version: str = ""
    cluster_id: str = ""
    has_data: bool = False
    system_id: str = ""
    standby_signal: bool = False
    running: bool = False
    in_recovery: bool | None = None
    timeline: int | None = None
    upstream: str = ""
    upstream_role: str = ""
    clone: str = "absent"
    slots: tuple[str, ...] = ()
    replication_roles: tuple[str, ...] = ()
    parameters: Mapping[str, int] = field(default_factory=dict[str, int])
    streaming: tuple[str, ...] = ()
    promise: Promise = NO_PROMISE
    reached: int = 0
    log_end: int | None = None
    final: int = 0
    farewell: int | None = None
    reached_lsn: int = 0
    deaf: bool = False
    diverged: bool = False
    starved: bool = False
    patience_s: int = 0
    rewind: str = "absent"
    promoted: int = 0
    lost: str = ""
    lost_long: bool = False
    heard: int = 0
    heard_at: int = 0
    unwell: str = ""
    silent: tuple[str, ...] = ()
    ailing: str = ""
    cramped: str = ""

    @property
    def writable(self) -> bool:
        """Whether the server runs and is no standby."""
        return self.running and self.in_recovery is False


@dataclass(frozen=True)
class View:
    """All that a unit knows when a hook begins.

    Attributes:
        me: name of this unit.
        leader: whether it leads.
        record: the committed record; None before there is one.
        members: the units of the relation by name, this one as it last told of itself.
        machine: this unit's machine.
        replication_role: the role that the operator asks for; None: keep the one in use.
        credentials: whether the passwords can be read.
        wanted_quorum: how many standbys are to have flushed a commit before it is acknowledged,
            as the operator asks; None: keep to the record.
    """

    me: str
    leader: bool
    record: Record | None
    members: Mapping[str, Member]
    machine: Machine
    replication_role: str | None
    credentials: bool
    wanted_quorum: int | None = None

    @property
    def others(self) -> tuple[Member, ...]:
        """The other units, by name."""
        return tuple(member for name, member in sorted(self.members.items()) if name != self.me)

    @property
    def primary(self) -> Member | None:
        """The unit that the record names primary, if it is in the relation."""
        if self.record is None or self.record.primary is None:
            return None
        return self.members.get(self.record.primary)

    @property
    def is_primary(self) -> bool:
        """Whether the record names this unit."""
        return self.record is not None and self.record.primary == self.me

    @property
    def owns_data(self) -> bool:
        """Whether the data directory belongs to this cluster."""
        record, machine = self.record, self.machine
        return (
            record is not None
            and machine.has_data
            and machine.cluster_id == record.cluster_id
            and record.system_id in ("", machine.system_id)
        )
