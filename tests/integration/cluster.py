"""A deployed application, in the words of its tests."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import jubilant

Value = TypeVar("Value")


class Cluster:
    """The application under test, through the `juju` command alone."""

    def __init__(self, juju: jubilant.Juju, app: str, charm_file: Path) -> None:
        self.juju = juju
        self.app = app
        self.charm_file = charm_file

    # What is

    @property
    def units(self) -> list[str]:
        """The names of the units, in the order of their numbers."""
        return sorted(
            self.juju.status().get_units(self.app), key=lambda name: int(name.split("/")[1])
        )

    @property
    def leader(self) -> str:
        units = self.juju.status().get_units(self.app)
        return next(name for name, unit in units.items() if unit.leader)

    @property
    def primary(self) -> str:
        """The unit whose server accepts writes; there must be exactly one."""
        writers = [
            unit for unit in self.units if self.peek(unit, "SELECT pg_is_in_recovery()") == "f"
        ]
        assert len(writers) == 1, f"these units accept writes: {writers}"
        return writers[0]

    @property
    def standbys(self) -> list[str]:
        primary = self.primary
        return [unit for unit in self.units if unit != primary]

    def address(self, unit: str) -> str:
        return self.juju.status().get_units(self.app)[unit].public_address

    def message(self, unit: str) -> str:
        """The status line of a unit, as "level: text"."""
        status = self.juju.status().get_units(self.app)[unit].workload_status
        return f"{status.current}: {status.message}"

    # What is done

    def sh(self, unit: str, command: str) -> str:
        """Runs a shell command on the unit's machine as root, beside any hook."""
        return self.juju.ssh(unit, f"sudo sh -c {shlex.quote(command)}").strip()

    def sql(self, unit: str, query: str, database: str = "postgres") -> str:
        """Runs SQL on the unit's server; rows a line each, columns joined by |."""
        words = ["sudo", "-u", "postgres", "psql", "-XAtq", "-v", "ON_ERROR_STOP=1"]
        return self.juju.ssh(unit, shlex.join([*words, "-d", database, "-c", query])).strip()

    def peek(self, unit: str, query: str) -> str:
        """The same of a server that may be starting just now; empty if it does not answer."""
        try:
            return self.sql(unit, query)
        except jubilant.CLIError:
            return ""

    def verify(self, unit: str | None = None, **params: object) -> dict[str, object]:
        """Runs verify-replication, which must pass; gives its results."""
        task = self.juju.run(unit or f"{self.app}/leader", "verify-replication", params, wait=60)
        return dict(task.results)

    def fails(self, unit: str, action: str, **params: object) -> str:
        """Runs an action that must fail; gives its message."""
        try:
            self.juju.run(unit, action, params, wait=60)
        except jubilant.TaskError as error:
            return error.task.message
        raise AssertionError(f"{action} on {unit} did not fail")

    def grow(self) -> str:
        """Adds a unit; gives its name."""
        before = self.units
        self.juju.add_unit(self.app)
        (new,) = wait_until(lambda: set(self.units) - set(before), bool)
        return new

    # What is waited for

    def settle(self, units: int, timeout: float = 180, retried: bool = False) -> None:
        """Waits until so many units are active, idle and streaming.

        Args:
            units: how many.
            timeout: seconds.
            retried: whether a hook may be in error meanwhile: Juju shows one that a power cut
                ended as failed, and runs it again.
        """

        def settled(status: jubilant.Status) -> bool:
            members = status.get_units(self.app)
            return (
                len(members) == units
                and jubilant.all_active(status, self.app)
                and jubilant.all_agents_idle(status, self.app)
                and status.apps[self.app].app_status.message.endswith(self.says(units))
            )

        self.juju.wait(
            settled,
            error=None if retried else jubilant.any_error,
            timeout=timeout,
            delay=0.3,
            successes=1,
        )

    def says(self, units: int) -> str:
        """How the application's status ends when all standbys stream."""
        if units == 1:
            return "alone: no standby to take over; add a unit"
        return f"{units - 1} of {units - 1} standbys streaming"

    def wait_for_message(self, unit: str, part: str, timeout: float = 90) -> str:
        """Waits until a unit's status contains a text; gives the whole of it."""
        return wait_until(lambda: self.message(unit), lambda line: part in line, timeout)

    def wait_for_file(self, unit: str, path: str, part: str, timeout: float = 60) -> None:
        """Waits until a file on the unit's machine contains a text."""
        wait_until(
            lambda: self.sh(unit, f"cat {shlex.quote(path)} || true"),
            lambda text: part in text,
            timeout,
        )


def wait_until(
    look: Callable[[], Value], right: Callable[[Value], bool], timeout: float = 60
) -> Value:
    """Looks until what is seen is right; gives it.

    Raises:
        AssertionError: with what was seen last.
    """
    deadline = time.monotonic() + timeout
    while True:
        began = time.monotonic()
        seen = look()
        if right(seen):
            return seen
        looked = time.monotonic()
        if looked > deadline:
            raise AssertionError(f"after {timeout} s still: {seen!r}")
        # On a busy host a look takes long, and what is waited for needs its processors, too.
        time.sleep(max(0.2, looked - began))
