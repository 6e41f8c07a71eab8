"""Tablespaces of a copied cluster: their places on this machine, and how a copy takes them.

A tablespace keeps its path on every server. Its copy grows beside that path, and takes the path
when the copied data directory takes its own, so that what is there serves until then.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from postgresql import cluster, files
from postgresql.errors import CloneRefused, FileRefused
from postgresql.sql import Connection, rows

_PARTIAL = ".clone.partial"


@dataclasses.dataclass(frozen=True)
class Tablespace:
    """A tablespace outside of the data directory.

    Attributes:
        location: Its directory on every server.
        size: Bytes, as the primary says.
    """

    location: Path
    size: int

    @property
    def partial(self) -> Path:
        """Where its copy grows."""
        return partial_of(self.location)


def partial_of(location: Path) -> Path:
    """Where a tablespace's copy grows."""
    return location.with_name(location.name + _PARTIAL)


def ask(conn: Connection) -> tuple[int, tuple[Tablespace, ...]]:
    """The size in bytes of a server's data directory without WAL, and its other tablespaces.

    Needs pg_monitor.
    """
    inside = 0
    outside: list[Tablespace] = []
    found = rows(
        conn, "SELECT pg_tablespace_location(oid), pg_tablespace_size(oid) FROM pg_tablespace"
    )
    for location, size in found:
        # pg_default and pg_global have none; one "in place" (a developer's) has a relative one.
        if location.startswith("/"):
            outside.append(Tablespace(Path(location), size))
        else:
            inside += size
    return inside, tuple(outside)


def make_room(tablespaces: Iterable[Tablespace]) -> None:
    """Make an empty directory of postgres' for the copy of each.

    Raises:
        CloneRefused: It cannot be made.
    """
    for tablespace in tablespaces:
        try:
            files.remove_tree(tablespace.partial)
            files.make_directory(tablespace.partial, mode=0o700)
        except FileRefused as error:
            raise CloneRefused(
                f"copy the tablespace {tablespace.location}",
                str(error),
                "make the directory above it, as on the primary",
            ) from error


def take_over(data_directory: Path, stamp: str) -> None:
    """Give each tablespace of a finished copy its own path, setting aside what is there.

    May be called again after an interruption.

    Args:
        data_directory: Of the copy; no server runs on it.
        stamp: Part of the name of what is set aside.

    Raises:
        ServerRefused: A directory cannot be set aside.
        FileRefused: A copy cannot be given its path.
    """
    for link in sorted((data_directory / "pg_tblspc").iterdir()):
        if not link.is_symlink() or not str(link.readlink()).endswith(_PARTIAL):
            continue
        copy = link.readlink()
        location = copy.with_name(copy.name.removesuffix(_PARTIAL))
        if copy.exists():
            if location.exists():
                cluster.set_directory_aside(location, stamp, f"set {location} aside")
            with files.refusal_of(f"rename {copy}"):
                copy.rename(location)
                files.sync(location.parent)
        new = link.with_name(f"{link.name}.new")
        new.unlink(missing_ok=True)
        new.symlink_to(location)
        new.replace(link)
        files.sync(link.parent)


def forget(data_directory: Path) -> None:
    """Delete the copies of tablespaces that a copied data directory refers to."""
    for link in (data_directory / "pg_tblspc").glob("*"):
        if link.is_symlink() and str(link.readlink()).endswith(_PARTIAL):
            files.remove_tree(link.readlink())
