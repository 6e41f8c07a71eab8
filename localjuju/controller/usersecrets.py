"""Secrets that a user adds to a model, and grants to applications by hand.

They are owned by the model, have a name instead of a label, and are granted to applications
without a relation.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from localjuju.controller import clock, secretstore
from localjuju.controller.store import Row
from localjuju.controller.wire import JujuError
from localjuju.controller.world import World

OWNER_KIND = "model"
NO_RELATION = -1
"""What stands in a grant that no relation carries."""
_ALPHABET = "0123456789abcdefghijklmnopqrstuv"


def find(world: World, model: str, secret: str) -> Row:
    """Return a user's secret by its name, id or URI.

    Raises:
        JujuError: there is none.
    """
    row = world.store.one(
        "SELECT * FROM secret WHERE model=? AND owner_kind=? AND (label=? OR id=?)",
        model,
        OWNER_KIND,
        secret,
        secretstore.bare_id(secret),
    )
    if row is None:
        raise JujuError(f'secret "{secretstore.bare_id(secret)}" not found', "not found")
    return row


def add(
    world: World, model_name: str, name: str, content: Mapping[str, str], info: str | None
) -> str:
    """Add a secret; return its URI.

    Raises:
        JujuError: there is one of that name.
    """
    model = world.model(model_name)["uuid"]
    _check_name(world, model, name)
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(20))
    now = clock.rfc3339()
    with world.store.transaction():
        world.store.insert(
            "secret",
            model=model,
            id=secret,
            owner_kind=OWNER_KIND,
            owner=model,
            label=name,
            description=info,
            rotate=None,
            rotates=None,
            latest=0,
            created=now,
            updated=now,
        )
        secretstore.add_revision(world, model, secret, dict(content), None)
    return f"secret:{secret}"


def _check_name(world: World, model: str, name: str) -> None:
    if world.store.value(
        "SELECT 1 FROM secret WHERE model=? AND owner_kind=? AND label=?", model, OWNER_KIND, name
    ):
        raise JujuError(f'secret with name "{name}" already exists', "already exists")


def update(world: World, model_name: str, secret: str, change: Mapping[str, Any]) -> None:
    """Change a secret.

    Args:
        world: the controller.
        model_name: where.
        secret: name or URI.
        change: any of ``content``, ``info``, ``name`` (None: as it is) and ``auto_prune``, which
            removes revisions that nobody follows.

    Raises:
        JujuError: there is no such secret, or another one of the new name.
    """
    model = world.model(model_name)["uuid"]
    row = find(world, model, secret)
    with world.store.transaction():
        if change.get("name"):
            _check_name(world, model, change["name"])
        for column, key in (("label", "name"), ("description", "info")):
            if change.get(key):
                world.store.run(
                    f"UPDATE secret SET {column}=? WHERE model=? AND id=?",
                    change[key],
                    model,
                    row["id"],
                )
        if change.get("content"):
            secretstore.add_revision(world, model, row["id"], dict(change["content"]), None)
        if change.get("auto_prune"):
            latest = find(world, model, secret if not change.get("name") else row["id"])
            for revision in secretstore.obsolete(world, model, latest):
                secretstore.delete(world, model, row["id"], revision)
    world.hub.changed(model)


def grant(
    world: World, model_name: str, secret: str, applications: list[str], *, revoke: bool
) -> None:
    """Let applications read a secret, or not any more.

    Raises:
        JujuError: there is no such secret or application.
    """
    model = world.model(model_name)["uuid"]
    row = find(world, model, secret)
    for name in applications:
        world.application(model, name)
    for name in applications:
        if revoke:
            secretstore.revoke(world, model, row["id"], name)
        else:
            secretstore.grant(world, model, row["id"], name, NO_RELATION)
    world.hub.changed(model)


def remove(world: World, model_name: str, secret: str, revision: int | None) -> None:
    """Remove a secret, or one of its revisions.

    Raises:
        JujuError: there is no such secret.
    """
    model = world.model(model_name)["uuid"]
    secretstore.delete(world, model, find(world, model, secret)["id"], revision)
    world.hub.changed(model)
