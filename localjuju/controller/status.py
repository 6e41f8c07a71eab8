"""The model's status, in the shape of ``juju status --format=json``.

A lost agent, a hook error and an application without a status of its own show as in Juju: the
unit of a lost agent is ``unknown``, a hook error is the *workload's* status while the agent is
idle, and an application without a status takes its worst unit's.
"""

from __future__ import annotations

import fnmatch
import platform
from typing import Any

from localjuju.controller import clock, leases, models, relations
from localjuju.controller.presence import Presence
from localjuju.controller.store import Row, load
from localjuju.controller.world import CLOUD, CONTROLLER_NAME, REGION, World

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
LOST = "agent is not communicating with the server"
_SEVERITY = {
    "error": 100,
    "blocked": 90,
    "waiting": 80,
    "maintenance": 70,
    "terminated": 60,
    "active": 50,
    "unknown": 40,
}


def of_model(world: World, presence: Presence, name: str, patterns: list[str]) -> Row:
    """Return a model's status, limited to what the patterns name."""
    model = world.model(name)
    applications = {
        row["name"]: _application(world, presence, model, row)
        for row in world.store.all(
            "SELECT * FROM application WHERE model=? ORDER BY name", model["uuid"]
        )
    }
    machines = {
        row["id"]: _machine(presence, model, row)
        for row in world.store.all(
            "SELECT * FROM machine WHERE model=? ORDER BY cast(id AS INTEGER)", model["uuid"]
        )
    }
    if patterns:
        applications, machines = _filter(applications, machines, patterns)
    summary = models.summary(world, model)
    formatted = {
        "model": {
            "name": model["name"],
            "type": "iaas",
            "controller": CONTROLLER_NAME,
            "cloud": CLOUD,
            "region": REGION,
            "version": model["version"],
            "model-status": {"current": summary["status"], "since": model["created"]},
        },
        "machines": machines,
        "applications": applications,
        "storage": {},
        "controller": {"timestamp": clock.rfc3339()},
    }
    return {"formatted": formatted, "relations": _relation_lines(world, model, set(applications))}


def _filter(
    applications: dict[str, Row], machines: dict[str, Row], patterns: list[str]
) -> tuple[dict[str, Row], dict[str, Row]]:
    kept: dict[str, Row] = {}
    wanted: set[str] = {pattern for pattern in patterns if pattern in machines}
    for name, application in applications.items():
        units: dict[str, Row] = application.get("units") or {}
        whole = any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
        chosen = {
            unit: row
            for unit, row in units.items()
            if whole
            or row["machine"] in wanted
            or any(_unit_matches(unit, row, pattern) for pattern in patterns)
        }
        if whole or chosen:
            kept[name] = {**application, "units": chosen}
    wanted |= {row["machine"] for app in kept.values() for row in app["units"].values()}
    return kept, {key: row for key, row in machines.items() if key in wanted}


def _unit_matches(unit: str, row: Row, pattern: str) -> bool:
    if fnmatch.fnmatchcase(unit, pattern):
        return True
    return pattern in (row["workload-status"]["current"], row["juju-status"]["current"])


def unit_status(world: World, presence: Presence, unit: Row) -> tuple[Row, Row]:
    """Return a unit's workload and agent status as Juju shows them."""
    workload = load(unit["workload"])
    agent = load(unit["agent"])
    machine = world.machine(unit["model"], unit["machine"])
    if agent["current"] == "allocating" and machine["instance"] == "error":
        agent = {**agent, "current": "failed", "message": machine["message"]}
    elif machine["agent_since"] and presence.is_lost(unit["model"], unit["machine"]):
        return (
            {
                "current": "unknown",
                "message": f"agent lost, see 'juju show-status-log {unit['name']}'",
                "since": workload["since"],
            },
            {"current": "lost", "message": LOST, "since": agent["since"]},
        )
    if agent["current"] == "error":
        return (
            {**agent, "current": "error"},
            {"current": "idle", "message": "", "since": agent["since"]},
        )
    return workload, agent


def _shown(status: Row, **more: str) -> Row:
    shown = {"current": status["current"], "since": status["since"], **more}
    if status.get("message"):
        shown["message"] = status["message"]
    return shown


def _unit(world: World, presence: Presence, model: Row, unit: Row) -> Row:
    workload, agent = unit_status(world, presence, unit)
    shown: Row = {
        "workload-status": _shown(workload),
        "juju-status": _shown(agent, version=model["version"]),
        "machine": unit["machine"],
    }
    if unit["life"] != "alive":
        shown["juju-status"]["life"] = unit["life"]
    if leases.holder(world, model["uuid"], unit["application"]) == unit["name"]:
        shown["leader"] = True
    ports = load(unit["ports"])
    if ports:
        shown["open-ports"] = ports
    address = world.machine(model["uuid"], unit["machine"])["address"]
    if address:
        shown["public-address"] = address
    return shown


