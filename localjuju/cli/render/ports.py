"""Opened ports as ``juju status`` shows them: neighbours as ranges, protocols said once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from localjuju.cli.render.table import Cell

_COLOR = "bright-magenta"


def ports_cell(ports: Sequence[str]) -> Cell:
    """Return the cell for ports such as ``5432/tcp``.

    >>> ports_cell(["81/tcp", "80/tcp", "53/udp", "443/tcp"]).render(False)
    '80-81,443/tcp 53/udp'
    """
    numbers: dict[str, list[int]] = {}
    words: list[str] = []
    for port in ports:
        number, _, protocol = port.partition("/")
        if number.isdigit() and protocol:
            numbers.setdefault(protocol, []).append(int(number))
        else:
            words.append(port)
    pieces: list[tuple[str, str | None]] = []
    for word in sorted(words):
        pieces += [(" ", None)] * bool(pieces) + [(word, _COLOR)]
    for protocol in sorted(numbers):
        pieces += [(" ", None)] * bool(pieces)
        for index, (first, last) in enumerate(_ranges(numbers[protocol])):
            pieces += [(",", None)] * bool(index)
            pieces.append((str(first) if first == last else f"{first}-{last}", _COLOR))
        pieces.append((f"/{protocol}", None))
    return Cell(tuple(pieces))


def _ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges
