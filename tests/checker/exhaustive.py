"""Everything that can happen to two units, up to a number of moves."""

from __future__ import annotations

from typing import Any

from state.member import Member
from tests.checker.hook import Rules
from tests.checker.moves import ALL, Move, apply, excused, settle
from tests.checker.walks import Found
from tests.checker.world import Broken, Site, World


def explore(world: World, depth: int, rules: Rules, every: int) -> tuple[int, Found | None]:
    """Makes every row of so many moves, each state once.

    Args:
        world: where they begin.
        depth: how many moves.
        rules: which decide.
        every: of so many states, one is left to come to rest.

    Returns:
        The number of states, and the first that broke something.
    """
    seen = {_key(world)}
    level: list[tuple[World, tuple[Move, ...]]] = [(world, ())]
    for _ in range(depth):
        following: list[tuple[World, tuple[Move, ...]]] = []
        for before, moves in level:
            for row in _rows(before):
                after = before.copy()
                made = (*moves, *row)
                try:
                    for move in row:
                        apply(after, move, rules)
                    key = _key(after)
                    if key in seen:
                        continue
                    seen.add(key)
                    if len(seen) % every == 0:
                        _must_rest(after.copy(), rules)
                except Broken as broken:
                    found = Found(0, len(world.sites), world.wanted, made, str(broken))
                    return len(seen), found
                following.append((after, made))
        level = following
    return len(seen), None


def _must_rest(world: World, rules: Rules) -> None:
    reason = settle(world, rules)
    if reason and not excused(world):
        raise Broken(f"no rest: {reason}")


def _rows(world: World) -> list[tuple[Move, ...]]:
    """What can happen next: one move, or a hook that dies after each of its effects."""
    rows: list[tuple[Move, ...]] = []
    for name, site in world.sites.items():
        other = next(each for each in world.sites if each != name)
        rows.append((("boot", name),) if not site.powered else (("power off", name),))
        if not site.powered:
            continue
        rows.append((("hook", name, ALL, None),))
        rows.append((("hook", name, ALL, ()),))
        rows += [(("hook", name, effects, None), ("die", name)) for effects in range(2, 9)]
        rows.append((("sentinel", name, ALL), ("sentinel", name, ALL)))
        rows.append((("receive", name, None),))
        rows.append((("set", name, "online", not site.online),))
        rows.append((("backend dies", name),))
        if site.writable and len(site.waiting) < 2:
            rows.append((("commit", name),))
        if world.holder != name:
            rows.append((("lease", name),))
        if site.rewind == "running" or site.clone == "running":
            rows.append((("job", name, "done"),))
        rows.append((("ask", name, "switchover", other),))
    link: Move = ("mend", "pg/0", "pg/1") if world.cuts else ("cut", "pg/0", "pg/1")
    rows.append((link,))
    return rows


def _key(world: World) -> Any:
    return (
        tuple(_site(site) for site in world.sites.values()),
        world.record,
        tuple((name, _member(bag)) for name, bag in world.bags.items()),
        world.holder,
        frozenset(world.cuts),
        frozenset(entry.serial for entry in world.acknowledged),
    )


def _site(site: Site) -> Any:
    return (
        site.powered,
        site.online,
        site.has_data,
        site.log.serial,
        site.kept,
        site.signal,
        site.follows,
        site.setting,
        site.opened,
        site.mandate,
        site.promoted,
        site.clone,
        site.rewind,
        site.running,
        site.recovery,
        site.upstream,
        site.in_force,
        tuple(entry.serial for entry in site.waiting),
        site.lost,
        site.probed,
        tuple((name, _member(bag)) for name, bag in site.cache.items()),
    )


def _member(member: Member) -> Any:
    return (
        member.phase,
        member.timeline,
        member.follows,
        tuple(member.admits.units) if member.admits else None,
        member.term,
        member.streaming,
        member.promise,
        member.ballot,
        member.ready,
        member.promotion,
        member.lost,
        member.unwell,
        member.ailing,
        member.final,
        member.request,
    )
