"""The reference pages of what stands in YAML files already: options and actions."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

WIDTH = 100

OPTIONS = """\
# Options

Set with `juju config pg <option>=<value>`, back to the default with
`juju config pg --reset <option>`. A value that cannot work changes nothing: the last good one
stays in force and the unit is blocked with the option, the value and the reason in its status.
[What to do then](../how-to/recover-from-blocked.md#the-last-good-value-stays-in-force).
"""
ACTIONS = """\
# Actions

Run with `juju run <unit> <action> [<parameter>=<value> ...]`. Each can be run on any unit.
`juju run` ends with status 0 also when an action fails: a program takes `--format=json` and looks
at `status`, `message` and `results`.
"""
BLOCKED = "../how-to/recover-from-blocked.md"
# What the description of an option or action in its YAML file cannot have: links.
FURTHER = {
    "archive-path": "See [Move the WAL archive](../how-to/move-the-archive.md).",
    "extra-postgresql-conf": (
        "What is refused, and how to get on: "
        f"[config extra-postgresql-conf]({BLOCKED}#config-extra-postgresql-conf)."
    ),
    "verify-replication": "An example: [Prove it](../tutorial/first-pair.md#prove-it).",
    "reinit-standby": (
        f"When it is needed: [the WAL it needs is gone]({BLOCKED}#the-wal-it-needs-is-gone)."
    ),
}


def pages(root: Path) -> dict[Path, str]:
    """Give each generated page and its text, from the YAML files below the root."""
    reference = root / "docs" / "reference"
    return {
        reference / "options.md": options(_load(root / "config.yaml")["options"]),
        reference / "actions.md": actions(_load(root / "actions.yaml")),
    }


def options(found: Mapping[str, Any]) -> str:
    """Write the page of the options, as config.yaml has them."""
    blocks = [_origin("config.yaml"), OPTIONS]
    for name, option in found.items():
        default = option["default"]
        shown = "empty" if default == "" else f"`{default}`"
        blocks += [f"## {name}\n", f"{option['type']}, default {shown}\n"]
        blocks += _description(name, option)
    return "\n".join(blocks)


def actions(found: Mapping[str, Any]) -> str:
    """Write the page of the actions, as actions.yaml has them."""
    blocks = [_origin("actions.yaml"), ACTIONS]
    for name, action in found.items():
        blocks += [f"## {name}\n", *_description(name, action)]
        if params := action.get("params"):
            blocks.append(_table(params, action.get("required", [])))
    return "\n".join(blocks)


def _load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def _origin(name: str) -> str:
    return f"<!-- Written by `make docs` from {name}: change that file. -->\n"


def _description(name: str, one: Mapping[str, Any]) -> list[str]:
    paragraphs = [
        textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)
        for text in one["description"].strip().split("\n\n")
    ]
    if name in FURTHER:
        paragraphs.append(FURTHER[name])
    return [f"{paragraph}\n" for paragraph in paragraphs]


def _table(params: Mapping[str, Any], required: list[str]) -> str:
    rows = ["| parameter | type | default | |", "| --- | --- | --- | --- |"]
    for name, param in params.items():
        default = f"`{param['default']}`" if "default" in param else "none"
        bounds = _bounds(param)
        text = " ".join(param["description"].split()).rstrip(".")
        given = "required" if name in required else default
        rows.append(f"| `{name}` | {param['type']} | {given} | {text}{bounds} |")
    return "\n".join(rows) + "\n"


def _bounds(param: Mapping[str, Any]) -> str:
    if "minimum" in param and "maximum" in param:
        return f", {param['minimum']} to {param['maximum']}"
    return ""
