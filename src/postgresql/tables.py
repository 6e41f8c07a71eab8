"""Tables for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

WIDTH = 78
"""Columns of a terminal, less the two by which `juju run` sets a result in."""
_GAP = "  "
_NARROWEST = 8


def table(head: Sequence[str], rows: Sequence[Sequence[str]], width: int = WIDTH) -> list[str]:
    """Lines of a table with aligned columns; the widest ones are cut where it would be too wide.

    >>> table(["UNIT", "STATE"], [["pg/0", "running"], ["pg/10", ""]])
    ['UNIT   STATE', 'pg/0   running', 'pg/10']
    """
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    while sum(widths) + len(_GAP) * (len(widths) - 1) > width and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return [
        _GAP.join(
            cut(cell, most).ljust(most) for cell, most in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    ]


def cut(text: str, width: int) -> str:
    r"""A text of at most so many characters, on one line.

    >>> cut("a long story", 6), cut("two\nlines", 20)
    ('a lon…', 'two\\nlines')
    """
    text = text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return text if len(text) <= width else text[: width - 1] + "…"


def wrapped(text: str, width: int = WIDTH, lines: int = 4) -> list[str]:
    """A text on lines of at most so many characters, those after the first set in; cut at the end.

    >>> wrapped("its sentinel has not looked for long", 20)
    ['its sentinel has not', '  looked for long']
    """
    text = cut(text, lines * (width - len(_GAP)))
    return textwrap.wrap(text, width, subsequent_indent=_GAP) or [""]
