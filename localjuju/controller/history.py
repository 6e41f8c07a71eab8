"""Past statuses, for ``juju show-status-log``.

The database keeps them itself, by the triggers below, so that no place that sets a status can
forget to. ``current``, ``message`` and ``since`` are kept as they were.
"""

from __future__ import annotations

from localjuju.controller.store import Row, load
from localjuju.controller.wire import JujuError
from localjuju.controller.world import World

KINDS = {
    "application": ("application",),
    "juju-machine": ("machine",),
    "juju-unit": ("juju-unit",),
    "machine": ("machine",),
    "unit": ("juju-unit", "workload"),
    "workload": ("workload",),
}
"""What ``--type`` may be, and the kinds of status that it shows."""

_TABLES = {
    "application": "application",
    "juju-machine": "machine",
    "machine": "machine",
    "juju-unit": "unit",
    "unit": "unit",
    "workload": "unit",
}


def of_entity(world: World, model_name: str, kind: str, entity: str, size: int) -> list[Row]:
    """Return the last statuses of a unit, application or machine, the oldest first.

    Args:
        world: the controller.
        model_name: where.
        kind: one of ``KINDS``.
        entity: its name or id.
        size: how many; 0 for all.

    Returns:
        Rows of ``status``, ``message`` (if there is one), ``since`` and ``type``.

    Raises:
        JujuError: there is no such entity.
    """
    model = world.model(model_name)
    table = _TABLES[kind]
    column = "id" if table == "machine" else "name"
    if not world.store.value(
        f"SELECT 1 FROM {table} WHERE model=? AND {column}=?", model["uuid"], entity
    ):
        raise JujuError(f'{table} "{entity}" not found', "not found")
    marks = ", ".join("?" * len(KINDS[kind]))
    rows = world.store.all(
        f"SELECT kind, status FROM status_log WHERE model=? AND entity=? AND kind IN ({marks}) "
        "ORDER BY id DESC LIMIT ?",
        model["uuid"],
        entity,
        *KINDS[kind],
        size or -1,
    )
    return [_shown(row) for row in reversed(rows)]


def _shown(row: Row) -> Row:
    status = load(row["status"])
    shown = {"status": status["current"], "message": status.get("message", "")}
    return {
        **{key: text for key, text in shown.items() if text},
        "since": status["since"],
        "type": row["kind"],
    }
