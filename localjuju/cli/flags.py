"""Options of a command line in Juju's dialect.

Juju reads its command line with ``github.com/juju/gnuflag``. Its dialect differs from argparse's
in ways that people and scripts use: no abbreviations, ``--force=false``, options between and after
the arguments except where a command passes them on (``juju ssh``), and error texts of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import cast

from localjuju.cli import gotext

Value = bool | str | int | float | list[str] | None


class UsageError(Exception):
    """The command line itself is wrong; the command ends with exit status 2."""


class Kind(Enum):
    """What an option takes."""

    FLAG = "flag"
    TEXT = "text"
    NUMBER = "number"
    DURATION = "duration"
    TEXTS = "texts"
    """May be given several times; every value is kept."""
    LIST = "list"
    """May be given several times; values are separated by commas."""


@dataclass(frozen=True)
class Option:
    """One option of a command.

    Attributes:
        names: all of its names without dashes, the one it is looked up by last.
        help: what ``juju help`` says.
        kind: what it takes.
        default: its value when it is not given; durations in seconds.
        choices: the allowed values, if they are limited.
        default_text: the default as ``juju help`` shows it.
    """

    names: tuple[str, ...]
    help: str
    kind: Kind = Kind.FLAG
    default: Value = None
    choices: tuple[str, ...] = ()
    default_text: str | None = None

    @property
    def key(self) -> str:
        """The name that the command looks the option up by."""
        return self.names[-1]

    def initial(self) -> Value:
        """Return the value of an option that is not given."""
        if self.default is not None:
            return self.default
        empty: dict[Kind, Value] = {Kind.FLAG: False, Kind.TEXT: "", Kind.TEXTS: [], Kind.LIST: []}
        return empty.get(self.kind)

    def read(self, text: str, previous: Value) -> Value:
        """Return the option's value after ``text`` was given.

        Raises:
            ValueError: with the words that Juju's own parser has for it.
        """
        if self.kind is Kind.FLAG:
            return gotext.parse_bool(text)
        if self.kind is Kind.NUMBER:
            return gotext.parse_int(text)
        if self.kind is Kind.DURATION:
            return gotext.parse_duration(text)
        if self.kind in (Kind.TEXTS, Kind.LIST):
            new = [text] if self.kind is Kind.TEXTS else text.split(",")
            return [*cast("list[str]", previous), *new]
        if self.choices and text not in self.choices:
            what = "format" if self.key == "format" else "value"
            raise ValueError(f"unknown {what} {gotext.quote(text)}")
        return text


class Arguments:
    """A command line that was read: the options' values and the remaining arguments."""

    def __init__(
        self, values: Mapping[str, Value], given: frozenset[str], positional: Sequence[str]
    ) -> None:
        self._values = values
        self.given = given
        self.positional = list(positional)

    def flag(self, key: str) -> bool:
        """Return whether the flag is set."""
        return bool(self._values[key])

    def text(self, key: str) -> str:
        """Return a text option's value, empty if it was not given."""
        return cast(str, self._values[key])

    def number(self, key: str) -> int | None:
        """Return a number option's value."""
        return cast("int | None", self._values[key])

    def seconds(self, key: str) -> float | None:
        """Return a duration option's value in seconds."""
        return cast("float | None", self._values[key])

    def texts(self, key: str) -> list[str]:
        """Return all values of a repeated or comma-separated option."""
        return cast("list[str]", self._values[key])

    def has(self, key: str) -> bool:
        """Return whether the command has such an option at all."""
        return key in self._values


def dashed(name: str) -> str:
    """Return the option's name as it is typed."""
    return f"-{name}" if len(name) == 1 else f"--{name}"


class UndefinedOptionError(UsageError):
    """An option that the command does not have."""

    def __init__(self, option: str) -> None:
        super().__init__(f"option provided but not defined: {option}")
        self.option = option


def parse(options: Sequence[Option], words: Sequence[str], *, interspersed: bool) -> Arguments:
    """Read a command's words.

    Args:
        options: what the command knows.
        words: what follows the command's name.
        interspersed: whether options may follow the first argument; if not, everything from there
            on is an argument.

    Raises:
        UsageError: with Juju's text.
    """
    known = {name: option for option in options for name in option.names}
    values: dict[str, Value] = {option.key: option.initial() for option in options}
    given: set[str] = set()
    positional: list[str] = []
    rest = list(words)

    def take(name: str, text: str | None) -> None:
        option = known.get(name)
        if option is None:
            raise UndefinedOptionError(dashed(name))
        if text is None and option.kind is Kind.FLAG:
            text = "true"
        if text is None:
            if not rest:
                raise UsageError(f"option needs an argument: {dashed(name)}")
            text = rest.pop(0)
        previous = values[option.key] if option.key in given else option.initial()
        try:
            values[option.key] = option.read(text, previous)
        except ValueError as error:
            wrong = "invalid boolean value" if option.kind is Kind.FLAG else "invalid value"
            raise UsageError(
                f"{wrong} {gotext.quote(text)} for option {dashed(name)}: {error}"
            ) from error
        given.add(option.key)

    while rest:
        word = rest.pop(0)
        if word == "--":
            positional += rest
            break
        if not word.startswith("-") or word == "-":
            positional.append(word)
            if not interspersed:
                positional += rest
                break
        elif word.startswith("--"):
            name, equals, text = word[2:].partition("=")
            take(name, text if equals else None)
        else:
            _take_short(word[1:], known, take)
    return Arguments(values, frozenset(given), positional)


def _take_short(
    cluster: str, known: Mapping[str, Option], take: Callable[[str, str | None], None]
) -> None:
    """Take ``-vq`` as two flags and ``-n2`` as a value."""
    while cluster:
        name, cluster = cluster[0], cluster[1:]
        option = known.get(name)
        if option is not None and option.kind is not Kind.FLAG and cluster:
            take(name, cluster.removeprefix("="))
            return
        if cluster.startswith("="):
            take(name, cluster[1:])
            return
        take(name, None)
