"""WAL on a disk of its own: whatever is mounted at /var/lib/postgresql-wal.

A data directory that is made while that is mounted, by initdb or as a copy, has its pg_wal as a
link to a directory there. Each has one of its own, so that one that is set aside keeps its WAL,
and a copy grows beside the one that serves.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path

from postgresql import files
from postgresql.layout import WAL_DISK, Layout


def stem(layout: Layout) -> Path | None:
    """What the WAL directory of a new data directory is named with, a point and a word behind it.

    The directory above it is made if need be.

    Returns:
        None where no disk for WAL is mounted.

    Raises:
        FileRefused: That directory cannot be made.
    """
    if not os.path.ismount(WAL_DISK):
        return None
    files.make_directory(WAL_DISK / str(layout.major))
    return WAL_DISK / str(layout.major) / layout.name


def directory(layout: Layout) -> Path | None:
    """A place for the WAL of a new data directory; nothing is there yet. Otherwise as `stem`."""
    place = stem(layout)
    return place and place.with_name(f"{place.name}.{secrets.token_hex(4)}")


def remove(directory: Path) -> bool:
    """Delete a data directory, and its WAL where that lies on the disk.

    WAL goes by no other way: a data directory that is not to be seen may be on a disk that is only
    not mounted, or have been moved.

    Returns:
        Whether it was there.
    """
    link = directory / "pg_wal"
    # First: nothing else names it.
    if link.is_symlink() and WAL_DISK in link.readlink().parents:
        shutil.rmtree(link.readlink(), ignore_errors=True)
    return files.remove_tree(directory)


def sweep(layout: Layout) -> None:
    """Delete the places that were made for WAL and never had any: a copy ended just then."""
    for place in (WAL_DISK / str(layout.major)).glob(f"{layout.name}.*"):
        # Nothing that was used is empty, and this deletes only what is.
        with contextlib.suppress(OSError):
            place.rmdir()
