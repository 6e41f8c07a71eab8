"""What a hook found and what came of its steps."""

from __future__ import annotations

from dataclasses import dataclass

from decisions.facts import View
from postgresql.archive import Archiver
from postgresql.clone import CloneState
from postgresql.observe import Server
from postgresql.rewind import RewindState
from state.options import Problem

NO_REWIND = RewindState("absent")


@dataclass(frozen=True)
class Found:
    """This unit as it is.

    Attributes:
        view: all that decisions are made of.
        server: PostgreSQL on this machine.
        clone: the base backup job.
        rewind: the rewind job.
    """

    view: View
    server: Server
    clone: CloneState
    rewind: RewindState = NO_REWIND


@dataclass(frozen=True)
class Outcome:
    """What came of the steps of one hook.

    Attributes:
        found: how things stand after them.
        waiting: what has to happen elsewhere first; empty if nothing.
        refused: why nothing may be done, and what a person has to do; empty if nothing.
        failures: what went wrong, in PostgreSQL's words, and what to do.
        told_version: of the server, as this unit has told it before this hook; empty: never.
        problems: options whose values are not taken; the last good ones are in force.
        archive: the WAL archive; None without a server, or where nobody looked.
    """

    found: Found
    waiting: str = ""
    refused: str = ""
    failures: tuple[str, ...] = ()
    told_version: str = ""
    problems: tuple[Problem, ...] = ()
    archive: Archiver | None = None
