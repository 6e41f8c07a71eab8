"""Look at operations and their tasks afterwards, and cancel tasks."""

from __future__ import annotations

import time
from typing import Any

from localjuju.cli import names, output
from localjuju.cli.checks import check_empty
from localjuju.cli.command import UTC_OPTION, Command, output_options
from localjuju.cli.context import Context
from localjuju.cli.flags import Arguments, Kind, Option, UsageError
from localjuju.cli.gotext import quote
from localjuju.cli.results import operation_result, progress_time, task_result
from localjuju.cli.waiting import POLL_S
from localjuju.controller.shapes import Operation, Task
from localjuju.controller.wire import JujuError

_STATUSES = (
    "pending", "running", "completed", "failed", "cancelled", "aborting", "aborted", "error",
)  # fmt: skip
_ENDLESS = float("inf")


def _one_id(args: Arguments, what: str) -> str:
    if not args.positional:
        raise UsageError(f"no {what} ID specified")
    check_empty(args.positional[1:])
    if not args.positional[0].isdigit():
        raise UsageError(f"{what} ID {quote(args.positional[0])} not valid")
    return args.positional[0]


def _patience(args: Arguments) -> float:
    """Return how many seconds to wait; 0: not at all.

    Raises:
        UsageError: both --watch and --wait were given.
    """
    if args.flag("watch"):
        if "wait" in args.given:
            raise UsageError("specify either --watch or --wait but not both")
        return _ENDLESS
    return max(0.0, args.seconds("wait") or 0.0)


def _show_task(ctx: Context, args: Arguments) -> None:
    id_ = _one_id(args, "task")
    patience = _patience(args)
    utc = args.flag("utc")
    model = ctx.model(args)
    task = (
        _follow(ctx, model, id_, patience, utc=utc)
        if patience
        else ctx.controller.task(model, id_)
    )
    result = task_result(task, utc=utc)

    def plain() -> str:
        from localjuju.cli.render.tasks import plain as render

        return render({id_: result}, colors=ctx.colors(ctx.stdout))

    output.write(ctx, args, result, {"plain": plain})


def _follow(ctx: Context, model: str, id_: str, patience: float, *, utc: bool) -> Task:
    deadline = time.monotonic() + patience
    shown = 0
    while True:
        task = ctx.controller.task(model, id_, wait=POLL_S)
        for line in task["log"][shown:]:
            ctx.info(f"{progress_time(line['timestamp'], utc=utc)} {line['message']}")
        shown = len(task["log"])
        if task["status"] not in ("pending", "running", "aborting"):
            if shown:
                ctx.info("")
            return task
        if time.monotonic() > deadline:
            raise JujuError("maximum wait time reached")


def _show_operation(ctx: Context, args: Arguments) -> None:
    id_ = _one_id(args, "operation")
    patience = _patience(args)
    model = ctx.model(args)
    deadline = time.monotonic() + patience
    while True:
        operation = ctx.controller.operation(model, id_, wait=POLL_S if patience else 0.0)
        ended = operation["status"] not in ("pending", "running", "aborting")
        if ended or time.monotonic() >= deadline:
            break
    output.write(ctx, args, {id_: operation_result(operation, utc=args.flag("utc"))})


def _operations(ctx: Context, args: Arguments) -> None:
    check_empty(args.positional)
    for status in args.texts("status"):
        if status not in _STATUSES:
            raise UsageError(
                f"{quote(status)} is not a valid task status, want one of [{' '.join(_STATUSES)}]"
            )
    found = [one for one in ctx.controller.operations(ctx.model(args)) if _wanted(one, args)]
    offset = args.number("offset") or 0
    limit = args.number("limit") or 50
    found = found[offset : offset + limit]
    if not found:
        ctx.info("no matching operations")
        return
    utc = args.flag("utc")

    def plain() -> str:
        from localjuju.cli.render.tasks import operations

        return operations(found, utc=utc, colors=ctx.colors(ctx.stdout))

    value: dict[str, Any] = {one["id"]: operation_result(one, utc=utc) for one in found}
    output.write(ctx, args, value, {"plain": plain})


def _wanted(operation: Operation, args: Arguments) -> bool:
    actions = set(args.texts("actions"))
    statuses = set(args.texts("status"))
    receivers = {*args.texts("units"), *args.texts("machines")}
    applications = set(args.texts("applications"))
    tasks = operation["tasks"]
    if actions and not any(task["action"] in actions for task in tasks):
        return False
    if (
        not actions
        and not args.texts("machines")
        and all(t["action"] == "juju-exec" for t in tasks)
    ):
        return False
    if statuses and operation["status"] not in statuses:
        return False
    if not receivers and not applications:
        return True
    return any(
        task["receiver"] in receivers or names.application_of(task["receiver"]) in applications
        for task in tasks
    )


def _cancel_task(ctx: Context, args: Arguments) -> None:
    if not args.positional:
        raise UsageError("no task IDs specified")
    model = ctx.model(args)
    cancelled = {id_: ctx.controller.cancel_task(model, id_) for id_ in args.positional}
    output.write(ctx, args, {id_: task_result(task, utc=False) for id_, task in cancelled.items()})


_WAIT_OPTIONS = (
    UTC_OPTION,
    Option(("wait",), "Maximum wait time", Kind.DURATION, default_text="-1s"),
    Option(("watch",), "Wait indefinitely for results"),
)

COMMANDS = (
    Command(
        "show-task",
        "Show results of a task by ID.",
        _show_task,
        arguments="<task ID>",
        options=(*_WAIT_OPTIONS, *output_options("json", "plain", "yaml", default="plain")),
        examples=("juju show-task 1", "juju show-task 1 --wait=2m"),
    ),
    Command(
        "show-operation",
        "Show results of an operation.",
        _show_operation,
        arguments="<operation ID>",
        options=(*_WAIT_OPTIONS, *output_options("json", "yaml", default="yaml")),
    ),
    Command(
        "operations",
        "Lists pending, running, or completed operations for specified application, units, "
        "machines, or all.",
        _operations,
        options=(
            Option(("actions",), "Comma separated list of actions names to filter on", Kind.LIST),
            Option(
                ("apps", "applications"),
                "Comma separated list of applications to filter on",
                Kind.LIST,
            ),
            Option(("limit",), "The maximum number of operations to return", Kind.NUMBER, 0),
            Option(("machines",), "Comma separated list of machines to filter on", Kind.LIST),
            Option(("offset",), "Return operations from offset onwards", Kind.NUMBER, 0),
            Option(
                ("status",),
                "Comma separated list of operation status values to filter on",
                Kind.LIST,
            ),
            Option(("units",), "Comma separated list of units to filter on", Kind.LIST),
            UTC_OPTION,
            *output_options("json", "plain", "yaml", default="plain"),
        ),
        aliases=("list-operations",),
    ),
    Command(
        "cancel-task",
        "Cancel pending or running tasks.",
        _cancel_task,
        arguments="(<task-id>|<task-id-prefix>) [...]",
        options=output_options("json", "yaml", default="yaml"),
    ),
)
