"""Names of the files that PostgreSQL archives, and whether they form an unbroken chain.

Source: PostgreSQL's src/include/access/xlog_internal.h.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Gap:
    """Segments that are missing between two that are there.

    Attributes:
        first: The first missing one.
        last: The last missing one.
        count: How many they are.
    """

    first: str
    last: str
    count: int


@dataclasses.dataclass(frozen=True)
class Chain:
    """The segments of a directory, over all its timelines.

    Attributes:
        first: The oldest segment; "" if there is none.
        last: The newest one.
        gaps: Where segments are missing within a timeline, or between a timeline and the one
            that it branched off.
    """

    first: str
    last: str
    gaps: tuple[Gap, ...]

    @property
    def unbroken(self) -> bool:
        """No segment is missing."""
        return not self.gaps


def chain(directory: Path) -> Chain:
    """Reads the chain of segments that lie in a directory.

    Raises:
        OSError: It cannot be read.
    """
    raise NotImplementedError
