"""Cutting links so that packets vanish, as they do when a cable is pulled or a switch dies.

Each model has an nftables table of family bridge, which sees a frame before the host's IP stack
does and whatever the frame carries. A frame between two machines is *forwarded*, from one port of
the bridge to another; one to the controller is *input*, from a port to the bridge; one from it is
*output*. Ports are named after machines, so a cut holds over a reboot of the machine. Nothing is
rejected, no connection is reset, and ARP and neighbour discovery are lost like everything else.

The kernel's sets are the only record of what is cut.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from localjuju.host import paths, run
from localjuju.host.errors import HostError

if TYPE_CHECKING:
    from localjuju.host.machine import Machine


@dataclass(frozen=True)
class Controller:
    """The host's end of every link, where a model's controller listens."""

    def __str__(self) -> str:
        return "controller"


CONTROLLER = Controller()

# An interface name is a set element only if the set says so; `typeof` needs a newer nft.
TABLE = """
table bridge {table} {{
    set between {{ type ifname . ifname; }}
    set to_controller {{ type ifname; }}
    set from_controller {{ type ifname; }}
    chain forward {{
        type filter hook forward priority 0; policy accept;
        iifname . oifname @between drop
    }}
    chain input {{
        type filter hook input priority 0; policy accept;
        iifname @to_controller drop
    }}
    chain output {{
        type filter hook output priority 0; policy accept;
        oifname @from_controller drop
    }}
}}
"""


def table(short: str) -> str:
    """The name of a model's table."""
    return f"localjuju_{paths.tag()}_{short}"


def port(short: str, machine_id: str) -> str:
    """The host's end of a machine's link: systemd-nspawn puts "vb-" before the machine's name."""
    return f"vb-lj{short}-{machine_id}"


def ensure_table(short: str) -> None:
    """Make the table if it is not there, with no link cut."""
    if not run.succeeds(["nft", "list", "table", "bridge", table(short)]):
        run.run(["nft", "-f", "-"], input=TABLE.format(table=table(short)))


def drop_table(short: str) -> None:
    """Remove the table, and with it every cut of the model; idempotent."""
    if run.succeeds(["nft", "list", "table", "bridge", table(short)]):
        run.run(["nft", "delete", "table", "bridge", table(short)])


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
    short = _short_of(model)
    drop_table(short)
    ensure_table(short)


def isolate(machine: Machine, others: list[Machine]) -> None:
    """Cut a machine from the controller and from each of `others`."""
    cut(machine, CONTROLLER)
    for other in others:
        if other.machine_id != machine.machine_id:
            cut(machine, other)


def list_cut(model: str) -> list[tuple[str, str]]:
    """The cut directions of a model as (from, to): machine ids or "controller"."""
    short = _short_of(model)
    prefix = port(short, "")

    def name(interface: str) -> str:
        return interface.removeprefix(prefix)

    found: list[tuple[str, str]] = []
    for set_name, elements in _sets(short).items():
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
    own = port(short, machine.machine_id)
    gone: list[str] = []
    for set_name, elements in _sets(short).items():
        for element in elements:
            names = element["concat"] if set_name == "between" else [element]
            if own in names:
                gone.append(_statement("delete", short, set_name, names))
    if gone:
        run.run(["nft", "-f", "-"], input="\n".join(gone) + "\n")


def _short_of(model: str) -> str:
    from localjuju.host import network

    found = network.load(model)
    if found is None:
        raise HostError("no such model", model)
    return found.short


def _sets(short: str) -> dict[str, list[Any]]:
    done = subprocess.run(
        ["nft", "-j", "list", "table", "bridge", table(short)],
        capture_output=True,
        text=True,
        env=run.environment(),
        check=False,
    )
    if done.returncode != 0:  # no table: nothing is cut
        return {}
    items: list[dict[str, Any]] = json.loads(done.stdout)["nftables"]
    return {item["set"]["name"]: item["set"].get("elem", []) for item in items if "set" in item}


def _statement(verb: str, short: str, set_name: str, names: list[str]) -> str:
    element = " . ".join(f'"{name}"' for name in names)
    return f"{verb} element bridge {table(short)} {set_name} {{ {element} }}"


def _edit(verb: str, a: Machine | Controller, b: Machine | Controller, *, one_way: bool) -> None:
    pairs = [(a, b)] if one_way else [(a, b), (b, a)]
    machines = [end for end in (a, b) if not isinstance(end, Controller)]
    if not machines:
        raise HostError("no such link", "both ends are the controller")
    if len({m.model for m in machines}) > 1 or len({m.name for m in machines}) < len(machines):
        ends = f"{machines[0].name} and {machines[-1].name}"
        raise HostError("no such link", f"{ends} are not two machines of one model")
    short = machines[0].network.short
    ensure_table(short)
    lines: list[str] = []
    for source, target in pairs:
        if isinstance(source, Controller):
            assert not isinstance(target, Controller)
            names, set_name = [port(short, target.machine_id)], "from_controller"
        elif isinstance(target, Controller):
            names, set_name = [port(short, source.machine_id)], "to_controller"
        else:
            names = [port(short, source.machine_id), port(short, target.machine_id)]
            set_name = "between"
        # Adding first makes deleting an element that is not there harmless, in one transaction.
        lines.append(_statement("add", short, set_name, names))
        if verb == "delete":
            lines.append(_statement("delete", short, set_name, names))
    run.run(["nft", "-f", "-"], input="\n".join(lines) + "\n")
