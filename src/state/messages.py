"""What units tell each other for the sake of the record; each is one value in a unit's bag.

Each names the term or the serial that it is about, and counts for no other.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


@dataclass(frozen=True)
class Promise:
    """The synchronous setting that a primary has in force, and keeps while the record's serial is.

    Attributes:
        serial: of the record that it was made under.
        members: the units whose flush counts (S).
        quorum: how many of them must have flushed a commit (k_p).
    """

    serial: int
    members: tuple[str, ...] = ()
    quorum: int = 0


@dataclass(frozen=True)
class Ballot:
    """What a unit says of its log in an election, deaf to the former primary by then.

    Attributes:
        term: the election's.
        reached: the term that its log has reached.
        lsn: how far it is flushed and replayed, in bytes.
        final: the term whose last word is the end of its log, so that nothing acknowledged in
            that term is missing; 0: none.
        heard: how far the former primary had told it that its log reached, in bytes; 0: not known.
        heard_at: when it told so last, in seconds since 1970 by this unit's clock.
        unsaid: the term in which this unit was primary, if its log has no last word of it, so that
            no successor took over; 0: none.
    """

    term: int
    reached: int
    lsn: int
    final: int = 0
    heard: int = 0
    heard_at: int = 0
    unsaid: int = 0


@dataclass(frozen=True)
class Promotion:
    """How a successor has taken over by itself.

    Attributes:
        term: the new one.
        reached: the term whose last word its log ended with.
        lsn: where that was, in bytes.
    """

    term: int
    reached: int
    lsn: int


@dataclass(frozen=True)
class Lost:
    """That the primary takes no write from here, or says itself that it cannot go on.

    Attributes:
        term: in which it is primary.
        reason: in PostgreSQL's or the network's words, or its own.
        long: for longer than an isolated primary goes on before it stops itself; or it says itself
            that it has ended.
        unsaid: that primary says so itself: it was to hand over, and ended before its last word.
    """

    term: int
    reason: str
    long: bool = False
    unsaid: bool = False


@dataclass(frozen=True)
class Request:
    """What an operator asked of this unit, for the leader to do.

    It counts only for the record that the operator saw: what could not be done at once must not
    happen by surprise an hour later.

    Attributes:
        kind: "switchover" or "force".
        serial: of the record that it was asked under.
        unit: that is to be primary; empty: the leader chooses.
        whole: by force: the unit has all that the former primary ever wrote.
        missing: by force: as Takeover has it.
        heard_at: by force: as Takeover has it.
    """

    kind: str
    serial: int
    unit: str = ""
    whole: bool = False
    missing: int = -1
    heard_at: int = 0


def told(value: DataclassInstance | None) -> str:
    """Returns the value as one line of JSON, the same for equal values; empty for None."""
    if value is None:
        return ""
    return json.dumps(dataclasses.asdict(value), sort_keys=True, separators=(",", ":"))


def heard(kind: type[T], text: str) -> T | None:
    """Reads one of the small values; None if it is missing, or not of this kind."""
    try:
        raw: Any = json.loads(text or "null")
    except ValueError:
        return None
    if not isinstance(raw, dict):
        return None
    known = {each.name: each for each in dataclasses.fields(kind)}
    values = {
        name: tuple(str(one) for one in cast("list[Any]", value))
        if isinstance(value, list)
        else value
        for name, value in cast("dict[str, Any]", raw).items()
        if name in known
    }
    try:
        made = kind(**values)
    except TypeError:
        return None
    # The annotations are text; a value of another kind would be compared with one of the right.
    kinds: dict[str, type] = {"int": int, "str": str, "bool": bool, "tuple[str, ...]": tuple}
    right = all(type(getattr(made, name)) is kinds[str(each.type)] for name, each in known.items())
    return made if right else None
