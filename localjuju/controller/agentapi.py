"""The methods that machine agents call, and the goal that is pushed to them.

An agent logs in with its machine's token and may then speak for the units of that machine only.
Each ``do_…`` is one call, with the parameters' names as they come over the wire.
"""

# ruff: noqa: D102

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
from typing import Any

from localjuju.controller import (
    actions,
    charms,
    clock,
    commit,
    leases,
    logs,
    relations,
    secretstore,
    snapshot,
    status,
    units,
)
from localjuju.controller.presence import Presence
from localjuju.controller.server import LineStream
from localjuju.controller.store import Row, load
from localjuju.controller.wire import JujuError
from localjuju.controller.world import World

CHUNK = 1024 * 1024


async def serve(world: World, presence: Presence, model: str, stream: LineStream) -> None:
    """Serve one agent until it goes or falls silent."""
    login = await stream.receive(world.timing.silence_s)
    machine = _machine_of(world, model, login) if login else None
    if login is None or machine is None:
        stream.send({"id": 0, "error": {"message": "invalid entity name or password"}})
        stream.close()
        return
    session = Session(world, presence, model, machine, stream)
    presence.arrived(model, machine)
    stream.send({"id": login["id"], "result": session.welcome()})
    push = asyncio.create_task(session.push())
    try:
        await session.answer()
    finally:
        push.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await push
        presence.left(model, machine)
        stream.abort()


def _machine_of(world: World, model: str, login: dict[str, Any]) -> str | None:
    given = str(login.get("params", {}).get("token", ""))
    for row in world.store.all("SELECT id, token FROM machine WHERE model=?", model):
        if hmac.compare_digest(row["token"], given):
            return str(row["id"])
    return None


