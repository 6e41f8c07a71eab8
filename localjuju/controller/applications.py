"""Applications: deploy, configuration, refresh, removal."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from localjuju.controller import charms, clock, relations, units
from localjuju.controller.store import Row, dump, load
from localjuju.controller.wire import JujuError
from localjuju.controller.world import World, major

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]*[a-z][a-z0-9]*)*")


def deploy(
    world: World,
    model_name: str,
    charm: str,
    application: str | None,
    num_units: int,
    config: dict[str, str],
    base: str | None,
    to: list[str],
    *,
    force: bool,
) -> Row:
    """Deploy a local charm; see the facade.

    Raises:
        JujuError: the charm, the name, an option, the base or a machine is not valid.
    """
    model = world.model(model_name)
    if model["life"] != "alive":
        raise JujuError(f'model "{model["name"]}" is being destroyed', "model not available")
    package = charms.read(Path(charm), directories=major(model["version"]) < 4)
    name = application or package.name
    if not _NAME.fullmatch(name):
        raise JujuError(f'invalid application name "{name}"')
    if world.store.value(
        "SELECT 1 FROM application WHERE model=? AND name=?", model["uuid"], name
    ):
        raise JujuError(
            f'cannot add application "{name}": application already exists', "already exists"
        )
    options = charms.parse_options(package.definition, config)
    chosen = _base(package.definition["bases"], base, force=force)
    with world.store.transaction():
        row = _keep_charm(world, model["uuid"], package)
        world.store.insert(
            "application",
            model=model["uuid"],
            name=name,
            life="alive",
            charm=row["url"],
            charm_modified=0,
            charm_forced=0,
            base=chosen,
            config=dump(options),
            exposed=0,
        )
        relations.add_peers(world, model["uuid"], name, package.definition)
        added = units.add(world, model, world.application(model["uuid"], name), to, num_units)
    return {
        "application": name,
        "charm": row["url"],
        "charm_name": package.name,
        "revision": row["revision"],
        "base": chosen,
        "units": added,
    }


def _base(offered: list[str], wanted: str | None, *, force: bool) -> str:
    if wanted is None:
        return offered[0]
    wanted = wanted.split("/", 1)[0]
    if wanted not in offered and not force:
        raise JujuError(
            f"base: {wanted} is not supported, supported bases are: {', '.join(offered)}",
            "not supported",
        )
    return wanted


def _keep_charm(world: World, model: str, package: charms.CharmPackage) -> Row:
    world.charms.mkdir(exist_ok=True)
    stored = world.charms / package.sha256
    if not stored.exists():
        partial = stored.with_suffix(".partial")
        partial.write_bytes(package.content)
        partial.rename(stored)
    revision = world.store.next(model, f"charm:{package.name}")
    row: Row = {
        "model": model,
        "url": f"local:{package.name}-{revision}",
        "name": package.name,
        "revision": revision,
        "sha256": package.sha256,
        "definition": dump(package.definition),
    }
    world.store.insert("charm", **row)
    return row


def drop_unused_charms(world: World) -> None:
    """Delete uploaded charms of which no model knows any more."""
    used = {row["sha256"] for row in world.store.all("SELECT sha256 FROM charm")}
    for path in world.charms.glob("*"):
        if path.name not in used:
            path.unlink()


def refresh(
    world: World,
    model_name: str,
    name: str,
    charm: str,
    config: dict[str, str],
    *,
    force_units: bool,
) -> Row:
    """Upgrade an application to another build of its charm; see the facade.

    Raises:
        JujuError: it is another charm, or drops a relation that is in use.
    """
    model = world.model(model_name)
    application = world.application(model["uuid"], name)
    package = charms.read(Path(charm), directories=major(model["version"]) < 4)
    previous = world.store.one(
        "SELECT * FROM charm WHERE model=? AND url=?", model["uuid"], application["charm"]
    )
    assert previous is not None
    if previous["name"] != package.name:
        raise JujuError(f'cannot upgrade "{previous["name"]}" to "{package.name}"', "bad request")
    ends = charms.endpoints(package.definition)
    for relation in relations.of_application(world, model["uuid"], name):
        if relation["endpoint"] not in ends:
            raise JujuError(
                f'cannot upgrade application "{name}" to charm: would break relation '
                f'"{name}:{relation["endpoint"]}"'
            )
    kept = {
        key: value
        for key, value in load(application["config"]).items()
        if key in package.definition["config"] or key in charms.APPLICATION_OPTIONS
    }
    kept.update(charms.parse_options(package.definition, config))
    with world.store.transaction():
        row = _keep_charm(world, model["uuid"], package)
        world.store.run(
            "UPDATE application SET charm=?, charm_modified=charm_modified+1, charm_forced=?, "
            "config=? WHERE model=? AND name=?",
            row["url"],
            int(force_units),
            dump(kept),
            model["uuid"],
            name,
        )
        relations.add_peers(world, model["uuid"], name, package.definition)
    world.hub.changed(model["uuid"])
    return {"charm": row["url"], "revision": row["revision"], "previous": previous["url"]}


def config(world: World, model_name: str, name: str) -> Row:
    """Return ``juju config --format=json``."""
    model = world.model(model_name)
    application = world.application(model["uuid"], name)
    definition = relations.definition_of(world, application)
    own = load(application["config"])
    settings: Row = {}
    for option, about in sorted(definition["config"].items()):
        shown: Row = {"description": about.get("description", "")}
        default: Any = about.get("default")
        if default is not None:
            shown["default"] = default
        shown["source"] = "user" if option in own else "unset" if default is None else "default"
        shown["type"] = about.get("type", "string")
        value = own.get(option, default)
        if value is not None:
            shown["value"] = value
        settings[option] = shown
    return {
        "application": name,
        "application-config": {
            option: {
                **about,
                "source": "user" if option in own else "default",
                "value": own.get(option, about["default"]),
            }
            for option, about in charms.APPLICATION_OPTIONS.items()
        },
        "charm": definition["metadata"]["name"],
        "settings": settings,
    }


def set_config(
    world: World, model_name: str, name: str, values: dict[str, str], reset: list[str]
) -> None:
    """Set and reset options, all or none.

    Raises:
        JujuError: an option is unknown or a value of another type.
    """
    model = world.model(model_name)
    application = world.application(model["uuid"], name)
    definition = relations.definition_of(world, application)
    own = load(application["config"])
    for option in reset:
        if option not in definition["config"] and option not in charms.APPLICATION_OPTIONS:
            raise JujuError(f'unknown option "{option}"', "not found")
        own.pop(option, None)
    own.update(charms.parse_options(definition, values))
    world.store.run(
        "UPDATE application SET config=? WHERE model=? AND name=?", dump(own), model["uuid"], name
    )
    world.hub.changed(model["uuid"])


def remove(
    world: World, model_name: str, names: list[str], *, forced: float | None, dry_run: bool
) -> list[Row]:
    """Begin to remove applications; tell what goes with each."""
    model = world.model(model_name)
    told: list[Row] = []
    for name in names:
        row = world.store.one(
            "SELECT * FROM application WHERE model=? AND name=?", model["uuid"], name
        )
        if row is None:
            told.append({"name": name, "error": f'application "{name}" not found'})
            continue
        members = world.units_of(model["uuid"], name)
        told.append({"name": name, "units": [unit["name"] for unit in members]})
        if dry_run:
            continue
        with world.store.transaction():
            world.store.run(
                "UPDATE application SET life='dying' WHERE model=? AND name=?",
                model["uuid"],
                name,
            )
            for relation in relations.of_application(world, model["uuid"], name):
                if relation["role"] != "peer":
                    world.store.run(
                        "UPDATE relation SET life='dying' WHERE model=? AND id=?",
                        model["uuid"],
                        relation["id"],
                    )
            for unit in members:
                units.begin_removal(world, unit, forced)
            if not members:
                units.remove_application(world, model["uuid"], name)
        world.hub.changed(model["uuid"])
    return told


def remove_units(
    world: World, model_name: str, names: list[str], *, forced: float | None, dry_run: bool
) -> list[Row]:
    """Begin to remove units; tell what becomes of each."""
    model = world.model(model_name)
    told: list[Row] = []
    for name in names:
        try:
            unit = world.unit(model["uuid"], units.resolve_name(world, model["uuid"], name))
        except JujuError as error:
            told.append({"name": name, "error": str(error)})
            continue
        told.append({"name": unit["name"]})
        if not dry_run:
            units.begin_removal(world, unit, forced)
    return told


def remove_machines(
    world: World,
    model_name: str,
    ids: list[str],
    *,
    force: bool,
    forced: float | None,
    dry_run: bool,
) -> list[Row]:
    """Begin to remove machines; with ``force`` also those that have units."""
    model = world.model(model_name)
    told: list[Row] = []
    for machine in ids:
        row = world.store.one(
            "SELECT * FROM machine WHERE model=? AND id=?", model["uuid"], machine
        )
        if row is None:
            told.append({"name": machine, "error": f"machine {machine} not found"})
            continue
        members = world.store.all(
            "SELECT * FROM unit WHERE model=? AND machine=?", model["uuid"], machine
        )
        listed = ", ".join(f'"{unit["name"]}"' for unit in members)
        if members and not force:
            told.append(
                {
                    "name": machine,
                    "error": f"machine {machine} has unit {listed} assigned"
                    if len(members) == 1
                    else f"machine {machine} has units {listed} assigned",
                }
            )
            continue
        told.append({"name": machine, "units": [unit["name"] for unit in members]})
        if dry_run:
            continue
        for unit in members:
            units.begin_removal(world, unit, forced)
        world.store.run(
            "UPDATE machine SET forced=? WHERE model=? AND id=?",
            forced if members else clock.now(),
            model["uuid"],
            machine,
        )
        world.hub.changed(model["uuid"])
    return told
