"""Brings the machines on the host in line with the machines in the database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from localjuju.controller import agentfiles, applications, clock
from localjuju.controller.provider import Place, Provider
from localjuju.controller.store import Row, dump
from localjuju.controller.world import World
from localjuju.host.errors import HostError

AT_ONCE = 2
"""Machines that are made at a time."""
PAUSE_S = 3.0
"""Until what failed on the host is tried again."""

logger = logging.getLogger("provisioner")

Listen = Callable[[Row, Place], Awaitable[int]]
"""Begins to listen for a model's agents; returns the port."""

Silence = Callable[[Row], None]
"""Ends that: another model may have the address next."""


class Provisioner:
    """Makes machines that are wanted and takes away those that are not."""

    def __init__(self, world: World, provider: Provider, listen: Listen, silence: Silence) -> None:
        self._world = world
        self._provider = provider
        self._listen = listen
        self._silence = silence
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._busy: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._open: dict[str, Place] = {}
        self._opening = asyncio.Lock()
        self._named: dict[tuple[str, str], list[str]] = {}

    async def run(self) -> None:
        """Work until cancelled."""
        models = self._world.store.all("SELECT * FROM model")
        await asyncio.to_thread(self._provider.forget_others, models)
        while True:
            waiter = self._world.hub.watch("*")
            for model in self._world.store.all("SELECT * FROM model"):
                self._look_after(model)
            await waiter

    def _look_after(self, model: Row) -> None:
        if model["gateway"] is not None and model["uuid"] not in self._open:
            # The agents of a model that was there before this daemon look for it.
            self._begin(model, "network", self._listen_again(model))
        machines = self._world.store.all("SELECT * FROM machine WHERE model=?", model["uuid"])
        for machine in machines:
            self._name_units(model, machine)
            if model["life"] == "dying":
                self._let_go_of_empty(machine)
            if machine["life"] == "alive" and machine["instance"] == "pending":
                self._begin(model, machine["id"], self._provision(model, machine["id"]))
            elif machine["life"] == "dying":
                self._begin(model, machine["id"], self._destroy(model, machine))
        if model["life"] == "dying":
            self._finish_model(model, machines)

    def _begin(self, model: Row, key: str, work: Awaitable[None]) -> None:
        at = (model["uuid"], key)
        if at in self._busy:
            close: Callable[[], None] = getattr(work, "close", lambda: None)
            close()
            return

        async def do() -> None:
            try:
                await work
            except (HostError, OSError) as error:
                logger.error("%s: %s", at, error)
                await asyncio.sleep(PAUSE_S)
            finally:
                del self._busy[at]
                self._world.hub.changed(model["uuid"])

        self._busy[at] = asyncio.create_task(do())

    def _name_units(self, model: Row, machine: Row) -> None:
        units = [
            str(row["name"])
            for row in self._world.store.all(
                "SELECT name FROM unit WHERE model=? AND machine=? ORDER BY name",
                model["uuid"],
                machine["id"],
            )
        ]
        key = (model["uuid"], machine["id"])
        if machine["host"] and self._named.get(key) != units:
            self._provider.name_units(model, machine, units)
            self._named[key] = units

    def _let_go_of_empty(self, machine: Row) -> None:
        self._world.store.run(
            "UPDATE machine SET life='dying' WHERE model=? AND id=? AND life='alive' AND "
            "NOT EXISTS (SELECT 1 FROM unit WHERE unit.model=machine.model AND "
            "unit.machine=machine.id)",
            machine["model"],
            machine["id"],
        )
        machine["life"] = self._world.machine(machine["model"], machine["id"])["life"]

    async def _open_model(self, model: Row) -> Place:
        uuid = model["uuid"]
        async with self._opening:
            if uuid not in self._open:
                place = await asyncio.to_thread(self._provider.open_model, model)
                port = await self._listen(model, Place(place.host, model["port"] or place.port))
                self._open[uuid] = Place(place.host, port)
                self._world.store.run(
                    "UPDATE model SET gateway=?, port=? WHERE uuid=?", place.host, port, uuid
                )
        return self._open[uuid]

    async def _listen_again(self, model: Row) -> None:
        await self._open_model(model)

    def _note(self, model: str, machine: str, instance: str, message: str) -> None:
        self._world.store.run(
            "UPDATE machine SET instance=?, message=?, since=? WHERE model=? AND id=?",
            instance,
            message,
            clock.rfc3339(),
            model,
            machine,
        )
        self._world.hub.changed(model)

    async def _provision(self, model: Row, machine_id: str) -> None:
        async with self._slots:
            machine = self._world.store.one(
                "SELECT * FROM machine WHERE model=? AND id=? AND life='alive'",
                model["uuid"],
                machine_id,
            )
            if machine is None:
                return
            try:
                place = await self._open_model(model)
                made = await asyncio.to_thread(self._provider.create, model, machine)
                await asyncio.to_thread(agentfiles.install, made, model, machine, place)
                self._world.store.run(
                    "UPDATE machine SET host=?, root=?, address=?, hostname=?, network=? "
                    "WHERE model=? AND id=?",
                    made.name,
                    str(made.root),
                    made.address,
                    made.hostname,
                    dump(made.network),
                    model["uuid"],
                    machine_id,
                )
                self._name_units(model, self._world.machine(model["uuid"], machine_id))
                await asyncio.to_thread(self._provider.start, model, machine)
            except (HostError, OSError) as error:
                logger.error("machine %s of %s: %s", machine_id, model["name"], error)
                self._note(model["uuid"], machine_id, "error", str(error))
                return
            self._note(model["uuid"], machine_id, "running", "")

    async def _destroy(self, model: Row, machine: Row) -> None:
        await asyncio.to_thread(self._provider.destroy, model, machine)
        self._named.pop((model["uuid"], machine["id"]), None)
        self._world.store.run(
            "DELETE FROM machine WHERE model=? AND id=?", model["uuid"], machine["id"]
        )

    def _finish_model(self, model: Row, machines: list[Row]) -> None:
        uuid = model["uuid"]
        busy = any(key[0] == uuid for key in self._busy)
        if machines or busy or self._world.store.value("SELECT 1 FROM unit WHERE model=?", uuid):
            return
        self._begin(model, "", self._close_model(model))

    async def _close_model(self, model: Row) -> None:
        self._silence(model)
        await asyncio.to_thread(self._provider.close_model, model)
        self._open.pop(model["uuid"], None)
        self._world.store.forget_model(model["uuid"])
        applications.drop_unused_charms(self._world)
