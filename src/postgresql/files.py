"""Files on this machine: written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
from collections.abc import Generator
from pathlib import Path

from postgresql.errors import FileRefused

# charmhelpers.core.host raises at import where os-release does not name Ubuntu, so that it is
# imported where a machine is changed, and the charm's logic can be read and tested elsewhere.

OWNER = "postgres"


def read(path: Path) -> str | None:
    """The file's text; None where there is no such file."""
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None


def write(path: Path, text: str, owner: str = OWNER, mode: int = 0o640) -> bool:
    """Make the file hold exactly this text, by a rename, so that no reader sees half of it.

    Args:
        path: The file; its directory must exist.
        text: All of it.
        owner: User and group that it shall belong to.
        mode: Its permissions.

    Returns:
        Whether anything changed.

    Raises:
        FileRefused: A full disk, say; the former file is there still.
    """
    # A dot in front: PostgreSQL's include_dir and systemd pass over such names.
    new = path.with_name(f".{path.name}.new")
    with refusal_of(f"write {path}"):
        # What an interruption left of it: it may hold a password, and write_file would fill it
        # before it narrows its mode.
        remove(new)
    if _is(path, text, owner, mode):
        return False
    from charmhelpers.core import host

    with refusal_of(f"write {path}"):
        host.write_file(str(new), text.encode(), owner=owner, group=owner, perms=mode)
        sync(new)
        new.replace(path)
        sync(path.parent)
    return True


def make_directory(path: Path, owner: str = OWNER, mode: int = 0o755) -> bool:
    """Make a directory, and those above it, unless it is there.

    Returns:
        Whether it was made.

    Raises:
        FileRefused: It cannot be made.
    """
    if path.is_dir():
        return False
    from charmhelpers.core import host

    with refusal_of(f"make the directory {path}"):
        host.mkdir(str(path), owner=owner, group=owner, perms=mode)
    return True


@contextlib.contextmanager
def refusal_of(what: str) -> Generator[None, None, None]:
    """Tell what the operating system refuses in the block as FileRefused.

    Args:
        what: Is done there: "write /etc/x".
    """
    try:
        yield
    except OSError as error:
        raise FileRefused(what, error.strerror or str(error)) from error


def sync(path: Path) -> None:
    """Bring a file's content, or a directory's entries, safely to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Delete a file if it is there.

    Even to delete what is not there would wait for a disk that takes no write.
    """
    if os.path.lexists(path):
        path.unlink(missing_ok=True)


def remove_tree(path: Path) -> bool:
    """Delete a directory with all that is in it.

    Returns:
        Whether it was there.
    """
    if not path.exists():
        return False
    shutil.rmtree(path)
    return True


def _is(path: Path, text: str, owner: str, mode: int) -> bool:
    try:
        status = path.stat()
        if path.read_bytes() != text.encode():
            return False
    except FileNotFoundError:
        return False
    return status.st_mode & 0o7777 == mode and status.st_uid == pwd.getpwnam(owner).pw_uid
