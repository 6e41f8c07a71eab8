"""The cluster record: who is primary, by agreement.

The leader keeps it as one JSON value in the application data bag of the peer relation, so that
it changes as one. Its fields and the rules by which they change stand in
`decisions/README.md`.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, cast

from state.messages import heard


class RecordUnreadable(ValueError):
    """The data bag holds something that is not a record; nobody may act on it."""


@dataclass(frozen=True, order=True)
class LogPosition:
    """How far a log reaches: the term that it has reached, and the LSN within it (bytes)."""

    term: int
    lsn: int


@dataclass(frozen=True)
class Takeover:
    """How the present primary came to be. For people: no rule goes by it.

    Attributes:
        kind: "switchover", "election" or "force".
        former: the unit that was primary before.
        at_risk: what it acknowledged last may be missing.
        missing: bytes of WAL that it is known to have had and its successor has not; -1: not
            known.
        heard_at: when it was heard last of how much it had, in seconds since 1970, by the clock
            of the unit that heard it; 0: never.
    """

    kind: str
    former: str
    at_risk: bool = False
    missing: int = -1
    heard_at: int = 0


@dataclass(frozen=True)
class Record:
    """Who may accept writes, and whose acknowledgement a commit needs.

    Attributes:
        serial: grows by one with every change of the record.
        term: grows with every change of primary; the first primary's is 1.
        primary: name of the unit that may accept writes; None while an election is under way.
        cluster_id: made up when the cluster is; marks the data directories that belong to it.
        system_id: PostgreSQL's system identifier; empty until the first primary has reported it.
        candidates: the units whose acknowledgement counts (P).
        quorum: how many candidates must have flushed a commit before it is acknowledged (k);
            0: none, the primary stands alone.
        successor: the unit that may take over by a planned switchover, or None.
        successor_candidates: the candidates with which the successor starts (P2).
        successor_quorum: the quorum with which the successor starts (k2).
        floor: what a log must hold to hold everything acknowledged before this term.
        previous_primary: during an election, the primary that is being replaced.
        previous_term: during an election, the term that is being replaced.
        asynchronous: the operator wants no commit to wait; a takeover may then lose the newest.
        takeover: how the primary of this term came to be; None: not known, or it is the first.
    """

    serial: int
    term: int
    primary: str | None
    cluster_id: str
    system_id: str = ""
    candidates: tuple[str, ...] = ()
    quorum: int = 0
    successor: str | None = None
    successor_candidates: tuple[str, ...] = ()
    successor_quorum: int = 0
    floor: LogPosition | None = None
    previous_primary: str | None = None
    previous_term: int | None = None
    asynchronous: bool = False
    takeover: Takeover | None = None

    def to_json(self) -> str:
        """Returns the record as one line of JSON, the same for equal records."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Record:
        """Reads a record, also one of another build of the charm.

        Fields that this build does not know are left out; those that are missing have their
        defaults.

        Raises:
            RecordUnreadable: if it is no JSON object or lacks what every record has.
        """
        try:
            raw: Any = json.loads(text)
        except ValueError as error:
            raise RecordUnreadable(f"the cluster record is no JSON: {error}") from error
        if not isinstance(raw, dict):
            raise RecordUnreadable("the cluster record is no JSON object")
        fields = cast("dict[str, Any]", raw)
        known = {field.name for field in dataclasses.fields(cls)}
        values = {name: value for name, value in fields.items() if name in known}
        for name in ("candidates", "successor_candidates"):
            values[name] = tuple(values.get(name) or ())
        if floor := values.get("floor"):
            values["floor"] = LogPosition(int(floor["term"]), int(floor["lsn"]))
        values["takeover"] = heard(Takeover, json.dumps(values.get("takeover")))
        try:
            return cls(**values)
        except TypeError as error:
            raise RecordUnreadable(f"the cluster record is incomplete: {error}") from error
