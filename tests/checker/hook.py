"""One hook of the charm: it observes, decides, acts, tells and leads, as `reconcile` does.

What decides is the charm's own; what acts is what `carry_out` and the PostgreSQL side do, cut
into effects between which the hook can be paused or die.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field

from carry_out import ESSENTIAL
from decisions import member as member_decisions
from decisions import record as leader_decisions
from decisions import steps
from decisions import unit as unit_decisions
from decisions.facts import Machine, View
from decisions.steps import Step
from state.member import Member
from state.messages import Promise
from state.record import Record
from tests.checker.log import Entry, Kind
from tests.checker.world import CLUSTER, HOLD, SYSTEM, Site, World

_ROUNDS = 4
_ROLES = ("replicator",)


@dataclass(frozen=True)
class Rules:
    """The functions that decide: the charm's, or with one of them changed on purpose.

    Attributes:
        steps: what a unit does.
        member: what it tells.
        next_record: what the leader writes.
        uncommitted: act on a record in the hook that writes it.
        broken_leadership: commit although the lease was lost and regained meanwhile.
        unproved: report a setting that is in force, before a commit was held back by it.
        unlocked: the sentinel promotes by what it was told before the hook told it otherwise.
        no_hold: a promotion begins with the real setting.
        loose_gate: the sentinel opens a server for a term that its log has not reached.
        forgets_owed: a ballot of a new copy, before it is as far as the data it replaced.
        deafless: a unit counts as deaf that is not.
        early: a successor promotes itself before it has the last word.
    """

    steps: Callable[[View], tuple[Step, ...]] = unit_decisions.steps
    member: Callable[[View, tuple[str, ...] | None, bool, bool, str], Member] = (
        member_decisions.member
    )
    next_record: Callable[[View, str], Record | None] = leader_decisions.next_record
    uncommitted: bool = False
    broken_leadership: bool = False
    unproved: bool = False
    unlocked: bool = False
    no_hold: bool = False
    loose_gate: bool = False
    forgets_owed: bool = False
    deafless: bool = False
    early: bool = False


class Failed(Exception):
    """An effect could not be had; the hook reports it and goes on where that is safe."""


Effect = tuple[str, Step]


@dataclass
class Hook:
    """A hook under way.

    Attributes:
        record: as it read it at the begin; it acts on no other.
        members: what the unit knew of the others.
        leader: whether it led at the begin.
        epoch: of the lease then.
        view: its last look.
        plan: the steps that it takes.
        todo: the effects that are left of them.
        rounds: how often it has looked.
        ended: why it has ended the server that was to hand over.
        told: what it is going to tell; None while it acts.
        written: the record that it is going to commit.
    """

    record: Record | None
    members: dict[str, Member]
    leader: bool
    epoch: int
    wanted: int
    view: View
    plan: tuple[Step, ...] = ()
    todo: list[Effect] = field(default_factory=list[Effect])
    rounds: int = 0
    changed: bool = False
    admitted: tuple[str, ...] | None = None
    instructed: bool = False
    proved: bool = False
    shut: str = ""
    ended: str = ""
    told: Member | None = None
    written: Record | None = None

    def copy(self) -> Hook:
        """Returns a hook of its own at the same point."""
        twin = copy.copy(self)
        twin.todo = list(self.todo)
        return twin


def may_begin(world: World, site: Site) -> bool:
    """Whether Juju can run a hook on the unit."""
    return site.alive and site.online and not site.removed and site.hook is None


def begin(world: World, site: Site, rules: Rules, told: set[str] | None = None) -> None:
    """Begins a hook.

    Args:
        world: where.
        site: of which unit.
        rules: which decide.
        told: the units whose bags Juju has brought up to date before; None: all.
    """
    for name in list(site.cache):
        if name not in world.bags and (told is None or name in told):
            del site.cache[name]
    for name, bag in world.bags.items():
        if name != site.name and (told is None or name in told):
            site.cache[name] = bag
    mine = world.bags.setdefault(site.name, Member(site.name))
    members = {site.name: mine, **site.cache}
    leader = world.holder == site.name
    record = world.record
    hook = Hook(
        record,
        members,
        leader,
        world.epoch,
        world.wanted,
        View(
            site.name,
            leader,
            record,
            members,
            _look(world, site, record, members, rules),
            _ROLES[0],
            True,
            world.wanted,
        ),
    )
    site.hook = hook
    _plan(hook, rules)


def advance(world: World, site: Site, rules: Rules) -> None:
    """Takes the next effect of a unit's hook; the last one commits it."""
    hook: Hook = site.hook
    if hook.told is not None:
        _commit(world, site, hook, rules)
    elif hook.todo:
        name, step = hook.todo.pop(0)
        try:
            hook.changed |= _EFFECTS[name](world, site, step, hook, rules)
        except Failed:
            if isinstance(step, ESSENTIAL):
                hook.todo = []
            else:
                hook.todo = [each for each in hook.todo if each[1] is not step]
    elif hook.changed and hook.rounds <= _ROUNDS:
        _again(world, site, hook, rules)
    else:
        _tell(world, site, hook, rules)


