"""What the sentinel has found, for the hooks that its events raise.

It lies in /run: writing there never waits for a disk that hangs, which is one of the things to
be told of; and of a sentinel that does not run there is nothing to read.
"""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

PATH = Path("/run/pg-hot-standby/sentinel.json")


@dataclass(frozen=True)
class Findings:
    """What the sentinel has found.

    Attributes:
        term: of the mandate under which it looked.
        lost: why the primary takes no write from here; empty while it does.
        lost_long: it has taken none for longer than an isolated primary goes on.
        since: when it took the last one, in seconds since 1970; 0 while it is not lost.
        unwell: why the own server, a primary's, takes no write; empty while it does.
        ailing: what is wrong with the disk of the own server's data, a primary's; empty: nothing.
        promoted: the term that the unit has begun by itself as a successor; 0: none.
        stopped: why the sentinel has stopped the server; empty once it may run again.
        heard: how far the primary that it follows, or followed last, had told that its log
            reached, in bytes; 0: not known.
        heard_at: when it told so last, in seconds since 1970.
        heard_term: of that primary.
    """

    term: int = 0
    lost: str = ""
    lost_long: bool = False
    since: float = 0.0
    unwell: str = ""
    ailing: str = ""
    promoted: int = 0
    stopped: str = ""
    heard: int = 0
    heard_at: int = 0
    heard_term: int = 0

    def about(self, term: int) -> Findings:
        """What of it concerns the primary of a term: that another one was lost says nothing.

        A hook that reads a new record may come before the sentinel has turned to it.
        """
        if term == self.term:
            return self
        return dataclasses.replace(self, term=term, lost="", lost_long=False, since=0.0)


def read(path: Path = PATH) -> Findings:
    """Reads what was found last, also by another build; nothing where there is nothing to read."""
    try:
        raw: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Findings()
    if not isinstance(raw, dict):
        return Findings()
    nothing = dataclasses.asdict(Findings())
    values = {
        name: value
        for name, value in cast("dict[str, Any]", raw).items()
        if name in nothing and type(value) is type(nothing[name])
    }
    return Findings(**values)


def write(findings: Findings, path: Path = PATH) -> None:
    """Writes it whole.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text(json.dumps(dataclasses.asdict(findings), sort_keys=True), encoding="utf-8")
    os.replace(new, path)  # noqa: PTH105 - Path.replace does the same and reads as text
