"""Results of actions and commands for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from localjuju.cli import gotext
from localjuju.cli.render.color import paint
from localjuju.cli.render.structured import sort_keys, to_yaml
from localjuju.cli.render.table import Section, layout
from localjuju.cli.results import plain_operation_time
from localjuju.controller.shapes import Operation

_HIDDEN = frozenset({"return-code", "stdout", "stderr", "stdout-encoding", "stderr-encoding"})


def plain(results: Mapping[str, Mapping[str, Any]], *, colors: bool) -> str:
    """Return what ``juju run`` prints: the result of one task as it is, of several as YAML.

    Args:
        results: receiver or task -> ``task_result``.
        colors: whether to colour it.
    """
    shown: dict[str, dict[str, Any]] = {}
    streams = {"stdout": "", "stderr": ""}
    for name in sorted(results, key=gotext.natural_key):
        one = results[name]
        found = cast("dict[str, Any] | None", one.get("results"))
        if found is None:
            text = f"Task {one['id']} {one.get('status', 'has unknown status')}\n"
        else:
            kept = {key: value for key, value in found.items() if key.lower() not in _HIDDEN}
            text = to_yaml(sort_keys(kept)) if kept else ""
            for stream in streams:
                streams[stream] = str(found.get(stream) or streams[stream])
        shown[name] = {"id": one["id"], "output": text, "status": one.get("status")}
        if "message" in one:
            shown[name]["message"] = one["message"]
    if len(shown) > 1:
        return to_yaml(sort_keys(shown))
    lines: list[str] = []
    for one in shown.values():
        failed = one["status"] == "failed"
        if failed:
            words = f"Action id {one['id']} failed: {one.get('message', '')}\n"
            lines.append(paint(words, "red", colors))
        lines.append(paint(one["output"], "red" if failed else "green", colors) + "\n")
    lines += [text.strip("\n") + "\n" for text in streams.values() if text]
    return "".join(lines)


def command_output(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what ``juju exec`` prints: the output of each target, with its name if several."""
    names = sorted(results, key=gotext.natural_key)
    outputs: dict[str, str] = {}
    for name in names:
        found = cast("dict[str, Any]", results[name].get("results") or {})
        texts = [str(found[stream]) for stream in ("stdout", "stderr") if found.get(stream)]
        if texts:
            outputs[name] = "".join(text if text.endswith("\n") else text + "\n" for text in texts)
    if len(outputs) < 2:
        return "".join(outputs.values())
    return "".join(f"{name}:\n{outputs.get(name, '')}\n" for name in names)


def operations(found: Sequence[Operation], *, utc: bool, colors: bool) -> str:
    """Return the table of ``juju operations``."""
    section = Section(right=frozenset({0}))
    section.row("ID", "Status", "Started", "Finished", "Task IDs", "Summary")
    for one in found:
        ids = [task["id"] for task in one["tasks"]]
        section.row(
            one["id"],
            one["status"],
            plain_operation_time(one["started"], utc=utc),
            plain_operation_time(one["completed"], utc=utc),
            ",".join(ids[:5]) + "..." * (len(ids) > 5),
            one["summary"],
        )
    return layout([section], colors=colors)


def actions(found: Mapping[str, str]) -> str:
    """Return the table of ``juju actions``: name and description."""
    section = Section()
    section.row("Action", "Description")
    for name in sorted(found, key=gotext.natural_key):
        first, *rest = found[name].strip().splitlines() or [""]
        section.row(name, first)
        for line in rest:
            section.row("", line)
    return layout([section], colors=False)
