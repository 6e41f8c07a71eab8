"""Commits that wait for a standby, with archiving, beside a pair made by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import jubilant

from bench import by_hand, where
from bench.figures import Figure, Goal

ROUNDS = 3
PREPARE = """\
cd /tmp
sudo -u postgres createdb bench
sudo -u postgres pgbench -q -i -s 10 bench 2> /dev/null
sudo -u postgres psql -Xq -c 'CREATE TABLE one (n bigint)' bench
echo 'INSERT INTO one VALUES (1)' > one.sql
"""
PGBENCH = """\
cd /tmp
sudo -u postgres psql -Xq -c CHECKPOINT
sudo -u postgres pgbench -n {how} bench
"""
# Four clients leave segments to be archived, on all four machines, which share their processors.
ARCHIVED = """\
while sudo find /var/lib/postgresql/*/main/pg_wal/archive_status/ -name '*.ready' | grep -q .
do sleep 0.1
done
"""
MANY = "-c 4 -j 2 -T 5"
ONE = "-c 1 -T 3 -f one.sql"


@dataclass
class Samples:
    """What pgbench said of one primary.

    Attributes:
        rates: transactions of its own kind by four clients, a second.
        waits: how long each took, in ms.
        commits: how long a row took that one client inserted, in ms.
    """

    rates: list[float] = field(default_factory=list[float])
    waits: list[float] = field(default_factory=list[float])
    commits: list[float] = field(default_factory=list[float])


def figures() -> Iterator[Figure]:
    """Measure."""
    with where.model() as juju:
        by_hand.build(juju, machines := where.add_machines(juju, 2))
        juju.deploy(where.charm(), "pg", num_units=2)

        def waits_for_the_standby() -> bool:
            status = juju.status().apps["pg"].app_status
            return status.current == "active" and "1 of 1 standbys streaming" in status.message

        where.wait("commits to wait for the standby", waits_for_the_standby, 0.2)
        units = juju.status().apps["pg"].units
        leader = next(name for name, unit in units.items() if unit.leader)
        everybody = [*units, *machines]
        found = {leader: Samples(), machines[0]: Samples()}
        for target in found:
            where.shell(juju, target, PREPARE)
        for turn in range(ROUNDS + 1):
            order = [leader, machines[0]]
            for target in order if turn % 2 else reversed(order):
                # The first one fills what the others find filled.
                _measure(juju, target, everybody, found[target] if turn else Samples())
    ours, theirs = found[leader], found[machines[0]]
    against = "a pair made by hand with the same settings and cp as archive_command"
    goal = 0.97
    yield Figure(
        "pgbench throughput",
        "1/s",
        ours.rates,
        theirs.rates,
        against,
        Goal("ratio", "at least", goal),
    )
    yield Figure(
        "pgbench latency",
        "ms",
        ours.waits,
        theirs.waits,
        against,
        Goal("ratio", "at most", 1 / goal),
    )
    yield Figure(
        "commit of one row by one client",
        "ms",
        ours.commits,
        theirs.commits,
        against,
        Goal("ratio", "at most", 1.05),
        "each has it on the disk of its standby before it is acknowledged",
    )


def _measure(juju: jubilant.Juju, target: str, everybody: Sequence[str], samples: Samples) -> None:
    _settle(juju, everybody)
    said = where.shell(juju, target, PGBENCH.format(how=MANY))
    samples.rates.append(_value(r"tps = ([\d.]+)", said))
    samples.waits.append(_value(r"latency average = ([\d.]+) ms", said))
    _settle(juju, everybody)
    said = where.shell(juju, target, PGBENCH.format(how=ONE))
    samples.commits.append(_value(r"latency average = ([\d.]+) ms", said))


def _settle(juju: jubilant.Juju, everybody: Sequence[str]) -> None:
    for machine in everybody:
        where.shell(juju, machine, ARCHIVED)


def _value(pattern: str, said: str) -> float:
    found = re.search(pattern, said)
    if found is None:
        raise ValueError(f"pgbench said {said!r}")
    return float(found[1])
