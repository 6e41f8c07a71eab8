"""Reports as flat keys for a Juju action and as text for a terminal of 80 columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from postgresql.compare import Result
from postgresql.verify import Report


@dataclasses.dataclass(frozen=True)
class Member:
    """A unit of the cluster, as get-cluster-status tells it. "" and None: not known.

    Attributes:
        unit: "pg/0".
        role: "primary", "standby" or what the unit is on its way to.
        state: "running", "streaming", "cloning 43 %", "unreachable", …
        lag_bytes: WAL of the primary that it has not replayed.
        address: Of its server.
        version: PostgreSQL's, "15.20".
        timeline: Its own.
        sync_state: "async", "potential", "sync" or "quorum".
    """

    unit: str
    role: str
    state: str
    lag_bytes: int | None = None
    address: str = ""
    version: str = ""
    timeline: int | None = None
    sync_state: str = ""


def verify_results(report: Report, comparison: Result | None = None) -> dict[str, str]:
    """Keys as Juju takes them ([a-z0-9-], nested by dots), such as "standby.pg-1.visible-ms".

    With "report": the text of `verify_text`.
    """
    raise NotImplementedError


def verify_text(report: Report, comparison: Result | None = None) -> str:
    """Tables of the standbys and of the archives, what is wrong, and how the query compared."""
    raise NotImplementedError


def cluster_results(term: int, members: Sequence[Member]) -> dict[str, str]:
    """Keys such as "primary", "term", "member.pg-1.state", and "table": `cluster_text`."""
    raise NotImplementedError


def cluster_text(term: int, members: Sequence[Member]) -> str:
    """Who is primary in which term, and a table of the members."""
    raise NotImplementedError