def application_status(world: World, presence: Presence, application: Row) -> Row:
    """Return the status that the leader set, or else the worst of the units'."""
    own = load(application["status"])
    if own:
        return own
    seen = [
        unit_status(world, presence, unit)[0]
        for unit in world.units_of(application["model"], application["name"])
    ]
    if not seen:
        return {"current": "unknown", "message": "", "since": clock.rfc3339()}
    return max(seen, key=lambda status: _SEVERITY.get(status["current"], 0))


def _application(world: World, presence: Presence, model: Row, application: Row) -> Row:
    definition = relations.definition_of(world, application)
    charm = world.store.one(
        "SELECT * FROM charm WHERE model=? AND url=?", model["uuid"], application["charm"]
    )
    assert charm is not None
    base_name, _, channel = application["base"].partition("@")
    rows = world.units_of(model["uuid"], application["name"])
    units = {row["name"]: _unit(world, presence, model, row) for row in rows}
    for row in rows:
        if row["charm"] and row["charm"] != application["charm"]:
            units[row["name"]]["upgrading-from"] = row["charm"]
    shown: Row = {
        "charm": application["charm"],
        "base": {"name": base_name, "channel": channel},
        "charm-origin": "local",
        "charm-name": charm["name"],
        "charm-rev": charm["revision"],
        "exposed": bool(application["exposed"]),
        "application-status": _shown(application_status(world, presence, application)),
        "relations": _related(world, model, application),
        "units": units,
        "endpoint-bindings": {"": "alpha"},
    }
    if definition["version"]:
        shown["charm-version"] = definition["version"]
    if application["life"] != "alive":
        shown["life"] = application["life"]
    version = next((row["version"] for row in rows if row["version"]), "")
    if version:
        shown["version"] = version
    for endpoint in sorted(_endpoints_of(definition)):
        shown["endpoint-bindings"][endpoint] = "alpha"
    return {key: value for key, value in shown.items() if value not in ({}, None)}


def _endpoints_of(definition: Row) -> set[str]:
    metadata = definition["metadata"]
    names: set[str] = set()
    for kind in ("peers", "provides", "requires", "extra-bindings"):
        part: dict[str, Any] = metadata.get(kind) or {}
        names.update(part)
    return names


def _related(world: World, model: Row, application: Row) -> dict[str, list[Row]]:
    related: dict[str, list[Row]] = {}
    for row in relations.of_application(world, model["uuid"], application["name"]):
        related.setdefault(row["endpoint"], []).append(
            {
                "related-application": row["remote_app"],
                "interface": row["interface"],
                "scope": "global",
            }
        )
    return related


def _machine(presence: Presence, model: Row, machine: Row) -> Row:
    base_name, _, channel = machine["base"].partition("@")
    started = machine["agent_since"]
    if started is None:
        failed = machine["instance"] == "error"
        agent = {
            "current": "down" if failed else "pending",
            "message": machine["message"] if failed else "",
            "since": machine["since"],
        }
    elif presence.is_lost(model["uuid"], machine["id"]):
        agent = {"current": "down", "message": LOST, "since": started}
    else:
        agent = {"current": "started", "message": "", "since": started}
    shown: Row = {
        "juju-status": _shown(agent, version=model["version"]),
        "instance-id": machine["host"] or "pending",
        "machine-status": {
            "current": {"pending": "allocating", "error": "provisioning error"}.get(
                machine["instance"], machine["instance"]
            ),
            "message": machine["message"] or machine["instance"].capitalize(),
            "since": machine["since"],
        },
        "modification-status": {"current": "idle", "since": machine["created"]},
        "base": {"name": base_name, "channel": channel},
        "constraints": "",
        "hardware": f"arch={ARCHITECTURE} virt-type=container",
    }
    if machine["life"] != "alive":
        shown["juju-status"]["life"] = machine["life"]
    if machine["hostname"]:
        shown["hostname"] = machine["hostname"]
    if machine["address"]:
        network = load(machine["network"])
        shown["dns-name"] = machine["address"]
        shown["ip-addresses"] = [
            machine["address"],
            *([network["address6"]] if network["address6"] else []),
        ]
        shown["network-interfaces"] = {
            network["interface"]: {
                "ip-addresses": shown["ip-addresses"],
                "mac-address": network.get("mac", ""),
                "gateway": network["gateway"],
                "space": "alpha",
                "is-up": True,
            }
        }
    return shown


def _relation_lines(world: World, model: Row, applications: set[str]) -> list[Row]:
    lines: list[Row] = []
    for relation in world.store.all(
        "SELECT * FROM relation WHERE model=? ORDER BY id", model["uuid"]
    ):
        ends = world.store.all(
            "SELECT * FROM endpoint WHERE model=? AND relation=? ORDER BY role",
            model["uuid"],
            relation["id"],
        )
        if not any(end["application"] in applications for end in ends):
            continue
        names = [f"{end['application']}:{end['name']}" for end in ends]
        lines.append(
            {
                "provider": names[0],
                "requirer": names[-1],
                "interface": relation["interface"],
                "type": "peer" if len(ends) == 1 else "regular",
                "message": "" if relation["life"] == "alive" else relation["life"],
            }
        )
    return lines
