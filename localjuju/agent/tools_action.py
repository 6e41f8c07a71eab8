"""Hook tools of actions, and ``juju-reboot``."""

from __future__ import annotations

import re
from typing import Any, cast

from localjuju.agent.hookcontext import ActionData, HookContext, ToolError
from localjuju.agent.output import FORMAT, Arguments, UsageError, render
from localjuju.agent.toolcall import Call

_KEY = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_RESERVED = ("stdout", "stdout-encoding", "stderr", "stderr-encoding")


def _action(context: HookContext) -> ActionData:
    if context.action is None:
        raise ToolError("not running an action")
    return context.action


def action_get(context: HookContext, call: Call) -> str:
    """``action-get [KEY]``; dots go into nested parameters."""
    args = Arguments(call.args, (FORMAT,))
    value: Any = _action(context).parameters
    for part in args.rest[0].split(".") if args.rest else []:
        value = cast("dict[str, Any]", value).get(part) if isinstance(value, dict) else None
    return render(value, args.form)


def action_set(context: HookContext, call: Call) -> str:
    """``action-set KEY=VALUE …``; dots nest."""
    action = _action(context)
    args = Arguments(call.args, (FORMAT,))
    for key, value in Call.pairs(args.rest).items():
        parts = key.split(".")
        for part in parts:
            if not _KEY.fullmatch(part):
                raise UsageError(
                    f'key "{part}" must start and end with lowercase alphanumeric, '
                    "and contain only lowercase alphanumeric and hyphens"
                )
        if parts[0] in _RESERVED:
            raise UsageError(f'cannot set reserved action key "{parts[0]}"')
        place = action.results
        for part in parts[:-1]:
            below: Any = place.get(part)
            if not isinstance(below, dict):
                below = place[part] = {}
            place = cast("dict[str, Any]", below)
        place[parts[-1]] = value
    return ""


def action_fail(context: HookContext, call: Call) -> str:
    """``action-fail [MESSAGE]``: the action fails, but what it changed is kept."""
    action = _action(context)
    args = Arguments(call.args)
    action.failed = True
    action.message = (
        " ".join(args.rest) or "action failed without reason given, check action for errors"
    )
    return ""


def action_log(context: HookContext, call: Call) -> str:
    """``action-log MESSAGE``: seen at once."""
    action = _action(context)
    args = Arguments(call.args)
    if not args.rest:
        raise UsageError("no message specified")
    context.link.call(
        "task_log", receiver=context.unit, task=action.id, message=" ".join(args.rest)
    )
    return ""


def juju_reboot(context: HookContext, call: Call) -> str:
    """``juju-reboot [--now]``: the machine reboots after the hook, or instead of it."""
    args = Arguments(call.args, (), ("--now",))
    if context.action is not None:
        raise ToolError("juju-reboot is not supported when running an action.")
    context.reboot = "now" if args.flag("--now") else "after"
    return ""
