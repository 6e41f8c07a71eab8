"""Whether a server's disks take what a primary writes."""

from __future__ import annotations

import os
from pathlib import Path

from postgresql.layout import Layout
from postgresql.sizes import pretty

_SEGMENTS = 2
"""The first one of the new timeline is written whole, and the next one soon."""
_PAGES = 2**20
"""Bytes. A table grows by a page of 8 kB, and by 64 of them where many sessions wait for that."""


def ailing(layout: Layout) -> str:
    """Why the disk of a primary's data takes no further page; hangs for as long as the disk does.

    Commits may go on for all that: WAL has a disk of its own, or segments that it writes again.

    Returns:
        What is wrong, and what to do; empty if nothing is.
    """
    directory = layout.data_directory
    try:
        if directory.stat().st_dev != layout.wal_directory.stat().st_dev:
            _write(layout.id_file)
        disk = os.statvfs(directory)
    except OSError as error:
        return f"{directory}: {error.strerror}; see dmesg"
    return f"{directory} is full; make room" if disk.f_bavail * disk.f_frsize < _PAGES else ""


def _write(path: Path) -> None:
    """Have it on the disk that a file has changed, which is there for good.

    Where WAL has no disk of its own, every commit shows as much.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.utime(handle)
        os.fsync(handle)
    finally:
        os.close(handle)


def lacking(layout: Layout, segment_size: int) -> str:
    """What has to be freed before this server can be promoted; below 1 ms.

    A standby needs no room to go on replaying what it has. One that is promoted without any ends
    in a crash, comes back as a standby, and is as far on as before.

    Args:
        layout: The cluster.
        segment_size: Of its WAL, in bytes.

    Returns:
        How little there is, and where; empty where there is enough.
    """
    needed = _SEGMENTS * segment_size
    for path in (layout.wal_directory, layout.data_directory):
        try:
            disk = os.statvfs(path)
        except OSError as error:
            return f"{path}: {error.strerror}"
        free = disk.f_bavail * disk.f_frsize
        if free < needed:
            return f"{path} has {pretty(free)} free, and needs {pretty(needed)}"
    return ""
