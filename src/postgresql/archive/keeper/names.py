"""What a WAL segment is called; told without re, which takes longer to import than to copy one."""

from __future__ import annotations

_LENGTH = 24
_DIGITS = frozenset("0123456789ABCDEF")


def is_segment(name: str) -> bool:
    """Whether a file of this name is a whole WAL segment.

    Source: PostgreSQL's src/include/access/xlog_internal.h, IsXLogFileName.

    >>> [is_segment(f"{'0' * 23}{end}") for end in ("A", "a", "", "A.partial")]
    [True, False, False, False]
    """
    return len(name) == _LENGTH and _DIGITS.issuperset(name)
