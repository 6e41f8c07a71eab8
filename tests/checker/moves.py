"""What can happen next: every move is a small value, and does nothing where it cannot be."""

from __future__ import annotations

import dataclasses
from typing import Any

from decisions import switchover
from decisions.facts import View
from state.messages import Request
from tests.checker import hook, sentinel
from tests.checker.hook import Rules
from tests.checker.log import Kind
from tests.checker.world import Site, World

Move = tuple[Any, ...]
# More than a hook has effects.
ALL = 99
# With every machine back, this many rounds of hooks bring rest.
ROUNDS = 20


def apply(world: World, move: Move, rules: Rules) -> None:
    """Makes a move, then looks whether everything that must hold does."""
    name, *rest = move
    _MOVES[name](world, rules, *rest)
    world.watch()


def run_hook(
    world: World, rules: Rules, unit: str, effects: int = ALL, told: tuple[str, ...] | None = None
) -> None:
    """Goes on with a unit's hook, or begins one, for so many effects."""
    site = world.sites.get(unit)
    if site is None or not site.alive:
        return
    if site.hook is None:
        if not hook.may_begin(world, site):
            return
        hook.begin(world, site, rules, None if told is None else set(told))
    for _ in range(effects):
        if site.hook is None:
            return
        hook.advance(world, site, rules)
        world.watch()


def _die(world: World, rules: Rules, unit: str) -> None:
    if site := world.sites.get(unit):
        site.hook = None


def _commit(world: World, rules: Rules, unit: str) -> None:
    site = world.sites.get(unit)
    if site and site.alive and site.writable and not site.sick and len(site.waiting) < 5:
        world.commit(site)


def _receive(world: World, rules: Rules, unit: str, most: int | None = None) -> None:
    if site := world.sites.get(unit):
        world.receive(site, most)


def _sentinel(world: World, rules: Rules, unit: str, most: int = ALL) -> None:
    site = world.sites.get(unit)
    if site and site.alive:
        sentinel.look(world, site, rules, most)


def _job(world: World, rules: Rules, unit: str, outcome: str = "done") -> None:
    """Ends the job beside the hooks: a base backup or a rewind."""
    site = world.sites.get(unit)
    if site is None or not site.alive:
        return
    if site.clone == "running":
        source = world.sites.get(site.clone_from)
        if outcome != "done" or not _serves(world, source, site):
            site.clone = "failed"
        elif source:
            site.clone, site.copied = "finished", source.log
    elif site.rewind == "running":
        source = world.sites.get(site.rewind_from)
        if outcome == "done" and source and _serves(world, source, site):
            world.stop(site)
            site.log, site.signal, site.rewind = source.log, True, "finished"
            # It has the files that its source has, and no other.
            site.kept = source.kept
        elif outcome == "breaks":
            world.crash(site)
            site.rewind, site.unusable = "failed", True
        else:
            # It has changed nothing, and is tried again after a while.
            site.rewind = "absent"


def _serves(world: World, source: Site | None, site: Site) -> bool:
    return bool(
        source and source.running and world.linked(source, site) and site.name in source.opened
    )


def _power_off(world: World, rules: Rules, unit: str) -> None:
    site = world.sites.get(unit)
    if site and not site.frozen:
        world.crash(site)
        site.powered, site.hook, site.ripe = False, None, None
        if site.rewind == "running":
            site.rewind = "failed"
        if site.clone == "running":
            site.clone = "failed"


def _boot(world: World, rules: Rules, unit: str) -> None:
    """Gives the machine current, or starts a server that died, as the gate has it."""
    site = world.sites.get(unit)
    if site is None or site.gone or site.frozen:
        return
    site.powered = True
    if site.hung:
        return
    if site.has_data and not site.running and not site.unusable and site.rewind != "running":
        world.start(site)


def _server_dies(world: World, rules: Rules, unit: str) -> None:
    if site := world.sites.get(unit):
        world.crash(site)


def _backend_dies(world: World, rules: Rules, unit: str) -> None:
    """The postmaster starts everything again, as the data directory says."""
    site = world.sites.get(unit)
    if site and site.alive and site.running:
        world.crash(site)
        world.start(site)


def _set(world: World, rules: Rules, unit: str, what: str, value: bool) -> None:
    if site := world.sites.get(unit):
        setattr(site, what, value)


