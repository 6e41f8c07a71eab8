"""Whether each standby could take the primary's part over now, as the servers themselves tell.

That it follows is another question: verify.py.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Collection, Sequence

from postgresql import sql
from postgresql.crew import Crew
from postgresql.errors import PostgresqlError
from postgresql.roles import OPERATOR
from postgresql.sql import Connection
from postgresql.verify import Endpoint, Problem

_UNWATCHED_S = 10
"""A sentinel asks its server once a second; one that is frozen does not."""
_PATIENCE_S = 3.0
"""One that was just restarted has not asked yet."""
_POLL_S = 0.1
_QUERY = """
SELECT pg_is_in_recovery(),
       CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() <> 'not paused' END,
       EXISTS (SELECT FROM pg_stat_activity
                WHERE application_name = %s
                  AND query_start > clock_timestamp() - %s * interval '1 s'),
       ARRAY(SELECT slot_name::text FROM pg_replication_slots
              WHERE slot_type = 'physical' AND NOT temporary)
"""


@dataclasses.dataclass(frozen=True)
class _Readiness:
    """A row of the query."""

    in_recovery: bool
    paused: bool | None
    watched: bool
    slots: Collection[str]


def problems(
    primary: Endpoint, standbys: Sequence[Endpoint], timeout_s: float = 5
) -> tuple[Problem, ...]:
    """Looks at all of them at once, and names what would be in the way of a takeover.

    A server that does not answer has no problem here: that it follows has to be proved first.

    Args:
        primary: the present one: a sentinel that does not run would not stop it, either.
        standbys: every other unit.
        timeout_s: how long to wait for their answers.
    """
    crew = Crew(timeout_s)
    ends = (primary, *standbys)
    found: dict[str, _Readiness] = {}
    for end in ends:
        crew.start(end.unit, lambda end=end: _look(crew, end, found))
    crew.wait()
    return tuple(
        Problem(end.unit, reason)
        for end in ends
        if end.unit in found
        for reason in _wrong(found[end.unit], {other.slot for other in ends if other != end})
    )


def _look(crew: Crew, end: Endpoint, found: dict[str, _Readiness]) -> None:
    try:
        with (
            sql.remote(
                end.address, OPERATOR, end.password, port=end.port, timeout_s=crew.left_s
            ) as conn,
            crew.cutting(conn),
        ):
            found[end.unit] = _patient(crew, conn)
    except PostgresqlError:
        return


def _patient(crew: Crew, conn: Connection) -> _Readiness:
    while True:
        seen = _Readiness(*sql.row(conn, _QUERY, [sql.SENTINEL_NAME, _UNWATCHED_S]))
        if seen.watched or crew.elapsed_s > _PATIENCE_S or crew.left_s <= 2 * _POLL_S:
            return seen
        time.sleep(_POLL_S)


def _wrong(seen: _Readiness, others: Collection[str]) -> list[str]:
    reasons: list[str] = []
    if not seen.watched:
        reasons.append(
            "no sentinel looks at its server; see there: journalctl -u pg-hot-standby-sentinel"
        )
    if seen.paused:
        reasons.append("its replay is paused; there: SELECT pg_wal_replay_resume()")
    missing = sorted(set(others) - set(seen.slots))
    if seen.in_recovery and missing:
        reasons.append(f"has no slot {', '.join(missing)} for those who would follow it")
    return reasons
