"""How the archive stands, seen with the eyes of postgres.

Root's are not enough: a network file system may squash root, and a mount whose server is gone
hangs whoever looks, so that a process that can be given up has to.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import TypedDict

from . import carry, marks, wal
from .names import is_segment

_STATUS = os.path.join("pg_wal", "archive_status")


class SourceFacts(TypedDict):
    """An older directory.

    Attributes:
        directory: It.
        left: Nothing of this machine's is in it any more.
        files: WAL files that are not in the directory in force yet.
        size: Bytes of those.
        problem: Why that cannot be told; "" otherwise.
    """

    directory: str
    left: bool
    files: int
    size: int
    problem: str


class Facts(TypedDict):
    """What `look` sees.

    Attributes:
        problem: Why nothing can be archived to the directory; "" if something can.
        free: Bytes free for postgres; None if unknown.
        newest: The newest segment that the server has finished; "" if none.
        newest_there: It lies in the archive, or there is none.
        waiting: Files that wait to be archived.
        waiting_s: How long the first of them does.
        lacking: Finished files that no directory has and that the server does not mean to archive.
        sources: The older directories.
    """

    problem: str
    free: int | None
    newest: str
    newest_there: bool
    waiting: int
    waiting_s: float
    lacking: list[str]
    sources: list[SourceFacts]


def look(directory: str, claim: str, sources: Sequence[carry.Source]) -> Facts:
    """Looks; runs in the data directory.

    Raises:
        OSError: The data directory cannot be read.
    """
    problem, free = "", None
    try:
        marks.require(directory, claim, marks.system_id_of("."))
        space = os.statvfs(directory)
        free = space.f_bavail * space.f_frsize
    except OSError as error:
        problem = marks.words(error)
    ready: list[str] = []
    done: list[str] = []
    for entry in os.listdir(_STATUS):
        name, _, state = entry.rpartition(".")
        {"ready": ready, "done": done}.get(state, []).append(name)
    finished = sorted(name for name in ready + done if is_segment(name))
    passed_over = _passed_over(finished[-1], {*ready, *done}) if finished else []
    everywhere = [directory, *(one.directory for one in sources)]

    def there(name: str) -> bool:
        return any(os.path.exists(os.path.join(one, name)) for one in everywhere)

    facts = [_source(one, directory, claim) for one in sources]
    # While a directory cannot be looked at, nobody knows what the archive lacks.
    blind = problem or any(one["problem"] for one in facts)
    return Facts(
        problem=problem,
        free=free,
        newest=finished[-1] if finished else "",
        newest_there=not finished or there(finished[-1]),
        waiting=len(ready),
        waiting_s=_age(min(ready)) if ready else 0.0,
        lacking=[] if blind else sorted(one for one in done + passed_over if _lacks(one, there)),
        sources=facts,
    )


def requeue(names: Sequence[str]) -> None:
    """Have the server archive what `look` found lacking; runs in the data directory.

    The archiver removes the mark of a segment that has meanwhile been recycled by itself.

    Raises:
        OSError: A mark cannot be made.
    """
    for name in names:
        if not wal.ARCHIVED.fullmatch(name):
            continue
        mark = os.path.join(_STATUS, name)
        try:
            # It waits from now on, however long ago it was archived.
            os.utime(f"{mark}.done")
            os.rename(f"{mark}.done", f"{mark}.ready")
        except FileNotFoundError:
            os.close(os.open(f"{mark}.ready", os.O_WRONLY | os.O_CREAT, 0o600))


def _passed_over(newest: str, marked: set[str]) -> list[str]:
    """Finished segments that the server has made no mark for.

    The last segment of a base backup may have been filled on the primary, and be replayed, without
    the standby ever receiving it; the server would notice only when it comes to recycle it.
    """
    return [
        name
        for name in wal.archived_files("pg_wal")
        if is_segment(name) and name[:8] == newest[:8] and name < newest and name not in marked
    ]


def _lacks(name: str, there: Callable[[str], bool]) -> bool:
    return (
        wal.ARCHIVED.fullmatch(name) is not None
        and os.path.exists(os.path.join("pg_wal", name))
        and not there(name)
    )


def _age(name: str) -> float:
    try:
        return max(0.0, time.time() - os.stat(os.path.join(_STATUS, f"{name}.ready")).st_mtime)
    except FileNotFoundError:
        return 0.0


def _source(source: carry.Source, target: str, claim: str) -> SourceFacts:
    facts = SourceFacts(directory=source.directory, left=False, files=0, size=0, problem="")
    try:
        facts["left"] = carry.is_left(source, claim)
        if facts["left"]:
            return facts
        present = set(wal.archived_files(target)) if os.path.isdir(target) else set[str]()
        for name in wal.archived_files(source.directory):
            if name not in present:
                facts["files"] += 1
                facts["size"] += os.stat(os.path.join(source.directory, name)).st_size
    except FileNotFoundError as error:
        if error.filename and os.path.dirname(error.filename) == source.directory:
            return facts  # Carried over and cleared in this moment; the next look knows.
        facts["problem"] = marks.words(error)
    except OSError as error:
        facts["problem"] = marks.words(error)
    return facts
