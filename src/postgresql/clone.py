"""A base backup of another server, taken beside the hooks, and its adoption.

A systemd unit of its own takes it, as postgres, into main.clone.partial, checks it against its
manifest, makes it a standby and renames it to main.clone; only then can `adopt` make it the
cluster's data directory. It tries again by itself, with growing patience, until `stop`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

from postgresql.layout import Layout
from postgresql.recovery import Upstream


@dataclasses.dataclass(frozen=True)
class CloneState:
    """How far the base backup is.

    Attributes:
        phase: "absent": none was begun. "running": at work, or waiting for its next attempt.
            "finished": main.clone waits to be adopted. "failed": it ended unfinished (a reboot,
            a kill, `stop`); `start` begins it anew.
        percent: 0 to 100 of `total_bytes`.
        copied_bytes: Received so far.
        total_bytes: As the primary estimated; 0 before it did.
        bytes_per_second: Over the last ten seconds or so.
        attempt: From 1.
        error: Why the last attempt failed, in pg_basebackup's words; "" while it goes well.
        next_try_s: Seconds until the next attempt; None while one is at work.
    """

    phase: Literal["absent", "running", "finished", "failed"]
    percent: int = 0
    copied_bytes: int = 0
    total_bytes: int = 0
    bytes_per_second: int = 0
    attempt: int = 0
    error: str = ""
    next_try_s: int | None = None


def start(layout: Layout, upstream: Upstream, on_finish: Sequence[str] = ()) -> bool:
    """Begin a base backup of `upstream`, unless one is at work or waits to be adopted.

    Args:
        layout: The cluster that the copy is for.
        upstream: Whom to copy. Its slot must exist: it keeps the WAL from the backup on.
        on_finish: Command that the unit runs as root when it ends, well or not, with the
            result ("success" or systemd's word) as last argument.

    Returns:
        Whether it was begun.

    Raises:
        NotReachable: The primary cannot be asked how large it is.
        CloneRefused: Not enough space (both figures), or a tablespace's place cannot be had.
    """
    raise NotImplementedError


def state(layout: Layout) -> CloneState:
    """How far it is; file reads and, only while files say that it is at work, one systemctl."""
    raise NotImplementedError


def adopt(layout: Layout, cluster_id: str, system_id: str) -> None:
    """Make the finished copy this cluster's data directory; the server is left stopped.

    A data directory that is in the way, and every tablespace, is set aside. May be called again
    after an interruption.

    Raises:
        CloneRefused: No finished copy, or one of another cluster; nothing was touched.
        ServerRefused: The server that runs cannot be stopped, or a directory not renamed.
    """
    raise NotImplementedError


def stop(layout: Layout) -> bool:
    """End the unit if it is at work; what it copied stays.

    Returns:
        Whether it was at work.
    """
    raise NotImplementedError


def forget(layout: Layout) -> bool:
    """Stop the unit and delete half-made and unadopted copies, and what it noted.

    Returns:
        Whether there was anything.
    """
    raise NotImplementedError
