"""A directory made, marked and proved before anything is archived to it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from pathlib import Path

from postgresql import files
from postgresql.archive import paths, program
from postgresql.archive.keeper import claims, wal
from postgresql.archive.keeper.names import is_segment
from postgresql.archive.places import Places
from postgresql.errors import ArchiveRefused
from postgresql.layout import Layout
from postgresql.sizes import pretty

_SEGMENTS_TO_SPARE = 2
_USUAL_SEGMENT = 16 << 20
_TABLESPACE = re.compile(r"PG_[0-9.]+_[0-9]+")


def prove(layout: Layout, path: Path, places: Places, system_id: str) -> None:
    """Make the directory if it is missing, prove as postgres that it serves, and mark it.

    What was made for a directory that does not serve is taken away again. One that exists is
    taken as it is, except that an empty one of root's (a fresh mount) is given to postgres.

    Args:
        layout: The cluster that is to archive there.
        path: The directory.
        places: Those in force.
        system_id: Of the cluster.

    Raises:
        ArchiveRefused: It cannot be the archive.
    """
    try:
        _check_surroundings(layout, path)
        if path == places.directory:
            _check_mount(path, places.mount_point)
        made = _make(path)
    except OSError as error:
        raise ArchiveRefused(str(path), _words(error)) from None
    try:
        _check_space(layout, path, places)
        program.claim(path, places.claim, system_id)
    except (ArchiveRefused, program.Failed) as error:
        for directory in made:
            with contextlib.suppress(OSError):
                directory.rmdir()
        if isinstance(error, ArchiveRefused):
            raise
        raise ArchiveRefused(str(path), str(error), _remedy(path)) from None


def _check_surroundings(layout: Layout, path: Path) -> None:
    """Nothing that a symbolic link leads to is exempt from what is refused as text."""
    real = path.resolve()
    paths.check_place(str(path), real)
    data = [layout.data_directory.resolve(), layout.wal_directory.resolve()]
    for above in (real, *real.parents):
        if above in data or (above / "PG_VERSION").exists() or _TABLESPACE.fullmatch(above.name):
            raise ArchiveRefused(str(path), f"it lies in PostgreSQL's own directory {above}")
    if any(one.is_relative_to(real) for one in data):
        raise ArchiveRefused(str(path), f"the data directory {layout.data_directory} is in it")
    for above in (real, *real.parents):
        if above.exists() and not above.is_dir():
            raise ArchiveRefused(str(path), f"{above} is a file, not a directory")


def _check_mount(path: Path, expected: str) -> None:
    """The directory in force is made anew only where it was, not under a mount that is away."""
    if (found := claims.mount_point(str(path))) != expected:
        raise ArchiveRefused(
            str(path),
            f"its file system was mounted on {expected}, and now it is the one on {found}",
            "mount it again, or set another archive-path",
        )


def _make(path: Path) -> list[Path]:
    """Make what is missing; returns it, the innermost first."""
    made: list[Path] = []
    if not path.is_dir():
        missing = [one for one in (path, *path.parents) if not one.exists()]
        for one in reversed(missing):
            one.mkdir(mode=0o755)
            made.insert(0, one)
            files.sync(one.parent)
    if made or (
        path.stat().st_uid == 0 and {one.name for one in path.iterdir()} <= {"lost+found"}
    ):
        shutil.chown(path, files.OWNER, files.OWNER)
        path.chmod(0o700)
    return made


def _check_space(layout: Layout, path: Path, places: Places) -> None:
    """Room for what comes over from other file systems, and for some segments more."""
    try:
        space = os.statvfs(path)
    except PermissionError:
        return  # A network file system that squashes root: the proof by postgres has to do.
    needed = _SEGMENTS_TO_SPARE * _segment_size(layout)
    # Of one that is away, and is left for that, nobody knows how much will come.
    with contextlib.suppress(program.Failed):
        needed += program.ask(layout, lambda: _coming(path, places))
    free = space.f_bavail * space.f_frsize
    if free < needed:
        raise ArchiveRefused(
            str(path), f"{pretty(free)} are free there, and {pretty(needed)} are needed"
        )


def _coming(path: Path, places: Places) -> int:
    """Bytes of the files that will come over from other file systems."""
    device = path.stat().st_dev
    present = set(wal.archived_files(path))
    size = 0
    for source in places.all:
        with contextlib.suppress(OSError):
            older = Path(source.directory)
            if older.stat().st_dev != device:
                size += sum(
                    (older / name).stat().st_size
                    for name in wal.archived_files(older)
                    if name not in present
                )
    return size


def _segment_size(layout: Layout) -> int:
    try:
        segments = [one for one in layout.wal_directory.iterdir() if is_segment(one.name)]
        return segments[0].stat().st_size if segments else _USUAL_SEGMENT
    except OSError:
        return _USUAL_SEGMENT


def _remedy(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return ""
    if status.st_uid == 0 and not os.statvfs(path).f_flag & os.ST_RDONLY:
        return f"it belongs to root; give it to postgres or name another one ({path})"
    return ""


def _words(error: OSError) -> str:
    return f"{error.strerror}: {error.filename}" if error.filename else str(error)
