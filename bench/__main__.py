"""Measures, prints a table and writes JSON.

python -m bench                         everything
python -m bench --only hook --only clone
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench import commit, deploy, failover, hooks, in_a_machine, sentinel
from bench.figures import Figure, table
from bench.where import say
from tools.pack import BUILD
from tools.root import become_root, give_back

MEASURED: Mapping[str, Callable[[], Iterator[Figure]]] = {
    "deploy": deploy.figures,
    "hook": hooks.hook_figures,
    "verify": hooks.verify_figures,
    "clone": in_a_machine.clone_figures,
    "archive": in_a_machine.archive_figures,
    "commit": commit.figures,
    "sentinel": sentinel.figures,
    "failover": failover.figures,
}
RESULT = BUILD / "bench.json"


def host() -> dict[str, Any]:
    """Tell what a figure depends on besides the charm."""
    return {
        "processors": os.cpu_count(),
        "kernel": platform.release(),
        "load": os.getloadavg()[0],
        "at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }


def write(path: Path, figures: list[Figure], before: dict[str, Any]) -> None:
    """Write what was measured; figures of earlier runs that this one left out stay."""
    kept: dict[str, Any] = {}
    if path.exists():
        kept = {each["name"]: each for each in json.loads(path.read_text())["figures"]}
    kept |= {figure.name: {**figure.to_json(), "host": before} for figure in figures}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"figures": list(kept.values())}, indent=1) + "\n")


def main() -> int:
    """Measure what the command line names.

    Returns:
        0, also where a goal is missed: a figure is no test.
    """
    parser = argparse.ArgumentParser(prog="bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", choices=MEASURED, help="measure this alone")
    parser.add_argument("--json", type=Path, default=RESULT, help="where to write the figures")
    arguments = parser.parse_args()
    become_root("Starting local machines")
    before = host()
    say(f"{before['processors']} processors, load {before['load']:.2f} at the beginning")
    figures: list[Figure] = []
    began = time.monotonic()
    for name in arguments.only or MEASURED:
        say(f"measuring: {name}")
        start = time.monotonic()
        figures += MEASURED[name]()
        say(f"{name}: {time.monotonic() - start:.0f} s")
        write(arguments.json, figures, before)
    give_back(BUILD)
    print(table(figures))
    print(f"\n{time.monotonic() - began:.0f} s; all samples in {arguments.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
