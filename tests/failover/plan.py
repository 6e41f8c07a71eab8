"""What a seed decides."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.failover.faults import KINDS
from tests.failover.operations import OPERATIONS

TARGETS = {"primary": 6, "standby": 2, "leader": 2, "all": 1}
"""Whom it strikes, and how often."""
_UNITS = {2: 2, 3: 1}
_SPANS_S = (((5.0, 20.0), 5), ((20.0, 60.0), 3), ((60.0, 120.0), 2))
_NO_TARGET = ("controller", "leadership")
_ASYNCHRONOUS = 0.12
_SECOND_BEGINS_WITHIN_S = 15.0


@dataclass(frozen=True)
class Event:
    """Harm, when, and to whom.

    Attributes:
        at: seconds after the first row was safe.
        kind: one of KINDS.
        target: one of TARGETS; who that is, is looked up when it begins.
        lasts: seconds until it is undone; None: until another member takes writes, which it has
            to then.
    """

    at: float
    kind: str
    target: str
    lasts: float | None = 0.0

    def __str__(self) -> str:
        who = "" if KINDS[self.kind].takes in _NO_TARGET else f" {self.target}"
        if KINDS[self.kind].end is None:
            span = ""
        elif self.lasts is None:
            span = " until taken over"
        else:
            span = f" {self.lasts:.0f} s"
        return f"{self.kind}{who}{span} +{self.at:.1f}"


@dataclass(frozen=True)
class Plan:
    """What is done to a cluster under writers.

    Attributes:
        name: "seed 7", or what a person called it.
        units: how many there are at the beginning.
        events: the harm.
        operation: what an operator does meanwhile, one of OPERATIONS; empty: nothing.
        operation_at: seconds after the first row was safe.
        asynchronous: whether commits wait for nobody, so that a takeover may lose some.
    """

    name: str
    units: int
    events: tuple[Event, ...]
    operation: str = ""
    operation_at: float = 0.0
    asynchronous: bool = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing in it is a reason for another primary."""
        return not self.operation and all(KINDS[event.kind].idle for event in self.events)

    def __str__(self) -> str:
        parts = [str(event) for event in self.events]
        if self.operation:
            parts.append(f"{self.operation} +{self.operation_at:.1f}")
        manner = ", asynchronous" if self.asynchronous else ""
        return f"{self.name}: {self.units} units{manner}: {', '.join(parts)}"


def plan(seed: int) -> Plan:
    """Draws a plan; the same seed gives the same one."""
    chance = random.Random(seed)
    units = chance.choices(list(_UNITS), list(_UNITS.values()))[0]
    first = _event(chance, tuple(KINDS), chance.uniform(1, 4))
    events = [first]
    if chance.random() < 0.45:
        taken = KINDS[first.kind].takes
        others = tuple(kind for kind in KINDS if KINDS[kind].takes != taken)
        events.append(
            _event(chance, others, first.at + chance.uniform(0, _SECOND_BEGINS_WITHIN_S))
        )
    operation = chance.choice(sorted(OPERATIONS)) if chance.random() < 0.35 else ""
    # A primary that was forced away goes on, and where no commit waits it acknowledges, too.
    waits = operation == "force-remove-primary"
    return Plan(
        name=f"seed {seed}",
        units=units,
        events=tuple(events),
        operation=operation,
        operation_at=chance.uniform(1, 10),
        asynchronous=chance.random() < _ASYNCHRONOUS and not waits,
    )


def _event(chance: random.Random, kinds: tuple[str, ...], at: float) -> Event:
    kind = chance.choice(kinds)
    targets = {
        target: weight
        for target, weight in TARGETS.items()
        if target != "all" or KINDS[kind].for_all
    }
    target = chance.choices(list(targets), list(targets.values()))[0]
    spans = [span for span, _ in _SPANS_S]
    shortest, longest = chance.choices(spans, [weight for _, weight in _SPANS_S])[0]
    lasts = min(chance.uniform(shortest, longest), KINDS[kind].longest)
    return Event(at, kind, target, lasts if KINDS[kind].end else 0.0)
