"""One read-only query on the primary and on every standby at one LSN, and the differences.

No server can be asked for its state at an LSN of one's choice, and writes go on. So three
snapshots are taken within a moment, before the query runs in any of them: of the primary; of the
standby, once it has replayed all that the first can show; and of the primary again. The standby's
state lies between the primary's two. Is its answer that of one of them, it is the same. Are the
primary's two answers alike and the standby's another, it differs: that is made sure of by doing
it all once more. Otherwise the data changed in that moment, and it is tried again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections import Counter
from collections.abc import Generator, Sequence
from typing import Literal

from postgresql import sql
from postgresql.crew import Crew
from postgresql.errors import PostgresqlError, QueryRefused
from postgresql.readonly import Answer, Row, Snapshot
from postgresql.roles import OPERATOR
from postgresql.sql import Connection
from postgresql.verify import Endpoint

_SHOWN = 20
"""Rows of either side that are kept to be shown."""
_SURE = 2
"""So many tries in a row have to show a difference."""
_MOST_TRIES = 50
_POLL_S = 0.001
_PAUSE_S = 0.01


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A standby's result against the primary's.

    Attributes:
        unit: The standby.
        verdict: "same", "different", "unsettled" (the data changed on the primary during every
            try, and no common state was found) or "failed" (see `error`).
        lsn: From which on the standby's state was compared, as "0/3000148"; "" if failed.
        only_primary: Rows that only the primary has, at most a screenful.
        only_standby: Rows that only the standby has, at most a screenful.
        differing: How many rows differ in all.
        tries: How often the query ran there.
        error: Why the query failed there, in PostgreSQL's words.
    """

    unit: str
    verdict: Literal["same", "different", "unsettled", "failed"]
    lsn: str = ""
    only_primary: tuple[Row, ...] = ()
    only_standby: tuple[Row, ...] = ()
    differing: int = 0
    tries: int = 0
    error: str = ""


@dataclasses.dataclass(frozen=True)
class Result:
    """What `compare` found.

    Attributes:
        columns: Names of the query's columns.
        rows: How many rows the primary gave.
        comparisons: One for each standby, in the order given.
    """

    columns: tuple[str, ...]
    rows: int
    comparisons: tuple[Comparison, ...]

    @property
    def same(self) -> bool:
        """Every standby gave what the primary gave."""
        return all(one.verdict == "same" for one in self.comparisons)


class _Unsettled(Exception):
    """The data changed while the snapshots were taken."""


def compare(
    database: str,
    query: str,
    primary: Endpoint,
    standbys: Sequence[Endpoint],
    timeout_s: float = 10,
) -> Result:
    """Runs one read-only query on the primary and on all standbys, and compares the rows.

    Rows are compared without regard to their order, and values as the server writes them. The
    query runs in a read-only transaction with no more rights than pg_read_all_data, and is rolled
    back. What differs by nature (now(), random(), pg_is_in_recovery()) is shown as a difference.

    Args:
        database: Where to run it.
        query: One statement that returns rows.
        primary: Whose answer counts.
        standbys: Whose answers are compared.
        timeout_s: Bound of it all, tries included. It returns at the latest a second later.

    Raises:
        QueryRefused: The primary refuses the query (it writes, has several statements, does not
            parse, runs too long, gives too much), in PostgreSQL's words.
        NotReachable: The primary, or the database there, cannot be reached.
    """
    crew = Crew(timeout_s)
    answers: list[Answer] = []
    errors: list[PostgresqlError] = []
    crew.start(primary.unit, lambda: _first(crew, database, query, primary, answers, errors))
    late = crew.wait_for(primary.unit)
    if errors:
        raise errors[0]
    if late or not answers:
        crew.wait()
        raise QueryRefused(
            f"run the query on {primary.unit}", f"it did not end within {timeout_s:g} s"
        )
    found = {one.unit: Comparison(one.unit, "failed") for one in standbys}

    def work(standby: Endpoint) -> None:
        found[standby.unit] = _compare(crew, database, query, primary, standby)

    for standby in standbys:
        crew.start(standby.unit, lambda standby=standby: work(standby))
    late = crew.wait()
    for unit in late & set(found):
        found[unit] = Comparison(unit, "failed", error=f"did not answer within {timeout_s:g} s")
    return Result(
        columns=answers[0].columns,
        rows=len(answers[0].rows),
        comparisons=tuple(found[one.unit] for one in standbys),
    )


