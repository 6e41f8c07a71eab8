"""How long writes stand still when the primary changes, beside Patroni's pair with etcd."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import jubilant

from bench import gaps, patroni, where
from bench.figures import Figure, Goal, spread
from localjuju.host import machines, paths
from localjuju.host.machine import Machine
from tests.failover.stage import Stage, add_machine
from tests.integration.cluster import Cluster

APP = "pg"
ROUNDS = 2
HAND_OVERS = 2
PATRONI = "Patroni 3.0.2 at its defaults (ttl 30, asynchronous), two members and etcd on a third"


class Charmed:
    """The charm's pair; a `gaps.Pair`."""

    name = "the charm's pair"
    service = "localjuju-agent.service"

    def __init__(self, juju: jubilant.Juju) -> None:
        """Deploy it; returns when commits wait for the standby and the writers' table is there."""
        assert juju.model
        client = machines.get(juju.model, add_machine(juju, bare=True))
        juju.deploy(where.charm(), APP, num_units=2)
        self._stage = Stage(Cluster(juju, APP, Path(where.charm())), client)
        self.settle()
        self._stage.learn()
        for unit in self._stage.units():
            self._stage.let_in(unit)
        self._stage.make_table()
        self.client = client
        self.members: Mapping[str, Machine] = self._stage.members()

    def hand_over(self) -> None:
        """Have the other member be primary, as planned."""
        cluster = self._stage.cluster
        cluster.juju.run(f"{APP}/leader", "switchover", {"to": cluster.standbys[0]})

    def settle(self) -> None:
        """Wait until all is at rest and commits wait for the standby."""
        # Juju shows a hook that a loss of power ended as failed, and runs it again.
        self._stage.cluster.settle(2, retried=True)

    def arrange(self, *, leads: bool) -> None:
        """Have the leader on the primary's machine, or on the other."""
        cluster = self._stage.cluster
        while (cluster.primary == cluster.leader) != leads:
            self.hand_over()
            self.settle()

    def lease_ends(self) -> float:
        """Return when the leader's lease ends unless it is renewed, by time.monotonic()."""
        database = f"file:{paths.home()}/controller.sqlite?mode=ro"
        with contextlib.closing(sqlite3.connect(database, uri=True)) as store:
            (expires,) = store.execute(
                "SELECT expires FROM lease JOIN model ON lease.model = model.uuid"
                " WHERE model.name = ? AND application = ?",
                (self._stage.model, APP),
            ).fetchone()
        return expires - time.time() + time.monotonic()


@dataclass
class Samples:
    """What was measured of one pair, in seconds.

    Attributes:
        switchover: gaps of planned changes.
        lost: gaps where the primary's machine was killed; of ours, with the leader elsewhere.
        lost_leader: the same with the leader on it.
        above_lease: what of these lies above the rest of the lease.
        lease: the rest of it.
        back: until the former primary followed.
        missing: rows that were acknowledged and are not there.
    """

    switchover: list[float] = field(default_factory=list[float])
    lost: list[float] = field(default_factory=list[float])
    lost_leader: list[float] = field(default_factory=list[float])
    above_lease: list[float] = field(default_factory=list[float])
    lease: list[float] = field(default_factory=list[float])
    back: list[float] = field(default_factory=list[float])
    missing: int = 0


def figures() -> Iterator[Figure]:
    """Measure."""
    ours, theirs = Samples(), Samples()
    with where.model() as juju, patroni.cluster() as baseline, ThreadPoolExecutor() as pool:
        charmed = Charmed(juju)
        for _ in range(ROUNDS):
            for _ in range(HAND_OVERS):
                _hand_over(charmed, ours)
                _hand_over(baseline, theirs)
            charmed.arrange(leads=False)
            _kill(charmed, ours)
            charmed.arrange(leads=True)
            # At the same time, as both do little else than wait for a clock: it saves a minute.
            beside = pool.submit(_kill, baseline, theirs)
            _kill_leader(charmed, ours)
            beside.result()
    yield from _told(ours, theirs)


def _told(ours: Samples, theirs: Samples) -> Iterator[Figure]:
    yield Figure(
        "switchover of a pair, write gap",
        "s",
        ours.switchover,
        theirs.switchover,
        PATRONI,
        Goal("value", "at most", 0.7),
        "until the former primary, as a standby, has the first commit on its disk; of Patroni's"
        " pair, until the new primary alone has it",
    )
    yield Figure(
        "primary's machine killed, leader elsewhere, write gap",
        "s",
        ours.lost,
        theirs.lost,
        PATRONI,
        Goal("value", "at most", 12),
        f"acknowledged rows that the new primary lacks, of all changes: {ours.missing} of the"
        f" charm's, {theirs.missing} of Patroni's",
    )
    yield Figure(
        "primary's machine killed, leader on it, write gap",
        "s",
        ours.lost_leader,
        theirs.lost,
        PATRONI,
        note=f"the lease went on for {spread(ours.lease)} s",
    )
    yield Figure(
        "the same above the rest of the lease",
        "s",
        ours.above_lease,
        goal=Goal("value", "at most", 5),
    )
    yield Figure(
        "former primary follows again, from the start of its agent",
        "s",
        ours.back,
        theirs.back,
        f"from the start of Patroni's own service; {PATRONI}",
        Goal("value", "at most", 5),
    )


def _hand_over(pair: gaps.Pair, samples: Samples) -> None:
    change = _changed(pair, samples, "switchover", lambda _: pair.hand_over())
    samples.switchover.append(change.gap)
    pair.settle()


def _kill(pair: gaps.Pair, samples: Samples) -> None:
    change = _changed(
        pair, samples, "machine killed", lambda primary: pair.members[primary].kill()
    )
    samples.lost.append(change.gap)
    _come_back(pair, samples, change)


def _kill_leader(pair: Charmed, samples: Samples) -> None:
    ends: list[float] = []

    def kill(primary: str) -> None:
        pair.members[primary].kill()
        # From here on nobody renews it.
        ends.append(pair.lease_ends())

    change = _changed(pair, samples, "machine killed with the leader", kill)
    rest = ends[0] - change.stopped
    samples.lost_leader.append(change.gap)
    samples.lease.append(rest)
    samples.above_lease.append(change.gap - rest)
    _come_back(pair, samples, change)


def _changed(
    pair: gaps.Pair, samples: Samples, what: str, act: Callable[[str], object]
) -> gaps.Change:
    change = gaps.of_change(pair, act)
    samples.missing += change.lost
    where.say(f"  {pair.name}, {what}: {change.gap:.2f} s without a commit")
    return change


def _come_back(pair: gaps.Pair, samples: Samples, change: gaps.Change) -> None:
    samples.back.append(gaps.back_again(pair, change))
    where.say(f"  {pair.name}, back: follows after {samples.back[-1]:.2f} s")
    pair.settle()
