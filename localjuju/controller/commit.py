"""What a hook that ended well changes, all at once or not at all."""

from __future__ import annotations

from typing import Any

from localjuju.controller import leases, relations, secretstore
from localjuju.controller.store import Row, dump, load
from localjuju.controller.wire import JujuError
from localjuju.controller.world import World


def apply(world: World, unit: Row, changes: dict[str, Any]) -> None:
    """Commit a hook's changes in one transaction.

    Args:
        world: the controller.
        unit: whose hook ran.
        changes: any of ``relations`` (``{id: {"unit": {…}, "app": {…}}}``), ``secrets``
            (``{"create": […], "update": […], "delete": […], "grant": […], "revoke": […],
            "track": [id, …]}``), ``ports`` (the whole list) and ``state`` (the whole mapping).

    Raises:
        JujuError: leadership is needed and gone, or a relation or secret is. Nothing is changed.
    """
    with world.store.transaction():
        for number, bags in changes.get("relations", {}).items():
            _write_bags(world, unit, int(number), bags)
        _change_secrets(world, unit, changes.get("secrets", {}))
        for column in ("ports", "state"):
            if column in changes:
                world.store.run(
                    f"UPDATE unit SET {column}=? WHERE model=? AND name=?",
                    dump(changes[column]),
                    unit["model"],
                    unit["name"],
                )
    if changes:
        world.hub.changed(unit["model"])


def _write_bags(world: World, unit: Row, number: int, bags: dict[str, dict[str, str]]) -> None:
    where: Row = {"model": unit["model"], "relation": number}
    if bags.get("unit"):
        relations.write(world, "member", {**where, "unit": unit["name"]}, bags["unit"])
    if bags.get("app"):
        leases.require(world, unit)
        relations.write(
            world, "endpoint", {**where, "application": unit["application"]}, bags["app"]
        )


def _change_secrets(world: World, unit: Row, changes: dict[str, list[Any]]) -> None:
    model = unit["model"]
    for new in changes.get("create", []):
        if new["owner"] == "application":
            leases.require(world, unit)
        secretstore.create(world, unit, new)
    for change in changes.get("update", []):
        secretstore.update(world, unit, _own(world, unit, change["id"]), change)
    for tracked in changes.get("track", []):
        secretstore.follow_latest(world, unit, secretstore.get(world, model, tracked))
    for change in changes.get("grant", []):
        secret = _own(world, unit, change["id"])
        subject = change.get("unit") or _remote_application(world, unit, change["relation"])
        secretstore.grant(world, model, secret["id"], subject, change["relation"])
    for change in changes.get("revoke", []):
        secret = _own(world, unit, change["id"])
        subject = change.get("unit") or change.get("app")
        if subject is None:
            subject = _remote_application(world, unit, change["relation"])
        secretstore.revoke(world, model, secret["id"], subject)
    for change in changes.get("delete", []):
        secret = _own(world, unit, change["id"])
        secretstore.delete(world, model, secret["id"], change.get("revision"))


def _own(world: World, unit: Row, secret: str) -> Row:
    row = secretstore.get(world, unit["model"], secret)
    if not secretstore.is_owner(row, unit):
        raise JujuError("permission denied", "unauthorized access")
    if row["owner_kind"] == "application":
        leases.require(world, unit)
    return row


def _remote_application(world: World, unit: Row, number: int) -> str:
    for relation in relations.of_application(world, unit["model"], unit["application"]):
        if relation["id"] == number:
            return str(relation["remote_app"])
    raise JujuError("relation not found", "not found")


def own_ports(unit: Row) -> list[str]:
    """Return a unit's open ports, as ``5432/tcp``, in their order."""
    return load(unit["ports"])
