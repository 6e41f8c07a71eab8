"""What ``show-unit``, ``show-application``, ``secrets`` and ``show-secret`` show."""

from __future__ import annotations

from localjuju.controller import clock, leases, relations, secretstore, status, units, usersecrets
from localjuju.controller.presence import Presence
from localjuju.controller.store import Row, load
from localjuju.controller.wire import JujuError
from localjuju.controller.world import World


def show_units(world: World, model_name: str, names: list[str]) -> Row:
    """Return ``juju show-unit --format=json``."""
    model = world.model(model_name)
    shown: Row = {}
    for name in names:
        unit = world.unit(model["uuid"], units.resolve_name(world, model["uuid"], name))
        shown[unit["name"]] = _unit(world, model, unit)
    return shown


def _unit(world: World, model: Row, unit: Row) -> Row:
    machine = world.machine(model["uuid"], unit["machine"])
    leads = leases.holder(world, model["uuid"], unit["application"]) == unit["name"]
    shown: Row = {
        "workload-version": unit["version"],
        "machine": unit["machine"],
        "opened-ports": load(unit["ports"]),
        "public-address": machine["address"] or "",
        "charm": world.application(model["uuid"], unit["application"])["charm"],
        "leader": leads,
        "life": unit["life"],
        "relation-info": [
            _relation(world, unit, row)
            for row in relations.of_application(world, model["uuid"], unit["application"])
        ],
    }
    return shown


def _relation(world: World, unit: Row, row: Row) -> Row:
    shown: Row = {
        "relation-id": row["id"],
        "endpoint": row["endpoint"],
        "related-endpoint": row["remote_endpoint"],
        "application-data": load(row["remote_settings"]),
    }
    related: Row = {}
    for member in relations.members(world, unit["model"], row["id"]):
        bag = {"in-scope": member["scope"] != "left", "data": load(member["settings"])}
        if member["unit"] == unit["name"]:
            shown["local-unit"] = bag
        elif member["unit"].rpartition("/")[0] == row["remote_app"] and bag["in-scope"]:
            related[member["unit"]] = bag
    if related:
        shown["related-units"] = related
    return shown


def show_applications(world: World, presence: Presence, model_name: str, names: list[str]) -> Row:
    """Return ``juju show-application --format=json``."""
    model = world.model(model_name)
    shown: Row = {}
    for name in names:
        application = world.application(model["uuid"], name)
        definition = relations.definition_of(world, application)
        shown[name] = {
            "charm": definition["metadata"]["name"],
            "base": application["base"],
            "constraints": {"arch": status.ARCHITECTURE},
            "principal": True,
            "exposed": bool(application["exposed"]),
            "remote": False,
            "life": application["life"],
            "endpoint-bindings": {"": "alpha"},
            "units": {
                unit["name"]: _unit(world, model, unit)
                for unit in world.units_of(model["uuid"], name)
            },
            "status": status.application_status(world, presence, application)["current"],
        }
    return shown


def list_secrets(world: World, model_name: str, owner: str | None) -> Row:
    """Return ``juju secrets --format=json``."""
    model = world.model(model_name)
    rows = world.store.all("SELECT * FROM secret WHERE model=? ORDER BY created", model["uuid"])
    return {
        row["id"]: _secret(row)
        for row in rows
        if owner is None or owner in (row["owner"], f"{row['owner_kind']}-{row['owner']}")
    }


def _secret(row: Row) -> Row:
    of_user = row["owner_kind"] == usersecrets.OWNER_KIND
    shown: Row = {
        "revision": row["latest"],
        "owner": "<model>" if of_user else row["owner"],
        "created": row["created"],
        "updated": row["updated"],
    }
    if row["rotate"]:
        shown["rotation"] = row["rotate"]
        shown["rotates"] = clock.rfc3339(row["rotates"])
    if row["description"]:
        shown["description"] = row["description"]
    if row["label"]:
        shown["name" if of_user else "label"] = row["label"]
    return shown


def show_secret(
    world: World,
    model_name: str,
    secret: str,
    *,
    reveal: bool,
    revision: int | None,
    revisions: bool,
) -> Row:
    """Return ``juju show-secret --format=json``.

    Raises:
        JujuError: no such secret or revision.
    """
    model = world.model(model_name)
    try:
        row = secretstore.get(world, model["uuid"], secret)
    except JujuError:
        row = usersecrets.find(world, model["uuid"], secret)
    shown = _secret(row)
    kept = world.store.all(
        "SELECT * FROM secret_revision WHERE model=? AND secret=? ORDER BY revision",
        model["uuid"],
        row["id"],
    )
    wanted = revision or row["latest"]
    chosen = next((one for one in kept if one["revision"] == wanted), None)
    if chosen is None:
        raise JujuError(f'secret revision "{row["id"]}/{wanted}" not found', "not found")
    if revision is not None:
        shown["revision"] = revision
    shown["checksum"] = chosen["checksum"]
    if reveal:
        shown["content"] = {"Data": load(chosen["content"])}
    if revisions:
        shown["revisions"] = [
            {
                "revision": one["revision"],
                "backend": "internal",
                "created": one["created"],
                "updated": one["created"],
                **({"expires": clock.rfc3339(one["expires"])} if one["expires"] else {}),
            }
            for one in kept
        ]
    granted = world.store.all(
        "SELECT * FROM secret_grant WHERE model=? AND secret=?", model["uuid"], row["id"]
    )
    if granted:
        shown["access"] = [
            {
                "target": f"{'unit' if '/' in one['subject'] else 'application'}-{one['subject']}",
                "scope": f"model-{model['uuid']}"
                if one["relation"] == usersecrets.NO_RELATION
                else f"relation-{one['relation']}",
                "role": "view",
            }
            for one in granted
        ]
    return {row["id"]: shown}
