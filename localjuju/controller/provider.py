"""Where machines come from."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any, Protocol

from localjuju.controller.store import Row
from localjuju.controller.world import World


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the agents of a model's machines find the controller."""

    host: str
    port: int
    """0: any free one, kept from then on."""


@dataclasses.dataclass(frozen=True)
class HostMachine:
    """A machine that was made and does not run yet."""

    name: str
    """What the host's own tools call it."""
    hostname: str
    root: Path
    address: str
    network: dict[str, Any]
    """``interface``, ``address6`` (or none), ``gateway``, ``prefix`` (its length), ``mac``."""
    prefix: Path
    """Where ``root`` appears to the agent: ``/``, or ``root`` itself for a bare process."""


class Provider(Protocol):
    """Makes, starts and destroys machines. Its methods block; they run in threads."""

    def open_model(self, model: Row) -> Place:
        """Make what the machines of a model share; doing it twice is harmless."""
        ...

    def create(self, model: Row, machine: Row) -> HostMachine:
        """Make a machine, in place of one that was left half made."""
        ...

    def start(self, model: Row, machine: Row) -> None:
        """Start it; its agent is installed."""
        ...

    def destroy(self, model: Row, machine: Row) -> None:
        """Take a machine away, running or not, there or not."""
        ...

    def name_units(self, model: Row, machine: Row, units: list[str]) -> None:
        """Note which units live on a machine, for the host's own tools."""
        ...

    def close_model(self, model: Row) -> None:
        """Take away what is left of a model."""
        ...

    def forget_others(self, models: list[Row]) -> None:
        """Take away machines and models that the controller does not know."""
        ...


def from_environment(world: World) -> Provider:
    """Return the provider ``LOCALJUJU_PROVIDER`` names: ``nspawn`` (default) or ``process``."""
    # Imported here, as each needs what the other does not.
    if os.environ.get("LOCALJUJU_PROVIDER") == "process":
        from localjuju.controller.processes import ProcessProvider

        return ProcessProvider(world.home)
    from localjuju.controller.nspawn import NspawnProvider

    return NspawnProvider(world.uuid)
