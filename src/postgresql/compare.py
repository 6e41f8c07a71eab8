"""One read-only query on the primary and on every standby at one LSN, and the differences."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

from postgresql.verify import Endpoint

Row = tuple[str | None, ...]
"""Values as the server writes them; None is NULL."""


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


def compare(
    database: str,
    query: str,
    primary: Endpoint,
    standbys: Sequence[Endpoint],
    timeout_s: float = 10,
) -> Result:
    """Runs one read-only query on the primary and on all standbys, and compares the rows.

    Rows are compared without regard to their order. The query runs in a read-only transaction
    with no more rights than pg_read_all_data, and is rolled back.

    Raises:
        QueryRefused: The primary refuses the query (it writes, has several statements, does not
            parse, runs too long, gives too much), in PostgreSQL's words.
        NotReachable: The primary, or the database there, cannot be reached.
    """
    raise NotImplementedError
