"""Operations and tasks: actions and commands, from enqueuing to their results."""

from __future__ import annotations

from typing import Any

from localjuju.controller import clock, relations, schema, units
from localjuju.controller.store import Row, dump, load
from localjuju.controller.wire import JujuError
from localjuju.controller.world import World, major, row_number

EXEC = "juju-exec"
ENDED = ("completed", "failed", "cancelled", "aborted", "error")


def of_application(world: World, model_name: str, name: str) -> dict[str, Row]:
    """Return an application's actions with their descriptions and schemas."""
    model = world.model(model_name)
    application = world.application(model["uuid"], name)
    definition = relations.definition_of(world, application)
    return {
        action: {
            "description": (about or {}).get("description", "No description"),
            "params": schema.of_action(about or {}, model["version"]),
        }
        for action, about in sorted(definition["actions"].items())
    }


def run(
    world: World, model_name: str, names: list[str], action: str, params: dict[str, Any]
) -> Row:
    """Enqueue an action on units, each checked by itself.

    Raises:
        JujuError: in 4.x, if a unit does not know the action.
    """
    model = world.model(model_name)
    prepared: list[tuple[str, dict[str, Any] | JujuError]] = []
    for name in names:
        try:
            unit = world.unit(model["uuid"], units.resolve_name(world, model["uuid"], name))
            prepared.append((unit["name"], _check(world, model, unit, action, params)))
        except JujuError as error:
            # 4.x refuses the whole call for an unknown action, but not for an unknown unit.
            if major(model["version"]) >= 4 and str(error).startswith("action "):
                raise
            prepared.append((name, error))
    return _enqueue(world, model, action, prepared, f"{action} run on {_listed(names)}")


def _listed(names: list[str]) -> str:
    return ",".join(
        f"unit-{name.replace('/', '-')}" if "/" in name else f"machine-{name}" for name in names
    )


def _check(
    world: World, model: Row, unit: Row, action: str, params: dict[str, Any]
) -> dict[str, Any]:
    application = world.application(model["uuid"], unit["application"])
    known = relations.definition_of(world, application)["actions"]
    if action not in known:
        if major(model["version"]) >= 4:
            raise JujuError(
                f'action "{action}" not defined for unit "{unit["name"]}". (not found)',
                "not found",
            )
        raise JujuError(f'action "{action}" not defined on unit "{unit["name"]}"', "not found")
    return schema.complete(schema.of_action(known[action] or {}, model["version"]), params)


def execute(
    world: World, model_name: str, command: str, receivers: list[str], timeout: float | None
) -> Row:
    """Enqueue a shell command on units and machines."""
    model = world.model(model_name)
    params = {"command": command, "timeout": timeout}
    prepared: list[tuple[str, dict[str, Any] | JujuError]] = []
    for receiver in receivers:
        try:
            if "/" in receiver:
                name = units.resolve_name(world, model["uuid"], receiver)
            else:
                name = str(world.machine(model["uuid"], receiver)["id"])
            prepared.append((name, params))
        except JujuError as error:
            prepared.append((receiver, error))
    return _enqueue(world, model, EXEC, prepared, f"exec run on {_listed(receivers)}")


def _enqueue(
    world: World,
    model: Row,
    action: str,
    prepared: list[tuple[str, dict[str, Any] | JujuError]],
    summary: str,
) -> Row:
    tasks: list[Row] = []
    with world.store.transaction():
        operation = world.store.next(model["uuid"], "task", start=1)
        world.store.insert(
            "operation",
            model=model["uuid"],
            id=operation,
            summary=summary,
            enqueued=clock.rfc3339(),
        )
        for receiver, params in prepared:
            if isinstance(params, JujuError):
                tasks.append(
                    {
                        "receiver": receiver,
                        "id": None,
                        "error": str(params),
                        "error_code": params.code,
                    }
                )
                continue
            task = world.store.next(model["uuid"], "task", start=1)
            world.store.insert(
                "task",
                model=model["uuid"],
                id=task,
                operation=operation,
                receiver=receiver,
                action=action,
                parameters=dump(params),
                status="pending",
                message="",
                results="{}",
                log="[]",
                enqueued=clock.rfc3339(),
            )
            tasks.append({"receiver": receiver, "id": str(task), "error": None})
    world.hub.changed(model["uuid"])
    return {"operation": str(operation), "tasks": tasks}


