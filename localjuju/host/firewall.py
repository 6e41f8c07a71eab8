"""Lets a model's own traffic through a host firewall that drops what it does not know.

Docker loads br_netfilter, which sends frames that merely cross a bridge through iptables' FORWARD
chain, and sets that chain's policy to DROP; ufw does the same to INPUT. Machines of one model
could then not reach each other, or the controller. libvirt and LXD add a rule for their bridge in
this case, and so do we: for our bridge alone, only where such a policy is found, and taken away
with the bridge. An accept in a table of our own would not do: a packet must pass every table.
"""

from __future__ import annotations

import shutil

from localjuju.host import run

PROGRAMS = ("iptables", "ip6tables")


def _rules(bridge: str) -> dict[str, list[str]]:
    return {
        "FORWARD": ["FORWARD", "-i", bridge, "-o", bridge, "-j", "ACCEPT"],
        "INPUT": ["INPUT", "-i", bridge, "-j", "ACCEPT"],
    }


def allow(bridge: str) -> None:
    """Let traffic on `bridge` through chains whose policy is to drop; idempotent."""
    for program in _installed():
        for chain, rule in _rules(bridge).items():
            listed = run.run([program, "--wait", "--list-rules", chain])
            if f"-P {chain} DROP" not in listed:
                continue
            if not run.succeeds([program, "--wait", "--check", *rule]):
                run.run([program, "--wait", "--insert", *rule])


def forget(bridge: str) -> None:
    """Take away what `allow` added; idempotent."""
    for program in _installed():
        for rule in _rules(bridge).values():
            while run.succeeds([program, "--wait", "--check", *rule]):
                run.run([program, "--wait", "--delete", *rule])


def _installed() -> list[str]:
    return [name for name in PROGRAMS if shutil.which(name, path=run.SEARCH_PATH)]
