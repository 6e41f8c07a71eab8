"""Everything about the server on this machine, over one connection."""

from __future__ import annotations

import dataclasses
from typing import Any

from postgresql import cluster, files, owned, postmaster, sql
from postgresql.errors import NotReachable, QueryRefused
from postgresql.layout import Layout
from postgresql.roles import replication_roles
from postgresql.settings import HOT_STANDBY_PARAMETERS
from postgresql.slots import Slot, slots
from postgresql.sql import Connection

_TIMEOUT_S = 5


@dataclasses.dataclass(frozen=True)
class Standby:
    """A walsender's other end, from pg_stat_replication.

    Attributes:
        name: Its application_name.
        address: Its client address; "" over a socket.
        state: "startup", "catchup", "streaming", "backup" or "stopping". A base backup under
            way shows as two: one in state "backup" and one that streams its WAL.
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
    write_lag_ms: float | None
    flush_lag_ms: float | None
    replay_lag_ms: float | None


@dataclasses.dataclass(frozen=True)
class ArchiverStats:
    """pg_stat_archiver of the running server (archive/ knows the rest).

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
        control_state: As in cluster.DataState; "" while connections are accepted.
        standby_signal: The next start is as a standby.
        running: The postmaster lives.
        accepting: Connections are accepted; all that follows is known.
        refusal: Why not, in the server's words; "" otherwise.
        overridden: What ALTER SYSTEM has set that it may not, as owned.overridden.
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
        replay_paused: A standby's recovery stands still (for instance because a hot-standby
            parameter is below the primary's).
        standbys: Those connected to this server, by name.
        slots: The lasting physical slots.
        archiver: pg_stat_archiver.
        replication_roles: The charm's, as roles.replication_roles.
        pending_restart: Settings that wait for a restart, sorted.
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
    overridden: tuple[tuple[str, str], ...] = ()
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
    replay_paused: bool = False
    standbys: tuple[Standby, ...] = ()
    slots: tuple[Slot, ...] = ()
    archiver: ArchiverStats = ArchiverStats()
    replication_roles: tuple[str, ...] = ()
    pending_restart: tuple[str, ...] = ()
    synchronous_standby_names: str = ""
    hot_standby_parameters: dict[str, int] = dataclasses.field(default_factory=dict[str, int])


def observe(layout: Layout | None) -> Server:
    """What is; never raises for a server that is missing, stopped or starting. Below 50 ms."""
    if layout is None:
        return Server()
    running = postmaster.is_running(layout)
    refusal = ""
    if running:
        try:
            with sql.local(layout, timeout_s=_TIMEOUT_S) as conn:
                return _accepting(layout, facts(conn), slots(conn), replication_roles(conn))
        except (NotReachable, QueryRefused) as error:
            refusal = error.why
    data = cluster.state(layout)
    return Server(
        has_data=data.exists,
        cluster_id=data.cluster_id,
        system_id=data.system_id,
        control_state=data.control_state,
        standby_signal=data.standby_signal,
        running=running,
        refusal=refusal,
        overridden=owned.overridden(layout),
        log_errors=tuple(postmaster.recent_errors(layout)),
        timeline=data.timeline,
    )


def facts(conn: Connection) -> dict[str, Any]:
    """What any server tells of itself to a role with pg_monitor: keys as `Server` has them.

    `standbys` are `Standby` values.

    Raises:
        QueryRefused: In the server's words.
    """
    (found,) = sql.row(conn, _QUERY, [list(HOT_STANDBY_PARAMETERS)])
    return {**found, "standbys": tuple(Standby(**each) for each in found["standbys"])}


