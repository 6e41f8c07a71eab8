"""What a log says of the terms that it has come through.

A term begins with a row in hot_standby.term, the new primary's first commit, and a primary that
leaves for good in its term says so by a row in hot_standby.farewell. The rows are read on a
standby as well, where they say what its log holds.
"""

from __future__ import annotations

import dataclasses

from postgresql import sql
from postgresql.sql import Connection

_SELECT = "SELECT term, timeline, (lsn - '0/0'::pg_lsn)::bigint FROM hot_standby.term"


@dataclasses.dataclass(frozen=True)
class Reached:
    """A term, and where it began.

    Attributes:
        term: Its number.
        timeline: That its primary writes.
        lsn: Of that primary when it began, in bytes.
    """

    term: int
    timeline: int
    lsn: int


def reached(conn: Connection) -> Reached | None:
    """The last term that this log has come to; None if it knows of none."""
    return next(iter(history(conn, 1)), None)


def history(conn: Connection, limit: int | None = None) -> tuple[Reached, ...]:
    """The terms that this log has come through, newest first."""
    if not _exists(conn, "hot_standby.term"):
        return ()
    found = sql.rows(conn, f"{_SELECT} ORDER BY term DESC LIMIT %s", [limit])
    return tuple(Reached(*row) for row in found)


def begin(conn: Connection, term: int) -> Reached:
    """Have the log of this primary say that it is in the term from here on.

    A term that has begun stays as it is. Nobody's flush is waited for.

    Raises:
        psycopg2.Error: In the body of sql.local, which turns it into QueryRefused.
    """
    # As one statement, so that it is one commit, and in it.
    sql.rows(
        conn,
        "SET synchronous_commit = local;"
        " INSERT INTO hot_standby.term (term, timeline, lsn)"
        " SELECT %s, ('x' || substr(pg_walfile_name(lsn), 1, 8))::bit(32)::int, lsn"
        " FROM pg_current_wal_insert_lsn() AS lsn ON CONFLICT (term) DO NOTHING",
        [term],
    )
    return Reached(*sql.row(conn, f"{_SELECT} WHERE term = %s", [term]))


def farewell(conn: Connection, term: int) -> None:
    """Have the log of this primary say that it leaves for good in this term.

    A standby whose log has this and ends in the shutdown checkpoint that follows has everything
    that was ever acknowledged in the term.
    """
    sql.rows(
        conn,
        "SET synchronous_commit = local;"
        " INSERT INTO hot_standby.farewell (term) VALUES (%s) ON CONFLICT (term) DO NOTHING",
        [term],
    )


def farewell_of(conn: Connection) -> int:
    """The highest term that the log has a farewell of; 0: none."""
    if not _exists(conn, "hot_standby.farewell"):
        return 0
    (term,) = sql.row(conn, "SELECT coalesce(max(term), 0) FROM hot_standby.farewell")
    return term


def _exists(conn: Connection, table: str) -> bool:
    """A log from before the charm made its tables has none."""
    (found,) = sql.row(conn, "SELECT to_regclass(%s) IS NOT NULL", [table])
    return found
