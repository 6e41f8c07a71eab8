"""The model's log."""

from __future__ import annotations

import fnmatch
from typing import Any

from localjuju.controller import clock
from localjuju.controller.modelconfig import LEVELS
from localjuju.controller.store import Row
from localjuju.controller.world import World

KEPT_LINES = 200_000
_TRIM_EVERY = 1_000


def add(world: World, model: str, entity: str, lines: list[Row]) -> None:
    """Add lines (``timestamp``, ``severity``, ``module``, ``location``, ``message``)."""
    with world.store.transaction():
        for line in lines:
            world.store.insert(
                "log",
                model=model,
                entity=entity,
                timestamp=line.get("timestamp") or clock.rfc3339(),
                severity=line["severity"],
                module=line["module"],
                location=line.get("location", ""),
                message=line["message"],
            )
        last = int(world.store.value("SELECT max(id) FROM log") or 0)
        if last % _TRIM_EVERY < len(lines):
            world.store.run("DELETE FROM log WHERE id<?", last - KEPT_LINES)
    world.hub.changed(f"log:{model}")


class Filter:
    """Which lines a reader wants; see the facade's ``debug_log``."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        level = str(wanted.get("level") or "TRACE").upper()
        self._levels = set(LEVELS[LEVELS.index(level) :]) if level in LEVELS else set(LEVELS)
        self._include = [_entity(name) for name in wanted["include"]]
        self._exclude = [_entity(name) for name in wanted["exclude"]]
        self._modules: list[str] = wanted["include_module"]
        self._not_modules: list[str] = wanted["exclude_module"]

    def passes(self, line: Row) -> bool:
        """Tell whether a line is wanted."""
        if line["severity"] not in self._levels:
            return False
        entity, module = line["entity"], line["module"]
        if self._include and not any(fnmatch.fnmatchcase(entity, one) for one in self._include):
            return False
        if any(fnmatch.fnmatchcase(entity, one) for one in self._exclude):
            return False
        if self._modules and not any(_below(module, one) for one in self._modules):
            return False
        return not any(_below(module, one) for one in self._not_modules)


def _entity(name: str) -> str:
    if "/" in name:
        return "unit-" + name.replace("/", "-")
    if name.isdigit():
        return f"machine-{name}"
    known = name.startswith(("unit-", "machine-", "controller-")) or "*" in name
    return name if known else f"unit-{name}-*"


def _below(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(prefix + ".")


def after(world: World, model: str, last: int) -> list[Row]:
    """Return the lines of a model that came after line ``last``."""
    return world.store.all(
        "SELECT * FROM log WHERE model=? AND id>? ORDER BY id LIMIT 5000", model, last
    )
