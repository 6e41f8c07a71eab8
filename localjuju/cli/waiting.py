"""Wait for the tasks of an operation and print what comes of them.

``juju run`` and ``juju exec`` share this, as they do in Juju. What it tells on the way goes to
standard error; only results go to standard output.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from localjuju.cli import names, output
from localjuju.cli.command import COLOR_OPTIONS, UTC_OPTION, output_options
from localjuju.cli.context import Context
from localjuju.cli.flags import Arguments, Kind, Option, UsageError
from localjuju.cli.render.color import paint
from localjuju.cli.results import exit_code, progress_time, task_result
from localjuju.controller.shapes import EnqueuedOperation, Task
from localjuju.controller.wire import JujuError

POLL_S = 0.25
"""How long the controller may hold one question for a task's end; lines that an action logs are
shown no later than this."""

TASK_OPTIONS = (
    Option(("background",), "Run the task in the background"),
    *COLOR_OPTIONS,
    UTC_OPTION,
    Option(
        ("wait",),
        "Maximum wait time for a task to complete",
        Kind.DURATION,
        0.0,
        default_text="0s",
    ),
    *output_options("json", "plain", "yaml", default="plain"),
)

Results = dict[str, dict[str, Any]]
Render = Callable[[Results], str]


class Waiting:
    """One operation that was begun.

    Args:
        ctx: the running command.
        args: with ``TASK_OPTIONS``.
        model: where it runs.
        default_wait: seconds to wait if ``--wait`` is not given.
        hide_progress: whether the progress is shown only with ``--verbose``.

    Raises:
        UsageError: both to wait and not to wait was asked for.
    """

    def __init__(
        self, ctx: Context, args: Arguments, *, default_wait: float, hide_progress: bool = False
    ) -> None:
        self._ctx = ctx
        self._args = args
        self._tell = ctx.detail if hide_progress else ctx.info
        wait = args.seconds("wait") or 0.0
        if args.flag("background") and wait > 0:
            raise UsageError("cannot specify both --wait and --background")
        self.wait = wait or default_wait
        """Seconds; below 0 without end."""
        self._colors = ctx.colors(ctx.stdout, args)

    def finish(self, model: str, enqueued: EnqueuedOperation, render: Render) -> None:
        """Tell of the tasks that were made, wait for them and print their results.

        Raises:
            JujuError: a task did not end in time, or its command failed.
        """
        tasks = {task["id"]: task["receiver"] for task in enqueued["tasks"] if task["id"]}
        errors = [task["error"] for task in enqueued["tasks"] if task["error"]]
        self._begin(enqueued["operation"], tasks)
        if not tasks:
            self._ctx.info(
                f"Operation {self._id(enqueued['operation'])} failed to schedule any tasks:\n"
                + paint("\n".join(errors), "red", self._colors)
            )
            return
        if errors:
            self._ctx.info(
                "Some actions could not be scheduled:\n"
                + paint("\n".join(errors), "red", self._colors)
                + "\n"
            )
            self._ctx.info("")
        if self._args.flag("background"):
            self._scheduled(enqueued["operation"], tasks)
            return
        results, failed = self._wait(model, tasks)
        output.write(self._ctx, self._args, results, {"plain": lambda: render(results)})
        if failed:
            # What was printed belongs before the error.
            self._ctx.stdout.flush()
            raise JujuError(_failure(failed))

    def _id(self, text: str) -> str:
        return paint(text, "cyan", self._colors)

    def _begin(self, operation: str, tasks: Mapping[str, str]) -> None:
        if self._args.flag("background"):
            return
        if tasks:
            count = paint(str(len(tasks)), "magenta", self._colors)
            plural = "s" * (len(tasks) > 1)
            self._tell(f"Running operation {self._id(operation)} with {count} task{plural}")
        for task, receiver in tasks.items():
            where = paint(names.tag(receiver), "bold", self._colors)
            self._tell(f"  - task {self._id(task)} on {where}")
        self._tell("")

    def _scheduled(self, operation: str, tasks: Mapping[str, str]) -> None:
        shown = self._id(operation)
        if len(tasks) == 1:
            task = self._id(next(iter(tasks)))
            self._ctx.info(f"Scheduled operation {shown} with task {task}")
            self._ctx.info(f"Check operation status with 'juju show-operation {shown}'")
            self._ctx.info(f"Check task status with 'juju show-task {task}'")
            return
        from localjuju.cli.render.structured import sort_keys, to_yaml

        self._ctx.info(f"Scheduled operation {shown} with {len(tasks)} tasks")
        ids = {receiver: {"id": task} for task, receiver in tasks.items()}
        self._ctx.stdout.write(to_yaml(sort_keys(ids)))
        self._ctx.stdout.flush()
        self._ctx.info(f"Check operation status with 'juju show-operation {shown}'")
        self._ctx.info("Check task status with 'juju show-task <id>'")

    def _wait(self, model: str, tasks: Mapping[str, str]) -> tuple[Results, dict[str, int]]:
        deadline = None if self.wait < 0 else time.monotonic() + self.wait
        results: Results = {}
        failed: dict[str, int] = {}
        waiting = dict(tasks)
        for id_, receiver in tasks.items():
            self._tell(f"Waiting for task {self._id(id_)}...\n")
            task = self._follow(model, id_, deadline, log=len(tasks) == 1)
            if task is None:
                late = ", ".join(sorted(names.readable(one) for one in waiting.values()))
                raise JujuError(f"timed out waiting for results from: {late}")
            del waiting[id_]
            results[receiver] = task_result(task, utc=self._args.flag("utc"))
            if exit_code(task) > 0:
                failed[id_] = exit_code(task)
        return {name: results[name] for name in sorted(results)}, failed

    def _follow(self, model: str, id_: str, deadline: float | None, *, log: bool) -> Task | None:
        """Wait for a task's end and show what it logs on the way; None: it did not end in time."""
        shown = 0
        while True:
            left = POLL_S if deadline is None else deadline - time.monotonic()
            task = self._ctx.controller.task(model, id_, wait=max(0.0, min(POLL_S, left)))
            if log:
                for line in task["log"][shown:]:
                    at = progress_time(line["timestamp"], utc=self._args.flag("utc"))
                    self._ctx.info(f"{at} {line['message']}")
                shown = len(task["log"])
            if task["status"] not in ("pending", "running", "aborting"):
                if shown:
                    self._tell("\n")
                return task
            if left <= 0:
                return None


def _failure(failed: Mapping[str, int]) -> str:
    plural = "s" * (len(failed) > 1)
    listed = "\n".join(
        sorted(f' - id "{id_}" with return code {code}' for id_, code in failed.items())
    )
    return (
        f"the following task{plural} failed:\n{listed}\n\n"
        f"use 'juju show-task' to inspect the failure{plural}\n"
    )