def _accepting(
    layout: Layout,
    found: dict[str, Any],
    physical_slots: tuple[Slot, ...],
    charm_roles: tuple[str, ...],
) -> Server:
    receiver: dict[str, Any] = found["receiver"] or {}
    archiver = {name: value for name, value in found["archiver"].items() if value is not None}
    return Server(
        has_data=True,
        cluster_id=(files.read(layout.id_file) or "").strip(),
        system_id=found["system_id"],
        standby_signal=layout.standby_signal.exists(),
        running=True,
        accepting=True,
        overridden=owned.overridden(layout),
        log_errors=tuple(postmaster.recent_errors(layout)),
        # "15.20 (Debian 15.20-0+deb12u1)"
        version=found["version"].split(" ", 1)[0],
        in_recovery=found["in_recovery"],
        timeline=found["timeline"],
        lsn=found["lsn"] or "",
        upstream_address=receiver.get("host") or "",
        upstream_port=receiver.get("port") or 0,
        receiver_status=receiver.get("status") or "",
        behind_bytes=max(0, found["behind_bytes"] or 0),
        replay_lag_s=found["replay_lag_s"],
        last_message_age_s=receiver.get("message_age_s"),
        replay_paused=found["replay_paused"],
        standbys=found["standbys"],
        slots=physical_slots,
        archiver=ArchiverStats(**archiver),
        replication_roles=charm_roles,
        pending_restart=tuple(found["pending_restart"]),
        synchronous_standby_names=found["synchronous_standby_names"],
        hot_standby_parameters=found["hot_standby_parameters"],
    )


# The timeline of a standby: what it receives; before a walreceiver runs, what it must at least
# replay, or began at.
_QUERY = """
WITH here AS MATERIALIZED (
    SELECT pg_is_in_recovery() AS in_recovery,
           CASE WHEN pg_is_in_recovery()
                THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                ELSE pg_current_wal_lsn() END AS lsn,
           CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() END AS replayed
), receiver AS MATERIALIZED (
    SELECT * FROM pg_stat_wal_receiver
)
SELECT json_build_object(
    'version', current_setting('server_version'),
    'system_id', (SELECT system_identifier::text FROM pg_control_system()),
    'in_recovery', in_recovery,
    'lsn', lsn,
    'timeline', CASE WHEN in_recovery
        THEN greatest((SELECT received_tli FROM receiver),
                      (SELECT timeline_id FROM pg_control_checkpoint()),
                      (SELECT min_recovery_end_timeline FROM pg_control_recovery()))
        ELSE ('x' || substr(pg_walfile_name(lsn), 1, 8))::bit(32)::int END,
    'receiver', (SELECT json_build_object(
            'status', status, 'host', sender_host, 'port', sender_port,
            'message_age_s', extract(epoch FROM clock_timestamp() - last_msg_receipt_time))
        FROM receiver),
    'behind_bytes', pg_wal_lsn_diff(
        greatest((SELECT latest_end_lsn FROM receiver), lsn), replayed)::bigint,
    'replay_lag_s', CASE WHEN replayed >= lsn THEN 0
        ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END,
    'replay_paused', CASE WHEN in_recovery
        THEN pg_get_wal_replay_pause_state() = 'paused' ELSE false END,
    'standbys', (SELECT coalesce(json_agg(json_build_object(
            'name', application_name, 'address', coalesce(host(client_addr), ''),
            'state', coalesce(state, ''), 'sync_state', coalesce(sync_state, ''),
            'sent_lag_bytes', coalesce(pg_wal_lsn_diff(lsn, sent_lsn), -1)::bigint,
            'write_lag_bytes', coalesce(pg_wal_lsn_diff(lsn, write_lsn), -1)::bigint,
            'flush_lag_bytes', coalesce(pg_wal_lsn_diff(lsn, flush_lsn), -1)::bigint,
            'replay_lag_bytes', coalesce(pg_wal_lsn_diff(lsn, replay_lsn), -1)::bigint,
            'write_lag_ms', extract(epoch FROM write_lag) * 1000,
            'flush_lag_ms', extract(epoch FROM flush_lag) * 1000,
            'replay_lag_ms', extract(epoch FROM replay_lag) * 1000)
            ORDER BY application_name, pid), '[]')
        FROM pg_stat_replication),
    'archiver', (SELECT json_build_object(
            'last_archived_wal', last_archived_wal,
            'last_archived_age_s', extract(epoch FROM clock_timestamp() - last_archived_time),
            'archived_count', archived_count,
            'last_failed_wal', last_failed_wal,
            'last_failed_age_s', extract(epoch FROM clock_timestamp() - last_failed_time),
            'failed_count', failed_count)
        FROM pg_stat_archiver),
    'pending_restart', ARRAY(SELECT name FROM pg_settings WHERE pending_restart ORDER BY 1),
    'synchronous_standby_names', current_setting('synchronous_standby_names'),
    'hot_standby_parameters', (SELECT json_object_agg(name, current_setting(name)::int)
        FROM unnest(%s) AS name)
) FROM here
"""
