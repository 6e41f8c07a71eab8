"""Columns as Juju lays them out.

Juju uses Go's ``text/tabwriter``: a cell that is followed by another belongs to a column, which is
as wide as its widest cell and two spaces; the last cell of a row belongs to none. Columns end at
a row that has no such cell, so that every section of ``juju status`` has widths of its own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from localjuju.cli.render.color import paint

PADDING = 2


@dataclass(frozen=True)
class Cell:
    """Text in pieces of different colours.

    Attributes:
        pieces: text and colour of each.
    """

    pieces: tuple[tuple[str, str | None], ...] = ()

    @property
    def width(self) -> int:
        """How many columns of a terminal the text takes."""
        return sum(_width(text) for text, _ in self.pieces)

    def render(self, colors: bool) -> str:
        """Return the text, coloured if asked for."""
        return "".join(paint(text, color, colors) for text, color in self.pieces)


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    combining = sum(bool(unicodedata.combining(char)) for char in text)
    return len(text) + wide - combining


def cell(text: object, color: str | None = None) -> Cell:
    """Return a cell of one piece."""
    return Cell(((str(text), color),))


@dataclass
class Section:
    """Rows that share their columns.

    Attributes:
        right: indices of the columns that are aligned to the right.
    """

    right: frozenset[int] = frozenset()
    rows: list[tuple[Cell, ...]] = field(default_factory=list[tuple[Cell, ...]])

    def header(self, *titles: str) -> None:
        """Add the row of titles."""
        self.rows.append(tuple(cell(title, "bold") for title in titles))

    def row(self, *cells: Cell | str | int) -> None:
        """Add a row; plain values become cells without colour."""
        self.rows.append(tuple(c if isinstance(c, Cell) else cell(c) for c in cells))

    def lines(self, colors: bool) -> Iterable[str]:
        """Lay the rows out."""
        widths: dict[int, int] = {}
        for row in self.rows:
            for index, one in enumerate(row[:-1]):
                widths[index] = max(widths.get(index, 0), one.width + PADDING)
        for row in self.rows:
            yield "".join(
                self._padded(one, index, widths[index], colors)
                for index, one in enumerate(row[:-1])
            ) + (row[-1].render(colors) if row else "")

    def _padded(self, one: Cell, index: int, width: int, colors: bool) -> str:
        gap = " " * (width - one.width)
        if index not in self.right:
            return one.render(colors) + gap
        return gap[PADDING:] + one.render(colors) + gap[:PADDING]


def layout(sections: Iterable[Section], *, colors: bool) -> str:
    """Return the sections with an empty line between them."""
    return "\n".join("".join(f"{line}\n" for line in s.lines(colors)) for s in sections if s.rows)
