"""Which way a log has come, and where two logs part.

Source: src/backend/access/transam/timeline.c and the history files in pg_wal, a line of which is
"1<tab>0/3000148<tab>no recovery target specified": the timeline 1 ended there.
"""

from __future__ import annotations

import dataclasses
import re

from postgresql import files
from postgresql.layout import Layout

_LINE = re.compile(r"^\s*([0-9]+)\s+([0-9A-Fa-f]+)/([0-9A-Fa-f]+)", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Timeline:
    """A timeline with those before it.

    Attributes:
        number: Its own.
        before: The older ones, oldest first, each with the LSN in bytes at which the next began.
    """

    number: int
    before: tuple[tuple[int, int], ...] = ()

    @classmethod
    def parse(cls, number: int, history: str) -> Timeline:
        r"""The timeline whose history file has this text; "" if it has none.

        >>> Timeline.parse(2, "1\t0/3000148\tno recovery target specified\n")
        Timeline(number=2, before=((1, 50331976),))
        """
        return cls(
            number,
            tuple(
                (int(line[1]), int(line[2], 16) << 32 | int(line[3], 16))
                for line in _LINE.finditer(history)
            ),
        )

    @classmethod
    def here(cls, layout: Layout, number: int) -> Timeline:
        """A timeline that this cluster has the history of."""
        return cls.parse(number, files.read(layout.wal_directory / f"{number:08X}.history") or "")

    def fork(self, other: Timeline) -> int | None:
        """The LSN in bytes up to which a log on this timeline is one with a log on the other.

        None where both are on the same one.

        >>> first, second = Timeline(1), Timeline(2, ((1, 700),))
        >>> first.fork(second), second.fork(first), second.fork(second)
        (700, 700, None)
        >>> Timeline(3, ((1, 700), (2, 900))).fork(Timeline(4, ((1, 700), (2, 800))))
        800
        >>> Timeline(3, ((1, 700),)).fork(Timeline(4, ((1, 700), (2, 800))))
        700
        """
        common = 0
        mine = (*self.before, (self.number, None))
        theirs = (*other.before, (other.number, None))
        for (here, end_here), (there, end_there) in zip(mine, theirs, strict=False):
            if here != there:
                break
            if end_here != end_there:
                return min(end for end in (end_here, end_there) if end is not None)
            if end_here is None:
                return None
            common = end_here
        return common