def _first(
    crew: Crew,
    database: str,
    query: str,
    primary: Endpoint,
    answers: list[Answer],
    errors: list[PostgresqlError],
) -> None:
    """Whether the primary takes the query at all."""
    try:
        with _open(crew, primary, database) as conn:
            answers.append(Snapshot(conn, primary.unit).run(query, crew.left_s))
    except PostgresqlError as error:
        errors.append(error)


def _compare(
    crew: Crew, database: str, query: str, primary: Endpoint, standby: Endpoint
) -> Comparison:
    tries = 0
    different: Comparison | None = None
    times = 0
    try:
        with (
            _open(crew, primary, database) as before,
            _open(crew, primary, database) as after,
            _open(crew, standby, database) as there,
        ):
            while tries < _MOST_TRIES and not crew.over:
                tries += 1
                try:
                    found = _try(crew, query, primary, standby, before, there, after)
                except _Unsettled:
                    times = 0
                    time.sleep(_PAUSE_S)
                    continue
                found = dataclasses.replace(found, tries=tries)
                if found.verdict == "same":
                    return found
                different, times = found, times + 1
                if times == _SURE:
                    return different
    except PostgresqlError as error:
        if different is None or not crew.over:
            why = f"did not end within {crew.timeout_s:g} s" if crew.over else error.why
            return Comparison(standby.unit, "failed", tries=tries, error=why)
    if not tries:
        return Comparison(
            standby.unit, "failed", error=f"was not reached within {crew.timeout_s:g} s"
        )
    # Not sure: there was time for one try only that showed a difference.
    return different if different and times else Comparison(standby.unit, "unsettled", tries=tries)


def _try(
    crew: Crew,
    query: str,
    primary: Endpoint,
    standby: Endpoint,
    before: Connection,
    there: Connection,
    after: Connection,
) -> Comparison:
    first = Snapshot(before, primary.unit)
    _wait_for_replay(crew, there, _flushed(after))
    middle = Snapshot(there, standby.unit)
    last = Snapshot(after, primary.unit)
    try:
        answer = middle.run(query, crew.left_s)
        lower = first.run(query, crew.left_s)
        if _bag(lower) == _bag(answer):
            return Comparison(standby.unit, "same", middle.lsn)
        upper = last.run(query, crew.left_s)
    finally:
        for snapshot in (first, middle, last):
            snapshot.close()
    if _bag(upper) == _bag(answer):
        return Comparison(standby.unit, "same", middle.lsn)
    if _bag(lower) != _bag(upper):
        raise _Unsettled
    missing, surplus = _bag(upper) - _bag(answer), _bag(answer) - _bag(upper)
    return Comparison(
        standby.unit,
        "different",
        middle.lsn,
        only_primary=_shown(missing),
        only_standby=_shown(surplus),
        differing=missing.total() + surplus.total(),
    )


def _bag(answer: Answer) -> Counter[Row]:
    return Counter(answer.rows)


def _shown(rows: Counter[Row]) -> tuple[Row, ...]:
    ordered = sorted(
        rows.elements(), key=lambda row: [(value is None, value or "") for value in row]
    )
    return tuple(ordered[:_SHOWN])


def _wait_for_replay(crew: Crew, conn: Connection, lsn: str) -> None:
    while True:
        (reached, replayed) = sql.row(
            conn,
            "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn, pg_last_wal_replay_lsn()::text",
            [lsn],
        )
        if reached:
            return
        if crew.over:
            raise QueryRefused(
                "compare", f"it has not replayed up to {lsn} in time, and is at {replayed}"
            )
        time.sleep(_POLL_S)


def _flushed(conn: Connection) -> str:
    """An LSN that no commit made so far lies behind, and that standbys will be sent.

    What was written without a commit may stay in the primary's buffers for a quarter of a minute
    if nothing else is written; a commit of one's own flushes it.
    """
    sql.row(conn, "SELECT set_config('synchronous_commit', 'local', false)")
    sql.row(conn, "SELECT pg_logical_emit_message(true, 'pg_hot_standby', 'compare')")
    (lsn,) = sql.row(conn, "SELECT pg_current_wal_flush_lsn()::text")
    return lsn


@contextlib.contextmanager
def _open(crew: Crew, endpoint: Endpoint, database: str) -> Generator[Connection, None, None]:
    with (
        sql.remote(
            endpoint.address,
            OPERATOR,
            endpoint.password,
            database,
            endpoint.port,
            timeout_s=crew.left_s,
        ) as conn,
        crew.cutting(conn),
    ):
        yield conn
