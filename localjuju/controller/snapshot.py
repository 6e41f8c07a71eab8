"""What the agent of a machine is to know of its units: the goal that it works towards.

The whole of it is pushed to the agent whenever it differs from what was pushed last, so changes
that come and go between two pushes are never seen, as in Juju.
"""

from __future__ import annotations

import hashlib

from localjuju.controller import charms, clock, leases, modelconfig, models, relations, secretstore
from localjuju.controller.store import Row, dump, load
from localjuju.controller.world import World


def of_machine(world: World, model: Row, machine: Row) -> Row:
    """Return the goal of a machine: its units and its own tasks."""
    rows = world.store.all(
        "SELECT * FROM unit WHERE model=? AND machine=? ORDER BY application, number",
        model["uuid"],
        machine["id"],
    )
    config = models.effective_config(model)
    return {
        "life": machine["life"],
        "units": {row["name"]: of_unit(world, model, machine, row) for row in rows},
        "tasks": _tasks(world, model["uuid"], machine["id"]),
        "log_levels": modelconfig.log_levels(str(config["logging-config"])),
        "update_status_s": modelconfig.duration_s(str(config["update-status-hook-interval"])),
        "retry_hooks": bool(config["automatically-retry-hooks"]),
        "proxies": {
            name: str(config[f"juju-{name}-proxy"]) for name in ("http", "https", "ftp", "no")
        },
    }


def of_unit(world: World, model: Row, machine: Row, unit: Row) -> Row:
    """Return the goal of one unit."""
    application = world.application(model["uuid"], unit["application"])
    definition = relations.definition_of(world, application)
    options = charms.effective_options(definition, load(application["config"]))
    charm = world.store.one(
        "SELECT url, sha256 FROM charm WHERE model=? AND url=?",
        model["uuid"],
        application["charm"],
    )
    assert charm is not None
    return {
        "life": unit["life"],
        "application": application["name"],
        "application_life": application["life"],
        "charm": {
            **charm,
            "modified": application["charm_modified"],
            "forced": bool(application["charm_forced"]),
        },
        "config_hash": _digest(options),
        "address_hash": _digest(machine["address"]),
        "leader": leases.holder(world, model["uuid"], application["name"]),
        "resolved": unit["resolved"],
        "relations": {
            str(row["id"]): _relation(world, unit, row)
            for row in relations.of_application(world, model["uuid"], application["name"])
        },
        "tasks": _tasks(world, model["uuid"], unit["name"]),
        "secrets": _secrets(world, unit),
    }


def _digest(value: object) -> str:
    return hashlib.sha256(dump(value).encode()).hexdigest()[:16]


def _tasks(world: World, model: str, receiver: str) -> list[Row]:
    rows = world.store.all(
        "SELECT id, status FROM task WHERE model=? AND receiver=? AND completed IS NULL "
        "ORDER BY id",
        model,
        receiver,
    )
    return [{"id": str(row["id"]), "abort": row["status"] == "aborting"} for row in rows]


def _relation(world: World, unit: Row, row: Row) -> Row:
    peer = row["role"] == "peer"
    seen = {
        member["unit"]: member["version"]
        for member in relations.members(world, unit["model"], row["id"])
        if member["scope"] == "in"
        and member["unit"] != unit["name"]
        and member["unit"].rpartition("/")[0] == row["remote_app"]
    }
    return {
        "life": row["life"],
        "endpoint": row["endpoint"],
        "role": row["role"],
        "remote_app": row["remote_app"],
        "peer": peer,
        "members": seen,
        "apps": {row["remote_app"]: row["remote_version"]},
    }


def _secrets(world: World, unit: Row) -> Row:
    model = unit["model"]
    consumed = world.store.all(
        "SELECT s.id, s.latest, "
        "CASE WHEN s.owner IN (?, ?) THEN s.label ELSE c.label END AS label "
        "FROM secret_consumer c JOIN secret s ON s.model=c.model AND s.id=c.secret "
        "WHERE c.model=? AND c.unit=? AND c.revision<s.latest",
        unit["application"],
        unit["name"],
        model,
        unit["name"],
    )
    leads = leases.holder(world, model, unit["application"]) == unit["name"]
    now = clock.now()
    owned = [
        secret
        for secret in secretstore.owned_by(world, unit)
        if secret["owner_kind"] == "unit" or leads
    ]
    expired: list[Row] = []
    for secret in owned:
        expired.extend(
            {"id": secret["id"], "label": secret["label"], "revision": row["revision"]}
            for row in world.store.all(
                "SELECT revision FROM secret_revision WHERE model=? AND secret=? AND expires<=?",
                model,
                secret["id"],
                now,
            )
        )
    return {
        "changed": [
            {"id": row["id"], "label": row["label"], "revision": row["latest"]} for row in consumed
        ],
        "rotate": [
            {"id": row["id"], "label": row["label"]}
            for row in owned
            if row["rotates"] is not None and row["rotates"] <= now
        ],
        "expired": expired,
        "obsolete": [
            {"id": row["id"], "label": row["label"], "revision": revision}
            for row in owned
            for revision in secretstore.obsolete(world, model, row)
        ],
    }
