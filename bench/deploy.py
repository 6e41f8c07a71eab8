"""A deploy, from agents up to all streaming, beside the same steps as a script."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence

import jubilant

from bench import by_hand, where
from bench.figures import Figure, Goal

REPEATS = {2: 2, 4: 2, 8: 1}
RAN = re.compile(r'^unit-pg-\d+: .* ran "[^"]+" hook', re.MULTILINE)
# What every hook does before the charm's own first line.
START_PYTHON = """\
cd /var/lib/juju/agents/unit-pg-0/charm
export PYTHONPATH=$PWD/lib:$PWD/src
time (for i in 1 2 3 4 5 6 7 8 9 10; do venv/bin/python -c 'import ops, charm'; done)
"""


def figures() -> Iterator[Figure]:
    """Measure."""
    packed = where.charm()
    medians: dict[int, float] = {}
    for units, repeats in REPEATS.items():
        ours: list[float] = []
        theirs: list[float] = []
        hooks: list[int] = []
        python: list[float] = []
        for _ in range(repeats):
            with where.model() as juju:
                machines = where.add_machines(juju, units)
                theirs.append(_timed(by_hand.build, juju, machines))
                by_hand.drop(juju, machines)
                ours.append(_timed(_deploy, juju, machines, packed))
                hooks.append(len(RAN.findall(juju.debug_log(limit=0))))
                python.append(_python_start(juju))
        figure = Figure(
            f"deploy of {units} units",
            "s",
            ours,
            theirs,
            "the same steps typed by hand, as a script",
            Goal("value", "at most", 10) if units == 2 else None,
            f"{max(hooks)} hooks, {max(hooks) * min(python):.1f} s of processor time of Python"
            " starting up in them",
        )
        medians[units] = figure.median
        yield figure
    yield Figure(
        "growth of a deploy from 2 to 8 units",
        "",
        [medians[8]],
        [medians[2]],
        "2 units; linear would be 4",
        Goal("ratio", "at most", 4),
    )


def _timed(work: Callable[..., object], *arguments: object) -> float:
    began = time.monotonic()
    work(*arguments)
    return time.monotonic() - began


def _deploy(juju: jubilant.Juju, machines: Sequence[str], packed: str) -> None:
    juju.deploy(packed, "pg", num_units=len(machines), to=list(machines))
    text = f"{len(machines) - 1} of {len(machines) - 1} standbys streaming"

    def streaming() -> bool:
        status = juju.status().apps["pg"].app_status
        return status.current == "active" and text in status.message

    # A question takes a processor for a twentieth of a second, and the hooks need both.
    where.wait("all to stream", streaming, 0.3)


def _python_start(juju: jubilant.Juju) -> float:
    """Processor time of a start, in seconds."""
    said = where.shell(juju, "pg/0", f"{{ {START_PYTHON} }} 2>&1")
    spent = re.findall(r"^(?:user|sys)\s+(\d+)m([\d.]+)s", said, re.MULTILINE)
    return sum(60 * int(minutes) + float(seconds) for minutes, seconds in spent) / 10
