"""The methods that clients call: those of ``facade.py``, one for one, and documented there."""

# ruff: noqa: D102

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, cast

from localjuju.controller import (
    actions,
    applications,
    clock,
    history,
    leases,
    logs,
    models,
    relations,
    releases,
    status,
    units,
    usersecrets,
    views,
)
from localjuju.controller.presence import Presence
from localjuju.controller.server import LineStream
from localjuju.controller.store import Row
from localjuju.controller.wire import JujuError
from localjuju.controller.world import CONTROLLER_NAME, World

Params = dict[str, Any]


class ClientApi:
    """Answers clients on the Unix socket."""

    def __init__(self, world: World, presence: Presence, stop: Callable[[], None]) -> None:
        self._world = world
        self._presence = presence
        self._stop = stop

    async def serve(self, stream: LineStream) -> None:
        """Answer one client until it goes."""
        while (request := await stream.receive()) is not None:
            try:
                try:
                    await self._answer(stream, request["method"], request["params"])
                except JujuError as error:
                    stream.send({"error": {"message": str(error), "code": error.code}})
                await stream.drain()
            except OSError:
                # The client went away in the midst of it.
                return

    async def _answer(self, stream: LineStream, method: str, params: Params) -> None:
        handler: Any = getattr(self, f"do_{method}", None)
        if handler is None:
            raise JujuError(f"localjuju has no {method}", "not implemented")
        answer = handler(**params)
        if isinstance(answer, AsyncGenerator):
            async for item in answer:  # pyright: ignore[reportUnknownVariableType]
                stream.send({"item": item})
                await stream.drain()
            stream.send({"end": True})
        elif isinstance(answer, Awaitable):
            stream.send({"result": await cast("Awaitable[Any]", answer)})
        else:
            stream.send({"result": answer})

    def _uuid(self, model: str) -> str:
        return str(self._world.model(model)["uuid"])

    def _deadline(self, *, force: bool, no_wait: bool) -> float | None:
        if not force:
            return None
        return clock.now() + (0.0 if no_wait else self._world.timing.force_wait_s)

    # The controller itself

    def do_info(self) -> Row:
        return {
            "uuid": self._world.uuid,
            "name": CONTROLLER_NAME,
            "version": self._world.version,
            "pid": os.getpid(),
            "home": str(self._world.home),
        }

    def do_shutdown(self) -> None:
        self._stop()

    # Models

    def do_models(self) -> list[Row]:
        rows = self._world.store.all("SELECT * FROM model ORDER BY name")
        return [models.summary(self._world, row) for row in rows]

    def do_add_model(self, name: str, config: dict[str, str], juju_version: str | None) -> Row:
        return models.add(self._world, name, config, juju_version)

    async def do_destroy_model(
        self, model: str, force: bool, no_wait: bool, timeout: float | None
    ) -> AsyncGenerator[Row, None]:
        wait_s = 0.0 if no_wait else self._world.timing.force_wait_s
        if timeout is not None:
            wait_s = timeout
        uuid = models.begin_destroy(self._world, model, force=force, wait_s=wait_s)
        previous: Row | None = None
        while True:
            waiter = self._world.hub.watch(uuid)
            left = models.progress(self._world, uuid)
            if left is None:
                return
            if left != previous:
                yield left
                previous = left
            await waiter

    def do_show_model(self, model: str) -> Row:
        return models.show(self._world, model)

    def do_model_config(self, model: str) -> Row:
        return models.config(self._world, model)

    def do_set_model_config(self, model: str, values: dict[str, str], reset: list[str]) -> None:
        models.set_config(self._world, model, values, reset)

    # Applications and units

    def do_deploy(
        self,
        model: str,
        charm: str,
        application: str | None,
        num_units: int,
        config: dict[str, str],
        base: str | None,
        to: list[str],
        force: bool,
    ) -> Row:
        return applications.deploy(
            self._world, model, charm, application, num_units, config, base, to, force=force
        )

    def do_add_unit(
        self, model: str, application: str, num_units: int, to: list[str]
    ) -> list[str]:
        row = self._world.model(model)
        app = self._world.application(row["uuid"], application)
        return units.add(self._world, row, app, to, num_units)

    def do_remove_unit(
        self, model: str, units: list[str], force: bool, no_wait: bool, dry_run: bool
    ) -> list[Row]:
        return applications.remove_units(
            self._world,
            model,
            units,
            forced=self._deadline(force=force, no_wait=no_wait),
            dry_run=dry_run,
        )

    def do_move_leadership(self, model: str, unit: str) -> None:
        leases.move(self._world, self._world.unit(self._uuid(model), unit))

    def do_remove_application(
        self, model: str, applications: list[str], force: bool, no_wait: bool, dry_run: bool
    ) -> list[Row]:
        return _remove_applications(
            self._world,
            model,
            applications,
            forced=self._deadline(force=force, no_wait=no_wait),
            dry_run=dry_run,
        )

    def do_config(self, model: str, application: str) -> Row:
        return applications.config(self._world, model, application)

    def do_set_config(
        self, model: str, application: str, values: dict[str, str], reset: list[str]
    ) -> None:
        applications.set_config(self._world, model, application, values, reset)

    def do_refresh(
        self,
        model: str,
        application: str,
        charm: str,
        force_units: bool,
        config: dict[str, str],
    ) -> Row:
        return applications.refresh(
            self._world, model, application, charm, config, force_units=force_units
        )

    def do_resolved(self, model: str, units: list[str], all_units: bool, retry: bool) -> None:
        _resolve(self._world, self._uuid(model), units, all_units=all_units, retry=retry)

    def do_expose(self, model: str, application: str, exposed: bool) -> None:
        uuid = self._uuid(model)
        self._world.application(uuid, application)
        self._world.store.run(
            "UPDATE application SET exposed=? WHERE model=? AND name=?",
            int(exposed),
            uuid,
            application,
        )

    # Machines

    def do_add_machine(self, model: str, num_machines: int, base: str | None) -> list[Row]:
        row = self._world.model(model)
        chosen = base or releases.default_base(row)
        added = [
            {"machine": units.add_machine(self._world, row["uuid"], chosen)}
            for _ in range(num_machines)
        ]
        self._world.hub.changed(row["uuid"])
        return added

    def do_remove_machine(
        self, model: str, machines: list[str], force: bool, no_wait: bool, dry_run: bool
    ) -> list[Row]:
        return applications.remove_machines(
            self._world,
            model,
            machines,
            force=force,
            forced=self._deadline(force=force, no_wait=no_wait),
            dry_run=dry_run,
        )

    def do_ssh_target(self, model: str, target: str) -> Row:
        uuid = self._uuid(model)
        unit = None
        if "/" in target:
            unit = units.resolve_name(self._world, uuid, target)
            target = self._world.unit(uuid, unit)["machine"]
        machine = self._world.machine(uuid, target)
        if not machine["address"]:
            raise JujuError(f'no address for machine "{target}"', "not found")
        return {
            "model_uuid": uuid,
            "machine": machine["id"],
            "host_machine": machine["host"],
            "root": machine["root"],
            "address": machine["address"],
            "unit": unit,
        }

    # Relations

    def do_integrate(self, model: str, first: str, second: str) -> None:
        relations.integrate(self._world, self._uuid(model), first, second)

    def do_remove_relation(self, model: str, first: str, second: str | None, force: bool) -> None:
        relations.begin_removal(self._world, self._uuid(model), first, second, force=force)

    # Actions and commands

    def do_run(self, model: str, units: list[str], action: str, params: Params) -> Row:
        return actions.run(self._world, model, units, action, params)

    def do_exec(
        self,
        model: str,
        command: str,
        units: list[str],
        applications: list[str],
        machines: list[str],
        all_machines: bool,
        timeout: float | None,
    ) -> Row:
        uuid = self._uuid(model)
        receivers = [*machines, *units]
        for application in applications:
            self._world.application(uuid, application)
            receivers += [row["name"] for row in self._world.units_of(uuid, application)]
        if all_machines:
            rows = self._world.store.all("SELECT id FROM machine WHERE model=?", uuid)
            receivers += [row["id"] for row in rows]
        return actions.execute(self._world, model, command, receivers, timeout)

    async def do_operation(self, model: str, operation: str, wait: float) -> Row:
        uuid = self._uuid(model)
        return await self._until_completed(
            uuid, lambda: actions.show_operation(self._world, uuid, operation), wait
        )

    def do_operations(self, model: str) -> list[Row]:
        return actions.list_operations(self._world, self._uuid(model))

    async def do_task(self, model: str, task: str, wait: float) -> Row:
        uuid = self._uuid(model)
        return await self._until_completed(
            uuid, lambda: actions.show_task(actions.task_row(self._world, uuid, task)), wait
        )

    async def _until_completed(self, model: str, look: Callable[[], Row], wait: float) -> Row:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait
        while True:
            waiter = self._world.hub.watch(model)
            row = look()
            left = deadline - loop.time()
            if row["completed"] is not None or left <= 0:
                waiter.cancel()
                return row
            await self._world.hub.wait(waiter, left)

    async def do_task_log(self, model: str, task: str) -> AsyncGenerator[Row, None]:
        uuid = self._uuid(model)
        told = 0
        while True:
            waiter = self._world.hub.watch(uuid)
            row = actions.show_task(actions.task_row(self._world, uuid, task))
            for line in row["log"][told:]:
                yield line
            told = len(row["log"])
            if row["completed"] is not None:
                waiter.cancel()
                return
            await waiter

    def do_cancel_task(self, model: str, task: str) -> Row:
        return actions.cancel(self._world, self._uuid(model), task)

    # Looking

    def do_status(self, model: str, patterns: list[str]) -> Row:
        return status.of_model(self._world, self._presence, model, patterns)

    def do_show_unit(self, model: str, units: list[str]) -> Row:
        return views.show_units(self._world, model, units)

    def do_show_application(self, model: str, applications: list[str]) -> Row:
        return views.show_applications(self._world, self._presence, model, applications)

    def do_actions(self, model: str, application: str) -> Row:
        return actions.of_application(self._world, model, application)

    def do_secrets(self, model: str, owner: str | None) -> Row:
        return views.list_secrets(self._world, model, owner)

    def do_show_secret(
        self, model: str, secret: str, reveal: bool, revision: int | None, revisions: bool
    ) -> Row:
        return views.show_secret(
            self._world, model, secret, reveal=reveal, revision=revision, revisions=revisions
        )

    def do_add_secret(
        self, model: str, name: str, content: dict[str, str], info: str | None
    ) -> str:
        return usersecrets.add(self._world, model, name, content, info)

    def do_update_secret(self, model: str, secret: str, **change: Any) -> None:
        usersecrets.update(self._world, model, secret, change)

    def do_grant_secret(
        self, model: str, secret: str, applications: list[str], revoke: bool
    ) -> None:
        usersecrets.grant(self._world, model, secret, applications, revoke=revoke)

    def do_remove_secret(self, model: str, secret: str, revision: int | None) -> None:
        usersecrets.remove(self._world, model, secret, revision)

    def do_status_log(self, model: str, kind: str, entity: str, size: int) -> list[Row]:
        return history.of_entity(self._world, model, kind, entity, size)

    async def do_debug_log(
        self, model: str, replay: bool, lines: int, limit: int, follow: bool, **wanted: Any
    ) -> AsyncGenerator[Row, None]:
        uuid = self._uuid(model)
        passes = logs.Filter(wanted).passes
        told = last = 0
        first = True
        while True:
            waiter = self._world.hub.watch(f"log:{uuid}")
            fresh = logs.after(self._world, uuid, last)
            if fresh:
                last = fresh[-1]["id"]
            shown = [line for line in fresh if passes(line)]
            if first and not replay:
                while fresh:
                    fresh = logs.after(self._world, uuid, last)
                    last = fresh[-1]["id"] if fresh else last
                    shown = [*shown, *filter(passes, fresh)][-lines:] if lines else []
                shown = shown[-lines:] if lines else []
            first = False
            for line in shown:
                yield {key: line[key] for key in line if key not in ("id", "model")}
                told += 1
                if limit and told >= limit:
                    waiter.cancel()
                    return
            if fresh:
                waiter.cancel()
                continue
            if not follow:
                waiter.cancel()
                return
            await waiter


def _remove_applications(
    world: World, model: str, names: list[str], *, forced: float | None, dry_run: bool
) -> list[Row]:
    return applications.remove(world, model, names, forced=forced, dry_run=dry_run)


def _resolve(world: World, model: str, names: list[str], *, all_units: bool, retry: bool) -> None:
    if all_units:
        rows = world.store.all("SELECT name, agent FROM unit WHERE model=?", model)
        names = [row["name"] for row in rows if '"current":"error"' in row["agent"]]
    units.mark_resolved(world, model, names, retry=retry)
