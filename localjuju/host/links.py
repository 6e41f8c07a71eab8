"""Cutting links so that packets vanish, as they do when a cable is pulled or a switch dies.

Nothing is rejected and no connection is reset; ARP and neighbour discovery are lost like all else.
Ports of the bridge are named after machines, so a cut holds over a reboot of the machine. The sets
of the model's table in the kernel are the only record of what is cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localjuju.host import network, run, tables
from localjuju.host.errors import HostError
from localjuju.host.network import Network

if TYPE_CHECKING:
    from localjuju.host.machine import Machine


@dataclass(frozen=True)
class Controller:
    """The host's end of every link, where a model's controller listens."""

    def __str__(self) -> str:
        return "controller"


CONTROLLER = Controller()


def cut(a: Machine | Controller, b: Machine | Controller, *, one_way: bool = False) -> None:
    """Lose every packet from `a` to `b`, and unless `one_way` those from `b` to `a`; idempotent.

    Raises:
        HostError: if both are the controller, the same machine, or of different models.
    """
    _edit("add", a, b, one_way=one_way)


def heal(a: Machine | Controller, b: Machine | Controller, *, one_way: bool = False) -> None:
    """Undo `cut`; a link that was not cut stays as it is."""
    _edit("delete", a, b, one_way=one_way)


def heal_all(model: str) -> None:
    """Heal every link of a model."""
    short = _network(model).short
    tables.drop(short)
    tables.ensure(short)


def list_cut(model: str) -> list[tuple[str, str]]:
    """The cut directions of a model as (from, to): machine ids or "controller"."""
    short = _network(model).short
    prefix = tables.port(short, "")

    def name(interface: str) -> str:
        return interface.removeprefix(prefix)

    found: list[tuple[str, str]] = []
    for set_name, elements in tables.sets(short).items():
        for element in elements:
            if set_name == "between":
                source, target = element["concat"]
                found.append((name(source), name(target)))
            elif set_name == "to_controller":
                found.append((name(element), "controller"))
            else:
                found.append(("controller", name(element)))
    return sorted(found)


def forget(machine: Machine) -> None:
    """Heal all links of one machine, which is about to be destroyed."""
    short = machine.network.short
    own = tables.port(short, machine.machine_id)
    gone: list[str] = []
    for set_name, elements in tables.sets(short).items():
        for element in elements:
            names = element["concat"] if set_name == "between" else [element]
            if own in names:
                gone.append(tables.statement("delete", short, set_name, names))
    if gone:
        run.run(["nft", "-f", "-"], input="\n".join(gone) + "\n")


def _network(model: str) -> Network:
    found = network.load(model)
    if found is None:
        raise HostError("no such model", model)
    return found


def _edit(verb: str, a: Machine | Controller, b: Machine | Controller, *, one_way: bool) -> None:
    pairs = [(a, b)] if one_way else [(a, b), (b, a)]
    machines = [end for end in (a, b) if not isinstance(end, Controller)]
    if not machines:
        raise HostError("no such link", "both ends are the controller")
    if len({m.model for m in machines}) > 1 or len({m.name for m in machines}) < len(machines):
        ends = f"{machines[0].name} and {machines[-1].name}"
        raise HostError("no such link", f"{ends} are not two machines of one model")
    short = machines[0].network.short
    tables.ensure(short)
    lines: list[str] = []
    for source, target in pairs:
        if isinstance(source, Controller):
            assert not isinstance(target, Controller)
            names, set_name = [tables.port(short, target.machine_id)], "from_controller"
        elif isinstance(target, Controller):
            names, set_name = [tables.port(short, source.machine_id)], "to_controller"
        else:
            names = [tables.port(short, source.machine_id), tables.port(short, target.machine_id)]
            set_name = "between"
        # Adding first makes deleting an element that is not there harmless, in one transaction.
        lines.append(tables.statement("add", short, set_name, names))
        if verb == "delete":
            lines.append(tables.statement("delete", short, set_name, names))
    run.run(["nft", "-f", "-"], input="\n".join(lines) + "\n")
