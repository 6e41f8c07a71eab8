"""A standby becomes the primary of a term."""

from __future__ import annotations

import time

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_WRITE

from postgresql import gate, recovery, sql, synchronous, terms
from postgresql.errors import QueryRefused
from postgresql.layout import Layout
from postgresql.sql import Connection
from postgresql.synchronous import HOLD, Setting

_POLL_S = 0.005
_MEMBERS_S = 5.0
_IS_OLD = """
SELECT timeline_id <> ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int
  FROM pg_control_checkpoint()
"""


def promote(layout: Layout, term: int, setting: Setting, timeout_s: float = 30) -> bool:
    """Have this server be the primary of the term, with the setting in force.

    No commit of a client's is acknowledged before the log of as many members as the setting
    needs says that the term has begun: otherwise a new primary that dies at once could leave
    acknowledged commits on a log that nobody prefers to those that end in the term before.

    May be called again after any interruption, and on a server that is the primary already.

    Args:
        layout: The cluster; its server runs.
        term: That it is to begin.
        setting: With which it begins.
        timeout_s: How long to wait for the promotion. For the members it waits some seconds of
            it; until they have come, commits go on waiting, and another call goes on.

    Returns:
        Whether the setting is in force.

    Raises:
        NotReachable: The server accepts no connections.
        QueryRefused: It does not do as told, in its own words.
    """
    deadline = time.monotonic() + timeout_s
    # A start of it by whomever must not follow the primary that it followed until now.
    recovery.ensure(layout, None)
    if not _has_begun(layout, term):
        synchronous.ensure(layout, HOLD)
        if not synchronous.in_force(layout, HOLD):
            return False
        if not _promote(layout, deadline):
            return False
    # The promotion has taken the file away.
    gate.close(layout)
    with sql.local(layout) as conn:
        terms.begin(conn, term)
    if not _is_set(layout, setting, deadline):
        return False
    with sql.local(layout) as conn:
        terms.opened(conn, term)
    _checkpoint(layout)
    return True


def _is_set(layout: Layout, setting: Setting, deadline: float) -> bool:
    """Whether the setting has come into the place of the hold."""
    if synchronous.read(layout) != setting:
        patience = min(_MEMBERS_S, max(0.0, deadline - time.monotonic()))
        if not synchronous.flushed(layout, setting, patience):
            return False
        synchronous.ensure(layout, setting)
    return synchronous.in_force(layout, setting)


def _has_begun(layout: Layout, term: int) -> bool:
    with sql.local(layout) as conn:
        found = terms.reached(conn)
        return not _in_recovery(conn) and found is not None and found.term >= term


def _promote(layout: Layout, deadline: float) -> bool:
    """Whether it is a primary by the deadline."""
    with sql.local(layout) as conn:
        if _in_recovery(conn):
            sql.rows(conn, "SELECT pg_promote(false)")
        while _in_recovery(conn):
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
    return True


def _in_recovery(conn: Connection) -> bool:
    (in_recovery,) = sql.row(conn, "SELECT pg_is_in_recovery()")
    return in_recovery


def _checkpoint(layout: Layout) -> None:
    """Have a checkpoint made on the new timeline, and do not wait for it.

    Before there is one, pg_rewind takes this server for one of the old timeline. It begins only
    with the setting in force, as the process that makes it would be late to take that.
    """
    with sql.local(layout) as conn:
        (is_old,) = sql.row(conn, _IS_OLD)
    if not is_old:
        return
    try:
        conn = psycopg2.connect(
            host=str(layout.socket_directory),
            port=layout.port,
            user="postgres",
            dbname="postgres",
            application_name=sql.APPLICATION_NAME,
            options="-c statement_timeout=0 -c client_connection_check_interval=0",
            async_=True,
        )
        while conn.poll() != POLL_OK:
            time.sleep(_POLL_S)
        with conn.cursor() as cursor:
            cursor.execute("CHECKPOINT")
        # The server reads what it was sent before it finds that nobody waits for the answer.
        while conn.poll() == POLL_WRITE:
            time.sleep(_POLL_S)
        conn.close()
    except psycopg2.Error as error:
        raise QueryRefused(
            f"ask PostgreSQL {layout.label} for a checkpoint", sql.words(error)
        ) from None
