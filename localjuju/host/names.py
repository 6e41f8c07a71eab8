"""Which machine a name means."""

from __future__ import annotations

import os

from localjuju.host import machines
from localjuju.host.errors import NoSuchMachine
from localjuju.host.machine import Machine


def units(machine: Machine) -> list[str]:
    """The units on a machine, as the controller has noted them in its file `units`."""
    try:
        return (machine.directory / "units").read_text().split()
    except FileNotFoundError:
        return []


def resolve(text: str, model: str | None = None) -> Machine:
    """The machine that a name means.

    Args:
        text: "MODEL/ID", "ID", a unit's name such as "pg/0", or "MODEL:" before the last two.
        model: where to look first; by default $JUJU_MODEL, else everywhere.

    Raises:
        NoSuchMachine: if no machine has the name, or several have.
    """
    before, colon, rest = text.partition(":")
    if colon:
        text, model = rest, before
    # Juju's own variable may name the controller too: "controller:model".
    preferred = model or os.environ.get("JUJU_MODEL", "").rpartition(":")[2] or None
    everywhere = machines.list_machines()
    found = [m for m in everywhere if text == m.name or text in (m.machine_id, *units(m))]
    if len(found) > 1:
        found = [m for m in found if m.model == preferred] or found
    if model is not None:
        found = [m for m in found if m.model == model]
    if not found:
        known = ", ".join(m.name for m in everywhere) or "none"
        raise NoSuchMachine(f"no machine is called {text}", f"there are: {known}")
    if len(found) > 1:
        several = ", ".join(m.name for m in found)
        raise NoSuchMachine(
            f"more than one machine is called {text}", several, "put the model's name before it"
        )
    return found[0]
