"""One look at the machine, cheap enough to be taken every second."""

from __future__ import annotations

import dataclasses

from postgresql import archive, clone, postmaster, rewind
from postgresql.layout import Layout
from postgresql.sql import Row
from sentinel.events import Look
from sentinel.line import Line, NoAnswer

# How much of a clone is worth a new status: so many bytes, or this many percent.
_PERCENT_A_STEP = 5
# How often what failed is tried again: a primary that was away, a disk that was full.
TRY_AGAIN_S = 15
# A standby that is so far behind has caught up once it is not behind at all; less comes and goes.
_BEHIND = 64 * 2**20

# Archiving fails while the file that failed last waits. Which was later, the last failure or the
# last success, a clock that was stepped would tell wrongly.
_QUERY = """
WITH here AS MATERIALIZED (SELECT pg_is_in_recovery() AS in_recovery)
SELECT pg_backend_pid(), in_recovery, receiver.status, receiver.pid,
       in_recovery AND current_setting('primary_conninfo') = '',
       CASE WHEN in_recovery THEN pg_last_wal_replay_lsn()::text END,
       CASE WHEN in_recovery
            THEN pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::bigint END,
       (SELECT coalesce(json_agg(json_build_array(
                            application_name, state, sync_state,
                            CASE state WHEN 'streaming' THEN pid ELSE 0 END)
                        ORDER BY application_name, pid), '[]')
        FROM pg_stat_replication WHERE state <> 'backup'),
       (SELECT coalesce(json_agg(json_build_array(application_name, pid || ' ' || reply_time)),
                        '[]')
        FROM pg_stat_replication WHERE state = 'streaming' AND reply_time IS NOT NULL),
       ARRAY(SELECT slot_name::text FROM pg_replication_slots
              WHERE NOT in_recovery AND wal_status = 'lost' ORDER BY 1),
       (pg_stat_file('pg_wal/archive_status/' || last_failed_wal || '.ready', true)).isdir
           IS NOT NULL,
       failed_count,
       CASE WHEN receiver.latest_end_lsn IS NOT NULL AND receiver.last_msg_receipt_time IS NOT NULL
            THEN json_build_array((receiver.latest_end_lsn - '0/0')::bigint,
                                  extract(epoch FROM receiver.last_msg_receipt_time)::bigint) END
  FROM here CROSS JOIN pg_stat_archiver LEFT JOIN pg_stat_wal_receiver receiver ON true
"""
_TERM = "SELECT coalesce(max(term), 0) FROM hot_standby.term"


class Observer:
    """Looks through one connection that it keeps open."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._line = Line(layout)
        self._last = Look()

    def look(self) -> Look:
        """Takes a look; a server that does not answer within two seconds counts as down."""
        seen = self._server()
        copying = clone.state(self._layout)
        step = copying.percent // _PERCENT_A_STEP + (1 if copying.error else 0) * copying.attempt
        self._last = dataclasses.replace(
            seen,
            clone=copying.phase,
            clone_step=step,
            rewind=rewind.state(self._layout).phase,
        )
        return self._last

    def term(self) -> int:
        """Asks which term the log has reached; 0: none, or no answer."""
        try:
            return int(self._line.ask(_TERM)[0][0])
        except NoAnswer:
            return 0

    def _server(self) -> Look:
        try:
            (row,) = self._line.ask(_QUERY)
        except NoAnswer as error:
            up = postmaster.is_running(self._layout)
            # One whose connections are all taken says in its files what it is. The lock file is
            # as old as the postmaster, so that one that has restarted by itself is not believed.
            ready = up and not error.on_its_way and postmaster.is_in_production(self._layout)
            return Look(up=up, writable=ready)
        return self._answered(row)

    def _answered(self, row: Row) -> Look:
        (
            session,
            in_recovery,
            status,
            receiver,
            nobody,
            replayed,
            behind,
            standbys,
            heard,
            lost,
            failing,
            failures,
            told,
        ) = row
        streaming = status == "streaming"
        return Look(
            up=True,
            running=True,
            session=session,
            writable=not in_recovery,
            in_recovery=in_recovery,
            streaming=streaming,
            receiver=receiver if streaming else 0,
            deaf=bool(nobody) and not status,
            replayed=replayed or "",
            settled=(
                bool(in_recovery)
                and not status
                and (behind is None or behind <= 0)
                and replayed == self._last.replayed
            ),
            caught_up=streaming and has_caught_up(self._last.caught_up, behind),
            told=tuple(told) if told else (0, 0),
            standbys=tuple(tuple(each) for each in standbys),
            heard=frozenset((str(name), str(mark)) for name, mark in heard),
            lost_slots=tuple(lost),
            archive_failing=bool(failing),
            archive_failures=failures,
            archive_carried=archive.is_carried(self._layout),
        )


def has_caught_up(before: bool, behind: int | None) -> bool:
    """Whether a standby counts as having caught up.

    Args:
        before: it did at the last look.
        behind: received and not replayed, in bytes; None: nothing was received yet.
    """
    if behind is None:
        return False
    return behind < _BEHIND if before else behind <= 0


def unrest(now: float) -> int:
    """A number that grows now and then, as long as something is to be tried again.

    Args:
        now: by the monotonic clock.
    """
    return int(now // TRY_AGAIN_S) + 1
