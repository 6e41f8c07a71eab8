"""One query of somebody's, run so that it can do nothing but read.

Several things hold at once. The transaction is read-only and is rolled back; once its snapshot is
taken, no query can make it read-write. The role has no more rights than pg_read_all_data. The
query reaches the server as a value, never as part of a command: a cursor is opened for it, which
takes exactly one statement that returns rows, so that `SELECT 1; COMMIT; DROP …` ends with
PostgreSQL's own refusal. What it takes and gives is bounded, here as well as on the server, since
a query may lift its own statement_timeout.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import psycopg2
from psycopg2 import extensions

from postgresql import sql
from postgresql.errors import QueryRefused
from postgresql.sizes import pretty
from postgresql.sql import Connection

Row = tuple[str | None, ...]
"""Values as the server writes them; None is NULL."""

_MOST_ROWS = 100_000
_MOST_BYTES = 64 << 20
_AT_ONCE = 1000
# As bare text: what is compared is what the server says, and NaN is equal to NaN.
_TEXT = extensions.new_type(
    tuple(extensions.string_types), "PG_HOT_STANDBY_TEXT", lambda value, _: value
)
# Whatever an operator set for a database or a role, both servers are to write alike.
_ALIKE = {
    "bytea_output": "hex",
    "DateStyle": "ISO, YMD",
    "extra_float_digits": "1",
    "IntervalStyle": "postgres",
    "row_security": "on",
    "TimeZone": "UTC",
    # A server whose client has given up ends the query by itself.
    "client_connection_check_interval": "1s",
}
_OPEN = """
DO $$
DECLARE
    answer refcursor := 'pg_hot_standby_answer';
BEGIN
    OPEN answer FOR EXECUTE current_setting('pg_hot_standby.query');
END
$$
"""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a query gave.

    Attributes:
        columns: Their names.
        rows: In the order they came.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


class Snapshot:
    """A read-only transaction with its snapshot taken, in which a query is to run.

    Attributes:
        lsn: Where the server's WAL was when the snapshot was taken, or a moment later.
    """

    def __init__(self, conn: Connection, whose: str):
        """Takes the snapshot.

        Args:
            conn: An autocommit connection; one snapshot at a time.
            whose: The server, for error messages.

        Raises:
            psycopg2.Error: As of any statement.
        """
        self._conn = conn
        self._what = f"run the query on {whose}"
        sql.rows(conn, "ROLLBACK")
        sql.rows(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        # The snapshot is that of the first statement which needs one.
        (self.lsn,) = sql.row(
            conn,
            "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
            " ELSE pg_current_wal_lsn() END::text",
        )

    def run(self, query: str, timeout_s: float) -> Answer:
        """Run a query in this snapshot, and end the transaction.

        Args:
            query: One statement that returns rows.
            timeout_s: Bound of each step of it.

        Raises:
            QueryRefused: In PostgreSQL's words; or it gives more than can be compared.
        """
        conn = self._conn
        try:
            for name, value in _ALIKE.items():
                sql.row(conn, "SELECT set_config(%s, %s, true)", [name, value])
            milliseconds = str(max(1, round(timeout_s * 1000)))
            sql.row(conn, "SELECT set_config('statement_timeout', %s, true)", [milliseconds])
            sql.row(conn, "SELECT set_config('pg_hot_standby.query', %s, true)", [query])
            sql.rows(conn, "SET LOCAL ROLE pg_read_all_data")
            sql.rows(conn, _OPEN)
            return self._fetch()
        except psycopg2.Error as error:
            raise QueryRefused(self._what, sql.words(error)) from None
        except ValueError as error:  # psycopg2's, of a NUL in a string
            raise QueryRefused(self._what, str(error)) from None
        finally:
            self.close()

    def close(self) -> None:
        """End the transaction, if the connection still lives."""
        if not self._conn.closed:
            try:
                sql.rows(self._conn, "ROLLBACK")
            except psycopg2.Error:
                self._conn.close()

    def _fetch(self) -> Answer:
        columns: tuple[str, ...] = ()
        answer: list[Row] = []
        size = 0
        with self._conn.cursor() as cursor:
            extensions.register_type(_TEXT, cursor)
            while True:
                cursor.execute(f"FETCH FORWARD {_AT_ONCE} FROM pg_hot_standby_answer")
                description: Any = cursor.description or ()
                columns = tuple(column[0] for column in description)
                some = cursor.fetchall()
                answer += some
                size += sum(len(value or "") for row in some for value in row)
                if len(answer) > _MOST_ROWS or size > _MOST_BYTES:
                    raise QueryRefused(
                        self._what,
                        f"it gives more than {_MOST_ROWS} rows or {pretty(_MOST_BYTES)}",
                        "compare fewer rows, or a checksum of them",
                    )
                if len(some) < _AT_ONCE:
                    return Answer(columns, tuple(answer))
