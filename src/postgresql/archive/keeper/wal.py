"""Names of the files that PostgreSQL archives, and whether they form an unbroken chain.

Source: PostgreSQL's src/include/access/xlog_internal.h.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import struct

from .names import is_segment

ARCHIVED = re.compile(r"[0-9A-F]{24}(\.partial|\.[0-9A-F]{8}\.backup)?|[0-9A-F]{8}\.history")
"""Every kind of file that the server hands to its archive_command."""

_BYTES_PER_LOG = 0x1_0000_0000
_LONG_HEADER = 0x0002
_HEADER = struct.Struct("=HHIQIIQII")
"""XLogLongPageHeaderData: magic, info, timeline, page address, remaining length, padding, system
identifier, segment size, block size."""


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

    def covers(self, other: Gap) -> bool:
        """All that is missing in `other` is missing here."""
        return (
            self.first[:8] == other.first[:8]
            and self.first <= other.first
            and other.last <= self.last
        )

    def __str__(self) -> str:
        return self.first if self.count == 1 else f"{self.first} to {self.last}"


@dataclasses.dataclass(frozen=True)
class Chain:
    """The segments of a directory, over all its timelines.

    Attributes:
        first: The oldest segment; "" if there is none.
        last: The newest one.
        gaps: Where segments are missing within a timeline, or between a timeline and the one
            that it branched off.
    """

    first: str = ""
    last: str = ""
    gaps: tuple[Gap, ...] = ()

    @property
    def unbroken(self) -> bool:
        """No segment is missing."""
        return not self.gaps


@dataclasses.dataclass(frozen=True)
class Origin:
    """What a segment says of itself.

    Attributes:
        system_id: Of the cluster that wrote it, in digits.
        segment_size: Bytes.
    """

    system_id: str
    segment_size: int


def origin(segment: str) -> Origin | None:
    """Reads the first page's header of a segment; None if it has none.

    Raises:
        OSError: It cannot be read.
    """
    with open(segment, "rb") as file:
        page = file.read(_HEADER.size)
    if len(page) < _HEADER.size:
        return None
    _, info, _, _, _, _, system_id, segment_size, _ = _HEADER.unpack(page)
    return Origin(str(system_id), segment_size) if info & _LONG_HEADER else None


def archived_files(directory: str | os.PathLike[str]) -> list[str]:
    """Names of the files in a directory that a server archived there, sorted.

    Raises:
        OSError: It cannot be read.
    """
    return sorted(name for name in os.listdir(directory) if ARCHIVED.fullmatch(name))


def chain(directory: str | os.PathLike[str]) -> Chain:
    """Reads the chain of segments that lie in a directory.

    Raises:
        OSError: It cannot be read.
    """
    present = archived_files(directory)
    segments = [name for name in present if is_segment(name)]
    if not segments:
        return Chain()
    size = os.stat(os.path.join(directory, segments[-1])).st_size
    histories: dict[int, list[tuple[int, int]]] = {}
    for name in present:
        if name.endswith(".history"):
            with open(os.path.join(directory, name)) as file:
                histories[int(name[:8], 16)] = parse_history(file.read())
    return linked(segments, size, histories)


def parse_history(text: str) -> list[tuple[int, int]]:
    r"""The ancestors of a timeline, oldest first: timeline and the LSN at which it was left.

    >>> parse_history("1\t0/3000148\tno recovery target specified\n")
    [(1, 50331976)]
    """
    ancestors: list[tuple[int, int]] = []
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0].isdigit() and "/" in words[1]:
            high, low = words[1].split("/")
            ancestors.append((int(words[0]), int(high, 16) << 32 | int(low, 16)))
    return ancestors


def linked(segments: list[str], size: int, histories: dict[int, list[tuple[int, int]]]) -> Chain:
    """The chain of segments of that size (bytes), given the timelines' ancestors.

    A timeline begins with a copy of the segment in which it was branched off; the ancestor's
    own copy of that segment is archived as .partial, and is not needed.
    """
    if size <= 0 or _BYTES_PER_LOG % size:
        return Chain(segments[0], segments[-1])
    per_log = _BYTES_PER_LOG // size

    def name(timeline: int, number: int) -> str:
        return f"{timeline:08X}{number // per_log:08X}{number % per_log:08X}"

    def gap(timeline: int, first: int, last: int) -> Gap:
        return Gap(name(timeline, first), name(timeline, last), last - first + 1)

    numbers: dict[int, list[int]] = {}
    for segment in sorted(segments):
        number = int(segment[8:16], 16) * per_log + int(segment[16:], 16)
        numbers.setdefault(int(segment[:8], 16), []).append(number)
    gaps = [
        gap(timeline, before + 1, after - 1)
        for timeline, present in numbers.items()
        for before, after in itertools.pairwise(present)
        if after > before + 1
    ]
    newest = max(numbers)
    path = [*histories.get(newest, ()), (newest, 0)]
    for (parent, left_at), (child, _) in itertools.pairwise(path):
        if parent not in numbers:
            continue
        branch = left_at // size
        if numbers[parent][-1] < branch - 1:
            gaps.append(gap(parent, numbers[parent][-1] + 1, branch - 1))
        first = numbers[child][0] if child in numbers else None
        if first is not None and first > branch:
            gaps.append(gap(child, branch, first - 1))
    return Chain(min(segments), max(segments), tuple(sorted(gaps, key=lambda one: one.first)))
