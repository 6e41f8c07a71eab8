"""What a unit does next: a pure function of where it stands and of the goal.

The order of the questions is Juju's (internal/worker/uniter/resolver.go and the resolvers that it
asks in turn); peers come after the other relations.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from localjuju.agent.state import Hook, RelationState, UnitState

Goal = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Circumstances:
    """What is neither in the state nor in the goal."""

    leads: bool
    """The leadership tracker's word."""
    rebooted: bool
    """The machine rebooted, and the unit has not been told."""
    retry_due: bool
    """The wait after a hook's failure is over."""
    status_due: bool
    """It is time for ``update-status``."""
    commands: bool
    """A command of ``juju-exec`` waits."""
    major: int
    """Of the Juju version whose behaviour is wanted."""


@dataclasses.dataclass(frozen=True)
class Operation:
    """One thing to do.

    ``kind`` is one of ``hook``, ``skip-hook``, ``action``, ``fail-action``, ``command``,
    ``upgrade``, ``accept-leadership``, ``resign-leadership``, ``enter-scope``,
    ``prepare-leave``, ``clear-resolved-retry``, ``clear-resolved-skip`` and ``dead``.
    """

    kind: str
    hook: Hook | None = None
    action: str = ""
    relation: str = ""


def next_operation(state: UnitState, goal: Goal, now: Circumstances) -> Operation | None:
    """Return what to do next, or none if there is nothing to do."""
    if goal["life"] == "dead" or state.removed:
        return Operation("dead")
    # Juju asks only that no hook is under way; an action that was cut off would then run again.
    if now.rebooted and state.started and state.kind == "continue":
        return Operation("hook", Hook("start"))
    if state.kind == "upgrade":
        return Operation("upgrade")
    for question in (_created_relations, _leadership, _secrets, _actions, _commands):
        operation = question(state, goal, now)
        if operation is not None:
            return operation
    if state.kind == "run-hook":
        assert state.hook is not None
        if state.step == "pending":
            return _after_error(state, goal, now)
        if state.step == "done":
            return Operation("skip-hook", state.hook)
        if state.hook.kind != "install":
            return Operation("hook", state.hook)
    return _in_order(state, goal, now)


def _after_error(state: UnitState, goal: Goal, now: Circumstances) -> Operation | None:
    if goal["charm"]["forced"] and _charm_differs(state, goal):
        return Operation("upgrade")
    if goal["resolved"] == "retry":
        return Operation("clear-resolved-retry", state.hook)
    if goal["resolved"] == "skip":
        return Operation("clear-resolved-skip", state.hook)
    return Operation("hook", state.hook) if now.retry_due else None


def _charm_differs(state: UnitState, goal: Goal) -> bool:
    charm = goal["charm"]
    return state.charm != charm["url"] or state.charm_modified != charm["modified"]


def _in_order(state: UnitState, goal: Goal, now: Circumstances) -> Operation | None:
    if goal["life"] == "dying":
        operation = _relations(state, goal)
        if operation is not None:
            return operation
        if state.started and not state.stopped:
            return Operation("hook", Hook("stop"))
        if state.installed:
            return Operation("hook", Hook("remove"))
        return Operation("dead")
    if not state.charm:
        return Operation("upgrade")
    if not state.installed:
        return Operation("hook", Hook("install"))
    if _charm_differs(state, goal):
        return Operation("upgrade")
    if (state.config_hash, state.address_hash) != (goal["config_hash"], goal["address_hash"]):
        return Operation("hook", Hook("config-changed"))
    operation = _relations(state, goal)
    if operation is not None:
        return operation
    if now.status_due and state.started:
        return Operation("hook", Hook("update-status"))
    return None


def _leadership(state: UnitState, goal: Goal, now: Circumstances) -> Operation | None:
    if not state.installed:
        return None
    dying = goal["life"] == "dying"
    if now.leads and not state.leader and not dying and state.kind == "continue":
        return Operation("accept-leadership")
    if state.leader and (not now.leads or dying):
        return Operation("resign-leadership")
    if now.major < 4 and not now.leads and not dying and state.kind == "continue":
        return (
            None
            if state.leader_settings_seen
            else Operation("hook", Hook("leader-settings-changed"))
        )
    return None


