"""What the last committed record that this unit has read allows it, as a hook wrote it down.

The sentinel acts by it where no hook can be waited for. Whoever would act on a mandate that
allows something holds `locked` from its last look at the mandate to the end of the act, and
`write` takes the same lock: once a hook has written that something is allowed no more, it is not
being done any more either.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from postgresql import files
from postgresql.layout import NOTES

PATH = NOTES / "mandate.json"

T = TypeVar("T", bound="Authority | Mandate")


@dataclass(frozen=True)
class Authority:
    """A planned successor's: to promote itself once its log holds the last word of a term.

    Attributes:
        term: the one that it begins.
        members: application names of the standbys whose flush counts then.
        quorum: how many of them must have flushed a commit.
        serial: of the record that says so.
        replaces: the term whose last word it waits for.
    """

    term: int
    members: tuple[str, ...]
    quorum: int
    serial: int
    replaces: int


@dataclass(frozen=True)
class Mandate:
    """What a record allows one unit.

    Attributes:
        unit: the Juju unit.
        serial: of the record.
        term: of the record.
        primary: the unit may accept writes.
        final: it is to hand over: once it has stopped it must not begin again.
        alone: it goes on by right when nobody follows it.
        members: application names of the standbys whose flush counts.
        quorum: how many of them must have flushed a commit; 0: none.
        peers: application names of all other units.
        upstream: address of the primary to look after; empty: none.
        port: of PostgreSQL on every unit.
        password: of the role that asks other units; empty: not known.
        controllers: Juju's API, as host:port.
        authority: of a successor; None: none.
        sealed: the highest term of an election that the unit knows of; 0: none.
    """

    unit: str
    serial: int
    term: int
    primary: bool
    final: bool = False
    alone: bool = False
    members: tuple[str, ...] = ()
    quorum: int = 0
    peers: tuple[str, ...] = ()
    upstream: str = ""
    port: int = 5432
    password: str = field(default="", repr=False)
    controllers: tuple[str, ...] = ()
    authority: Authority | None = None
    sealed: int = 0

    @property
    def electing(self) -> bool:
        """Whether an election is under way, as far as this unit knows."""
        return self.sealed == self.term and not self.primary and not self.upstream

    @property
    def watched(self) -> tuple[str, ...]:
        """Whose connection shows that a primary is not cut off.

        Those that a commit waits for: while one of them listens, no election has made it deaf.
        Where a commit waits for nobody, every unit.
        """
        regime = self.authority or self
        return regime.members if regime.quorum else self.peers


def read(path: Path = PATH) -> Mandate | None:
    """Reads the mandate, also one of another build of the charm.

    Returns:
        None where there is none, or the file holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        return None
    try:
        raw: Any = json.loads(text)
    except ValueError:
        return None
    if not isinstance(raw, dict):
        return None
    values = cast("dict[str, Any]", raw)
    authority = values.get("authority")
    if authority is not None:
        values = {**values, "authority": _made(Authority, authority)}
        if values["authority"] is None:
            # What is not understood allows nothing; the rest is plain all the same.
            del values["authority"]
    return _made(Mandate, values)


def write(mandate: Mandate, path: Path = PATH) -> bool:
    """Writes the mandate whole, for root's eyes only.

    Waits for whoever acts on the former one right now.

    Returns:
        Whether it is another than before.

    Raises:
        FileRefused: a full disk, say; the former mandate stands.
    """
    if read(path) == mandate:
        return False
    files.make_directory(path.parent, owner="root")
    with locked(path):
        text = json.dumps(dataclasses.asdict(mandate), sort_keys=True, indent=1)
        return files.write(path, f"{text}\n", owner="root", mode=0o600)


@contextlib.contextmanager
def locked(path: Path = PATH) -> Generator[None, None, None]:
    """Keeps the mandate as it is for as long as the block runs."""
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Reader:
    """Reads the mandate whenever it has become another."""

    def __init__(self, path: Path = PATH) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._mandate: Mandate | None = None

    def __call__(self) -> Mandate | None:
        """Returns the mandate as it is now; None as `read` does."""
        try:
            status = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            self._seen = self._mandate = None
            return None
        seen = status.st_mtime_ns, status.st_ino, status.st_size
        if seen != self._seen:
            self._mandate = read(self._path)
            self._seen = seen
        return self._mandate


def _made(kind: type[T], raw: object) -> T | None:
    """Makes a value of plain ones; None if some are missing or of another kind."""
    if not isinstance(raw, dict):
        return None
    found = cast("dict[str, object]", raw)
    fields = {each.name: each for each in dataclasses.fields(kind)}
    values = {
        name: tuple(cast("list[object]", value)) if isinstance(value, list) else value
        for name, value in found.items()
        if name in fields
    }
    if not all(_fits(value, str(fields[name].type)) for name, value in values.items()):
        return None
    try:
        return kind(**cast("dict[str, Any]", values))
    except TypeError:
        return None


def _fits(value: object, kind: str) -> bool:
    if kind == "tuple[str, ...]":
        return isinstance(value, tuple) and all(
            isinstance(one, str) for one in cast("tuple[object, ...]", value)
        )
    if kind == "Authority | None":
        return value is None or isinstance(value, Authority)
    return type(value).__name__ == kind