def _plan(hook: Hook, rules: Rules) -> None:
    hook.plan = rules.steps(hook.view)
    hook.todo = [(name, step) for step in hook.plan for name in _NAMES.get(type(step), ())]
    hook.rounds += 1
    hook.changed = hook.instructed = hook.proved = False
    hook.admitted, hook.shut = None, ""


def _again(world: World, site: Site, hook: Hook, rules: Rules) -> None:
    machine = _look(world, site, hook.record, hook.members, rules)
    hook.view = _with_machine(hook.view, machine)
    if hook.ended or hook.rounds == _ROUNDS or rules.steps(hook.view) == hook.plan:
        hook.changed = False
        return
    _plan(hook, rules)


def _with_machine(view: View, machine: Machine) -> View:
    return View(
        view.me,
        view.leader,
        view.record,
        view.members,
        machine,
        view.replication_role,
        view.credentials,
        view.wanted_quorum,
    )


def _tell(world: World, site: Site, hook: Hook, rules: Rules) -> None:
    view = hook.view
    shut = hook.shut or hook.ended
    hook.told = rules.member(view, hook.admitted, hook.proved, hook.instructed, shut)
    if not hook.leader:
        return
    known = {**view.members, site.name: hook.told}
    knowing = View(
        view.me,
        view.leader,
        view.record,
        known,
        view.machine,
        view.replication_role,
        view.credentials,
        view.wanted_quorum,
    )
    hook.written = rules.next_record(knowing, CLUSTER)
    if hook.written is not None and rules.uncommitted:
        _act_on_uncommitted(world, site, hook, rules)


def _act_on_uncommitted(world: World, site: Site, hook: Hook, rules: Rules) -> None:
    written = hook.written
    machine = _look(world, site, written, hook.members, rules)
    seen = hook.view
    view = View(seen.me, True, written, seen.members, machine, _ROLES[0], True, seen.wanted_quorum)
    for step in rules.steps(view):
        for name in _NAMES.get(type(step), ()):
            try:
                _EFFECTS[name](world, site, step, hook, rules)
            except Failed:
                return


def _commit(world: World, site: Site, hook: Hook, rules: Rules) -> None:
    assert hook.told is not None
    led = world.holder == site.name and (world.epoch == hook.epoch or rules.broken_leadership)
    site.hook = None
    if site.removed or not site.online or (hook.written is not None and not led):
        world.tell(f"{site.name}: the hook fails at its end, nothing is committed")
        return
    world.bags[site.name] = hook.told
    if hook.written is not None:
        world.tell(f"{site.name} commits {_short(hook.written)}")
        world.write(hook.written)


def _short(record: Record) -> str:
    parts = [f"serial {record.serial}, term {record.term}: primary {record.primary}"]
    parts.append(f"{record.quorum} of {','.join(record.candidates) or 'none'}")
    if record.successor:
        parts.append(
            f"successor {record.successor} with {record.successor_quorum} of "
            f"{','.join(record.successor_candidates)}"
        )
    if record.floor:
        parts.append(f"floor {record.floor.term}/{record.floor.lsn}")
    if record.previous_term is not None:
        parts.append(f"after {record.previous_primary} of term {record.previous_term}")
    if record.asynchronous:
        parts.append("asynchronous")
    return "; ".join(parts)


# What a hook sees.


