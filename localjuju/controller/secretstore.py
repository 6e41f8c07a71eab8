"""Secrets: who owns, sees and follows which revision."""

from __future__ import annotations

import hashlib
from typing import Any

from localjuju.controller import clock, leases
from localjuju.controller.store import Row, dump, load
from localjuju.controller.wire import JujuError
from localjuju.controller.world import World

ROTATION_S = {
    "hourly": 3600.0,
    "daily": 86400.0,
    "weekly": 7 * 86400.0,
    "monthly": 30 * 86400.0,
    "quarterly": 91 * 86400.0,
    "yearly": 365 * 86400.0,
}


def bare_id(uri: str) -> str:
    """Return the id of ``secret:ID``, ``secret://MODEL-UUID/ID`` or ``ID``.

    >>> bare_id("secret://a-b/9m4e2mr0ui3e8a215n4g")
    '9m4e2mr0ui3e8a215n4g'
    """
    return uri.removeprefix("secret:").rstrip("/").rpartition("/")[2]


def get(world: World, model: str, secret: str) -> Row:
    """Return a secret's row.

    Raises:
        JujuError: there is none.
    """
    row = world.store.one("SELECT * FROM secret WHERE model=? AND id=?", model, bare_id(secret))
    if row is None:
        raise JujuError(f'secret "{bare_id(secret)}" not found', "not found")
    return row


def owned_by(world: World, unit: Row) -> list[Row]:
    """Return the secrets that a unit or its application owns."""
    return world.store.all(
        "SELECT * FROM secret WHERE model=? AND ((owner_kind='unit' AND owner=?) OR "
        "(owner_kind='application' AND owner=?)) ORDER BY created",
        unit["model"],
        unit["name"],
        unit["application"],
    )


def is_owner(secret: Row, unit: Row) -> bool:
    """Tell whether a secret belongs to a unit or its application."""
    return secret["owner"] == (
        unit["name"] if secret["owner_kind"] == "unit" else unit["application"]
    )


def may_manage(world: World, secret: Row, unit: Row) -> bool:
    """Tell whether a unit may change a secret: its own, or as the leader its application's."""
    if not is_owner(secret, unit):
        return False
    leads = leases.holder(world, unit["model"], unit["application"]) == unit["name"]
    return secret["owner_kind"] == "unit" or leads


def may_read(world: World, secret: Row, unit: Row) -> bool:
    """Tell whether a unit may read a secret: as its owner or by a grant."""
    if is_owner(secret, unit):
        return True
    return bool(
        world.store.value(
            "SELECT 1 FROM secret_grant WHERE model=? AND secret=? AND subject IN (?, ?)",
            unit["model"],
            secret["id"],
            unit["name"],
            unit["application"],
        )
    )


def consume(
    world: World, unit: Row, uri: str | None, label: str | None, *, refresh: bool, peek: bool
) -> dict[str, str]:
    """Read a secret as a hook does, pinning a revision as Juju does: at once, for good.

    Args:
        world: the controller.
        unit: who reads.
        uri: which secret; or by label only.
        label: looks the secret up, by the owner's or the consumer's own label; with a URI it
            becomes the consumer's own, or on a unit that may change the secret the owner's.
        refresh: move the pin to the latest revision.
        peek: read the latest revision, leaving the pin.

    Raises:
        JujuError: ``not found``, or ``permission denied``.
    """
    model = unit["model"]
    secret = _by_label(world, unit, label) if uri is None else get(world, model, uri)
    if not may_read(world, secret, unit):
        raise JujuError("permission denied", "unauthorized access")
    pin = world.store.one(
        "SELECT * FROM secret_consumer WHERE model=? AND secret=? AND unit=?",
        model,
        secret["id"],
        unit["name"],
    )
    revision = secret["latest"] if pin is None or refresh else pin["revision"]
    own_label = label if uri is not None and not is_owner(secret, unit) else None
    with world.store.transaction():
        if pin is None or refresh or own_label:
            _pin(world, unit, secret, revision, own_label)
        if label and uri is not None and may_manage(world, secret, unit):
            world.store.run(
                "UPDATE secret SET label=? WHERE model=? AND id=?", label, model, secret["id"]
            )
    if pin is None or pin["revision"] != revision:
        world.hub.changed(model)
    return content(world, model, secret["id"], secret["latest"] if peek else revision)


