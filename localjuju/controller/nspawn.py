"""Machines that are systemd-nspawn containers, by ``localjuju.host``."""

from __future__ import annotations

import contextlib
from pathlib import Path

from localjuju.controller import releases
from localjuju.controller.provider import HostMachine, Place
from localjuju.controller.store import Row, load
from localjuju.host import cleanup, clocks, errors, image, machines, paths

AGENT_PORT = 17070
"""Juju's own API port."""


OWNER = "controller"
"""File in a model's directory with the UUID of the controller that made it."""


class NspawnProvider:
    """One container for each machine, one bridge for each model."""

    def __init__(self, controller: str) -> None:
        self._controller = controller

    def open_model(self, model: Row) -> Place:
        """Bring the model's bridge up."""
        network = machines.ensure_model(model["name"], str(model["uuid"])[-6:])
        (network.directory / OWNER).write_text(self._controller)
        return Place(network.gateway, AGENT_PORT)

    def create(self, model: Row, machine: Row) -> HostMachine:
        """Make the container over the image for the machine's base."""
        self.destroy(model, machine)
        release = releases.of(model)
        made = machines.create(
            model["name"],
            machine["id"],
            release,
            image=image.ensure(release, base=machine["base"]),
        )
        if has_own_clock(model):
            clocks.install(made, release, base=machine["base"])
        return HostMachine(
            name=made.name,
            hostname=made.hostname,
            root=made.root,
            address=made.address,
            network={
                "interface": made.interface,
                "address6": made.address6,
                "gateway": made.gateway,
                "prefix": made.network.subnet.prefixlen,
                "mac": "",
            },
            prefix=Path("/"),
        )

    def start(self, model: Row, machine: Row) -> None:
        """Boot it."""
        machines.get(model["name"], machine["id"]).start()

    def destroy(self, model: Row, machine: Row) -> None:
        """Take the container away."""
        with contextlib.suppress(errors.NoSuchMachine):
            machines.get(model["name"], machine["id"]).destroy()

    def name_units(self, model: Row, machine: Row, units: list[str]) -> None:
        """Write the file ``units``, by which ``localjuju.host.names`` finds machines."""
        with contextlib.suppress(errors.NoSuchMachine):
            directory = machines.get(model["name"], machine["id"]).directory
            (directory / "units").write_text("".join(f"{unit}\n" for unit in units))

    def close_model(self, model: Row) -> None:
        """Take the bridge and every file of the model away."""
        machines.destroy_model(model["name"])

    def forget_others(self, models: list[Row]) -> None:
        """Destroy models that this controller made and does not know any more."""
        cleanup.sweep()
        known = {model["name"] for model in models}
        for name in machines.list_models():
            owner = paths.models() / name / OWNER
            ours = owner.exists() and owner.read_text() == self._controller
            if ours and name not in known:
                machines.destroy_model(name)


def has_own_clock(model: Row) -> bool:
    """Tell whether the machines of a model have clocks that can be stepped.

    The model-config key ``localjuju-own-clock``.
    """
    return str(load(model["config"]).get("localjuju-own-clock")).lower() == "true"
