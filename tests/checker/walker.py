"""Chooses what happens next, by a seed: harm, and minutes in which the machines answer it."""

from __future__ import annotations

import random
from typing import Any

from tests.checker.moves import ALL, Move
from tests.checker.world import World

# How often each kind of harm is done in a walk that has it, measured by the commonest.
_HARM = {
    "power off": 1.0,
    "server dies": 0.5,
    "backend dies": 0.5,
    "freeze": 0.8,
    "cut": 1.0,
    "cut off": 1.0,
    "offline": 0.6,
    "lease": 0.8,
    "lease and back": 0.5,
    "alarm": 0.5,
    "all alarmed": 1.0,
    "sick": 0.2,
    "full": 0.3,
    "hung": 0.3,
    "wanted": 0.6,
    "switchover": 1.0,
    "contested": 1.0,
    "one after the other": 1.0,
    "the fast one first": 1.0,
    "behind its back": 1.0,
    "too late": 0.7,
    "torn": 1.0,
    "back again": 0.7,
    "copied": 0.5,
    "recycle": 0.3,
    "starved": 0.5,
    "cut off at once": 0.7,
    "force": 0.1,
    "add": 0.3,
    "remove": 0.2,
    "expel": 0.15,
    "reinit": 0.3,
    "die": 0.6,
}
# Stand for the unit that is that when the move is made.
PRIMARY, LEADER, SUCCESSOR = "the primary", "the leader", "the successor"


