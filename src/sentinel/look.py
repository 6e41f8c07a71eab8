"""One look at the machine, cheap enough to be taken every second."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import psycopg2

from postgresql import archive, clone
from postgresql.layout import Layout
from sentinel.events import Look

# How much of a clone is worth a new status: so many bytes, or this many percent.
_PERCENT_A_STEP = 5
# How often what failed is tried again: a primary that was away, a disk that was full.
_TRY_AGAIN_S = 15

_QUERY = """
SELECT pg_is_in_recovery(),
       (SELECT status FROM pg_stat_wal_receiver),
       (SELECT coalesce(json_agg(json_build_array(application_name, state, sync_state)
                                 ORDER BY application_name), '[]')
        FROM pg_stat_replication WHERE state <> 'backup'),
       (SELECT last_failed_time > coalesce(last_archived_time, '-infinity')
        FROM pg_stat_archiver)
"""


class Observer:
    """Looks through one connection that it keeps open."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._connection: Any = None

    def look(self) -> Look:
        """Takes a look; a server that does not answer within two seconds counts as down."""
        copying = clone.state(self._layout)
        row = self._ask()
        step = copying.percent // _PERCENT_A_STEP + (1 if copying.error else 0) * copying.attempt
        if row is None:
            unrest = 0
            if copying.phase not in ("running", "finished"):
                unrest = int(time.monotonic() // _TRY_AGAIN_S) + 1
            return Look(clone=copying.phase, clone_step=step, unrest=unrest)
        in_recovery, receiver, standbys, failing = row
        return Look(
            running=True,
            in_recovery=in_recovery,
            streaming=receiver == "streaming",
            standbys=tuple(tuple(each) for each in standbys),
            archive_failing=bool(failing),
            archive_carried=archive.is_carried(self._layout),
            clone=copying.phase,
            clone_step=step,
        )

    def _ask(self) -> tuple[Any, ...] | None:
        try:
            if self._connection is None:
                self._connection = psycopg2.connect(
                    host=str(self._layout.socket_directory),
                    port=self._layout.port,
                    user="postgres",
                    dbname="postgres",
                    connect_timeout=2,
                    application_name="pg-hot-standby-sentinel",
                    options="-c statement_timeout=2s",
                )
                self._connection.autocommit = True
            with self._connection.cursor() as cursor:
                cursor.execute(_QUERY)
                return cursor.fetchone()
        except psycopg2.Error:
            self._forget()
            return None

    def _forget(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(psycopg2.Error):
                self._connection.close()
            self._connection = None
