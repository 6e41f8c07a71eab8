"""Hook tools about the unit itself: status, configuration, ports, state, log."""

from __future__ import annotations

import re
from typing import Any

from localjuju.agent.hookcontext import HookContext, ToolError
from localjuju.agent.output import FILE, FORMAT, Arguments, UsageError, render
from localjuju.agent.toolcall import Call

_STATES = ("maintenance", "blocked", "waiting", "active")
_PORT = re.compile(r"(\d+)(?:-(\d+))?(?:/(tcp|udp))?", re.IGNORECASE)


def is_leader(context: HookContext, call: Call) -> str:
    """``is-leader``."""
    args = Arguments(call.args, (FORMAT,))
    return render(context.is_leader(), args.form)


def config_get(context: HookContext, call: Call) -> str:
    """``config-get [--all] [KEY]``: unset options are left out, unless all are asked for."""
    args = Arguments(call.args, (FORMAT,), ("--all", "-a"))
    config = context.about["config"]
    if args.rest and args.rest[0] != "-":
        return render(config.get(args.rest[0]), args.form)
    if args.flag("--all") or args.flag("-a"):
        config = {option: config.get(option) for option in context.about["options"]}
    return render(config, args.form)


def status_set(context: HookContext, call: Call) -> str:
    """``status-set [--application] STATE [MESSAGE]``: at once, whatever becomes of the hook."""
    args = Arguments(call.args, (), ("--application",))
    if not args.rest:
        raise UsageError("invalid args, require <status> [message]")
    state = args.rest[0]
    if state not in _STATES:
        raise UsageError(f'invalid status "{state}", expected one of {list(_STATES)}')
    message = args.rest[1] if len(args.rest) > 1 else ""
    if args.flag("--application"):
        if not context.is_leader():
            raise ToolError("setting application status: this unit is not the leader")
        context.call("set_application_status", current=state, message=message)
        return ""
    context.call("set_workload", current=state, message=message)
    context.status_set = True
    return ""


