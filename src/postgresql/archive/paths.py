"""Which paths can be an archive at all, and the commands that PostgreSQL runs for one.

Nothing here looks at the machine.
"""

from __future__ import annotations

import posixpath
import shlex
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from postgresql.errors import ArchiveRefused

PROGRAM = Path("/usr/local/lib/pg-hot-standby/archive")
"""The keeper on the machine."""

SYSTEM_TREES = (
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/lost+found",
    "/proc",
    "/run",
    "/sbin",
    "/snap",
    "/sys",
    "/usr",
    "/var/cache",
    "/var/lib/apt",
    "/var/lib/dpkg",
    "/var/lib/juju",
    "/var/lib/systemd",
    "/var/lock",
    "/var/run",
)
CLEANED_TREES = ("/tmp", "/var/tmp")  # noqa: S108 - they are refused
SHARED_DIRECTORIES = (
    "/",
    "/home",
    "/media",
    "/mnt",
    "/opt",
    "/root",
    "/srv",
    "/var",
    "/var/backups",
    "/var/lib",
    "/var/lib/postgresql",
    "/var/local",
    "/var/log",
    "/var/mail",
    "/var/spool",
)

_LONGEST_COMMAND = 1023
"""Bytes. Up to PostgreSQL 15 the archiver builds its command in a buffer of MAXPGPATH (1024) and
cuts off what is longer, silently. Source: src/backend/postmaster/shell_archive.c."""
_LONGEST_FILE = "pg_wal/000000010000000000000001.00000028.backup"
_LONGEST_NAME = 255
"""NAME_MAX of Linux."""


def check_path(text: str) -> Path:
    """The archive directory that an operator's text names.

    Pure: what only the machine can tell (data directory, ownership, space, marks of another
    cluster) is found out by `ensure`.

    Returns:
        The path without doubled or trailing slashes.

    Raises:
        ArchiveRefused: Relative, with `..`, a control character or invalid UTF-8 in it, in a
            directory of the system, or too long for what the server can run.
    """
    if not text:
        raise ArchiveRefused(text, "it is empty", "give an absolute path")
    if not text.startswith("/"):
        raise ArchiveRefused(text, "it is not an absolute path", "give one that begins with /")
    for character in text:
        category = unicodedata.category(character)
        # Line and paragraph separators (Zl, Zp) break a status as a newline does.
        if category in ("Cc", "Cs", "Zl", "Zp"):
            raise ArchiveRefused(text, f"it contains the control character U+{ord(character):04X}")
    if ".." in text.split("/"):
        raise ArchiveRefused(text, "it contains ..", "write it without")
    path = Path("/" + posixpath.normpath(text).lstrip("/"))
    check_place(text, path)
    longest = max(len(part.encode()) for part in path.parts)
    if longest > _LONGEST_NAME:
        raise ArchiveRefused(
            text, f"a name in it is too long: {longest} bytes, and {_LONGEST_NAME} are the most"
        )
    command = archive_command(path, "x" * 40).replace("%p", _LONGEST_FILE).replace("%%", "%")
    if (length := len(command.encode())) > _LONGEST_COMMAND:
        raise ArchiveRefused(
            text, f"it is too long: {length - _LONGEST_COMMAND} bytes more than the server takes"
        )
    return path


def check_place(text: str, path: Path) -> None:
    """Refuse a path for where it lies.

    Raises:
        ArchiveRefused: It is, or lies in, a directory of the system.
    """
    if str(path) in SHARED_DIRECTORIES:
        raise ArchiveRefused(
            text, f"{path} is a directory of the system", "name a directory of its own in it"
        )
    for tree in SYSTEM_TREES:
        if path.is_relative_to(tree):
            raise ArchiveRefused(text, f"{tree} is a directory of the system")
    for tree in CLEANED_TREES:
        if path.is_relative_to(tree):
            raise ArchiveRefused(text, f"the system deletes old files in {tree}")


def archive_command(directory: Path, claim: str) -> str:
    """The value of archive_command: durable, never overwriting; see keeper/durable.py."""
    return f'{PROGRAM} push "%p" {_quote(directory)} {_quote(claim)}'


def restore_command(directories: Sequence[Path]) -> str:
    """The value of restore_command: the first of these directories that has the file.

    Plain shell, so that an archive can be recovered from without the charm. The first directory
    is asked once more at the end where there are several: the file may have been carried over
    to it since it was first asked.
    """
    asked = [*directories, *directories[:1]] if len(directories) > 1 else directories
    places = " ".join(_quote(one) for one in asked)
    return f'for d in {places}; do if [ -f "$d/%f" ]; then exec cp "$d/%f" "%p"; fi; done; exit 1'


def _quote(word: object) -> str:
    """A word for the shell, in a command in which PostgreSQL replaces what begins with %."""
    return shlex.quote(str(word)).replace("%", "%%")