class Walker:
    """Each walk has its own kinds of harm, and its own measure of everything."""

    def __init__(self, seed: int, count: int, harm: tuple[str, ...] = ()) -> None:
        self.random = chance = random.Random(seed)
        self.harm = {
            kind: measure * chance.random()
            for kind, measure in _HARM.items()
            if (chance.random() < 0.3 if not harm else kind in harm)
        }
        self.harm = self.harm or {"power off": 1.0}
        self.rate = chance.choice((0.1, 0.2, 0.5))
        self.paused = chance.choice((0.0, 0.05, 0.2))
        self.stale = chance.choice((0.0, 0.1, 0.4))
        self.left_out = chance.choice((0.0, 0.1, 0.3))
        self.mending = chance.choice((0.1, 0.3, 0.6))
        self.follow_up = chance.choice((0, 1, 2, 4))
        self.slow = f"pg/{chance.randrange(count)}"
        self.slowness = chance.choice((0.0, 0.0, 0.5, 0.9))
        self.wanted = chance.choice((1, 1, 2))
        self.coming: list[Move] = []

    def next(self, world: World) -> Move:
        """Chooses the next move."""
        return tuple(self._unit(world, each) for each in self._next(world))

    def last(self, world: World) -> list[Move]:
        """Chooses what happens at the end: often a machine is gone for good."""
        names = [name for name, site in world.sites.items() if not site.gone]
        chance = self.random.random()
        primary = world.record.primary if world.record else None
        if chance < 0.3 and primary in names:
            return [("gone", primary)]
        return [("gone", self.random.choice(names))] if chance < 0.4 else []

    def _unit(self, world: World, name: Any) -> Any:
        if name not in (PRIMARY, LEADER, SUCCESSOR):
            return name
        record = world.record
        found = world.holder
        if record is not None and name == PRIMARY:
            found = record.primary or record.previous_primary or found
        elif record is not None and name == SUCCESSOR:
            found = record.successor or found
        return found

    def _next(self, world: World) -> Move:
        chance = self.random
        names = [name for name, site in world.sites.items() if not site.gone]
        while self.coming:
            move = self.coming.pop(0)
            if chance.random() >= self.left_out:
                return move
        kind = chance.random()
        if kind < self.rate:
            self._harm(names)
        elif kind < self.rate + 0.25:
            self.coming = self._minute(names)
        elif kind < self.rate + 0.25 + 0.2 * self.mending:
            return self._mend(world, chance.choice(names))
        return self.coming.pop(0) if self.coming else self._single(world, names)

    def _minute(self, names: list[str], most: int = 1) -> list[Move]:
        """What happens in a minute, or some, in which the machines are left to themselves."""
        chance = self.random
        all_of_them: list[Move] = []
        for _ in range(most):
            moves: list[Move] = []
            for unit in names:
                if chance.random() < 0.8:
                    moves += [("sentinel", unit, self._cut_short(5))] * 2
                    moves.append(self._hook(unit, names))
                if chance.random() < 0.7 and not self._lags(unit):
                    moves.append(("receive", unit, None))
            chance.shuffle(moves)
            all_of_them += moves
        return all_of_them

    def _election(self, names: list[str]) -> list[Move]:
        """The machines that are left find that the primary is lost, and one of them is named."""
        leader = self.random.choice(names)
        looks: list[Move] = [("sentinel", each, ALL) for each in names] * 2
        hooks: list[Move] = [("hook", each, ALL, None) for each in names]
        lead: Move = ("hook", leader, ALL, None)
        return [("lease", leader), *hooks, *looks, *hooks, lead, *hooks, lead]

    def _lags(self, unit: str) -> bool:
        return unit == self.slow and self.random.random() < self.slowness

    def _single(self, world: World, names: list[str]) -> Move:
        chance = self.random
        unit = chance.choice(names)
        kind = chance.random()
        if kind < 0.35:
            return self._hook(unit, names)
        if kind < 0.55 and not self._lags(unit):
            return ("receive", unit, 1 if chance.random() < 0.3 else None)
        if kind < 0.78:
            writable = [name for name in names if world.sites[name].writable]
            return ("commit", chance.choice(writable or names))
        if kind < 0.9:
            return ("sentinel", unit, self._cut_short(5))
        return ("job", unit, chance.choice(("done", "done", "done", "fails", "breaks")))

    def _hook(self, unit: str, names: list[str]) -> Move:
        chance = self.random
        told: tuple[str, ...] | None = None
        if chance.random() < self.stale:
            told = tuple(name for name in names if chance.random() < 0.5)
        return ("hook", unit, self._cut_short(14), told)

    def _cut_short(self, most: int) -> int:
        return self.random.randrange(1, most) if self.random.random() < self.paused else ALL

    def _mend(self, world: World, unit: str) -> Move:
        site = world.sites[unit]
        if site.frozen:
            return ("set", unit, "frozen", False)
        if not site.powered or (not site.running and self.random.random() < 0.5):
            return ("boot", unit)
        if not site.online:
            return ("set", unit, "online", True)
        for fault in ("alarm", "sick", "full", "hung"):
            if getattr(site, fault):
                return ("set", unit, fault, False)
        if world.cuts:
            return ("mend", *sorted(self.random.choice(sorted(world.cuts, key=sorted))))
        return ("hook", unit, ALL, None)

    def _harm(self, names: list[str]) -> None:
        """Does harm, mostly to the primary, and often goes on as if it had to be answered."""
        chance = self.random
        kind = chance.choices(list(self.harm), list(self.harm.values()))[0]
        unit = chance.choice(names)
        others = [name for name in names if name != unit] or names
        if kind not in ("lease", "alarm", "reinit") and chance.random() < 0.6:
            unit = PRIMARY
        self.coming = self._harmed(kind, unit, others, names)
        self.coming += self._minute(names, chance.randint(0, self.follow_up))

    def _harmed(self, kind: str, unit: str, others: list[str], names: list[str]) -> list[Move]:
        chance = self.random
        other, last = chance.choice(others), chance.choice(others)
        commit: Move = ("commit", PRIMARY)
        received: list[Move] = [("receive", each, None) for each in names if not self._lags(each)]
        off: Move = ("power off", PRIMARY)
        alarmed: list[Move] = [("set", each, "alarm", True) for each in names]
        some = chance.randint
        scenes: dict[str, Any] = {
            "freeze": lambda: [("set", unit, "frozen", True)],
            "alarm": lambda: [("set", unit, "alarm", True)],
            "all alarmed": lambda: alarmed,
            "sick": lambda: [("set", unit, "sick", True)],
            "full": lambda: [("set", unit, "full", True)],
            "hung": lambda: [("set", unit, "hung", True)],
            "offline": lambda: [("set", unit, "online", False)],
            "cut": lambda: [("cut", unit, other)],
            "cut off": lambda: [
                ("set", unit, "online", False),
                *(("cut", unit, each) for each in others),
            ],
            "lease and back": lambda: [
                ("lease", other),
                ("wanted", some(0, 2)),
                ("hook", other, some(6, 25), None),
                ("lease", last),
                ("wanted", some(0, 2)),
                ("hook", last, ALL, None),
                ("lease", other),
                ("hook", other, ALL, None),
            ],
            "wanted": lambda: [("wanted", chance.choice((0, 1, 1, 1, 2)))],
            "switchover": lambda: [
                ("ask", unit, "switchover", other),
                ("hook", LEADER, ALL, None),
                ("hook", other, ALL, None),
            ],
            "contested": lambda: [
                ("ask", unit, "switchover", other),
                ("hook", LEADER, ALL, None),
                ("hook", other, ALL, None),
                *(alarmed if chance.random() < 0.5 else ()),
                ("hook", PRIMARY, ALL, None),
                ("sentinel", SUCCESSOR, self._cut_short(6)),
            ],
            "one after the other": lambda: [
                commit,
                *received,
                off,
                *self._election(others),
                *self._minute(names, some(0, 3)),
                off,
            ],
            "the fast one first": lambda: [
                commit,
                ("receive", other, None),
                ("power off", other),
                ("hook", PRIMARY, ALL, None),
                *(("hook", each, ALL, None) for each in others),
                off,
                *self._election(others),
            ],
            "behind its back": lambda: [
                *alarmed,
                *self._election(others),
                *(self._hook(each, names) for each in others),
                *(("commit", each) for each in names),
                *received,
            ],
            "too late": lambda: [
                ("lease", last),
                ("ask", last, "switchover", other),
                ("hook", last, ALL, None),
                ("hook", other, ALL, None),
                ("hook", PRIMARY, ALL, None),
                ("sentinel", other, ALL),
                *self._election(others),
                ("hook", last, ALL, None),
                ("sentinel", other, ALL),
                *received,
                ("sentinel", other, ALL),
                ("commit", other),
                *received,
            ],
            "torn": lambda: [
                off,
                *self._election(others),
                *(self._hook(each, names) for each in others),
                ("hook", PRIMARY, some(2, 6), None),
                commit,
                *received,
            ],
            "back again": lambda: [
                ("lease", other),
                ("server dies", last),
                ("hook", PRIMARY, ALL, None),
                ("boot", last),
                ("receive", last, None),
                ("hook", PRIMARY, ALL, None),
                ("hook", other, ALL, None),
            ],
            "copied": lambda: [
                ("reinit", other),
                ("job", other, "done"),
                commit,
                ("receive", other, None),
                ("hook", other, some(2, 8), None),
                off,
            ],
            "starved": lambda: [
                ("power off", other),
                commit,
                ("receive", last, None),
                *(("hook", PRIMARY, ALL, None),) * 2,
                commit,
                ("recycle", PRIMARY),
                ("boot", other),
                ("hook", other, ALL, None),
                ("job", other, chance.choice(("done", "done", "fails"))),
                ("hook", other, self._cut_short(8), None),
                *((off,) if chance.random() < 0.3 else ()),
            ],
            "cut off at once": lambda: [
                off,
                *self._election(others),
                ("hook", PRIMARY, some(1, 4), None),
                ("die", PRIMARY),
                ("set", PRIMARY, "online", False),
                *(("hook", each, ALL, None) for each in others),
                ("sentinel", PRIMARY, ALL),
                commit,
                *received,
            ],
            "force": lambda: [("ask", unit, "force", unit)],
            "add": lambda: [("add",)],
            "remove": lambda: [("remove", unit, chance.choice((0, 1, 2, 2)))],
        }
        return scenes[kind]() if kind in scenes else [(kind, unit)]
