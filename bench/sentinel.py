"""What the service that watches takes of a machine where nothing happens."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import jubilant

from bench import where
from bench.figures import Figure, Goal

PERIOD_S = 15
PERIODS = 4
# The charm's bounds, on every unit: 30 MB, and a hundredth of a core.
MEMORY = Goal("value", "at most", 30)
SHARE = Goal("value", "at most", 1)
LOOK = """\
import json, pathlib, subprocess, time
name = "pg-hot-standby-sentinel.service"
show = ["systemctl", "show", "--value", "--property=MainPID", name]
pid = subprocess.run(show, capture_output=True, text=True, check=True).stdout.strip()
process = pathlib.Path("/proc", pid)
group = pathlib.Path("/sys/fs/cgroup/system.slice", name)

def number(path, key):
    line = next(line for line in path.read_text().splitlines() if line.split()[0] == key)
    return int(line.split()[1])

def used():
    # With what it has begun: hooks are the agent's, and count there.
    switches = sum(
        number(task / "status", "voluntary_ctxt_switches:") for task in process.glob("task/*")
    )
    return number(group / "cpu.stat", "usage_usec"), switches, time.monotonic()

found = {"memory": [], "share": [], "wakes": []}
for _ in range(%d):
    before = used()
    time.sleep(%d)
    after = used()
    elapsed = after[2] - before[2]
    found["share"].append((after[0] - before[0]) / elapsed / 1e4)
    found["wakes"].append((after[1] - before[1]) / elapsed)
    found["memory"].append(number(process / "smaps_rollup", "Rss:") / 1024)
print(json.dumps(found))
"""


def figures() -> Iterator[Figure]:
    """Measure the service on a primary and on its standby, at the same time."""
    with where.model() as juju:
        juju.deploy(where.charm(), "pg", num_units=2)
        where.wait("the units to be at rest", lambda: len(_roles(juju)) == 2, 0.2)
        script = f"exec python3 -c {shlex.quote(LOOK % (PERIODS, PERIOD_S))}"
        roles = sorted(_roles(juju).items())
        # Each on its own machine: the one takes nothing of what the other is counted for.
        with ThreadPoolExecutor() as pool:
            runs = [(role, pool.submit(where.shell, juju, unit, script)) for role, unit in roles]
            for role, run in runs:
                found = json.loads(run.result())
                name = f"watching, {role}"
                yield Figure(f"{name}: memory", "MB", found["memory"], goal=MEMORY)
                yield Figure(f"{name}: share of a core", "%", found["share"], goal=SHARE)
                yield Figure(f"{name}: times woken", "1/s", found["wakes"])


def _roles(juju: jubilant.Juju) -> dict[str, str]:
    """The units by their role, once each has its own and is at rest."""
    app = juju.status().apps["pg"]
    if app.app_status.current != "active":
        return {}
    return {
        unit.workload_status.message.split()[0].rstrip(","): name
        for name, unit in app.units.items()
        if unit.is_active and unit.juju_status.current == "idle"
    }
