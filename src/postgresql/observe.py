"""Everything about the server on this machine, in one connection and one round trip."""

from __future__ import annotations

import dataclasses

from postgresql.layout import Layout
from postgresql.slots import Slot


@dataclasses.dataclass(frozen=True)
class Standby:
    """A walsender's other end, from pg_stat_replication.

    Attributes:
        name: Its application_name.
        address: Its client address; "" over a socket.
        state: "startup", "catchup", "streaming", "backup" or "stopping".
        sync_state: "async", "potential", "sync" or "quorum".
        sent_lag_bytes: Of this server's WAL that is not sent; -1: unknown, as below.
        write_lag_bytes: Not written there.
        flush_lag_bytes: Not flushed there.
        replay_lag_bytes: Not replayed there.
        write_lag_ms: None: nothing was measured lately; so the two below.
        flush_lag_ms: As pg_stat_replication's flush_lag.
        replay_lag_ms: As pg_stat_replication's replay_lag.
    """

    name: str
    address: str
    state: str
    sync_state: str
    sent_lag_bytes: int
    write_lag_bytes: int
    flush_lag_bytes: int
    replay_lag_bytes: int
    write_lag_ms: int | None
    flush_lag_ms: int | None
    replay_lag_ms: int | None


@dataclasses.dataclass(frozen=True)
class ArchiverStats:
    """pg_stat_archiver of the running server (archive.py knows the rest).

    Attributes:
        last_archived_wal: "" if none yet.
        last_archived_age_s: None if none yet.
        archived_count: Since the statistics began.
        last_failed_wal: "" if none failed.
        last_failed_age_s: None if none failed.
        failed_count: Since the statistics began.
    """

    last_archived_wal: str = ""
    last_archived_age_s: float | None = None
    archived_count: int = 0
    last_failed_wal: str = ""
    last_failed_age_s: float | None = None
    failed_count: int = 0

    @property
    def failing(self) -> bool:
        """The latest thing that the archiver reported was a failure."""
        if self.last_failed_age_s is None:
            return False
        return (
            self.last_archived_age_s is None or self.last_failed_age_s < self.last_archived_age_s
        )


@dataclasses.dataclass(frozen=True)
class Server:
    """What is, on this machine. Of a server that does not accept connections only the first part.

    Attributes:
        has_data: There is a data directory.
        cluster_id: As in cluster.DataState.
        system_id: As in cluster.DataState.
        control_state: As in cluster.DataState.
        standby_signal: The next start is as a standby.
        running: The postmaster lives.
        accepting: Connections are accepted; all that follows is known.
        refusal: Why not, in the server's words; "" otherwise.
        log_errors: Of the server's own processes since its last start, newest last.
        version: "15.20"; "" unknown.
        in_recovery: It is a standby now.
        timeline: Of what it writes, or receives and replays; before it accepts, of the
            latest checkpoint.
        lsn: Written (primary) or received (standby) so far, as "0/3000148".
        upstream_address: Of the server the walreceiver is connected to; "" without.
        upstream_port: Its port; 0 without.
        receiver_status: "streaming", "waiting", …; "" without a walreceiver.
        behind_bytes: What the upstream is known to have and this server has not replayed.
        replay_lag_s: Age of the last replayed commit while something waits to be replayed,
            else 0; None on a primary, or where nothing was replayed yet.
        last_message_age_s: Since the upstream's last message; None without a walreceiver.
        standbys: Those connected to this server, by name.
        slots: The lasting physical slots.
        archiver: pg_stat_archiver.
        pending_restart: Settings that wait for a restart, sorted.
        replay_paused: A standby's recovery stands still (for instance because a hot-standby
            parameter is below the primary's).
        synchronous_standby_names: In force.
        hot_standby_parameters: settings.HOT_STANDBY_PARAMETERS in force.
    """

    has_data: bool = False
    cluster_id: str = ""
    system_id: str = ""
    control_state: str = ""
    standby_signal: bool = False
    running: bool = False
    accepting: bool = False
    refusal: str = ""
    log_errors: tuple[str, ...] = ()
    version: str = ""
    in_recovery: bool = False
    timeline: int = 0
    lsn: str = ""
    upstream_address: str = ""
    upstream_port: int = 0
    receiver_status: str = ""
    behind_bytes: int = 0
    replay_lag_s: float | None = None
    last_message_age_s: float | None = None
    standbys: tuple[Standby, ...] = ()
    slots: tuple[Slot, ...] = ()
    archiver: ArchiverStats = ArchiverStats()
    pending_restart: tuple[str, ...] = ()
    replay_paused: bool = False
    synchronous_standby_names: str = ""
    hot_standby_parameters: dict[str, int] = dataclasses.field(default_factory=dict[str, int])


def observe(layout: Layout | None) -> Server:
    """What is; never raises for a server that is missing, stopped or starting. Below 50 ms."""
    raise NotImplementedError
