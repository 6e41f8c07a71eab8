"""How the archive of this machine stands."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from postgresql.layout import Layout

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812


@dataclasses.dataclass(frozen=True)
class Move:
    """Older archive directories that WAL is still on its way from.

    Attributes:
        sources: They, newest first.
        files: WAL files in them that are to be carried over, or proved to have been.
        size: Bytes of those files.
        running: The service is at it.
        problem: Why it does not come to its end; "" while it does.
    """

    sources: tuple[Path, ...]
    files: int
    size: int
    running: bool
    problem: str = ""

    def __str__(self) -> str:
        """For a status: "archive: 12 files, 192.0 MB on their way from /old"."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class Archiver:
    """The archive of this machine.

    Attributes:
        directory: The archive directory in force; None: the charm has set none yet.
        last_wal: The last file that the server archived; "" if none yet, or not running.
        last_age_s: Seconds since then; None if none yet.
        failed_count: Failures since the statistics began.
        newest_finished: The newest segment that the server has finished; "" if none.
        newest_there: That segment really lies in the archive (an older directory counts while
            its files are on their way). True if there is none.
        failing: Archiving does not work now.
        failure: Why, in the words of PostgreSQL's log or of the file system, with the
            directory; "" while it works.
        waiting: WAL files that wait to be archived.
        free_bytes: Free for postgres where the archive lies; None if it cannot be looked at.
        moving: WAL still on its way from older directories; None: none.
    """

    directory: Path | None = None
    last_wal: str = ""
    last_age_s: float | None = None
    failed_count: int = 0
    newest_finished: str = ""
    newest_there: bool = True
    failing: bool = False
    failure: str = ""
    waiting: int = 0
    free_bytes: int | None = None
    moving: Move | None = None


def state(layout: Layout, conn: Connection | None = None) -> Archiver:
    """How the archive stands, also while the server is stopped.

    Args:
        layout: The cluster.
        conn: A local connection, if there is one already; otherwise one is made if the server
            runs.
    """
    raise NotImplementedError
