"""What a unit tells the others of itself, in its own data bag of the peer relation."""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from state.messages import Ballot, Lost, Promise, Promotion, Request, heard, told


class Phase(str, enum.Enum):
    """How far a unit has come."""

    waiting = "waiting"
    cloning = "cloning"
    standby = "standby"
    primary = "primary"
    blocked = "blocked"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Admission:
    """Whom a primary lets in.

    Attributes:
        role: the replication role with which the standbys are to connect.
        units: the units that have a slot and a line in pg_hba.conf, with the address that the
            line names.
    """

    role: str
    units: Mapping[str, str]


@dataclass(frozen=True)
class Member:
    """A unit of the cluster as its data bag tells.

    Attributes:
        unit: its name, such as pg/1.
        address: where its server listens; empty if it has not said so yet.
        architecture: as Debian calls it, such as amd64.
        os: the distribution and its release, such as "ubuntu 24.04".
        major: PostgreSQL's major version; None before it is installed.
        version: of its running server in full, such as "16.4"; empty before it runs.
        phase: how far it has come.
        system_id: PostgreSQL's system identifier of its data directory; empty if it has none.
        timeline: the timeline that its server is on, None if it has no running server.
        follows: the unit from which it streams; empty if it does not stream.
        follows_as: the role with which it streams.
        parameters: the settings in force that a standby must not have lower than its primary,
            by PostgreSQL's names.
        admits: whom it lets in.
        term: in which it serves as primary; 0: it does not.
        streaming: the units that stream from it, if it is the primary.
        promise: the synchronous setting that it has proved to be in force, if it is the primary.
        ballot: its word in the latest election.
        ready: the serial of the record under which it is ready to take over; 0: of none.
        promotion: its taking over as a successor.
        lost: that the primary takes no write from it, or ails where this unit could go on; of the
            primary, that it cannot go on.
        unwell: why its own server takes no write, if it is the primary; empty if it does.
        ailing: what is wrong with the disk of its data, if it is the primary; empty: nothing.
        final: the term whose last word is the end of its log; 0: none.
        request: what an operator asked for there.
    """

    unit: str
    address: str = ""
    architecture: str = ""
    os: str = ""
    major: int | None = None
    version: str = ""
    phase: Phase = Phase.waiting
    system_id: str = ""
    timeline: int | None = None
    follows: str = ""
    follows_as: str = ""
    parameters: Mapping[str, int] = field(default_factory=dict[str, int])
    admits: Admission | None = None
    term: int = 0
    streaming: tuple[str, ...] = ()
    promise: Promise | None = None
    ballot: Ballot | None = None
    ready: int = 0
    promotion: Promotion | None = None
    lost: Lost | None = None
    unwell: str = ""
    ailing: str = ""
    final: int = 0
    request: Request | None = None

    def to_bag(self) -> dict[str, str]:
        """Returns the bag's keys and values; an empty value stands for a key to delete."""
        return {
            "address": self.address,
            "architecture": self.architecture,
            "os": self.os,
            "major": "" if self.major is None else str(self.major),
            "version": self.version,
            "phase": str(self.phase),
            "system-id": self.system_id,
            "timeline": "" if self.timeline is None else str(self.timeline),
            "follows": self.follows,
            "follows-as": self.follows_as,
            "parameters": _dump(dict(self.parameters)) if self.parameters else "",
            "admits": ""
            if self.admits is None
            else _dump({"role": self.admits.role, "units": dict(self.admits.units)}),
            "term": str(self.term) if self.term else "",
            "streaming": " ".join(self.streaming),
            "promise": told(self.promise),
            "ballot": told(self.ballot),
            "ready": str(self.ready) if self.ready else "",
            "promotion": told(self.promotion),
            "lost": told(self.lost),
            "unwell": self.unwell,
            "ailing": self.ailing,
            "final": str(self.final) if self.final else "",
            "request": told(self.request),
        }

    @classmethod
    def from_bag(cls, unit: str, bag: Mapping[str, str]) -> Member:
        """Reads a bag, also one of another build of the charm.

        What is missing or cannot be read counts as not said: the unit is then waited for, and
        nothing is done on a guess.
        """
        phase = bag.get("phase", "")
        admits = _load(bag.get("admits", ""))
        return cls(
            unit=unit,
            address=bag.get("address", ""),
            architecture=bag.get("architecture", ""),
            os=bag.get("os", ""),
            major=_number(bag.get("major", "")),
            version=bag.get("version", ""),
            phase=Phase(phase) if phase in set(Phase) else Phase.waiting,
            system_id=bag.get("system-id", ""),
            timeline=_number(bag.get("timeline", "")),
            follows=bag.get("follows", ""),
            follows_as=bag.get("follows-as", ""),
            parameters={
                name: value
                for name, value in _load(bag.get("parameters", "")).items()
                if isinstance(value, int)
            },
            admits=_admission(admits) if admits else None,
            term=_number(bag.get("term", "")) or 0,
            streaming=tuple(bag.get("streaming", "").split()),
            promise=heard(Promise, bag.get("promise", "")),
            ballot=heard(Ballot, bag.get("ballot", "")),
            ready=_number(bag.get("ready", "")) or 0,
            promotion=heard(Promotion, bag.get("promotion", "")),
            lost=heard(Lost, bag.get("lost", "")),
            unwell=bag.get("unwell", ""),
            ailing=bag.get("ailing", ""),
            final=_number(bag.get("final", "")) or 0,
            request=heard(Request, bag.get("request", "")),
        )


def _admission(raw: dict[str, Any]) -> Admission | None:
    role, units = raw.get("role"), raw.get("units")
    if not isinstance(role, str) or not isinstance(units, dict):
        return None
    named = cast("dict[Any, Any]", units)
    return Admission(role, {str(unit): str(address) for unit, address in named.items()})


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _load(text: str) -> dict[str, Any]:
    try:
        value: Any = json.loads(text or "{}")
    except ValueError:
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _number(text: str) -> int | None:
    # Not str.isdigit, to which a superscript is a digit, too; nor a number without end.
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None
