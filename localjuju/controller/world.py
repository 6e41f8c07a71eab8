"""What every part of the controller works on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from localjuju.controller.clock import Timing
from localjuju.controller.hub import Hub
from localjuju.controller.store import Row, Store
from localjuju.controller.wire import DEFAULT_JUJU_VERSION, JujuError

CONTROLLER_NAME = "localjuju"
CLOUD = "localjuju"
REGION = "host"
DEFAULT_VERSION = DEFAULT_JUJU_VERSION


@dataclasses.dataclass(frozen=True)
class World:
    """The database, who is told of changes, how long things take, and where files lie."""

    home: Path
    store: Store
    hub: Hub
    timing: Timing
    uuid: str
    version: str
    """Agent version of new models that ask for none."""

    @property
    def charms(self) -> Path:
        """Directory of uploaded charm files, named by checksum."""
        return self.home / "charms"

    def model(self, name: str) -> Row:
        """Return a model by name or UUID.

        Raises:
            JujuError: there is none.
        """
        bare = name.rsplit(":", 1)[-1].rsplit("/", 1)[-1]
        row = self.store.one("SELECT * FROM model WHERE name=? OR uuid=?", bare, bare)
        if row is None:
            raise JujuError(f"model {CONTROLLER_NAME}:admin/{bare} not found", "not found")
        return row

    def application(self, model: str, name: str) -> Row:
        """Return an application's row.

        Raises:
            JujuError: there is none.
        """
        row = self.store.one("SELECT * FROM application WHERE model=? AND name=?", model, name)
        if row is None:
            raise JujuError(f'application "{name}" not found', "not found")
        return row

    def unit(self, model: str, name: str) -> Row:
        """Return a unit's row.

        Raises:
            JujuError: there is none.
        """
        row = self.store.one("SELECT * FROM unit WHERE model=? AND name=?", model, name)
        if row is None:
            raise JujuError(f'unit "{name}" not found', "not found")
        return row

    def machine(self, model: str, machine: str) -> Row:
        """Return a machine's row.

        Raises:
            JujuError: there is none.
        """
        row = self.store.one("SELECT * FROM machine WHERE model=? AND id=?", model, machine)
        if row is None:
            raise JujuError(f"machine {machine} not found", "not found")
        return row

    def units_of(self, model: str, application: str) -> list[Row]:
        """Return an application's units in their order."""
        return self.store.all(
            "SELECT * FROM unit WHERE model=? AND application=? ORDER BY number",
            model,
            application,
        )


def row_number(text: str) -> int:
    """Return a number that a user wrote for something that has one; -1 for what is none.

    >>> row_number("12"), row_number("-1"), row_number("9" * 30)
    (12, -1, -1)
    """
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else -1


def major(version: str) -> int:
    """Return the major version of a Juju version.

    >>> major("4.0.15")
    4
    """
    return int(version.split(".", 1)[0])