def _gone(world: World, rules: Rules, unit: str) -> None:
    """The machine never comes back."""
    if site := world.sites.get(unit):
        world.crash(site)
        site.powered, site.frozen, site.gone, site.hook = False, False, True, None


def _cut(world: World, rules: Rules, one: str, other: str) -> None:
    if one != other:
        world.cuts.add(frozenset((one, other)))


def _mend(world: World, rules: Rules, one: str, other: str) -> None:
    world.cuts.discard(frozenset((one, other)))


def _lease(world: World, rules: Rules, unit: str) -> None:
    site = world.sites.get(unit)
    if site and site.alive and site.online and not site.removed:
        world.holder = unit
        world.epoch += 1


def _wanted(world: World, rules: Rules, number: int) -> None:
    world.wanted = number


def _ask(world: World, rules: Rules, unit: str, kind: str, to: str) -> None:
    """Runs the action of an operator."""
    site = world.sites.get(unit)
    if site is None or not hook.may_begin(world, site) or world.record is None:
        return
    hook.begin(world, site, rules, set())
    view: View = site.hook.view
    site.hook = None
    if kind == switchover.SWITCHOVER:
        reason = switchover.refusal(view, to)
    else:
        reason = switchover.force_refusal(view)
    if reason:
        return
    mine = world.bags[unit]
    request = Request(kind, world.record.serial, to)
    world.bags[unit] = dataclasses.replace(mine, request=request)
    world.tell(f"{unit}: an operator asks for {kind} to {to}")


def _add(world: World, rules: Rules) -> None:
    if len(world.sites) < 6:
        world.add()


def _remove(world: World, rules: Rules, unit: str, effects: int = ALL) -> None:
    """Removes a unit whose machine lives; a primary says its last word."""
    site = world.sites.get(unit)
    left = [each for each in world.sites.values() if not each.removed and not each.gone]
    if site is None or site not in left or len(left) < 2 or not hook.may_begin(world, site):
        return
    if site.writable and effects > 0 and site.log.reached and not (site.sick or site.hung):
        world.append(site, Kind.farewell, site.log.reached)
        if effects > 1:
            site.signal, site.follows = True, None
            world.stop(site)
    world.crash(site)
    site.powered, site.gone = False, True
    _leave(world, site)


def _expel(world: World, rules: Rules, unit: str) -> None:
    """Removes a unit by force, whatever its machine does."""
    site = world.sites.get(unit)
    left = [each for each in world.sites.values() if not each.removed]
    if site is not None and site in left and len(left) > 1:
        site.hook = None
        _leave(world, site)


def _leave(world: World, site: Site) -> None:
    site.removed = True
    world.bags.pop(site.name, None)
    if world.holder == site.name:
        for other in world.sites.values():
            if other.alive and other.online and not other.removed:
                _lease(world, Rules(), other.name)
                return


def _recycle(world: World, rules: Rules, unit: str) -> None:
    """A server removes what its slots kept for standbys that are away."""
    site = world.sites.get(unit)
    if site and site.alive and site.writable:
        site.kept = site.log.lsn


def _reinit(world: World, rules: Rules, unit: str) -> None:
    """An operator has a standby cloned anew."""
    site, record = world.sites.get(unit), world.record
    if site is None or record is None or not hook.may_begin(world, site):
        return
    if record.primary in (None, unit) or not site.has_data or site.clone != "absent":
        return
    site.clone, site.clone_from = "running", record.primary or ""


_MOVES: dict[str, Any] = {
    "hook": run_hook,
    "die": _die,
    "commit": _commit,
    "receive": _receive,
    "sentinel": _sentinel,
    "job": _job,
    "power off": _power_off,
    "boot": _boot,
    "server dies": _server_dies,
    "backend dies": _backend_dies,
    "set": _set,
    "gone": _gone,
    "cut": _cut,
    "mend": _mend,
    "lease": _lease,
    "wanted": _wanted,
    "ask": _ask,
    "add": _add,
    "remove": _remove,
    "expel": _expel,
    "reinit": _reinit,
    "recycle": _recycle,
}


# Rest.


