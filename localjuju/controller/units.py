"""Units and the machines under them: how they come and go.

Removal is the agent's work where the agent answers: the unit is marked dying, its hooks run, and
the agent reports it dead. A unit whose agent never began goes at once. With force, a deadline is
set, and the controller lets go of what the agent has not finished by then.
"""

from __future__ import annotations

import secrets as tokens

from localjuju.controller import clock, relations, secretstore
from localjuju.controller.store import Row, dump, load
from localjuju.controller.wire import JujuError
from localjuju.controller.world import World


def status(current: str, message: str = "", **data: object) -> str:
    """Render a status for its column."""
    return dump({"current": current, "message": message, "since": clock.rfc3339(), "data": data})


def add_machine(world: World, model: str, base: str) -> str:
    """Make a machine's row; the provisioner does the rest. Return its id."""
    machine = str(world.store.next(model, "machine"))
    now = clock.rfc3339()
    world.store.insert(
        "machine",
        model=model,
        id=machine,
        life="alive",
        base=base,
        token=tokens.token_urlsafe(24),
        created=now,
        instance="pending",
        message="",
        since=now,
    )
    return machine


def add(world: World, model: Row, application: Row, to: list[str], count: int) -> list[str]:
    """Add units, on the machines of ``to`` first and then on new ones; return their names.

    Raises:
        JujuError: a machine of ``to`` does not exist, or the application is going away.
    """
    if application["life"] != "alive":
        raise JujuError(
            f'cannot add unit to application "{application["name"]}": application is not alive'
        )
    names: list[str] = []
    with world.store.transaction():
        for index in range(count):
            if index < len(to):
                machine = str(world.machine(model["uuid"], to[index])["id"])
            else:
                machine = add_machine(world, model["uuid"], application["base"])
            number = world.store.next(model["uuid"], f"unit:{application['name']}")
            name = f"{application['name']}/{number}"
            world.store.insert(
                "unit",
                model=model["uuid"],
                name=name,
                application=application["name"],
                number=number,
                life="alive",
                machine=machine,
                agent=status("allocating"),
                workload=status("waiting", "waiting for machine"),
                version="",
                resolved="",
                ports="[]",
                state="{}",
            )
            names.append(name)
    world.hub.changed(model["uuid"])
    return names


def begin_removal(world: World, unit: Row, forced: float | None) -> None:
    """Mark a unit dying; let go of it at once if its agent never began.

    Args:
        world: the controller.
        unit: its row.
        forced: the moment (seconds since the epoch) at which it goes in any case, or none.
    """
    world.store.run(
        "UPDATE unit SET life='dying', forced=coalesce(?, forced) WHERE model=? AND name=?",
        forced,
        unit["model"],
        unit["name"],
    )
    machine = world.machine(unit["model"], unit["machine"])
    never_began = unit["charm"] is None and machine["agent_since"] is None
    if never_began:
        remove(world, unit)
    world.hub.changed(unit["model"])


def remove(world: World, unit: Row) -> None:
    """Let go of a unit: its relations, its lease, its secrets, and its machine if empty."""
    model, name = unit["model"], unit["name"]
    with world.store.transaction():
        relations.leave_all(world, model, name)
        world.store.run("DELETE FROM lease WHERE model=? AND holder=?", model, name)
        secretstore.forget_unit(world, model, name)
        world.store.run(
            "UPDATE task SET status='cancelled', message='unit removed', completed=? "
            "WHERE model=? AND receiver=? AND completed IS NULL",
            clock.rfc3339(),
            model,
            name,
        )
        world.store.run("DELETE FROM unit WHERE model=? AND name=?", model, name)
        world.store.run(
            "UPDATE machine SET life='dying' WHERE model=? AND id=? AND NOT EXISTS "
            "(SELECT 1 FROM unit WHERE unit.model=machine.model AND unit.machine=machine.id)",
            model,
            unit["machine"],
        )
        _remove_empty_application(world, model, unit["application"])
    world.hub.changed(model)


def _remove_empty_application(world: World, model: str, name: str) -> None:
    row = world.store.one("SELECT * FROM application WHERE model=? AND name=?", model, name)
    if row is not None and row["life"] == "dying" and not world.units_of(model, name):
        remove_application(world, model, name)


def remove_application(world: World, model: str, name: str) -> None:
    """Delete a dying application that has no units."""
    relations.forget_application(world, model, name)
    secretstore.forget_application(world, model, name)
    world.store.run("DELETE FROM lease WHERE model=? AND application=?", model, name)
    world.store.run("DELETE FROM application WHERE model=? AND name=?", model, name)


def overdue(world: World) -> float | None:
    """Let go of units and machines whose forced removal's time is up.

    Returns:
        The moment of the next one, or none.
    """
    now = clock.now()
    due = world.store.all("SELECT * FROM unit WHERE forced IS NOT NULL AND forced<=?", now)
    for unit in due:
        remove(world, unit)
    machines = world.store.all(
        "SELECT * FROM machine WHERE forced IS NOT NULL AND forced<=? AND life!='dead'", now
    )
    for machine in machines:
        for unit in world.store.all(
            "SELECT * FROM unit WHERE model=? AND machine=?", machine["model"], machine["id"]
        ):
            remove(world, unit)
        world.store.run(
            "UPDATE machine SET life='dying', forced=NULL WHERE model=? AND id=?",
            machine["model"],
            machine["id"],
        )
        world.hub.changed(machine["model"])
    return world.store.value(
        "SELECT min(forced) FROM (SELECT forced FROM unit UNION ALL SELECT forced FROM machine)"
    )


def resolve_name(world: World, model: str, name: str) -> str:
    """Return a unit's name; ``app/leader`` becomes the leader's.

    Raises:
        JujuError: no such unit, or the application has no leader.
    """
    application, _, number = name.partition("/")
    if number != "leader":
        return str(world.unit(model, name)["name"])
    world.application(model, application)
    holder = world.store.value(
        "SELECT holder FROM lease WHERE model=? AND application=?", model, application
    )
    if holder is None:
        raise JujuError(f'could not determine leader for "{application}"', "not found")
    return str(holder)


def mark_resolved(world: World, model: str, names: list[str], *, retry: bool) -> None:
    """Mark hook errors resolved.

    Raises:
        JujuError: a unit is not in an error state or is resolved already.
    """
    for name in names:
        unit = world.unit(model, name)
        if load(unit["agent"])["current"] != "error":
            raise JujuError(f'unit "{name}" is not in an error state')
        if unit["resolved"]:
            raise JujuError(f'cannot set resolved mode for unit "{name}": already resolved')
        world.store.run(
            "UPDATE unit SET resolved=? WHERE model=? AND name=?",
            "retry" if retry else "skip",
            model,
            name,
        )
    world.hub.changed(model)
