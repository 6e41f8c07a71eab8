"""The WAL of older archive directories, carried over into the one in force.

May be killed at any point and started again: a file is only taken away from where it was once
everything is proved to lie in the new directory, and that proof is itself a file (marks.LEAVING).
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import secrets
from collections.abc import Callable

from . import claims, durable, marks, wal


@dataclasses.dataclass(frozen=True)
class Source:
    """An older archive directory.

    Attributes:
        directory: It.
        mount_point: Of the file system that held it when it was the archive.
    """

    directory: str
    mount_point: str


class Stuck(Exception):
    """Files cannot be carried over now; says why, with the path."""


def carry(
    source: Source, target: str, claim: str, tell: Callable[[str], None] = lambda _: None
) -> None:
    """Carry over all that one older directory holds, prove it, and leave the directory.

    Files of the archive are removed from it unless other machines archive there too; all else
    in it is left alone.

    Args:
        source: The older directory.
        target: The directory in force.
        claim: This machine's claim on both.
        tell: Is told how far it is, in words for `systemctl status`.

    Raises:
        Stuck: Why it cannot be done now. Nothing is lost; to be called again.
    """
    try:
        if is_left(source, claim):
            return
        _see_two_directories(source.directory, target, claim)
        if not _is_there(_leaving(source, claim)):
            _copy_and_prove(source, target, claim, tell)
            # From here on this machine's archive_command cannot put anything here any more.
            os.rename(marks.path(source.directory, claim), _leaving(source, claim))
            durable.fsync(source.directory)
        _clear(source, target, claim)
    except OSError as error:
        raise Stuck(marks.words(error)) from error


def is_left(source: Source, claim: str) -> bool:
    """Whether nothing of this machine's is in the directory any more.

    Raises:
        OSError: That cannot be told: it is missing, or its file system is not mounted.
    """
    os.stat(source.directory)
    if claims.mount_point(source.directory) != source.mount_point:
        raise OSError(
            errno.ENOENT,
            f"its file system, which was mounted on {source.mount_point}, is away",
            source.directory,
        )
    return not (
        _is_there(marks.path(source.directory, claim)) or _is_there(_leaving(source, claim))
    )


def _is_there(path: str) -> bool:
    """Unlike os.path.lexists, which takes a directory that may not be read for an empty one."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    return True


def _leaving(source: Source, claim: str) -> str:
    return os.path.join(source.directory, marks.LEAVING + claim)


def _see_two_directories(source: str, target: str, claim: str) -> None:
    """One directory under two names must never be cleared: not seen by inode over two mounts."""
    stem = f"{durable.TEMPORARY}.probe.{claim}."
    for left_over in [one for one in os.listdir(target) if one.startswith(stem)]:
        os.unlink(os.path.join(target, left_over))
    # A new name each time: a network file system may remember that an old one was not there.
    name = stem + secrets.token_hex(4)
    probe = os.path.join(target, name)
    os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        if os.path.lexists(os.path.join(source, name)):
            raise Stuck(f"{source}: is the same directory as {target}")
    finally:
        os.unlink(probe)


def _copy_and_prove(source: Source, target: str, claim: str, tell: Callable[[str], None]) -> None:
    broken_before = wal.chain(source.directory).gaps
    proved: set[str] = set()
    # The server may finish a file here that it began before it took the new directory.
    while missing := [name for name in wal.archived_files(source.directory) if name not in proved]:
        for count, name in enumerate(missing, 1):
            _place(source.directory, target, name, claim)
            proved.add(name)
            if count % 32 == 0 or count == len(missing):
                tell(f"{count} of {len(missing)} files of {source.directory} carried over")
        durable.fsync(target)
    absent = proved.difference(wal.archived_files(target))
    if absent:
        raise Stuck(f"{target}: {min(absent)} was carried over and is gone again")
    for gap in wal.chain(target).gaps:
        # What was missing before is no fault of the change, and staying would not bring it back.
        if not any(before.covers(gap) for before in broken_before):
            raise Stuck(f"{target}: {gap} is missing, so that {source.directory} is kept")


def _clear(source: Source, target: str, claim: str) -> None:
    for name in os.listdir(source.directory):
        # Of a copy that was cut off, and never tried again here.
        if name.startswith(f"{durable.TEMPORARY}.") and name.endswith(f".{claim}"):
            os.unlink(os.path.join(source.directory, name))
    if not claims.others(source.directory, claim):
        for name in wal.archived_files(source.directory):
            _place(source.directory, target, name, claim)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(source.directory, name))
        durable.fsync(source.directory)
    os.unlink(_leaving(source, claim))
    durable.fsync(source.directory)


def _place(source: str, target: str, name: str, claim: str) -> None:
    """One file, in both directories afterwards; a link where they are of one file system."""
    old, new = os.path.join(source, name), os.path.join(target, name)
    try:
        try:
            if os.path.lexists(new) and os.path.samefile(old, new):
                return
            os.link(old, new)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            durable.put(old, target, name, f"carry.{claim}")
        else:
            durable.fsync(new)
    except FileNotFoundError:
        # Another machine that shares the old directory has left it as the last one, which it
        # does only with the file carried over; ours is there unless it went elsewhere.
        if os.path.lexists(old) or not os.path.lexists(new):
            raise


_NO_LINK = (
    errno.EEXIST,
    errno.EXDEV,
    errno.EPERM,
    errno.EMLINK,
    errno.EOPNOTSUPP,
)
