"""A model's network: a bridge of its own with a private subnet, and nothing beyond it.

The host has the first address of the subnet on the bridge; a controller listens there. There is
no NAT and machines have no default route, so a machine reaches its own model and the host only.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

from localjuju.host import firewall, paths, run, tables
from localjuju.host.errors import HostError

# Ranges from which a free /24 is taken; the first is one that few others use.
RANGES = (IPv4Network("10.167.0.0/16"), IPv4Network("172.29.0.0/16"), IPv4Network("10.88.0.0/13"))
# .0 is the network, .1 the host, .255 the broadcast address.
FIRST_INDEX, LAST_INDEX = 2, 254


@dataclass(frozen=True)
class Network:
    """A model's network.

    Attributes:
        model: the model's name.
        short: six hex digits, the end of the model's UUID, as Juju has them in host names.
        subnet: the machines' addresses, a /24.
        subnet6: a unique local /64 (RFC 4193), None where the host has no IPv6.
    """

    model: str
    short: str
    subnet: IPv4Network
    subnet6: IPv6Network | None

    @property
    def bridge(self) -> str:
        """The bridge's interface name, by which `cleanup` knows it (interface names: 15 bytes)."""
        return f"lj-{self.short}"

    @property
    def gateway(self) -> str:
        """The host's IPv4 address on the bridge."""
        return str(self.subnet[1])

    @property
    def gateway6(self) -> str | None:
        """The host's IPv6 address on the bridge."""
        return str(self.subnet6[1]) if self.subnet6 else None

    @property
    def directory(self) -> Path:
        """What is kept of the model."""
        return paths.models() / self.model

    def up(self) -> None:
        """Make the bridge and the table of cut links if they are not there; idempotent.

        They do not survive a reboot of the host, so every start of a machine comes by here.
        """
        if not Path("/sys/class/net", self.bridge).exists():
            run.run(["ip", "-batch", "-"], input="\n".join(self._bridge_commands()) + "\n")
            self._enable_ipv6()
            run.run(["ip", "link", "set", self.bridge, "up"])
            firewall.allow(self.bridge)
        tables.ensure(self.short)

    def down(self) -> None:
        """Remove the bridge, its table and its firewall rules; idempotent."""
        firewall.forget(self.bridge)
        tables.drop(self.short)
        run.remove_link(self.bridge)

    def _bridge_commands(self) -> list[str]:
        # A bridge without an address of its own takes its lowest port's, and udev would set one
        # later on; either makes peers' neighbour tables wrong.
        mac = "02:" + ":".join(
            hashlib.sha256(self.bridge.encode()).hexdigest()[i : i + 2] for i in range(0, 10, 2)
        )
        # Neighbour discovery is multicast, and a bridge that snoops drops it at first.
        options = "stp_state 0 forward_delay 0 mcast_snooping 0"
        return [
            f"link add {self.bridge} address {mac} type bridge {options}",
            # `cleanup` removes a bridge only if this names its own home.
            f"link set {self.bridge} alias {bridge_alias()}",
            f"address add {self.gateway}/{self.subnet.prefixlen} dev {self.bridge}",
        ]

    def _enable_ipv6(self) -> None:
        if self.subnet6 is None:
            return
        # A host may have IPv6 disabled by default on new interfaces.
        Path(f"/proc/sys/net/ipv6/conf/{self.bridge}/disable_ipv6").write_text("0")
        address = f"{self.gateway6}/{self.subnet6.prefixlen}"
        # nodad: an address that is still being checked for duplicates cannot be listened on.
        run.run(["ip", "address", "add", address, "dev", self.bridge, "nodad"])


def bridge_alias() -> str:
    """The interface alias that says to which home a bridge belongs."""
    return f"localjuju-{paths.tag()}"


def load(model: str) -> Network | None:
    """The network of a model that exists, else None."""
    try:
        stored = json.loads((paths.models() / model / "network.json").read_text())
    except FileNotFoundError:
        return None
    return Network(
        model=model,
        short=stored["short"],
        subnet=IPv4Network(stored["subnet"]),
        subnet6=IPv6Network(stored["subnet6"]) if stored["subnet6"] else None,
    )


def ensure_model(model: str, short: str | None = None) -> Network:
    """The network of a model, made if there is none, and up.

    Args:
        model: the model's name; it becomes a directory name.
        short: six hex digits, the end of the model's UUID; random by default. Ignored for a
            model that exists.

    Raises:
        HostError: if the name cannot be a directory, `short` is another model's, or no subnet is
            free.
    """
    if not model or model.startswith(".") or "/" in model:
        raise HostError("no such model name", repr(model))
    paths.ensure_home()
    with run.locked(paths.locks() / "networks"):
        network = load(model) or _create(model, short or secrets.token_hex(3))
        network.up()
    return network


def _create(model: str, short: str) -> Network:
    if Path(f"/sys/class/net/lj-{short}").exists():
        raise HostError(f"model {model} was not made", f"another one has the short name {short}")
    taken4, taken6 = taken()
    network = Network(
        model=model,
        short=short,
        subnet=_free_subnet(model, taken4),
        subnet6=_unique_local(model, taken6) if Path("/proc/sys/net/ipv6").is_dir() else None,
    )
    network.directory.joinpath("machines").mkdir(parents=True, exist_ok=True)
    stored = {
        "short": short,
        "subnet": str(network.subnet),
        "subnet6": str(network.subnet6) if network.subnet6 else None,
    }
    run.write_atomically(network.directory / "network.json", json.dumps(stored))
    return network


def taken() -> tuple[list[IPv4Network], list[IPv6Network]]:
    """What the host has a route to, by IP version, and what models that are down have."""
    taken4: list[IPv4Network] = []
    taken6: list[IPv6Network] = []
    for version in ("-4", "-6"):
        routes: list[dict[str, Any]] = run.run_json(
            ["ip", "-json", version, "route", "show", "table", "all"]
        )
        for route in routes:
            if route["dst"] != "default":
                net = ipaddress.ip_network(route["dst"], strict=False)
                (taken4 if isinstance(net, IPv4Network) else taken6).append(net)  # type: ignore[arg-type]
    models = [load(path.parent.name) for path in paths.models().glob("*/network.json")]
    taken4 += [other.subnet for other in models if other]
    return taken4, taken6


def _free_subnet(model: str, taken: Iterable[IPv4Network]) -> IPv4Network:
    """A /24 that overlaps nothing; the same one for the same model, if it can be."""
    taken = list(taken)
    start = int(hashlib.sha256(f"{paths.tag()}{model}".encode()).hexdigest()[:4], 16)
    for wide in RANGES:
        subnets = list(wide.subnets(new_prefix=24))
        for offset in range(len(subnets)):
            subnet = subnets[(start + offset) % len(subnets)]
            if not any(subnet.overlaps(other) for other in taken):
                return subnet
    raise HostError(
        f"model {model} has no network",
        f"the host has routes over all of {', '.join(map(str, RANGES))}",
        "remove models that you do not need",
    )


def _unique_local(model: str, taken: Iterable[IPv6Network]) -> IPv6Network:
    """A /64 under a random-looking prefix of RFC 4193, which makes collisions improbable."""
    taken = list(taken)
    while True:
        bits = hashlib.sha256(f"{model}{secrets.token_hex(8)}".encode()).hexdigest()[:10]
        subnet = IPv6Network(f"fd{bits[:2]}:{bits[2:6]}:{bits[6:10]}::/64")
        if not any(subnet.overlaps(other) for other in taken):
            return subnet
