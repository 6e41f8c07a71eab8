"""archive_command. Runs for each segment, so that it imports little and starts rarely.

The server starts its archive_command for one file at a time. Where more files wait, one start of
this program archives the next ones as well, and notes each; the launcher (archive.sh.j2), which
is a few lines of shell, then says yes to the server's calls for those without starting Python.

Why that breaks no promise:

- A file that the server has marked ready is finished and never written again, so that archiving
  it before the server asks for it archives the same bytes. It goes through `durable.put` like
  any other: whole, flushed, under its final name by link(), never over another file.
- A note is made when the file and its directory have been flushed and the claim was seen again,
  never before. It is not flushed itself: after a power cut it may be gone, and then the file
  is archived the long way, which finds an identical one.
- The launcher takes a note only if it was made for the directory and the claim of the call, by
  the same run of the server (its process and start, from postmaster.pid), after the server's
  file was last written, and if the file and the claim are in the archive now. A directory that
  is not mounted, was emptied or was left, a file that was deleted, and a segment that pg_rewind,
  a restored backup or a clone has put in the place of the noted one all go the long way.
- Whatever fails for one of the next files is told when the server asks for that file.
"""

from __future__ import annotations

import os

from . import durable, marks
from .names import is_segment

NOTES = "pg_hot_standby.archived"
"""In the data directory: a file for each noted segment, which says for what it was made."""
_STATUS = os.path.join("pg_wal", "archive_status")
_AHEAD_BYTES = 1 << 28
"""Of segments that are archived in one start. A server that is told to stop waits for its end."""


def push(path: str, directory: str, claim: str) -> None:
    """Archive one file of the server's, and the next ones; runs in the data directory.

    Raises:
        OSError: The one is not archived.
    """
    system_id = marks.system_id_of(".")
    marks.require(directory, claim, system_id)
    name = os.path.basename(path)
    ready = _ready()
    ahead = _ahead(name, ready, os.stat(path).st_size)
    failures = _put([path, *(os.path.join("pg_wal", one) for one in ahead)], directory, claim)
    # The directory may have been left meanwhile; then the files have to go to the next one.
    marks.require(directory, claim, system_id)
    archived = [one for one, failure in zip(ahead, failures[1:], strict=True) if failure is None]
    try:
        _note(archived, directory, claim)
        _forget(ready)
    except OSError:
        pass  # The data directory is full, say; without a note a file goes the long way.
    if failures[0] is not None:
        raise failures[0]


def _ready() -> set[str]:
    """Names of the files that the server means to archive."""
    try:
        return {one[:-6] for one in os.listdir(_STATUS) if one.endswith(".ready")}
    except FileNotFoundError:
        return set()


def _ahead(name: str, ready: set[str], size: int) -> list[str]:
    """The segments that the server will ask for next: it takes the oldest first."""
    if not is_segment(name):
        return []
    count = _AHEAD_BYTES // max(size, 1) - 1
    return sorted(one for one in ready if is_segment(one) and one > name)[:count]


def _put(paths: list[str], directory: str, claim: str) -> list[OSError | None]:
    """Archive files, two at a time: while one is flushed, the next one is copied."""
    failures: list[OSError | None] = [None] * len(paths)
    waiting = list(range(len(paths)))

    def work() -> None:
        while True:
            try:
                number = waiting.pop(0)
            except IndexError:
                return
            try:
                path = paths[number]
                durable.put(path, directory, os.path.basename(path), claim)
            except OSError as error:
                failures[number] = error

    if len(paths) == 1:
        work()
        return failures
    import threading  # Takes longer to import than one file needs.

    other = threading.Thread(target=work)
    other.start()
    work()
    other.join()
    return failures


def _note(names: list[str], directory: str, claim: str) -> None:
    if not names:
        return
    try:
        text = f"{_run_of_the_server()} {claim} {directory}\n"
    except (OSError, IndexError):
        return  # Nobody could say later whose notes they are.
    os.makedirs(NOTES, mode=0o700, exist_ok=True)
    for name in names:
        # Under another name first, so that the launcher never reads half of one.
        new = os.path.join(NOTES, f".{name}")
        with open(new, "w") as note:
            note.write(text)
        os.rename(new, os.path.join(NOTES, name))


def _run_of_the_server() -> str:
    """The postmaster's process and when it started.

    Source: src/include/utils/pidfile.h, lines 1 and 3.
    """
    with open("postmaster.pid") as file:
        lines = file.read().splitlines()
    return f"{lines[0]} {lines[2]}"


def _forget(ready: set[str]) -> None:
    """Remove the notes of files that the server has asked for, and such as a clone came with."""
    try:
        noted = os.listdir(NOTES)
    except FileNotFoundError:
        return
    for name in noted:
        if name not in ready:
            try:
                os.unlink(os.path.join(NOTES, name))
            except FileNotFoundError:
                pass
