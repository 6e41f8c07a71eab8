"""What a program that works beside the hooks tells of itself, in a directory of notes."""

from __future__ import annotations

import fcntl
from pathlib import Path

from postgresql import files


def is_at_work(notes: Path) -> bool:
    """Whether the program or one of its children lives: they hold the lock among the notes."""
    try:
        with (notes / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def note(notes: Path, name: str) -> str:
    """What one of the notes says; "" where it is not there."""
    return (files.read(notes / name) or "").strip()
