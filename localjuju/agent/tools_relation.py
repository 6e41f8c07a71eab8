"""Hook tools about relations and the network."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path

from localjuju.agent.hookcontext import HookContext, ToolError
from localjuju.agent.output import FILE, FORMAT, RELATION, Arguments, UsageError, render
from localjuju.agent.toolcall import Call


def relation_ids(context: HookContext, call: Call) -> str:
    """``relation-ids NAME``."""
    args = Arguments(call.args, (FORMAT,))
    name = args.rest[0] if args.rest else None
    if name is None:
        if context.hook is None or context.hook.relation is None:
            raise UsageError("no endpoint name specified")
        reference = f":{context.hook.relation}"
        name = next(r for r in context.relations() if r.endswith(reference)).rpartition(":")[0]
    return render(context.relations(name), args.form)


def relation_list(context: HookContext, call: Call) -> str:
    """``relation-list [-r ID] [--app]``."""
    args = Arguments(call.args, (FORMAT, RELATION), ("--app",))
    relation = context.relation(args.get("-r"))
    if args.flag("--app"):
        return render(context.remote_application(relation), args.form)
    return render(context.members(relation), args.form)


def relation_get(context: HookContext, call: Call) -> str:
    """``relation-get [-r ID] [--app] [KEY|-] [UNIT|APP]``."""
    args = Arguments(call.args, (FORMAT, RELATION), ("--app",))
    relation = context.relation(args.get("-r"))
    key = args.rest[0] if args.rest else "-"
    member = args.rest[1] if len(args.rest) > 1 else _hook_member(context)
    if args.flag("--app") and "/" in member:
        member = member.rpartition("/")[0]
    bag = context.bag(relation, member)
    return render(bag if key == "-" else bag.get(key), args.form)


def _hook_member(context: HookContext) -> str:
    hook = context.hook
    member = (hook.remote_unit or hook.remote_app) if hook is not None else ""
    if not member:
        raise ToolError("no unit id specified")
    return member


def relation_set(context: HookContext, call: Call) -> str:
    """``relation-set [-r ID] [--app] [--file F] [KEY=VALUE …]``."""
    args = Arguments(call.args, (FORMAT, RELATION, FILE), ("--app",))
    relation = context.relation(args.get("-r"))
    changes: dict[str, str] = {}
    source = args.get("--file")
    if source is not None:
        changes.update(_settings_of(call.text(source)))
    changes.update(call.pairs(args.rest))
    context.write_bag(relation, "app" if args.flag("--app") else "unit", changes)
    return ""


def _settings_of(text: str) -> dict[str, str]:
    settings: dict[str, str] = {}
    for key, value in Call.mapping(text).items():
        if value is None:
            settings[str(key)] = ""
        elif isinstance(value, str):
            settings[str(key)] = value
        else:
            settings[str(key)] = json.dumps(value)
    return settings


def relation_model_get(context: HookContext, call: Call) -> str:
    """``relation-model-get [-r ID]``: models are not crossed here."""
    args = Arguments(call.args, (FORMAT, RELATION))
    context.relation(args.get("-r"))
    return render({"uuid": context.link.welcome["model"]["uuid"]}, args.form)


def network_get(context: HookContext, call: Call) -> str:
    """``network-get [-r ID] [--bind-address|--ingress-address|--egress-subnets] ENDPOINT``."""
    wanted = ("--bind-address", "--ingress-address", "--egress-subnets", "--primary-address")
    args = Arguments(call.args, (FORMAT, RELATION), wanted)
    if not args.rest:
        raise UsageError("no arguments specified")
    if args.get("-r") is not None:
        context.relation(args.get("-r"))
    network = context.link.welcome["network"]
    addresses = [network["address"], *([network["address6"]] if network["address6"] else [])]
    first = network["address"]
    if args.flag("--bind-address") or args.flag("--primary-address"):
        return render(first, args.form)
    if args.flag("--ingress-address"):
        return render(first, args.form)
    egress = [f"{first}/32"]
    hardware = _hardware_address(network["interface"])
    if args.flag("--egress-subnets"):
        return render(egress, args.form)
    return render(
        {
            "bind-addresses": [
                {
                    "mac-address": hardware,
                    "interface-name": network["interface"],
                    "addresses": [
                        {
                            "hostname": "",
                            "value": address,
                            "cidr": _subnet(address, network["prefix"]),
                        }
                        for address in addresses
                    ],
                    "macaddress": hardware,
                    "interfacename": network["interface"],
                }
            ],
            "egress-subnets": egress,
            "ingress-addresses": addresses,
        },
        args.form,
    )


def _hardware_address(interface: str) -> str:
    try:
        return Path(f"/sys/class/net/{interface}/address").read_text().strip()
    except OSError:
        return ""


def _subnet(address: str, prefix: int) -> str:
    bits = 64 if ":" in address else prefix
    return str(ipaddress.ip_interface(f"{address}/{bits}").network)


def unit_get(context: HookContext, call: Call) -> str:
    """``unit-get private-address|public-address``."""
    args = Arguments(call.args, (FORMAT,))
    if args.rest not in (["private-address"], ["public-address"]):
        raise UsageError(f'unknown setting "{" ".join(args.rest)}"')
    return render(context.link.welcome["network"]["address"], args.form)
