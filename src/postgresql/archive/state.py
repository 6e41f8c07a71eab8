"""How the archive of this machine stands."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from postgresql import postmaster, sql
from postgresql.archive import failures, move, places, program
from postgresql.archive.keeper.look import Facts
from postgresql.errors import PostgresqlError
from postgresql.layout import Layout
from postgresql.sizes import pretty

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

# The archiver looks for new files at least once a minute.
_STUCK_S = 120

_STATS = """
SELECT coalesce(last_archived_wal, ''),
       extract(epoch FROM clock_timestamp() - last_archived_time)::float8,
       failed_count,
       coalesce(last_failed_wal, ''),
       extract(epoch FROM clock_timestamp() - greatest(last_archived_time,
                                                       pg_postmaster_start_time()))::float8
FROM pg_stat_archiver
"""


@dataclasses.dataclass(frozen=True)
class Move:
    """Older archive directories that WAL is still on its way from.

    Attributes:
        sources: They, newest first.
        files: WAL files in them that are not in the directory in force yet; 0 while it is
            proved that all are.
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
        """For a status: "archive: 12 files on their way from /old, 192.0 MB"."""
        whence = ", ".join(map(str, self.sources))
        if self.files:
            noun = "file on its way" if self.files == 1 else "files on their way"
            text = f"archive: {self.files} {noun} from {whence}, {pretty(self.size)}"
        else:
            text = f"archive: leaving {whence}"
        return f"{text} ({self.problem})" if self.problem else text


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
    """How the archive stands, also while the server is stopped. Some milliseconds.

    Args:
        layout: The cluster.
        conn: A local connection, if there is one already; otherwise one is made if the server
            runs.
    """
    now = places.read(layout)
    if now.directory is None or not layout.data_directory.is_dir():
        return Archiver(now.directory)
    last_wal, last_age_s, failed_count, last_failed, idle_s = _stats(layout, conn)
    try:
        facts = program.look(layout, now)
    except program.Failed as error:
        failure = f"archive {now.directory}: {error}"
        return Archiver(
            now.directory, last_wal, last_age_s, failed_count, failing=True, failure=failure
        )
    # Which of the two came later would be told by a clock that may have been stepped. What failed
    # and waits no more was archived since.
    still_waits = bool(last_failed) and (_marks(layout) / f"{last_failed}.ready").exists()
    failure = _failure(layout, now.directory, facts, still_waits, idle_s)
    return Archiver(
        directory=now.directory,
        last_wal=last_wal,
        last_age_s=last_age_s,
        failed_count=failed_count,
        newest_finished=facts["newest"],
        newest_there=facts["newest_there"],
        failing=bool(failure),
        failure=failure,
        waiting=facts["waiting"],
        free_bytes=facts["free"],
        moving=_move(now, facts),
    )


def is_carried(layout: Layout) -> bool:
    """Whether the move service is through and `ensure` has older directories to leave.

    One small file is read, and systemd asked only where there are older directories.
    """
    return bool(places.read(layout).older) and not move.problem()[0]


def _marks(layout: Layout) -> Path:
    return layout.wal_directory / "archive_status"


def _stats(layout: Layout, conn: Connection | None) -> tuple[str, float | None, int, str, float]:
    """The last file archived and its age in seconds, failures, the file that failed last.

    And for how many seconds a running server has archived nothing.
    """
    try:
        if conn is not None:
            row = sql.row(conn, _STATS)
        elif postmaster.is_running(layout):
            with sql.local(layout, timeout_s=5) as own:
                row = sql.row(own, _STATS)
        else:
            return "", None, 0, "", 0.0
    except PostgresqlError:
        return "", None, 0, "", 0.0
    return row[0], row[1], row[2], row[3], row[4]


def _failure(
    layout: Layout, directory: Path, facts: Facts, still_waits: bool, idle_s: float
) -> str:
    if facts["problem"]:
        return f"archive {facts['problem']}"
    if still_waits:
        return f"archive: {failures.newest(layout) or 'the archive command failed'}"
    # Neither what has only begun to wait nor a server that has only begun to run is stuck.
    stuck_s = min(facts["waiting_s"], idle_s)
    if facts["waiting"] and stuck_s > _STUCK_S:
        return f"archive {directory}: nothing was archived for {stuck_s:.0f} s"
    return ""


def _move(now: places.Places, facts: Facts) -> Move | None:
    if not now.older:
        return None
    running, problem = move.problem()
    found = [one for one in facts["sources"] if not one["left"]]
    return Move(
        sources=tuple(Path(one.directory) for one in now.older),
        files=sum(one["files"] for one in found),
        size=sum(one["size"] for one in found),
        running=running,
        problem=problem or "; ".join(one["problem"] for one in found if one["problem"]),
    )
