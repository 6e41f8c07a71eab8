"""Write-ahead logs as a tree: two servers share a log as far as they share its entries.

An entry knows the one before it, so that a log is named by its last entry and never copied, and
equal logs are the same object. An LSN is the number of entries, and timelines are counted as
PostgreSQL counts them, so that both may be equal in logs that are not.
"""

from __future__ import annotations

import enum
from typing import Any


class Kind(enum.Enum):
    """What an entry of a log is."""

    start = "the begin of all logs"
    commit = "a client's commit"
    fork = "a promotion: a new timeline begins"
    term = "the first commit of a primary: the row that says which term it is"
    farewell = "the last word of a primary in its term"
    shutdown = "the checkpoint of a clean shutdown"
    recovery = "the checkpoint of a server that opened after it had stopped"


class Entry:
    """An entry, and the log that ends with it.

    Attributes:
        before: the entry before it; None at the begin.
        kind: what it is.
        number: of a promotion, a term's row or a last word: of which term.
        writer: who wrote it.
        lsn: how many entries the log has.
        timeline: PostgreSQL's number of it.
        reached: the newest term that has a row.
        reached_at: the LSN of that row.
        begun: a row has followed on the last promotion.
        farewell: the newest term whose last word is in the log; 0: none.
        final: the term whose last word, and the shutdown right after, end the log; 0: none.
        serial: a number of its own.
    """

    __slots__ = (
        "before",
        "begun",
        "farewell",
        "final",
        "kind",
        "lsn",
        "next",
        "number",
        "reached",
        "reached_at",
        "serial",
        "timeline",
        "writer",
    )
    made = 0

    def __init__(self, before: Entry | None, kind: Kind, number: int, writer: str) -> None:
        self.before = before
        self.kind = kind
        self.number = number
        self.writer = writer
        self.next: dict[tuple[Kind, int, str], Entry] = {}
        self.serial = Entry.made
        Entry.made += 1
        self.lsn = before.lsn + 1 if before else 0
        self.timeline = before.timeline if before else 1
        self.reached = before.reached if before else 0
        self.reached_at = before.reached_at if before else 0
        self.begun = before.begun if before else False
        self.farewell = number if kind is Kind.farewell else before.farewell if before else 0
        self.final = 0
        if kind is Kind.fork:
            self.timeline += 1
            self.begun = False
        elif kind is Kind.term:
            self.reached, self.reached_at, self.begun = number, self.lsn, True
        elif kind is Kind.shutdown and before and before.kind is Kind.farewell:
            self.final = before.number

    def __repr__(self) -> str:
        return f"{self.kind.name}{self.number or ''}@{self.lsn}#{self.serial} of {self.writer}"

    def __deepcopy__(self, memo: Any) -> Entry:
        return self

    def then(self, kind: Kind, writer: str, number: int = 0) -> Entry:
        """Returns the log that goes on with one more entry."""
        key = (kind, number, writer)
        found = self.next.get(key)
        if found is None:
            found = self.next[key] = Entry(self, kind, number, writer)
        return found

    def at(self, lsn: int) -> Entry:
        """Returns the log as it was when it ended at an LSN."""
        entry: Entry = self
        while entry.lsn > lsn:
            assert entry.before is not None
            entry = entry.before
        return entry

    def holds(self, other: Entry) -> bool:
        """Whether the whole other log is a part of this one."""
        return self.lsn >= other.lsn and self.at(other.lsn) is other

    def history(self) -> list[Entry]:
        """Returns the entries from the begin on."""
        entries: list[Entry] = []
        entry: Entry | None = self
        while entry is not None:
            entries.append(entry)
            entry = entry.before
        return entries[::-1]


def begin() -> Entry:
    """Returns an empty log."""
    return Entry(None, Kind.start, 0, "")
