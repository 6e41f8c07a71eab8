"""Whether the last hook left a step undone, so that the sentinel has it tried again.

A disk that was full has room again, and no event of Juju's says so. It lies in /run, as what the
sentinel writes does: there is room there, and after a boot Juju raises an event by itself.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

PATH = Path("/run/pg-hot-standby/unfinished")


def note(left: bool, path: Path = PATH) -> None:
    """Notes whether a step failed. Where it cannot be noted, the next event of Juju's does."""
    with contextlib.suppress(OSError):
        if left:
            path.parent.mkdir(exist_ok=True)
            path.touch()
        else:
            path.unlink(missing_ok=True)


def is_noted(path: Path = PATH) -> bool:
    """Whether one failed."""
    return path.exists()
