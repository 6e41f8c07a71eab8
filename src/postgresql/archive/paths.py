"""Which paths can be an archive at all, without a look at the machine."""

from __future__ import annotations

from pathlib import Path


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
    raise NotImplementedError
