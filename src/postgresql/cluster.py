"""The data directory and its server: create, start, stop, set aside."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

from postgresql.layout import Layout


@dataclasses.dataclass(frozen=True)
class DataState:
    """A data directory as it lies on the disk; the server may be stopped.

    Attributes:
        exists: There is a whole data directory.
        cluster_id: What `create` was given when this cluster, or the one that it was cloned
            from, was made; "" where the charm did not make it.
        system_id: PostgreSQL's system identifier, in digits; "" where it cannot be read.
        timeline: Of the latest checkpoint; 0 where it cannot be read.
        control_state: "Database cluster state" of pg_controldata: "in production",
            "shut down", "in archive recovery", "shut down in recovery", …; "" where unreadable.
        standby_signal: The server starts as a standby.
    """

    exists: bool
    cluster_id: str = ""
    system_id: str = ""
    timeline: int = 0
    control_state: str = ""
    standby_signal: bool = False


def state(layout: Layout) -> DataState:
    """The data directory as it lies on the disk. About 5 ms; works while the server is stopped."""
    raise NotImplementedError


def create(layout: Layout, cluster_id: str) -> bool:
    """Make a new, empty cluster with data checksums, and its configuration; not started.

    It is made under another name and renamed when whole: an interrupted call leaves nothing
    that looks like a cluster, and the next one begins anew. A data directory with this
    cluster id is left as it is.

    Returns:
        Whether a data directory was made.

    Raises:
        ServerRefused: A data directory of another cluster is there, or initdb's own words.
    """
    raise NotImplementedError


def ensure_config(layout: Layout) -> bool:
    """Make Debian's /etc part for a data directory that is there; starts with the machine.

    Returns:
        Whether it had to be made.

    Raises:
        ServerRefused: pg_createcluster's own words.
    """
    raise NotImplementedError


def is_running(layout: Layout) -> bool:
    """Whether the postmaster lives (it may not accept connections yet); a file read."""
    raise NotImplementedError


def start(layout: Layout, wait_s: float = 30) -> bool:
    """Start the server and wait until it accepts connections, or still works on its recovery.

    Args:
        layout: The cluster.
        wait_s: How long to wait. A standby that needs longer to become consistent is left at
            it; that is no error.

    Returns:
        Whether it accepts connections now.

    Raises:
        ServerRefused: It ended; its log's own words.
    """
    raise NotImplementedError


def stop(layout: Layout, mode: Literal["smart", "fast", "immediate"] = "fast") -> bool:
    """Stop the server and wait until it is gone.

    Returns:
        Whether it had been running.

    Raises:
        ServerRefused: It is still there.
    """
    raise NotImplementedError


def restart(layout: Layout) -> None:
    """Stop and start.

    Raises:
        ServerRefused: As `stop` and `start`.
    """
    raise NotImplementedError


def reload(layout: Layout) -> bool:
    """Have a running server read its files again, and wait until it has.

    Returns:
        Whether there was a running server.

    Raises:
        ServerRefused: It refuses the files, with its own words.
    """
    raise NotImplementedError


def set_aside(layout: Layout) -> Path | None:
    """Rename the data directory of a stopped server to main.set-aside-<UTC time>.

    Only the newest one set aside is kept; older ones are deleted once this one lies safely
    under its name.

    Returns:
        The new path; None where there was no data directory.

    Raises:
        ServerRefused: The server runs, or the directory cannot be renamed.
    """
    raise NotImplementedError


def recent_errors(layout: Layout, since: float | None = None, limit: int = 5) -> list[str]:
    """FATAL, PANIC and ERROR lines of the server's own processes, newest last.

    What client sessions did wrong is left out.

    Args:
        layout: The cluster.
        since: Seconds since the epoch; None: since the last start of the server.
        limit: How many of the newest to give.
    """
    raise NotImplementedError
