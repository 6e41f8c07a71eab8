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

# As one statement, so that it is one commit, and in it.
_BEGIN = """
SET synchronous_commit = local;
INSERT INTO hot_standby.term (term, timeline, lsn)
SELECT %s, ('x' || substr(pg_walfile_name(lsn), 1, 8))::bit(32)::int, lsn
  FROM pg_current_wal_insert_lsn() AS lsn
    ON CONFLICT (term) DO NOTHING
"""
# What was replayed last before the promotion stays known after it.
_BEGIN_AND_TELL = """
SET synchronous_commit = local;
INSERT INTO hot_standby.term (term, timeline, lsn, before)
SELECT %s, ('x' || substr(pg_walfile_name(lsn), 1, 8))::bit(32)::int, lsn,
       pg_last_xact_replay_timestamp()
  FROM pg_current_wal_insert_lsn() AS lsn
    ON CONFLICT (term) DO NOTHING
"""
# By way of JSON, as a table that an earlier build of the charm made has fewer columns.
_LAST = """
SELECT term, timeline, extract(epoch FROM since)::float8, coalesce(j->>'kind', ''),
       coalesce(j->>'former', ''), (j->>'missing')::bigint,
       extract(epoch FROM (j->>'before')::timestamptz)::float8,
       extract(epoch FROM (j->>'opened')::timestamptz)::float8
  FROM (SELECT *, to_jsonb(one) AS j FROM hot_standby.term AS one) AS all_of_them
 ORDER BY term DESC
 LIMIT 1
"""


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
    # Making the columns that an older table lacks would be another commit before this one.
    sql.rows(conn, _BEGIN_AND_TELL if tells_more(conn) else _BEGIN, [term])
    return Reached(*sql.row(conn, f"{_SELECT} WHERE term = %s", [term]))


def opened(conn: Connection, term: int) -> None:
    """Have the log say that commits are acknowledged in the term from about now on."""
    if tells_more(conn):
        sql.rows(
            conn,
            "SET synchronous_commit = local;"
            " UPDATE hot_standby.term SET opened = clock_timestamp()"
            " WHERE term = %s AND opened IS NULL",
            [term],
        )


def explain(
    conn: Connection, term: int, kind: str, former: str, missing: int | None, at_risk: bool
) -> bool:
    """Have the log say how the term came to be, for good.

    Args:
        conn: To its primary.
        term: That has begun.
        kind: "switchover", "election" or "force".
        former: The unit that was primary before.
        missing: Bytes that it is known to have had beyond the log of this one; None: not known.
        at_risk: Whether it may have acknowledged anything that this log lacks.

    Returns:
        Whether it was not said yet.
    """
    if not tells_more(conn):
        return False
    query = "SELECT 1 FROM hot_standby.term WHERE term = %s AND kind IS NULL"
    if not sql.rows(conn, query, [term]):
        return False
    sql.rows(
        conn,
        "SET synchronous_commit = local;"
        " UPDATE hot_standby.term SET kind = %s, former = %s, missing = %s, at_risk = %s"
        " WHERE term = %s",
        [kind, former, missing, at_risk, term],
    )
    return True


@dataclasses.dataclass(frozen=True)
class Told:
    """What a log tells of how a term began. None and "": it does not tell.

    Times are in seconds since 1970.

    Attributes:
        term: Its number.
        timeline: That its primary writes.
        since: When its first commit was made, by the clock of its primary.
        kind: "switchover", "election" or "force".
        former: The unit that was primary before.
        missing: As `explain` has it.
        before: When the last commit before it was made, by the clock of the former primary.
        opened: From when on commits were acknowledged in it, by the clock of its primary.
    """

    term: int
    timeline: int
    since: float
    kind: str = ""
    former: str = ""
    missing: int | None = None
    before: float | None = None
    opened: float | None = None

    @property
    def gap_s(self) -> float | None:
        """From the last commit before to the first that could be acknowledged; None: not known.

        Clocks that differ make it wrong by as much, but never less than 0.
        """
        if self.before is None:
            return None
        return max(0.0, (self.opened or self.since) - self.before)


def last(conn: Connection) -> Told | None:
    """How the last term that this log has come to began; None if it knows of none."""
    if not _exists(conn, "hot_standby.term"):
        return None
    found = sql.rows(conn, _LAST)
    return Told(*found[0]) if found else None


def tells_more(conn: Connection) -> bool:
    """Whether the table has the columns that earlier builds of the charm did not make."""
    return bool(
        sql.rows(
            conn,
            "SELECT 1 FROM pg_attribute WHERE attrelid = 'hot_standby.term'::regclass"
            " AND attname = 'at_risk' AND NOT attisdropped",
        )
    )


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
