"""Whether a server's disks have room for what a primary writes."""

from __future__ import annotations

import os

from postgresql.layout import Layout
from postgresql.sizes import pretty

_SEGMENTS = 2
"""The first one of the new timeline is written whole, and the next one soon."""


_PAGES = 2**20
"""Bytes. A table grows by a page of 8 kB, and by 64 of them where many sessions wait for that."""


def full(layout: Layout) -> str:
    """Which disk of a primary has no room for another page of a table; below 1 ms.

    Commits that need none go on, and so does whatever is probed by one: WAL has a disk of its own,
    or segments that it writes again.

    Args:
        layout: The cluster.

    Returns:
        What is full; empty if nothing is.
    """
    try:
        disk = os.statvfs(layout.data_directory)
    except OSError:
        return ""
    return f"{layout.data_directory} is full" if disk.f_bavail * disk.f_frsize < _PAGES else ""


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
