"""A hook with nothing to do, beside that of a charm that does nothing; and verify-replication."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import jubilant

from bench import where
from bench.figures import Figure, Goal

WARM_ROUNDS, WARM = 4, 5
COLD = 5
RUNS = 7
ATTEMPTS = """\
import json, os, subprocess, time
env = {**os.environ, "JUJU_DISPATCH_PATH": "hooks/update-status"}
took = []
for _ in range(%d):
    began = time.perf_counter()
    subprocess.run(["./dispatch"], env=env, check=True, stdout=subprocess.DEVNULL)
    took.append(1000 * (time.perf_counter() - began))
print(json.dumps(took))
"""


def hook_figures() -> Iterator[Figure]:
    """Measure hooks."""
    with where.model() as juju, where.empty_charm() as empty:
        _deploy(juju, empty, 2)
        leader = next(name for name, unit in juju.status().apps["pg"].units.items() if unit.leader)
        standby = next(name for name in juju.status().apps["pg"].units if name != leader)
        nothing = next(iter(juju.status().apps["empty"].units))
        took: dict[str, list[float]] = {leader: [], standby: [], nothing: []}
        cold: dict[str, list[float]] = {leader: [], standby: [], nothing: []}
        # In turns, so that what else the host does falls on all of them.
        for _ in range(WARM_ROUNDS):
            for unit, samples in took.items():
                samples += _hooks(juju, unit, WARM)
        for _ in range(COLD):
            for unit, samples in cold.items():
                where.forget_pages()
                samples += _hooks(juju, unit, 1)
        goal = Goal("ratio", "at most", 1.5)
        for kind, samples in (("warm", took), ("cold", cold)):
            for role, unit in (("primary", leader), ("standby", standby)):
                yield Figure(
                    f"idle hook, {role}, {kind}",
                    "ms",
                    samples[unit],
                    samples[nothing],
                    "a charm of ops that observes nothing",
                    goal,
                )


def verify_figures() -> Iterator[Figure]:
    """Measure the action."""
    with where.model() as juju, where.empty_charm() as empty:
        _deploy(juju, empty, 3)
        nothing = next(iter(juju.status().apps["empty"].units))
        ours, theirs, own = list[float](), list[float](), list[float]()
        for _ in range(RUNS):
            began = time.monotonic()
            results = juju.run("pg/leader", "verify-replication").results
            ours.append(time.monotonic() - began)
            own.append(float(results["took-ms"]))
            began = time.monotonic()
            juju.run(nothing, "nothing")
            theirs.append(time.monotonic() - began)
        yield Figure(
            "verify-replication, two standbys",
            "s",
            ours,
            goal=Goal("value", "at most", 1),
            note=f"its own part took {min(own):.0f} to {max(own):.0f} ms",
        )
        yield Figure(
            "the same over and above an action",
            "s",
            ours,
            theirs,
            "an action that does nothing",
            Goal("excess", "at most", 0.3),
        )


def _hooks(juju: jubilant.Juju, unit: str, count: int) -> list[float]:
    return json.loads(juju.exec("python3", "-c", ATTEMPTS % count, unit=unit).stdout)


def _deploy(juju: jubilant.Juju, empty: str, units: int) -> None:
    juju.deploy(where.charm(), "pg", num_units=units)
    juju.deploy(empty, "empty")
    text = f"{units - 1} of {units - 1} standbys streaming"

    def at_rest() -> bool:
        apps = juju.status().apps
        every = [unit for app in apps.values() for unit in app.units.values()]
        return (
            text in apps["pg"].app_status.message
            and len(every) == units + 1
            and all(unit.juju_status.current == "idle" for unit in every)
        )

    where.wait("the units to be at rest", at_rest, 0.2)
    for unit in juju.status().apps["pg"].units:
        # The first hook of a build makes what later ones find: compiled modules, kept texts.
        _hooks(juju, unit, 1)
