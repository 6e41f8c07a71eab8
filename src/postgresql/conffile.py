"""postgresql.conf's own syntax, as PostgreSQL reads it.

Source: src/backend/utils/misc/guc-file.l, whose tokens the patterns below repeat.
"""

from __future__ import annotations

import dataclasses
import functools
import re

# A-Z, a-z, _ and all that is not ASCII; written as what is none of it, since the whole of Unicode
# as a range takes Python thirty times as long to compile as all else here.
_LETTER = r"[^\x00-\x40\x5b-\x5e\x60\x7b-\x7f]"
_WORD = r"[^\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]"
_ID = rf"{_LETTER}{_WORD}*"

# In guc-file.l's own order: the longest match wins, and of equal ones the first.
_TOKENS = {
    "space": re.compile(r"[ \t\r]+"),
    "comment": re.compile(r"#[^\n]*"),
    "id": re.compile(_ID),
    "qualified": re.compile(rf"{_ID}\.{_ID}"),
    "string": re.compile(r"'(?:[^'\\\n]|\\[^\n]|'')*'"),
    "unquoted": re.compile(rf"{_LETTER}(?:{_WORD}|[-._:/])*"),
    "integer": re.compile(r"[-+]?(?:0x[0-9a-fA-F]+|[0-9]+)[a-zA-Z]*"),
    "real": re.compile(r"[-+]?[0-9]*\.[0-9]*(?:[Ee][-+]?[0-9]+)?"),
    "equals": re.compile(r"="),
}
_NAMES = ("id", "qualified")
_VALUES = ("id", "string", "integer", "real", "unquoted")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


@dataclasses.dataclass(frozen=True)
class Line:
    """One setting.

    Attributes:
        number: Line of the text, from 1.
        name: In lower case, as names are compared.
        value: With quotes and escapes undone.
    """

    number: int
    name: str
    value: str


class SyntaxRefused(Exception):
    """A line that is none of postgresql.conf's.

    Attributes:
        number: The line, from 1.
        text: The line itself.
    """

    def __init__(self, number: int, text: str, reason: str):
        self.number = number
        self.text = text
        super().__init__(reason)


@functools.lru_cache(maxsize=32)
def parse(text: str) -> tuple[Line, ...]:
    r"""The settings of a text, in order.

    >>> parse("work_mem = 4MB # more\nfoo.Bar 'a''b'")
    (Line(number=1, name='work_mem', value='4MB'), Line(number=2, name='foo.bar', value="a'b"))

    Raises:
        SyntaxRefused: The first line that PostgreSQL would not read.
    """
    lines: list[Line] = []
    # Only a newline ends a line there; str.splitlines knows a dozen more.
    for number, raw in enumerate(text.split("\n"), start=1):
        tokens = _tokens(raw, number)
        if not tokens:
            continue
        (kind, name), *rest = tokens
        if kind not in _NAMES:
            raise SyntaxRefused(number, raw, f"a setting's name must stand before {name!r}")
        if rest and rest[0][0] == "equals":
            rest = rest[1:]
        if not rest or rest[0][0] not in _VALUES:
            near = f" before {rest[0][1]!r}" if rest else ""
            raise SyntaxRefused(number, raw, f"{name} has no value{near}")
        if len(rest) > 1:
            raise SyntaxRefused(
                number,
                raw,
                f"{rest[1][1]!r} after the value; a value with other characters than letters,"
                " digits and -._:/ must stand in single quotes",
            )
        kind, value = rest[0]
        lines.append(Line(number, name.lower(), unquote(value) if kind == "string" else value))
    return tuple(lines)


def values(text: str) -> dict[str, str]:
    """Name to value; of a repeated name the last, as the server has it."""
    return {line.name: line.value for line in parse(text)}


def quote(value: object) -> str:
    r"""A value as postgresql.conf takes it, in quotes.

    >>> print(quote("it's 5 % of C:\\"))
    'it''s 5 % of C:\\'
    """
    text = str(value)
    for character, escaped in (("\\", "\\\\"), ("'", "''"), ("\n", r"\n"), ("\r", r"\r")):
        text = text.replace(character, escaped)
    return f"'{text}'"


def unquote(token: str) -> str:
    """Undo quotes and escapes of a quoted value (DeescapeQuotedString)."""
    body = token[1:-1]

    def undo(match: re.Match[str]) -> str:
        escape = match[0]
        if escape == "''":
            return "'"
        if escape[1] in "01234567":
            # A byte of the server's encoding there; only the ASCII ones make a letter here.
            return chr(int(escape[1:], 8) & 0xFF)
        return _ESCAPES.get(escape[1], escape[1])

    return re.sub(r"''|\\[0-7]{1,3}|\\.", undo, body)


def _tokens(raw: str, number: int) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(raw):
        matches = [
            (match.end(), kind)
            for kind, pattern in _TOKENS.items()
            if (match := pattern.match(raw, position)) and match.end() > position
        ]
        if not matches:
            raise SyntaxRefused(
                number, raw, f"{raw[position]!r} is out of place, or a quote is not closed"
            )
        # max keeps the first of equals.
        end, kind = max(matches, key=lambda match: match[0])
        if kind not in ("space", "comment"):
            found.append((kind, raw[position:end]))
        position = end
    return found
