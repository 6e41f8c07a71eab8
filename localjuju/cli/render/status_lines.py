"""``juju status`` in its shorter formats: one line for each unit, and a summary."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Mapping
from typing import Any

from localjuju.cli import gotext
from localjuju.cli.render.color import of_status, paint
from localjuju.cli.render.ports import ports_cell
from localjuju.cli.render.status import units_of


def oneline(status: Mapping[str, Any], *, colors: bool) -> str:
    """Return one line for each unit."""
    lines: list[str] = []
    for name, unit in units_of(status.get("applications") or {}):
        agent = unit["juju-status"].get("current", "")
        workload = unit["workload-status"].get("current", "")
        states = ", ".join(
            f"{paint(what, 'bold', colors)}:{paint(state, of_status(agent), colors)}"
            for what, state in (("agent", agent), ("workload", workload))
        )
        address = paint(unit.get("public-address", ""), "cyan", colors)
        line = f"- {paint(name, 'green', colors)}: {address} ({states})"
        ports: list[str] = unit.get("open-ports") or []
        lines.append(line + (f" {ports_cell(ports).render(colors)}" if ports else ""))
    return "".join(f"{line}\n" for line in lines)


def summary(status: Mapping[str, Any], *, colors: bool) -> str:
    """Return the counts of machines, units and applications by state."""
    applications: dict[str, Any] = status.get("applications") or {}
    machines: dict[str, Any] = status.get("machines") or {}
    units = [unit for _, unit in units_of(applications)]
    addresses: list[str] = [one.get("dns-name", "") for one in machines.values()]
    addresses += [unit.get("public-address", "") for unit in units]
    ports: set[str] = set()
    for unit in units:
        ports.update(unit.get("open-ports") or [])
    head = [
        ("Running on subnets:", ", ".join(_subnets(addresses))),
        ("Utilizing ports:", ports_cell(sorted(ports)).render(colors)),
    ]
    rows: list[tuple[str, str, str]] = [("# Machines:", f"({len(machines)})", "")]
    rows += _counts(
        Counter(one["juju-status"].get("current", "pending") for one in machines.values())
    )
    rows += [("", "", ""), ("# Units:", f"({len(units)})", "")]
    rows += _counts(Counter(one["workload-status"].get("current", "") for one in units))
    rows += [("", "", ""), ("# Applications:", f"({len(applications)})", "")]
    for name in sorted(applications, key=gotext.natural_key):
        rows.append((name, f"{int(applications[name]['exposed'])}/1", "exposed"))
    width = max(len(title) for title, _, _ in rows)
    number_width = max(len(number) for _, number, _ in rows)
    lines = [f"{paint(title, 'bright-cyan', colors):>19}  {text}".rstrip() for title, text in head]
    for title, number, note in rows:
        padded = paint(f"{title:>{width}}", _title_color(title), colors)
        lines.append(f"{padded}  {number:>{number_width}}  {note}".rstrip())
    return "".join(f"{line}\n" for line in lines)


def _title_color(title: str) -> str | None:
    if title.startswith("#"):
        return "bright-cyan"
    return of_status(title.rstrip(":")) or "bright-green"


def _counts(states: Counter[str]) -> list[tuple[str, str, str]]:
    return [(f"{state}:", str(states[state]), "") for state in sorted(states)]


def _subnets(addresses: list[str]) -> list[str]:
    """Name the classful networks of the addresses, as Juju does."""
    found: dict[str, None] = {}
    for text in filter(None, addresses):
        try:
            address = ipaddress.IPv4Address(text)
        except ValueError:
            continue
        first = int(address) >> 24
        prefix = 8 if first < 128 else 16 if first < 192 else 24
        found[str(ipaddress.ip_network(f"{address}/{prefix}", strict=False))] = None
    return list(found)