def _secrets(state: UnitState, goal: Goal, now: Circumstances) -> Operation | None:
    del now
    if not state.installed or goal["life"] == "dying" or state.kind != "continue":
        return None
    secrets = goal["secrets"]
    for secret in secrets["expired"]:
        if f"expired:{secret['id']}/{secret['revision']}" not in state.secrets_done:
            return Operation("hook", _secret_hook("secret-expired", secret))
    for secret in secrets["rotate"]:
        return Operation("hook", _secret_hook("secret-rotate", secret))
    for secret in secrets["changed"]:
        if state.secrets_changed.get(secret["id"]) != secret["revision"]:
            return Operation("hook", _secret_hook("secret-changed", secret))
    for secret in secrets["obsolete"]:
        if f"obsolete:{secret['id']}/{secret['revision']}" not in state.secrets_done:
            return Operation("hook", _secret_hook("secret-remove", secret))
    return None


def _secret_hook(kind: str, secret: dict[str, Any]) -> Hook:
    return Hook(
        kind,
        secret=secret["id"],
        label=secret["label"] or "",
        revision=secret.get("revision", 0),
    )


def _actions(state: UnitState, goal: Goal, now: Circumstances) -> Operation | None:
    del now
    if state.kind == "run-action":
        return Operation("fail-action", action=state.action)
    in_error = state.kind == "run-hook" and state.step == "pending"
    if goal["tasks"] and state.charm and (in_error or state.kind == "continue"):
        return Operation("action", action=goal["tasks"][0]["id"])
    return None


def _commands(state: UnitState, goal: Goal, now: Circumstances) -> Operation | None:
    del goal
    return Operation("command") if now.commands and state.charm else None


def _created_relations(state: UnitState, goal: Goal, now: Circumstances) -> Operation | None:
    del now
    if not state.installed or goal["life"] == "dying" or state.kind != "continue":
        return None
    for number, relation in _peers_last(goal["relations"]):
        if relation["life"] != "alive":
            continue
        known = state.relations.get(number)
        if known is None:
            return Operation("enter-scope", relation=number)
        if not known.created:
            return Operation(
                "hook",
                Hook("relation-created", int(number), remote_app=relation["remote_app"]),
            )
    return None


def _peers_last(relations: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted(relations.items(), key=lambda item: (item[1]["peer"], int(item[0])))


def _relations(state: UnitState, goal: Goal) -> Operation | None:
    if state.kind != "continue":
        return None
    known = sorted(state.relations.items(), key=lambda item: (item[1].peer, int(item[0])))
    for number, relation in known:
        remote: dict[str, Any] = goal["relations"].get(number) or {"life": "dead"}
        broken = goal["life"] == "dying" or remote["life"] != "alive"
        if broken and not relation.leaving:
            return Operation("prepare-leave", relation=number)
        members: dict[str, int] = {} if broken else remote["members"]
        apps: dict[str, int] = {} if broken else remote["apps"]
        hook = _relation_hook(int(number), relation, goal, members, apps, broken=broken)
        if hook is not None:
            return Operation("hook", hook)
    return None


def _relation_hook(
    number: int,
    relation: RelationState,
    goal: Goal,
    members: dict[str, int],
    apps: dict[str, int],
    *,
    broken: bool,
) -> Hook | None:
    if relation.changed_pending:
        unit = relation.changed_pending
        return _unit_hook("relation-changed", number, unit, members.get(unit, 0))
    for unit in sorted(relation.members):
        if unit not in members:
            leaving = goal["life"] != "alive" or goal["application_life"] != "alive"
            departing = goal["name"] if leaving else unit
            return _unit_hook("relation-departed", number, unit, departing=departing)
    if broken:
        if relation.peer:
            return None
        return Hook("relation-broken", number, remote_app=relation.remote_app)
    for app in sorted(apps):
        # An application whose data bag was never written (version 0) raises nothing.
        if relation.apps.get(app, 0) != apps[app]:
            return Hook("relation-changed", number, remote_app=app, version=apps[app])
    for unit in sorted(members):
        if unit not in relation.members:
            return _unit_hook("relation-joined", number, unit, members[unit])
    for unit in sorted(members):
        if relation.members[unit] != members[unit]:
            return _unit_hook("relation-changed", number, unit, members[unit])
    return None


def _unit_hook(
    kind: str, number: int, unit: str, version: int = 0, *, departing: str = ""
) -> Hook:
    return Hook(
        kind,
        number,
        remote_app=unit.rpartition("/")[0],
        remote_unit=unit,
        departing=departing,
        version=version,
    )