def _look(
    world: World, site: Site, record: Record | None, members: dict[str, Member], rules: Rules
) -> Machine:
    """As `observation.look` does it."""
    log, running = site.log, site.running
    source = world.source(site)
    standing_by = running and site.recovery and (source is None or rules.deafless)
    primary = members.get(record.primary or "") if record else None
    return Machine(
        address=site.address,
        cluster_id=CLUSTER if site.has_data else "",
        has_data=site.has_data,
        system_id=SYSTEM if site.has_data else "",
        standby_signal=site.signal,
        running=running,
        in_recovery=site.recovery if running else None,
        timeline=log.timeline if running else None,
        upstream=source.address if source else "",
        upstream_role=_ROLES[0] if source else "",
        clone=site.clone,
        replication_roles=_ROLES if site.has_data else (),
        streaming=tuple(other.name for other in world.receivers(site)),
        promise=site.setting,
        reached=log.reached if running else 0,
        reached_lsn=log.reached_at if running else 0,
        log_end=log.lsn if standing_by and site.complete else None,
        final=log.final if standing_by else 0,
        farewell=log.farewell if standing_by else None,
        deaf=standing_by and (site.follows is None or rules.deafless),
        diverged=standing_by and _diverged(world, site, primary),
        starved=world.starves(site) and primary is not None and primary.unit == site.upstream,
        rewind=site.rewind,
        promoted=site.promoted,
        lost="no answer" if site.lost > 1 else "",
        lost_long=site.lost > 3,
        unwell="no space left on device" if site.sick and site.writable else "",
        ailing="it is full" if (site.full or site.hung) and site.writable else "",
        cramped="it is full" if (site.full or site.hung) and site.recovery else "",
        silent=tuple(
            name
            for name, other in world.sites.items()
            if name != site.name and not (other.running and world.linked(site, other))
        ),
    )


def _diverged(world: World, site: Site, primary: Member | None) -> bool:
    if primary is None or primary.unit == site.name or str(primary.phase) != "primary":
        return False
    other = world.sites[primary.unit]
    if not other.running or not world.linked(site, other):
        return False
    return not other.log.holds(site.log)


# What a hook does. Each effect tells whether it changed anything.


