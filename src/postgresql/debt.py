"""What a log that was set aside held, and the one in its place must come to.

A standby that is cloned anew goes on serving meanwhile, and commits are acknowledged because it
has flushed them. The copy may have ended before them. Until it has caught up, what it says of its
log in an election would leave them out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from postgresql import files, logend, seal
from postgresql.layout import NOTES, Layout


def note(layout: Layout) -> None:
    """Note where the log ends that is about to be set aside; cuts it off from its primary.

    Raises:
        ServerRefused: It is a primary that does not stop.
        FileRefused: It cannot be noted.
    """
    seal.seal(layout)
    end = logend.look(layout)
    reached, lsn = (end.reached, end.lsn) if end else (0, logend.of_stopped(layout))
    before_reached, before_lsn = _read(layout)
    # One that was set aside before it had paid hands its debt on.
    owed = {"reached": max(reached, before_reached), "lsn": max(lsn, before_lsn)}
    files.make_directory(NOTES, owner="root")
    files.write(_path(layout), json.dumps(owed), owner="root", mode=0o600)


def is_paid(layout: Layout, reached: int, lsn: int) -> bool:
    """Whether a log has come to all that those set aside before it held.

    Args:
        layout: The cluster.
        reached: The term that the log has reached: a later one than was owed holds it all.
        lsn: Where it ends.
    """
    owed_reached, owed_lsn = _read(layout)
    return lsn >= owed_lsn or 0 < owed_reached < reached


def _path(layout: Layout) -> Path:
    return NOTES / f"debt-{layout.major}-{layout.name}.json"


def _read(layout: Layout) -> tuple[int, int]:
    raw: Any = json.loads(files.read(_path(layout)) or "{}")
    found = cast("dict[str, int]", raw)
    return found.get("reached", 0), found.get("lsn", 0)