def status_get(context: HookContext, call: Call) -> str:
    """``status-get [--include-data] [--application]``."""
    args = Arguments(call.args, (FORMAT,), ("--include-data", "--application"))
    with_data = args.flag("--include-data")

    def shown(status: dict[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = {"status": status["current"], "message": status["message"]}
        if with_data:
            values["status-data"] = status.get("data") or {}
        return values

    if args.flag("--application"):
        if not context.is_leader():
            raise ToolError("finding application status: this unit is not the leader")
        found = context.call("application_status")
        units = {name: shown(status) for name, status in found["units"].items()}
        about = {**shown(found["application"]), "units": units}
        # ops reads the units beside the status, where Juju's own documents place them within it.
        return render({"application-status": about, "units": units}, args.form)
    status = context.call("workload")
    if not with_data and args.form == "smart":
        return render(status["current"], args.form)
    return render(shown(status), args.form)


def application_version_set(context: HookContext, call: Call) -> str:
    """``application-version-set VERSION``: at once."""
    args = Arguments(call.args)
    if not args.rest:
        raise UsageError("no version specified")
    context.call("set_version", version=args.rest[0])
    return ""


def goal_state(context: HookContext, call: Call) -> str:
    """``goal-state``."""
    args = Arguments(call.args, (FORMAT,))
    form = "yaml" if args.form == "smart" else args.form
    return render(context.call("goal_state"), form)


def _port(text: str) -> str:
    if text == "icmp":
        return "icmp"
    found = _PORT.fullmatch(text)
    if found is None:
        raise UsageError(f'expected <port>[/<protocol>] or <from>-<to>[/<protocol>], got "{text}"')
    first, last = int(found[1]), int(found[2] or found[1])
    if not 1 <= first <= last <= 65535:
        raise UsageError(f'invalid port range "{text}"')
    span = f"{first}" if first == last else f"{first}-{last}"
    return f"{span}/{(found[3] or 'tcp').lower()}"


def _ports(context: HookContext) -> list[str]:
    return list(context.about["ports"] if context.ports is None else context.ports)


def open_port(context: HookContext, call: Call) -> str:
    """``open-port PORT[/PROTOCOL]``."""
    args = Arguments(call.args, (("--endpoints",), FORMAT))
    if not args.rest:
        raise UsageError("no port or range specified")
    port = _port(args.rest[0])
    if port not in _ports(context):
        context.ports = sorted([*_ports(context), port], key=_port_order)
    return ""


def _port_order(port: str) -> tuple[str, int]:
    span, _, protocol = port.partition("/")
    return protocol, int(span.split("-")[0]) if span != "icmp" else 0


def close_port(context: HookContext, call: Call) -> str:
    """``close-port PORT[/PROTOCOL]``."""
    args = Arguments(call.args, (("--endpoints",), FORMAT))
    if not args.rest:
        raise UsageError("no port or range specified")
    port = _port(args.rest[0])
    if port in _ports(context):
        context.ports = [open_ for open_ in _ports(context) if open_ != port]
    return ""


def opened_ports(context: HookContext, call: Call) -> str:
    """``opened-ports [--endpoints]``: what is committed, not what this hook asked for."""
    args = Arguments(call.args, (FORMAT,), ("--endpoints",))
    ports: list[str] = context.about["ports"]
    if args.flag("--endpoints"):
        return render([f"{port} (*)" for port in ports], args.form)
    return render(ports, args.form)


def state_get(context: HookContext, call: Call) -> str:
    """``state-get [KEY]``."""
    args = Arguments(call.args, (FORMAT,))
    state = _state(context)
    if args.rest and args.rest[0] != "-":
        return render(state.get(args.rest[0]), args.form)
    # Juju 4 answers null where 3.6 answers {}.
    modern = not context.link.welcome["model"]["version"].startswith("3.")
    return render(None if modern and not state and args.form == "json" else state, args.form)


def _state(context: HookContext) -> dict[str, str]:
    if context.charm_state is not None:
        return context.charm_state
    return dict(context.about["state"])


def state_set(context: HookContext, call: Call) -> str:
    """``state-set [--file F] [KEY=VALUE …]``."""
    args = Arguments(call.args, (FILE,))
    state = _state(context)
    source = args.get("--file")
    if source is not None:
        loaded = Call.mapping(call.text(source))
        state.update({str(key): str(value) for key, value in loaded.items()})
    state.update(Call.pairs(args.rest))
    context.charm_state = state
    return ""


def state_delete(context: HookContext, call: Call) -> str:
    """``state-delete KEY``."""
    args = Arguments(call.args)
    if not args.rest:
        raise UsageError("no key specified")
    state = _state(context)
    state.pop(args.rest[0], None)
    context.charm_state = state
    return ""


def storage_list(context: HookContext, call: Call) -> str:
    """``storage-list``: there is no storage here."""
    del context
    return render([], Arguments(call.args, (FORMAT,)).form)


def storage_get(context: HookContext, call: Call) -> str:
    """``storage-get``: there is no storage here."""
    del context
    args = Arguments(call.args, (FORMAT, ("-s",)))
    raise ToolError(f'invalid value "{args.get("-s")}" for option -s: storage not found')


def storage_add(context: HookContext, call: Call) -> str:
    """``storage-add``: there is no storage here."""
    del context, call
    raise ToolError("localjuju has no storage")


def resource_get(context: HookContext, call: Call) -> str:
    """``resource-get NAME``: there are no resources here."""
    del context
    args = Arguments(call.args, (FORMAT,))
    if not args.rest:
        raise UsageError("missing required resource name")
    raise ToolError(f'could not download resource: resource "{args.rest[0]}" not found')


def credential_get(context: HookContext, call: Call) -> str:
    """``credential-get``: no application is trusted here."""
    del context, call
    raise ToolError("cannot access cloud credentials")
