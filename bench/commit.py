"""Commits on a primary with a standby and archiving, beside a pair made by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bench import by_hand, where
from bench.figures import Figure, Goal

ROUNDS = 4
SECONDS = 8
CLIENTS = 4
PGBENCH = """\
cd /tmp
if sudo -u postgres createdb bench 2> /dev/null; then
    sudo -u postgres pgbench -q -i -s 10 bench 2> /dev/null
fi
sudo -u postgres psql -Xq -c CHECKPOINT
sudo -u postgres pgbench -n -c {clients} -j 2 -T {seconds} bench
"""


def figures() -> Iterator[Figure]:
    """Measure."""
    with where.model() as juju:
        by_hand.build(juju, machines := where.add_machines(juju, 2))
        juju.deploy(where.charm(), "pg", num_units=2)
        where.wait(
            "the pair to stream",
            lambda: "1 of 1 standbys streaming" in juju.status().apps["pg"].app_status.message,
            0.2,
        )
        leader = next(name for name, unit in juju.status().apps["pg"].units.items() if unit.leader)
        rates: dict[str, list[float]] = {leader: [], machines[0]: []}
        waits: dict[str, list[float]] = {leader: [], machines[0]: []}
        for turn in range(ROUNDS + 1):
            order = [leader, machines[0]]
            for target in order if turn % 2 else reversed(order):
                said = where.shell(juju, target, PGBENCH.format(clients=CLIENTS, seconds=SECONDS))
                if turn:  # The first one fills what the others find filled.
                    rates[target].append(_value(r"tps = ([\d.]+)", said))
                    waits[target].append(_value(r"latency average = ([\d.]+) ms", said))
        against = "a pair made by hand with the same settings and cp as archive_command"
        goal = 0.97
        yield Figure(
            "pgbench throughput",
            "1/s",
            rates[leader],
            rates[machines[0]],
            against,
            Goal("ratio", "at least", goal),
        )
        yield Figure(
            "pgbench latency",
            "ms",
            waits[leader],
            waits[machines[0]],
            against,
            Goal("ratio", "at most", 1 / goal),
        )


def _value(pattern: str, said: str) -> float:
    found = re.search(pattern, said)
    if found is None:
        raise ValueError(f"pgbench said {said!r}")
    return float(found[1])
