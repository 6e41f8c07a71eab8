"""File systems of their own for a test."""

import contextlib
import os
import subprocess
from collections.abc import Generator
from pathlib import Path

from postgresql.layout import Layout

DISK = "size=160m,mode=0700,uid=postgres,gid=postgres"
"""One for a server's files."""


@contextlib.contextmanager
def mounted(at: Path, options: str = "size=64m") -> Generator[Path, None, None]:
    """A tmpfs at that path; it may have been unmounted when this ends."""
    at.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(at)], check=True)
    try:
        yield at
    finally:
        unmount(at)


def unmount(at: Path) -> None:
    subprocess.run(["umount", "--lazy", str(at)], check=False)


@contextlib.contextmanager
def moved(directory: Path, to: Path, options: str = DISK) -> Generator[None, None, None]:
    """A directory's files on a tmpfs made at another path, while their own stays theirs."""
    with mounted(to, options):
        subprocess.run(["cp", "-a", f"{directory}/.", to], check=True)
        subprocess.run(["mount", "--bind", to, directory], check=True)
        try:
            yield
        finally:
            unmount(directory)


def move_wal(layout: Layout, to: Path) -> None:
    """The WAL of a server that is stopped to another directory."""
    for parent in (to.parent, to.parent.parent, to.parent.parent.parent):
        parent.chmod(0o755)
    for path in layout.wal_directory.iterdir():
        subprocess.run(["mv", path, to], check=True)
    layout.wal_directory.rmdir()
    layout.wal_directory.symlink_to(to)


def fill(path: Path) -> None:
    """Takes all the room there is on a disk by a file there."""
    subprocess.run(
        ["dd", "if=/dev/zero", f"of={path}", "bs=64k"], check=False, capture_output=True
    )
    assert os.statvfs(path.parent).f_bavail == 0