def _pin(world: World, unit: Row, secret: Row, revision: int, label: str | None) -> None:
    world.store.run(
        "INSERT INTO secret_consumer (model, secret, unit, label, revision) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (model, secret, unit) DO UPDATE SET "
        "revision=excluded.revision, label=coalesce(excluded.label, label)",
        unit["model"],
        secret["id"],
        unit["name"],
        label,
        revision,
    )


def follow_latest(world: World, unit: Row, secret: Row) -> None:
    """Move a unit's pin to the latest revision, as a hook asked that also wrote it."""
    _pin(world, unit, secret, secret["latest"], None)


def _by_label(world: World, unit: Row, label: str | None) -> Row:
    for secret in owned_by(world, unit):
        if secret["label"] == label:
            return secret
    found = world.store.value(
        "SELECT secret FROM secret_consumer WHERE model=? AND unit=? AND label=?",
        unit["model"],
        unit["name"],
        label,
    )
    if found is None:
        raise JujuError(f'consumer label "{label}" not found', "not found")
    return get(world, unit["model"], found)


def content(world: World, model: str, secret: str, revision: int) -> dict[str, str]:
    """Return what a revision holds.

    Raises:
        JujuError: the revision was removed.
    """
    text = world.store.value(
        "SELECT content FROM secret_revision WHERE model=? AND secret=? AND revision=?",
        model,
        secret,
        revision,
    )
    if text is None:
        raise JujuError(f'secret revision "{secret}/{revision}" not found', "not found")
    return load(text)


def create(world: World, unit: Row, new: dict[str, Any]) -> None:
    """Add a secret with its first revision.

    Args:
        world: the controller.
        unit: whose hook made it.
        new: ``id``, ``owner`` (application or unit), ``content``, and optionally ``label``,
            ``description``, ``rotate``, ``expires`` (seconds since the epoch).
    """
    owner = unit["application"] if new["owner"] == "application" else unit["name"]
    _check_label(world, unit, new.get("label"), None)
    now = clock.rfc3339()
    rotate = new.get("rotate")
    world.store.insert(
        "secret",
        model=unit["model"],
        id=new["id"],
        owner_kind=new["owner"],
        owner=owner,
        label=new.get("label"),
        description=new.get("description"),
        rotate=None if rotate in (None, "never") else rotate,
        rotates=_next_rotation(rotate),
        latest=0,
        created=now,
        updated=now,
    )
    add_revision(world, unit["model"], new["id"], new["content"], new.get("expires"))


def _check_label(world: World, unit: Row, label: str | None, but: str | None) -> None:
    for secret in owned_by(world, unit) if label else []:
        if secret["label"] == label and secret["id"] != but:
            raise JujuError(f'secret with label "{label}" already exists', "already exists")


def _next_rotation(rotate: str | None) -> float | None:
    return None if rotate in (None, "never") else clock.now() + ROTATION_S[str(rotate)]


def add_revision(
    world: World, model: str, secret: str, data: dict[str, str], expires: float | None
) -> None:
    """Make other content the latest revision; equal content makes none."""
    checksum = hashlib.sha256(dump(data).encode()).hexdigest()
    latest = world.store.one(
        "SELECT r.checksum, s.latest FROM secret s LEFT JOIN secret_revision r ON "
        "r.model=s.model AND r.secret=s.id AND r.revision=s.latest WHERE s.model=? AND s.id=?",
        model,
        secret,
    )
    assert latest is not None
    if latest["checksum"] == checksum:
        return
    revision = latest["latest"] + 1
    now = clock.rfc3339()
    world.store.insert(
        "secret_revision",
        model=model,
        secret=secret,
        revision=revision,
        content=dump(data),
        checksum=checksum,
        created=now,
        expires=expires,
    )
    world.store.run(
        "UPDATE secret SET latest=?, updated=? WHERE model=? AND id=?",
        revision,
        now,
        model,
        secret,
    )


