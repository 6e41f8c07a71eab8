"""``juju models`` as a table."""

from __future__ import annotations

from collections.abc import Sequence

from localjuju.cli import names
from localjuju.cli.render.table import Section, cell, layout
from localjuju.controller.shapes import ModelSummary


def tabular(
    models: Sequence[ModelSummary],
    controller: str,
    current: str | None,
    *,
    uuids: bool,
    colors: bool,
) -> str:
    """Return the table; the current model has an asterisk."""
    first = 4 + uuids
    section = Section(right=frozenset({first, first + 1, first + 2}))
    titles = ["Model", *(["UUID"] if uuids else []), "Cloud/Region", "Type", "Status"]
    section.rows.append(
        tuple(
            cell(title)
            for title in (*titles, "Machines", "Cores", "Units", "Access", "Last connection")
        )
    )
    for model in models:
        name = model["name"]
        section.row(
            cell(name + "*", "green") if name == current else name,
            *([model["uuid"]] if uuids else []),
            names.CLOUD_REGION,
            "localjuju",
            model["status"],
            model["machines"],
            model["cores"],
            model["units"],
            "admin",
            "just now",
        )
    return f"Controller: {controller}\n\n" + layout([section], colors=colors)