def _instruct(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    assert isinstance(step, steps.Instruct)
    site.mandate = step
    hook.instructed = True
    return False


def _create(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    if site.has_data:
        return False
    site.has_data, site.signal = True, False
    return True


def _start(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    if site.running:
        return False
    if not site.has_data or site.unusable or site.hung:
        raise Failed
    site.signal = True
    world.start(site)
    return True


def _open_unsignal(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    if site.writable:
        return False
    if site.unusable:
        raise Failed
    world.stop(site)
    site.signal = False
    return True


def _open_start(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    if site.running:
        return False
    if not site.has_data or site.unusable or site.hung:
        raise Failed
    if site.sick:
        # It ends at once, and the gate is closed behind it.
        site.signal, hook.shut = True, "no space left on device"
        raise Failed
    world.start(site)
    return True


def _close(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    return close(site)


def close(site: Site) -> bool:
    """Closes the start gate of a running primary."""
    if not site.writable:
        return False
    site.signal, site.follows = True, None
    return False


def _seal_stop(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    if not site.writable:
        return False
    _end(world, site)
    return True


def _end(world: World, site: Site) -> None:
    """Has a primary be none any more."""
    site.signal, site.follows = True, None
    if site.hung:
        world.crash(site)
    else:
        world.stop(site)


def _seal_cut(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    if site.follows is None and (not site.running or site.upstream is None):
        return False
    site.follows = site.upstream = None
    return True


def _hold(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    assert isinstance(step, steps.Promote)
    if not (site.running and site.recovery):
        return False
    hold(site, step.promise, rules)
    return True


def hold(site: Site, promise: Promise, rules: Rules) -> None:
    """Has no commit acknowledged from now on."""
    site.setting = site.in_force = promise if rules.no_hold else HOLD


def _fork(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    assert isinstance(step, steps.Promote)
    if not site.running:
        raise Failed
    return fork(world, site, step.term)


def fork(world: World, site: Site, term: int) -> bool:
    """Promotes a standby."""
    if not site.recovery:
        return False
    world.append(site, Kind.fork, term)
    site.recovery, site.upstream = False, None
    return True


def _row(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    assert isinstance(step, (steps.Promote, steps.BeginTerm, steps.Synchronise))
    return row(world, site, step.term)


def row(world: World, site: Site, term: int) -> bool:
    """Has the log say which term it is in."""
    if not site.writable:
        raise Failed
    if site.log.reached >= term:
        return False
    world.append(site, Kind.term, term)
    return True


def _unhold(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    assert isinstance(step, (steps.Promote, steps.Synchronise))
    return unhold(world, site, step.promise)


def unhold(world: World, site: Site, promise: Promise) -> bool:
    """Puts the real setting in the place of the hold, once the term's row is safe."""
    if site.setting != HOLD:
        return False
    if not world.flushed(site, promise, site.log.at(site.log.reached_at)):
        return False
    site.setting = site.in_force = promise
    return True


def _held_row(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    return site.setting == HOLD and _row(world, site, step, hook, rules)


def _set(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    assert isinstance(step, steps.Synchronise)
    if site.setting in (HOLD, step.promise):
        return False
    site.setting = step.promise
    return True


def _reload(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    if not site.running:
        raise Failed
    changed = site.in_force != site.setting
    site.in_force = site.setting
    return changed


def _prove(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    assert isinstance(step, steps.Synchronise)
    if site.in_force == HOLD or not site.running:
        return False
    known = hook.members[site.name].promise
    hook.proved = (
        known == step.promise or rules.unproved or world.flushed(site, step.promise, site.log)
    )
    return False


def _checkpoint(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    assert isinstance(step, steps.Checkpoint)
    if not site.hung:
        return False
    if step.or_end:
        hook.ended, hook.changed = "it takes no write", True
        _end(world, site)
    raise Failed


def _farewell(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    assert isinstance(step, steps.HandOver)
    if not site.writable or site.sick:
        raise Failed
    world.append(site, Kind.farewell, step.term)
    return True


def _hand_over_stop(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    site.signal, site.follows = True, None
    world.stop(site)
    return True


def _start_rewind(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    assert isinstance(step, steps.StartRewind)
    if site.rewind == "finished":
        return False
    if site.unusable:
        raise Failed
    changed = site.rewind != "running"
    site.rewind, site.rewind_from = "running", step.upstream.unit
    return changed


def _forget_rewind(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    changed = site.rewind != "absent"
    site.rewind = "absent"
    return changed


def _follow(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    assert isinstance(step, steps.Configure)
    upstream = step.upstream.unit if step.upstream else None
    changed = site.follows != upstream
    site.follows = upstream
    if site.running and site.recovery:
        site.upstream = upstream
    return changed


def _open_to(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    assert isinstance(step, steps.OpenTo)
    changed = set(site.opened) != set(step.peers)
    site.opened = tuple(step.peers)
    return changed


def _slots(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    assert isinstance(step, steps.MakeSlots)
    if not site.running:
        raise Failed
    hook.admitted = tuple(unit for unit in step.units if unit in site.opened)
    return False


def _start_clone(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    assert isinstance(step, steps.StartClone)
    changed = site.clone != "running"
    site.clone, site.clone_from = "running", step.upstream.unit
    return changed


def _adopt(world: World, site: Site, step: Step, hook: Hook, rules: Rules) -> bool:
    if site.clone != "finished":
        return False
    assert isinstance(site.copied, Entry)
    world.stop(site)
    if site.has_data and not rules.forgets_owed:
        # Others may count on what lies in the directory that is set aside.
        site.owes = max(site.owes, (site.log.reached, site.log.lsn))
    site.log, site.has_data, site.signal, site.unusable = site.copied, True, True, False
    site.kept = site.log.lsn
    site.clone, site.copied = "absent", None
    return True


_EFFECTS: dict[str, Callable[[World, Site, Step, Hook, Rules], bool]] = {
    "instruct": _instruct,
    "create": _create,
    "start": _start,
    "take the signal away": _open_unsignal,
    "start read-write": _open_start,
    "close the gate": _close,
    "stop a primary": _seal_stop,
    "be deaf": _seal_cut,
    "hold": _hold,
    "promote": _fork,
    "term row": _row,
    "unhold": _unhold,
    "held term row": _held_row,
    "set": _set,
    "reload": _reload,
    "prove": _prove,
    "last word": _farewell,
    "checkpoint": _checkpoint,
    "shut down": _hand_over_stop,
    "start to rewind": _start_rewind,
    "forget the rewind": _forget_rewind,
    "follow": _follow,
    "let in": _open_to,
    "slots": _slots,
    "start to clone": _start_clone,
    "adopt": _adopt,
}
_NAMES: dict[type, tuple[str, ...]] = {
    steps.Instruct: ("instruct",),
    steps.Create: ("create",),
    steps.Start: ("start",),
    steps.Open: ("take the signal away", "start read-write", "close the gate"),
    steps.Seal: ("stop a primary", "be deaf", "start"),
    steps.Promote: ("hold", "promote", "close the gate", "term row", "unhold"),
    steps.BeginTerm: ("term row", "close the gate"),
    steps.Synchronise: ("held term row", "unhold", "set", "reload", "prove"),
    steps.Checkpoint: ("checkpoint",),
    steps.HandOver: ("last word", "shut down"),
    steps.StartRewind: ("start to rewind",),
    steps.ForgetRewind: ("forget the rewind",),
    steps.Configure: ("follow",),
    steps.OpenTo: ("let in",),
    steps.MakeSlots: ("slots",),
    steps.StartClone: ("start to clone",),
    steps.AdoptClone: ("adopt",),
}
