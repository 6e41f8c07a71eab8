"""Models: how they come, are configured and go."""

from __future__ import annotations

import re
import uuid

from localjuju.controller import clock, modelconfig, units
from localjuju.controller.store import Row, dump, load
from localjuju.controller.wire import JujuError
from localjuju.controller.world import CLOUD, CONTROLLER_NAME, REGION, World

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VERSION = re.compile(r"(3\.6|4\.\d+)\.\d+")


def add(world: World, name: str, config: dict[str, str], version: str | None) -> Row:
    """Add a model and return its summary.

    Raises:
        JujuError: the name is taken or not valid, or the version is of a Juju whose behaviour
            the stand-in does not have.
    """
    if not _NAME.fullmatch(name):
        raise JujuError(
            f'"{name}" is not a valid name: model names may only contain lowercase letters, '
            "digits and hyphens"
        )
    if world.store.value("SELECT 1 FROM model WHERE name=?", name):
        raise JujuError(f'model "{name}" for admin already exists', "already exists")
    version = config.pop("agent-version", None) or version or world.version
    if not _VERSION.fullmatch(version):
        raise JujuError(f"localjuju behaves as Juju 3.6.x or 4.x, not as {version}")
    parsed = {key: modelconfig.parse(key, value) for key, value in config.items()}
    model = str(uuid.uuid4())
    world.store.insert(
        "model",
        uuid=model,
        name=name,
        life="alive",
        version=version,
        config=dump(parsed),
        created=clock.rfc3339(),
    )
    world.hub.changed(model)
    return summary(world, world.model(name))


def summary(world: World, model: Row) -> Row:
    """Return what ``juju models`` shows of a model."""

    def count(table: str) -> int:
        return int(world.store.value(f"SELECT count(*) FROM {table} WHERE model=?", model["uuid"]))

    return {
        "name": model["name"],
        "uuid": model["uuid"],
        "life": model["life"],
        "status": "available" if model["life"] == "alive" else "destroying",
        "message": "",
        "since": model["created"],
        "version": model["version"],
        "base": str(effective_config(model).get("default-base") or ""),
        "machines": count("machine"),
        "cores": 0,
        "units": count("unit"),
    }


def effective_config(model: Row) -> dict[str, object]:
    """Return every key of a model's configuration with the value in force."""
    return {**modelconfig.DEFAULTS, **load(model["config"])}


def config(world: World, name: str) -> dict[str, Row]:
    """Return ``juju model-config --format=json``."""
    model = world.model(name)
    own = load(model["config"])
    shown = {
        key: {"Value": value, "Source": "model" if key in own else "default"}
        for key, value in effective_config(model).items()
    }
    shown["agent-version"] = {"Value": model["version"], "Source": "model"}
    shown["name"] = {"Value": model["name"], "Source": "model"}
    shown["uuid"] = {"Value": model["uuid"], "Source": "model"}
    return dict(sorted(shown.items()))


def set_config(world: World, name: str, values: dict[str, str], reset: list[str]) -> None:
    """Set and reset keys, all or none.

    Raises:
        JujuError: a value is not valid or a key cannot be changed.
    """
    model = world.model(name)
    own = load(model["config"])
    for key in (*values, *reset):
        if key in ("agent-version", "name", "uuid", "type"):
            raise JujuError(
                f"{key} cannot be changed"
                if key != "agent-version"
                else "agent-version cannot be set via model-config"
            )
    for key, value in values.items():
        own[key] = modelconfig.parse(key, value)
    for key in reset:
        own.pop(key, None)
    world.store.run("UPDATE model SET config=? WHERE uuid=?", dump(own), model["uuid"])
    world.hub.changed(model["uuid"])


def show(world: World, name: str) -> dict[str, Row]:
    """Return ``juju show-model --format=json``."""
    model = world.model(name)
    machines = world.store.all("SELECT id FROM machine WHERE model=?", model["uuid"])
    return {
        model["name"]: {
            "name": f"admin/{model['name']}",
            "short-name": model["name"],
            "model-uuid": model["uuid"],
            "model-type": "iaas",
            "controller-uuid": world.uuid,
            "controller-name": CONTROLLER_NAME,
            "is-controller": False,
            "owner": "admin",
            "cloud": CLOUD,
            "region": REGION,
            "type": "localjuju",
            "life": model["life"],
            "status": {
                "current": "available" if model["life"] == "alive" else "destroying",
                "since": model["created"],
            },
            "users": {
                "admin": {
                    "display-name": "admin",
                    "access": "admin",
                    "last-connection": "just now",
                }
            },
            "machines": {row["id"]: {"cores": 0} for row in machines},
            "agent-version": model["version"],
            "secret-backends": {},
            "credential": {
                "name": "localjuju",
                "owner": "admin",
                "cloud": CLOUD,
                "validity-check": "valid",
            },
            "supported-features": [
                {
                    "name": "juju",
                    "description": "the version of Juju used by the model",
                    "version": model["version"],
                }
            ],
        }
    }


def begin_destroy(world: World, name: str, *, force: bool, wait_s: float) -> str:
    """Begin to destroy a model; return its UUID.

    Args:
        world: the controller.
        name: of the model.
        force: take machines down whose agents do not do it in order.
        wait_s: how long they have, with ``force``.
    """
    model = world.model(name)
    deadline = clock.now() + wait_s if force else None
    with world.store.transaction():
        world.store.run(
            "UPDATE model SET life='dying', forced=coalesce(?, forced) WHERE uuid=?",
            deadline,
            model["uuid"],
        )
        world.store.run("UPDATE application SET life='dying' WHERE model=?", model["uuid"])
        for unit in world.store.all("SELECT * FROM unit WHERE model=?", model["uuid"]):
            units.begin_removal(world, unit, deadline)
    world.hub.changed(model["uuid"])
    return str(model["uuid"])


def progress(world: World, model: str) -> Row | None:
    """Return what is left of a dying model; none once it is gone."""
    if not world.store.value("SELECT 1 FROM model WHERE uuid=?", model):
        return None
    counts = {
        f"{table}s": int(world.store.value(f"SELECT count(*) FROM {table} WHERE model=?", model))
        for table in ("machine", "application", "unit")
    }
    errors = world.store.all("SELECT name, workload FROM unit WHERE model=?", model)
    messages = [
        f"{row['name']}: {load(row['workload'])['message']}"
        for row in errors
        if load(row["workload"])["current"] == "error"
    ]
    return {**counts, "errors": messages}