def update(world: World, unit: Row, secret: Row, change: dict[str, Any]) -> None:
    """Change a secret; other content makes a new revision, equal content none."""
    model = unit["model"]
    if "label" in change:
        _check_label(world, unit, change["label"], secret["id"])
    for column in ("label", "description"):
        if column in change:
            world.store.run(
                f"UPDATE secret SET {column}=? WHERE model=? AND id=?",
                change[column],
                model,
                secret["id"],
            )
    if "rotate" in change:
        rotate = None if change["rotate"] == "never" else change["rotate"]
        world.store.run(
            "UPDATE secret SET rotate=?, rotates=? WHERE model=? AND id=?",
            rotate,
            _next_rotation(rotate),
            model,
            secret["id"],
        )
    if change.get("content"):
        add_revision(world, model, secret["id"], change["content"], change.get("expires"))
    elif "expires" in change:
        world.store.run(
            "UPDATE secret_revision SET expires=? WHERE model=? AND secret=? AND revision=?",
            change["expires"],
            model,
            secret["id"],
            secret["latest"],
        )


def delete(world: World, model: str, secret: str, revision: int | None) -> None:
    """Remove a revision, or the secret with all of them."""
    if revision is not None:
        world.store.run(
            "DELETE FROM secret_revision WHERE model=? AND secret=? AND revision=?",
            model,
            secret,
            revision,
        )
        if world.store.value(
            "SELECT 1 FROM secret_revision WHERE model=? AND secret=?", model, secret
        ):
            return
    for table in ("secret_revision", "secret_consumer", "secret_grant"):
        world.store.run(f"DELETE FROM {table} WHERE model=? AND secret=?", model, secret)
    world.store.run("DELETE FROM secret WHERE model=? AND id=?", model, secret)


def grant(world: World, model: str, secret: str, subject: str, relation: int) -> None:
    """Let a unit or an application read a secret as long as the relation lives."""
    world.store.run(
        "INSERT OR REPLACE INTO secret_grant (model, secret, subject, relation) "
        "VALUES (?, ?, ?, ?)",
        model,
        secret,
        subject,
        relation,
    )


def revoke(world: World, model: str, secret: str, subject: str) -> None:
    """Take a grant back."""
    world.store.run(
        "DELETE FROM secret_grant WHERE model=? AND secret=? AND subject=?", model, secret, subject
    )


def rotated(world: World, model: str, secret: str) -> None:
    """Note that the ``secret-rotate`` hook ran."""
    row = get(world, model, secret)
    world.store.run(
        "UPDATE secret SET rotates=? WHERE model=? AND id=?",
        _next_rotation(row["rotate"]),
        model,
        row["id"],
    )
    world.hub.changed(model)


def forget_unit(world: World, model: str, unit: str) -> None:
    """Delete a unit's own secrets and its pins."""
    for row in world.store.all(
        "SELECT id FROM secret WHERE model=? AND owner_kind='unit' AND owner=?", model, unit
    ):
        delete(world, model, row["id"], None)
    world.store.run("DELETE FROM secret_consumer WHERE model=? AND unit=?", model, unit)


def forget_application(world: World, model: str, application: str) -> None:
    """Delete an application's secrets."""
    for row in world.store.all(
        "SELECT id FROM secret WHERE model=? AND owner_kind='application' AND owner=?",
        model,
        application,
    ):
        delete(world, model, row["id"], None)


def obsolete(world: World, model: str, secret: Row) -> list[int]:
    """Return revisions that are not the latest and that nobody follows any more."""
    rows = world.store.all(
        "SELECT revision FROM secret_revision r WHERE model=? AND secret=? AND revision<? AND "
        "NOT EXISTS (SELECT 1 FROM secret_consumer c WHERE c.model=r.model AND "
        "c.secret=r.secret AND c.revision=r.revision) ORDER BY revision",
        model,
        secret["id"],
        secret["latest"],
    )
    return [int(row["revision"]) for row in rows]


def next_moment(world: World) -> float | None:
    """Return when the next secret is to be rotated or expires."""
    return world.store.value(
        "SELECT min(moment) FROM (SELECT rotates AS moment FROM secret UNION ALL "
        "SELECT expires AS moment FROM secret_revision) WHERE moment>?",
        clock.now(),
    )
