"""The nftables table of a model, in which cut links are kept. `links` says what it is for.

The family is bridge: it sees a frame before the host's IP stack does and whatever the frame
carries. A frame between two machines is *forwarded*, from one port of the bridge to another; one
to the controller is *input*, from a port to the bridge; one from it is *output*.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any

from localjuju.host import paths, run

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


def ensure(short: str) -> None:
    """Make the table if it is not there, with no link cut."""
    if not run.succeeds(["nft", "list", "table", "bridge", table(short)]):
        run.run(["nft", "-f", "-"], input=TABLE.format(table=table(short)))


def drop(short: str) -> None:
    """Remove the table, and with it every cut of the model; idempotent."""
    # Adding it first makes deleting one that is not there harmless, in one transaction.
    name = table(short)
    run.run(["nft", "-f", "-"], input=f"add table bridge {name}\ndelete table bridge {name}\n")


def sets(short: str) -> dict[str, list[Any]]:
    """The sets of a model's table and their elements, as nft writes them in JSON."""
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


def statement(verb: str, short: str, set_name: str, names: Sequence[str]) -> str:
    """An nft statement that adds interfaces to a set or deletes them from it."""
    element = " . ".join(f'"{name}"' for name in names)
    return f"{verb} element bridge {table(short)} {set_name} {{ {element} }}"
