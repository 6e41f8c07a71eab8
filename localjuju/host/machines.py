"""Making, finding and removing machines and models."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Sequence
from pathlib import Path

from localjuju.host import cgroup, image, network, overlay, paths, run
from localjuju.host.definition import DEFAULT_RELEASE
from localjuju.host.errors import HostError, NoSuchMachine
from localjuju.host.image import Bind, Image
from localjuju.host.machine import Machine
from localjuju.host.network import FIRST_INDEX, LAST_INDEX, Network, ensure_model

__all__ = [
    "Machine",
    "create",
    "destroy_model",
    "ensure_model",
    "get",
    "list_machines",
    "list_models",
]


def create(
    model: str,
    machine_id: str,
    release: str = DEFAULT_RELEASE,
    *,
    binds: Sequence[Path | Bind] = (),
    image: Image | None = None,
) -> Machine:
    """Make a machine, switched off; files may be put below its `root` before it starts.

    Args:
        model: made by `ensure_model` if there is none.
        machine_id: Juju's, such as "0"; at most three characters, for it is part of the name of
            a network interface.
        release: Debian's code name; its image is built if there is none.
        binds: paths of the host to show in the machine.
        image: another image than the release's own.

    Raises:
        HostError: if there is such a machine, or the subnet is full.
    """
    if not machine_id.isalnum() or len(machine_id) > 3:
        raise HostError("no such machine id", repr(machine_id), "take one to three digits")
    base = image or _image(release)
    net = ensure_model(model)
    with run.locked(paths.locks() / "networks"):
        directory = net.directory / "machines" / machine_id
        if (directory / "machine.json").exists():
            raise HostError(f"machine {model}/{machine_id} was not made", "it exists")
        index = _free_index(net)
        directory.mkdir(parents=True, exist_ok=True)
        machine = Machine(net, machine_id, index)
        overlay.prepare(directory, base.layers)
        _write_identity(machine)
        stored = {
            "index": index,
            "release": base.release,
            "binds": [[str(b.source), str(b.target), b.read_only] for b in map(Bind.of, binds)],
        }
        # Last, for this file is what makes it a machine; without it `cleanup` takes all away.
        run.write_atomically(directory / "machine.json", json.dumps(stored))
    return machine


def _image(release: str) -> Image:
    return image.ensure(release)


def _free_index(net: Network) -> int:
    """The next index after the highest in use, so that an address is not soon another's."""
    used = {machine.index for machine in list_machines(net.model)}
    highest = max(used, default=FIRST_INDEX - 1)
    candidates = [*range(highest + 1, LAST_INDEX + 1), *range(FIRST_INDEX, highest)]
    for index in candidates:
        if index not in used:
            return index
    raise HostError(f"model {net.model} takes no more machines", f"{net.subnet} is full")


def _write_identity(machine: Machine) -> None:
    """Give a fresh file system the names and addresses of its machine."""
    etc = machine.root / "etc"
    net = machine.network
    hosts = [
        "127.0.0.1 localhost",
        "::1 localhost ip6-localhost ip6-loopback",
        f"{machine.address} {machine.hostname}",
    ]
    # nspawn makes the interface, named host0, anew at every boot.
    commands = [
        "link set lo up",
        f"link set host0 name {machine.interface}",
        f"address add {machine.address}/{net.subnet.prefixlen} brd + dev {machine.interface}",
        f"link set {machine.interface} up",
    ]
    if net.subnet6:
        hosts.append(f"{machine.address6} {machine.hostname}")
        # nodad: a service that starts at boot must be able to listen on the address at once.
        address6 = f"{machine.address6}/{net.subnet6.prefixlen}"
        commands.insert(3, f"address add {address6} dev {machine.interface} nodad")
    (etc / "hostname").write_text(f"{machine.hostname}\n")
    (etc / "hosts").write_text("\n".join(hosts) + "\n")
    (etc / "machine-id").write_text(f"{secrets.token_hex(16)}\n")
    (etc / "localjuju").mkdir(exist_ok=True)
    (etc / "localjuju/network").write_text("\n".join(commands) + "\n")


def get(model: str, machine_id: str) -> Machine:
    """A machine that exists.

    Raises:
        NoSuchMachine: if it does not.
    """
    machine = _load(model, machine_id)
    if machine is None:
        known = ", ".join(m.name for m in list_machines()) or "none"
        raise NoSuchMachine(f"no machine {model}/{machine_id}", f"there are: {known}")
    return machine


def _load(model: str, machine_id: str) -> Machine | None:
    net = network.load(model)
    if net is None:
        return None
    try:
        stored = json.loads((net.directory / "machines" / machine_id / "machine.json").read_text())
    except FileNotFoundError:
        return None
    return Machine(net, machine_id, stored["index"])


def list_models() -> list[str]:
    """The names of all models, sorted."""
    return sorted(path.parent.name for path in paths.models().glob("*/network.json"))


def list_machines(model: str | None = None) -> list[Machine]:
    """The machines of a model, or of all, by model and id."""
    found: list[Machine] = []
    for name in [model] if model else list_models():
        ids = [p.parent.name for p in paths.models().glob(f"{name}/machines/*/machine.json")]
        ids.sort(key=lambda text: (not text.isdigit(), text.zfill(4)))
        found += [machine for i in ids if (machine := _load(name, i)) is not None]
    return found


def destroy_model(model: str) -> None:
    """Remove a model with its machines and its network; may be repeated if interrupted."""
    net = network.load(model)
    if net is None:
        return
    with contextlib.suppress(FileNotFoundError):  # another process has just removed it
        (net.directory / "destroyed").touch()
    for machine in list_machines(model):
        machine.destroy()
    net.down()
    run.remove_tree(net.directory)
    if not list_models():
        cgroup.forget_root()
