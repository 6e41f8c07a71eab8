"""Results of tasks in the shape that ``juju run`` and its relatives print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localjuju.cli import gotext, names
from localjuju.controller.shapes import Operation, Task


def task_result(task: Task, *, utc: bool) -> dict[str, Any]:
    """Return what JSON and YAML show of a task.

    Keys as in ``cmd/juju/action/common.go``: ``id``, ``status``, ``unit`` or ``machine``, and what
    there is of ``log``, ``message``, ``results`` and ``timing``.
    """
    receiver = task["receiver"]
    result: dict[str, Any] = {"id": task["id"]}
    if task["log"]:
        result["log"] = [
            f"{gotext.result_time(line['timestamp'], utc=utc)} {line['message']}"
            for line in task["log"]
        ]
    if names.is_machine(receiver):
        result["machine"] = receiver
    if task["message"]:
        result["message"] = task["message"]
    if task["results"]:
        result["results"] = _results(task["results"])
    result["status"] = task["status"]
    result["timing"] = _timing(task, utc=utc)
    if not names.is_machine(receiver):
        result["unit"] = receiver
    return result


def _results(results: Mapping[str, Any]) -> dict[str, Any]:
    from localjuju.cli.render.structured import sort_keys

    kept: dict[str, Any] = sort_keys(dict(results))
    for key in ("stdout", "stderr"):
        if key in kept:
            text = str(kept.pop(key)).replace("\r\n", "\n")
            if text:
                kept[key] = text
    return dict(sorted(kept.items()))


def _timing(timed: Task | Operation, *, utc: bool) -> dict[str, str]:
    moments = {
        "completed": timed["completed"],
        "enqueued": timed["enqueued"],
        "started": timed["started"],
    }
    return {what: gotext.result_time(at, utc=utc) for what, at in moments.items() if at}


def exit_code(task: Task) -> int:
    """Return the exit status that the hook or command of a task had; -1 if it has none."""
    code = task["results"].get("return-code")
    try:
        return int(code) if code is not None else -1
    except ValueError:
        return -1


def operation_result(operation: Operation, *, utc: bool) -> dict[str, Any]:
    """Return what JSON and YAML show of an operation."""
    tasks = operation["tasks"]
    result: dict[str, Any] = {"summary": operation["summary"], "status": operation["status"]}
    same = {task["action"] for task in tasks}
    if len(same) == 1:
        result["action"] = {"name": tasks[0]["action"], "parameters": tasks[0]["parameters"]}
    result["timing"] = _timing(operation, utc=utc)
    shown: dict[str, Any] = {}
    for task in tasks:
        one: dict[str, Any] = {} if len(same) == 1 else {"name": task["action"]}
        one |= {"host": task["receiver"], "status": task["status"]}
        one["timing"] = _timing(task, utc=utc)
        full = task_result(task, utc=utc)
        one |= {key: full[key] for key in ("log", "message", "results") if key in full}
        shown[task["id"]] = one
    if shown:
        result["tasks"] = shown
    return result


def plain_operation_time(text: str | None, *, utc: bool) -> str:
    """Return a moment as the table of operations shows it."""
    if not text:
        return ""
    return gotext.local(gotext.parse_time(text), utc=utc).strftime("%Y-%m-%dT%H:%M:%S")


def progress_time(text: str, *, utc: bool) -> str:
    """Return the time of day of a line that an action logs."""
    return gotext.local(gotext.parse_time(text), utc=utc).strftime("%H:%M:%S")
