"""Random walks through the world, and the shortest of those that break something."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.checker.hook import Rules
from tests.checker.moves import Move, apply, excused, force, settle
from tests.checker.walker import Walker
from tests.checker.world import Broken, World

STEPS = 140
_settled: dict[tuple[int, int], World] = {}


@dataclass(frozen=True)
class Found:
    """A walk that broke something.

    Attributes:
        seed: of the walk.
        count: how many units it began with.
        wanted: how many acknowledgements the operator asked for at first.
        moves: the shortest row of moves that still breaks it.
        why: what broke.
    """

    seed: int
    count: int
    wanted: int
    moves: tuple[Move, ...]
    why: str

    def __str__(self) -> str:
        moves = "\n".join(f"  {move}" for move in self.moves)
        return f"seed {self.seed}, {self.count} units, {self.wanted} wanted: {self.why}\n{moves}"


def settled(count: int, wanted: int = 1) -> World:
    """Returns a cluster of so many units that works."""
    key = (count, wanted)
    if key not in _settled:
        world = World(count, wanted)
        reason = settle(world, Rules())
        if reason:
            raise Broken(f"a new cluster does not come to rest: {reason}")
        _settled[key] = world
    return _settled[key].copy()


def follow(count: int, wanted: int, moves: Iterable[Move], rules: Rules) -> str:
    """Makes moves, then lets the world come to rest.

    Returns:
        What broke; empty if nothing did.
    """
    world = settled(count, wanted)
    return _follow(world, moves, rules)


def _follow(world: World, moves: Iterable[Move], rules: Rules) -> str:
    try:
        for move in moves:
            apply(world, move, rules)
        reason = settle(world, rules)
        if reason and not excused(world):
            return f"no rest: {reason}"
        if reason and force(world, rules):
            reason = settle(world, rules)
            return f"no rest after force: {reason}" if reason else ""
    except Broken as broken:
        return str(broken)
    return ""


def walk(seed: int, count: int, rules: Rules, harm: tuple[str, ...] = ()) -> Found | None:
    """Takes one walk.

    Args:
        seed: which.
        count: with how many units it begins.
        rules: which decide.
        harm: the kinds of it that are done; none given: those that the seed chooses.

    Returns:
        It, if it broke something.
    """
    walker = Walker(seed, count, harm)
    world = settled(count, walker.wanted)
    made: list[Move] = []

    def moves() -> Iterator[Move]:
        for _ in range(STEPS):
            made.append(walker.next(world))
            yield made[-1]
        made.extend(walker.last(world))
        yield from made[STEPS:]

    why = _follow(world, moves(), rules)
    return Found(seed, count, walker.wanted, tuple(made), why) if why else None


def shortened(found: Found, rules: Rules) -> Found:
    """Leaves out what is not needed to break the same."""
    rest = found.why.startswith("no rest")
    moves = list(found.moves)
    size = max(1, len(moves) // 2)
    while True:
        changed = False
        at = 0
        while at < len(moves):
            fewer = moves[:at] + moves[at + size :]
            why = follow(found.count, found.wanted, fewer, rules)
            if why and why.startswith("no rest") is rest:
                moves, changed = fewer, True
                found = Found(found.seed, found.count, found.wanted, tuple(moves), why)
            else:
                at += size
        if size == 1 and not changed:
            return found
        size = max(1, size // 2)


def story(found: Found, rules: Rules) -> list[str]:
    """Tells what happens on a walk, in words."""
    world = settled(found.count, found.wanted)
    before = len(world.story)
    _follow(world, found.moves, rules)
    return world.story[before:]