def heal(world: World, rules: Rules) -> None:
    """Ends every fault that ends by itself."""
    world.cuts.clear()
    for site in world.sites.values():
        site.frozen = site.alarm = site.sick = site.full = site.hung = False
        site.online = True
    world.watch()
    for site in world.sites.values():
        if not site.powered:
            apply(world, ("boot", site.name), rules)
    holder = world.sites[world.holder]
    if not holder.alive or holder.removed:
        for site in world.sites.values():
            if site.alive and not site.removed:
                apply(world, ("lease", site.name), rules)
                break


def round_of_hooks(world: World, rules: Rules) -> None:
    """Lets every machine do all that it would do in a quiet minute."""
    for site in list(world.sites.values()):
        for move in (
            ("boot", site.name),
            ("receive", site.name, None),
            ("sentinel", site.name, ALL),
            ("sentinel", site.name, ALL),
            ("job", site.name, "done"),
            ("hook", site.name, ALL, None),
            ("receive", site.name, None),
            ("sentinel", site.name, ALL),
        ):
            apply(world, move, rules)


def settle(world: World, rules: Rules) -> str:
    """Lets the world come to rest.

    Returns:
        What is not as it should be at the end; empty if it rests.
    """
    heal(world, rules)
    reason = ""
    before = -1
    for _ in range(ROUNDS):
        round_of_hooks(world, rules)
        serial = world.record.serial if world.record else 0
        reason = unrest(world, rules)
        if not reason and serial == before:
            return ""
        before = serial
    return reason or "the record goes on changing"


def unrest(world: World, rules: Rules) -> str:
    """Says what is missing to a cluster that works; empty if nothing is."""
    record = world.record
    if record is None:
        return "no record"
    if record.primary is None or record.successor is not None:
        return f"no primary, or one that hands over: {record}"
    primary = world.sites[record.primary]
    if not primary.alive or not primary.writable or primary.log.reached != record.term:
        return f"the primary does not work: {record}"
    present = [each for each in world.sites.values() if each.alive and not each.removed]
    for site in present:
        if site is not primary and (world.source(site) is not primary or site.writable):
            return f"{site.name} does not follow {primary.name}"
    wanted = min(world.wanted, len(present) - 1)
    if record.quorum < wanted:
        return f"{record.quorum} instead of {wanted} acknowledgements: {record}"
    if record.asynchronous != (world.wanted == 0):
        return f"asynchronous is {record.asynchronous}: {record}"
    apply(world, ("commit", primary.name), rules)
    for site in present:
        apply(world, ("receive", site.name, None), rules)
    return "a commit is not acknowledged" if primary.waiting else ""


def excused(world: World) -> str:
    """Says why, by the rules, nobody may be named although machines are left; or nothing."""
    record = world.record
    if record is None:
        return ""
    left = {
        name: site
        for name, site in world.sites.items()
        if not site.gone
        and not site.removed
        and site.has_data
        and not site.unusable
        and site.complete
    }
    if not left:
        return "nobody has the data"
    former = record.primary or record.previous_primary or ""
    term = record.previous_term if record.primary is None else record.term
    if record.asynchronous:
        return ""
    logs = [site.log for site in left.values()]
    if record.successor and record.successor not in left:
        those = record.successor_candidates
        heard = sum(unit in left for unit in those)
        unsaid = former in left and left[former].log.farewell < (term or 0)
        if not record.successor_quorum and record.quorum:
            # It would not have had to be so.
            return ""
        if not unsaid and heard < len(those) - record.successor_quorum + 1:
            return (
                "the successor is gone, and too few of those who would have followed it are left"
            )
    if former in left or any(log.final == term for log in logs):
        return ""
    if record.successor and any(log.reached == (term or 0) + 1 for log in logs):
        return ""
    if not record.quorum:
        return "a primary that stood alone is gone"
    if (
        sum(unit in left for unit in record.candidates)
        < len(record.candidates) - record.quorum + 1
    ):
        return "too few of the candidates are left"
    floor = record.floor
    if not any(
        log.reached == term or (floor and (log.reached, log.lsn) >= (floor.term, floor.lsn))
        for log in logs
    ):
        return "the primary is gone before anyone whose log is long enough followed it"
    return ""


def force(world: World, rules: Rules) -> bool:
    """Has an operator make a primary of a unit that is left.

    Returns:
        Whether there is one that has the data.
    """
    for site in world.sites.values():
        if site.alive and not site.removed and site.has_data and not site.unusable:
            apply(world, ("ask", site.name, switchover.FORCE, site.name), rules)
            return True
    return False