def task_row(world: World, model: str, task: str) -> Row:
    """Return a task's row.

    Raises:
        JujuError: there is none.
    """
    number = row_number(task)
    row = world.store.one("SELECT * FROM task WHERE model=? AND id=?", model, number)
    if row is None:
        raise JujuError(f'task "{task}" not found', "not found")
    return row


def show_task(row: Row) -> Row:
    """Return a task as the facade gives it."""
    return {
        "id": str(row["id"]),
        "receiver": row["receiver"],
        "action": row["action"],
        "parameters": load(row["parameters"]),
        "status": row["status"],
        "message": row["message"],
        "results": load(row["results"]),
        "log": load(row["log"]),
        "enqueued": row["enqueued"],
        "started": row["started"],
        "completed": row["completed"],
    }


def show_operation(world: World, model: str, operation: str) -> Row:
    """Return an operation with its tasks.

    Raises:
        JujuError: there is none.
    """
    number = row_number(operation)
    row = world.store.one("SELECT * FROM operation WHERE model=? AND id=?", model, number)
    if row is None:
        raise JujuError(f'operation "{operation}" not found', "not found")
    tasks = [
        show_task(task)
        for task in world.store.all(
            "SELECT * FROM task WHERE model=? AND operation=? ORDER BY id", model, number
        )
    ]
    return {
        "id": str(row["id"]),
        "summary": row["summary"],
        "status": _overall([task["status"] for task in tasks]),
        "enqueued": row["enqueued"],
        "started": min((task["started"] for task in tasks if task["started"]), default=None),
        "completed": None
        if any(task["status"] not in ENDED for task in tasks)
        else max((task["completed"] for task in tasks if task["completed"]), default=None),
        "tasks": tasks,
    }


def _overall(statuses: list[str]) -> str:
    for status in ("error", "running", "pending", "failed", "cancelled", "completed", "aborted"):
        if status in statuses:
            return status
    return "error"


def list_operations(world: World, model: str) -> list[Row]:
    """Return all operations of a model."""
    rows = world.store.all("SELECT id FROM operation WHERE model=? ORDER BY id", model)
    return [show_operation(world, model, str(row["id"])) for row in rows]


def cancel(world: World, model: str, task: str) -> Row:
    """Cancel a task that has not begun; ask for a running one to be aborted."""
    row = task_row(world, model, task)
    if row["status"] == "pending":
        finish(world, row, "cancelled", "action cancelled via the API", {})
    elif row["status"] == "running":
        world.store.run(
            "UPDATE task SET status='aborting' WHERE model=? AND id=?", model, row["id"]
        )
        world.hub.changed(model)
    return show_task(task_row(world, model, task))


def begin(world: World, model: str, receiver: str, task: str) -> Row | None:
    """Let the agent begin a task; none if it was cancelled meanwhile or is another's."""
    row = task_row(world, model, task)
    if row["receiver"] != receiver or row["status"] in ENDED:
        return None
    world.store.run(
        "UPDATE task SET status='running', started=coalesce(started, ?) WHERE model=? AND id=?",
        clock.rfc3339(),
        model,
        row["id"],
    )
    world.hub.changed(model)
    return {"action": row["action"], "parameters": load(row["parameters"])}


def log(world: World, model: str, task: str, message: str) -> None:
    """Add an ``action-log`` line."""
    row = task_row(world, model, task)
    lines = [*load(row["log"]), {"timestamp": clock.rfc3339(), "message": message}]
    world.store.run("UPDATE task SET log=? WHERE model=? AND id=?", dump(lines), model, row["id"])
    world.hub.changed(model)


def finish(world: World, row: Row, status: str, message: str, results: dict[str, Any]) -> None:
    """Note how a task ended; the first word stands."""
    world.store.run(
        "UPDATE task SET status=?, message=?, results=?, completed=? "
        "WHERE model=? AND id=? AND completed IS NULL",
        "aborted" if row["status"] == "aborting" else status,
        message,
        dump(results),
        clock.rfc3339(),
        row["model"],
        row["id"],
    )
    world.hub.changed(row["model"])