class Session:
    """One agent's connection."""

    def __init__(
        self, world: World, presence: Presence, model: str, machine: str, stream: LineStream
    ) -> None:
        self._world = world
        self._presence = presence
        self._model = model
        self._machine = machine
        self._stream = stream
        self._pushed: Row | None = None
        self._change = world.hub.watch(model)

    def welcome(self) -> Row:
        """Note that the agent began; tell it who and where it is."""
        world = self._world
        world.store.run(
            "UPDATE machine SET agent_since=coalesce(agent_since, ?), instance='running', "
            "message='' WHERE model=? AND id=?",
            clock.rfc3339(),
            self._model,
            self._machine,
        )
        world.store.run(
            "UPDATE unit SET workload=? WHERE model=? AND machine=? AND charm IS NULL",
            units.status("waiting", "agent initialising"),
            self._model,
            self._machine,
        )
        model = world.model(self._model)
        row = world.machine(self._model, self._machine)
        return {
            "model": {key: model[key] for key in ("uuid", "name", "version")},
            "controller": world.uuid,
            "machine": self._machine,
            "base": row["base"],
            "network": {"address": row["address"], **load(row["network"])},
            "timing": world.timing.as_dict(),
        }

    async def push(self) -> None:
        """Push the machine's goal whenever it differs from what was pushed last."""
        while True:
            self._send_goal()
            await self._stream.drain()
            await self._change

    def _send_goal(self) -> None:
        self._change = self._world.hub.watch(self._model)
        model = self._world.store.one("SELECT * FROM model WHERE uuid=?", self._model)
        machine = self._world.store.one(
            "SELECT * FROM machine WHERE model=? AND id=?", self._model, self._machine
        )
        if model is None or machine is None:
            self._stream.close()
            return
        goal = snapshot.of_machine(self._world, model, machine)
        if goal != self._pushed:
            self._stream.send({"goal": goal})
            self._pushed = goal

    async def answer(self) -> None:
        """Answer calls until the agent goes or falls silent."""
        silence_s = self._world.timing.silence_s
        while (request := await self._stream.receive(silence_s)) is not None:
            reply: Row = {"id": request.get("id")}
            try:
                handler: Any = getattr(self, f"do_{request['method']}")
                reply["result"] = handler(**request["params"])
            except JujuError as error:
                reply["error"] = {"message": str(error), "code": error.code}
            # The goal goes first, so that an agent whose call returned has seen what it changed.
            if self._pushed is not None and self._change.done():
                self._send_goal()
            if reply["id"] is not None:
                self._stream.send(reply)
                await self._stream.drain()

    def _unit(self, name: str) -> Row:
        unit = self._world.unit(self._model, name)
        if unit["machine"] != self._machine:
            raise JujuError("permission denied", "unauthorized access")
        return unit

    def _set(self, unit: str, **columns: Any) -> None:
        self._unit(unit)
        assigned = ", ".join(f"{column}=?" for column in columns)
        self._world.store.run(
            f"UPDATE unit SET {assigned} WHERE model=? AND name=?",
            *columns.values(),
            self._model,
            unit,
        )

    # Keeping in touch

    def do_ping(self) -> bool:
        return True

    def do_log(self, entity: str, lines: list[Row]) -> None:
        logs.add(self._world, self._model, entity, lines)

    # The unit's own state

    def do_set_agent_status(self, unit: str, current: str, message: str) -> None:
        self._set(unit, agent=units.status(current, message))

    def do_set_charm(self, unit: str, url: str) -> None:
        self._set(unit, charm=url)

    def do_set_version(self, unit: str, version: str) -> None:
        self._set(unit, version=version)

    def do_clear_resolved(self, unit: str) -> None:
        self._set(unit, resolved="")
        self._world.hub.changed(self._model)

    def do_set_workload(self, unit: str, current: str, message: str) -> None:
        self._set(unit, workload=units.status(current, message))

    def do_workload(self, unit: str) -> Row:
        return load(self._unit(unit)["workload"])

    def do_set_application_status(self, unit: str, current: str, message: str) -> None:
        row = self._unit(unit)
        leases.require(self._world, row)
        self._world.store.run(
            "UPDATE application SET status=? WHERE model=? AND name=?",
            units.status(current, message),
            self._model,
            row["application"],
        )

    def do_application_status(self, unit: str) -> Row:
        row = self._unit(unit)
        leases.require(self._world, row)
        application = self._world.application(self._model, row["application"])
        return {
            "application": status.application_status(self._world, self._presence, application),
            "units": {
                other["name"]: load(other["workload"])
                for other in self._world.units_of(self._model, row["application"])
            },
        }

    def do_unit_dead(self, unit: str) -> None:
        row = self._world.store.one(
            "SELECT * FROM unit WHERE model=? AND name=?", self._model, unit
        )
        if row is not None:
            units.remove(self._world, self._unit(unit))

    # The charm

    def do_charm(self, sha256: str, offset: int) -> Row:
        path = self._world.charms / sha256
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(CHUNK)
            last = not file.read(1)
        return {"data": base64.b64encode(data).decode(), "last": last}

    def do_context(self, unit: str) -> Row:
        """Return what a hook may read without asking again: options, ports and charm state."""
        row = self._unit(unit)
        application = self._world.application(self._model, row["application"])
        definition = relations.definition_of(self._world, application)
        return {
            "config": charms.effective_options(definition, load(application["config"])),
            "options": sorted(definition["config"]),
            "ports": load(row["ports"]),
            "state": load(row["state"]),
        }

    def do_goal_state(self, unit: str) -> Row:
        row = self._unit(unit)

        def goals(application: str) -> Row:
            return {
                other["name"]: {
                    "status": load(other["workload"])["current"]
                    if other["life"] == "alive"
                    else other["life"],
                    "since": load(other["workload"])["since"],
                }
                for other in self._world.units_of(self._model, application)
            }

        related: Row = {}
        for relation in relations.of_application(self._world, self._model, row["application"]):
            if relation["role"] == "peer":
                continue
            application = relation["remote_app"]
            remote = self._world.application(self._model, application)
            shown = status.application_status(self._world, self._presence, remote)
            related.setdefault(relation["endpoint"], {}).update(
                {
                    application: {"status": "joined", "since": shown["since"]},
                    **goals(application),
                }
            )
        return {"units": goals(row["application"]), "relations": related}

    # Relations

    def do_enter_scope(self, unit: str, relation: int) -> None:
        version = self._world.model(self._model)["version"]
        relations.enter(self._world, self._unit(unit), relation, version)

    def do_prepare_leave(self, unit: str, relation: int) -> None:
        self._unit(unit)
        relations.prepare_leave(self._world, self._model, unit, relation)

    def do_leave_scope(self, unit: str, relation: int) -> None:
        self._unit(unit)
        relations.leave(self._world, self._model, unit, relation)

    def do_unit_bag(self, unit: str, relation: int, member: str) -> dict[str, str]:
        self._relation(self._unit(unit), relation)
        settings = self._world.store.value(
            "SELECT settings FROM member WHERE model=? AND relation=? AND unit=?",
            self._model,
            relation,
            member,
        )
        if settings is None:
            raise JujuError("permission denied", "unauthorized access")
        return load(settings)

    def do_application_bag(self, unit: str, relation: int, application: str) -> dict[str, str]:
        row = self._unit(unit)
        found = self._relation(row, relation)
        if application == found["remote_app"]:
            return load(found["remote_settings"])
        if application != row["application"]:
            raise JujuError("permission denied", "unauthorized access")
        leases.require(self._world, row)
        return load(found["settings"])

    def _relation(self, unit: Row, number: int) -> Row:
        for row in relations.of_application(self._world, self._model, unit["application"]):
            if row["id"] == number:
                return row
        raise JujuError("relation not found", "not found")

    # Leadership and the end of a hook

    def do_claim(self, unit: str) -> bool:
        return leases.claim(self._world, self._unit(unit))

    def do_commit(self, unit: str, changes: Row) -> None:
        commit.apply(self._world, self._unit(unit), changes)

    # Secrets

    def do_secret_get(
        self, unit: str, uri: str | None, label: str | None, refresh: bool, peek: bool
    ) -> dict[str, str]:
        return secretstore.consume(
            self._world, self._unit(unit), uri, label, refresh=refresh, peek=peek
        )

    def do_secrets_owned(self, unit: str) -> list[Row]:
        row = self._unit(unit)
        leads = leases.holder(self._world, self._model, row["application"]) == row["name"]
        owned: list[Row] = []
        for secret in secretstore.owned_by(self._world, row):
            expires = self._world.store.value(
                "SELECT expires FROM secret_revision WHERE model=? AND secret=? AND revision=?",
                self._model,
                secret["id"],
                secret["latest"],
            )
            owned.append(
                {
                    **{
                        key: secret[key]
                        for key in ("id", "owner_kind", "label", "description", "rotate", "latest")
                    },
                    "expires": expires and clock.rfc3339(expires),
                    "rotates": secret["rotates"] and clock.rfc3339(secret["rotates"]),
                    "managed": secret["owner_kind"] == "unit" or leads,
                }
            )
        return owned

    def do_secret_rotated(self, unit: str, secret: str) -> None:
        self._unit(unit)
        secretstore.rotated(self._world, self._model, secret)

    # Tasks

    def do_begin_task(self, receiver: str, task: str) -> Row | None:
        return actions.begin(self._world, self._model, self._receiver(receiver), task)

    def do_task_log(self, receiver: str, task: str, message: str) -> None:
        self._receiver(receiver)
        actions.log(self._world, self._model, task, message)

    def do_finish_task(
        self, receiver: str, task: str, ended: str, message: str, results: Row
    ) -> None:
        self._receiver(receiver)
        row = actions.task_row(self._world, self._model, task)
        actions.finish(self._world, row, ended, message, results)

    def _receiver(self, receiver: str) -> str:
        return receiver if receiver == self._machine else str(self._unit(receiver)["name"])
