"""``juju status`` for people: the table.

Layout, colours and what is left out when are those of ``cmd/juju/status/output_tabular.go``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from localjuju.cli import gotext
from localjuju.cli.render.color import of_status
from localjuju.cli.render.ports import ports_cell
from localjuju.cli.render.table import Cell, Section, cell, layout
from localjuju.controller.shapes import RelationLine

MAX_VERSION = 15
MAX_MESSAGE = 120
_HOOKS = (
    "install",
    "start",
    "config-changed",
    "upgrade-charm",
    "stop",
    "remove",
    "leader-elected",
    "leader-settings-changed",
    "update-status",
    "secret-changed",
    "secret-expired",
    "secret-remove",
    "secret-rotate",
)
_RUNNING_HOOK = re.compile(f"running ({'|'.join(_HOOKS)}) hook")
_RUNNING_ACTION = re.compile("running action (.*)")


def tabular(
    status: Mapping[str, Any], relations: Sequence[RelationLine] | None, *, colors: bool
) -> str:
    """Return the whole table.

    Args:
        status: what ``juju status --format=json`` prints, times already in the user's format.
        relations: the lines of the relations section; None leaves it out.
        colors: whether to colour it.
    """
    sections = [_model(status)]
    applications: dict[str, Any] = status.get("applications") or {}
    if applications:
        sections.append(_applications(applications))
        if any(application.get("units") for application in applications.values()):
            sections.append(_units(applications))
    if status.get("machines"):
        sections.append(machines(status["machines"]))
    if relations:
        sections.append(_relations(relations))
    return layout(sections, colors=colors)


def _model(status: Mapping[str, Any]) -> Section:
    model = status["model"]
    cloud = "/".join(filter(None, (model["cloud"], model.get("region"))))
    columns = {
        "Model": model["name"],
        "Controller": model["controller"],
        "Cloud/Region": cloud,
        "Version": model["version"],
    }
    if model.get("sla"):
        columns["SLA"] = model["sla"]
    timestamp = status.get("controller", {}).get("timestamp")
    if timestamp:
        columns["Timestamp"] = timestamp
    message = model.get("model-status", {}).get("message")
    if message:
        columns["Notes"] = shorten(message)
    section = Section()
    section.header(*columns)
    section.row(*columns.values())
    return section


def _applications(applications: Mapping[str, Any]) -> Section:
    section = Section(right=frozenset({3, 6}))
    section.header(
        "App", "Version", "Status", "Scale", "Charm", "Channel", "Rev", "Exposed", "Message"
    )
    for name in sorted(applications, key=gotext.natural_key):
        application = applications[name]
        version = application.get("version", "").partition("\n")[0]
        if len(version) > MAX_VERSION:
            version = version[: MAX_VERSION - 3] + "..."
        status = application.get("application-status", {})
        revision = cell(
            application["charm-rev"], "yellow" if application.get("can-upgrade-to") else None
        )
        section.row(
            name,
            version,
            _status(status),
            _scale(application),
            application["charm-name"],
            application.get("charm-channel", ""),
            revision,
            cell("yes", "green") if application["exposed"] else "no",
            cell(shorten(status.get("message", "")), "gray"),
        )
    return section


def _scale(application: Mapping[str, Any]) -> Cell:
    units: dict[str, Any] = application.get("units") or {}
    there = sum(
        unit["juju-status"].get("current") in ("executing", "idle") for unit in units.values()
    )
    if there == len(units):
        return cell(there)
    return cell(f"{there}/{len(units)}", "yellow")


def _units(applications: Mapping[str, Any]) -> Section:
    section = Section()
    section.header("Unit", "Workload", "Agent", "Machine", "Public address", "Ports", "Message")
    for name, unit in units_of(applications):
        section.row(
            name + "*" * bool(unit.get("leader")),
            _status(unit.get("workload-status", {})),
            _status(unit.get("juju-status", {})),
            unit.get("machine", ""),
            cell(unit.get("public-address", ""), "cyan"),
            ports_cell(unit.get("open-ports") or []),
            cell(shorten(_unit_message(unit)), "gray"),
        )
    return section


def units_of(applications: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield all units by name, in the order of the table."""
    units: dict[str, Any] = {}
    for application in applications.values():
        units.update(application.get("units") or {})
    for name in sorted(units, key=gotext.natural_key):
        yield name, units[name]


def _unit_message(unit: Mapping[str, Any]) -> str:
    agent = unit.get("juju-status", {})
    message: str = unit.get("workload-status", {}).get("message", "")
    if agent.get("current") == "allocating" and not message:
        message = agent.get("message", "")
    doing = agent_doing(agent)
    return f"({doing}) {message}" if doing else message


def agent_doing(agent: Mapping[str, Any]) -> str:
    """Return which hook or action a unit's agent is running, as far as Juju's table tells it.

    Juju names the hooks of a unit's life and actions here, not the hooks of relations.
    """
    if agent.get("current") != "executing":
        return ""
    message = agent.get("message", "")
    match = _RUNNING_HOOK.search(message) or _RUNNING_ACTION.search(message)
    return match.group(1) if match else ""


def machines(found: Mapping[str, Any]) -> Section:
    """Return the section of the machines; it is also the table of ``juju machines``."""
    section = Section()
    section.header("Machine", "State", "Address", "Inst id", "Base", "AZ", "Message")
    for name in sorted(found, key=gotext.natural_key):
        machine = found[name]
        base = machine.get("base")
        zone = re.search(r"availability-zone=(\S+)", machine.get("hardware", ""))
        section.row(
            name,
            _status(machine.get("juju-status", {})),
            cell(machine.get("dns-name", ""), "cyan"),
            machine.get("display-name") or machine.get("instance-id", ""),
            f"{base['name']}@{base['channel'].partition('/')[0]}" if base else "",
            zone.group(1) if zone else "",
            cell(shorten(machine.get("machine-status", {}).get("message", "")), "gray"),
        )
    return section


def _relations(relations: Sequence[RelationLine]) -> Section:
    section = Section()
    section.header("Integration provider", "Requirer", "Interface", "Type", "Message")
    for line in sorted(relations, key=lambda one: (one["provider"], one["requirer"])):
        section.row(
            _endpoint(line["provider"]),
            _endpoint(line["requirer"]),
            line["interface"],
            line["type"],
            cell(line["message"], "gray"),
        )
    return section


def _endpoint(text: str) -> Cell:
    application, colon, endpoint = text.partition(":")
    return Cell(((application, None), (colon + endpoint, "magenta")))


def _status(status: Mapping[str, Any]) -> Cell:
    current = status.get("current", "")
    return cell(current, of_status(current))


def shorten(message: str) -> str:
    """Cut a message that would push the table apart."""
    return message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 3] + "..."
