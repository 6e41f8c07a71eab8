"""How long no write is acknowledged while the primary changes, by what writers were told.

A writer for each member, on a machine with neither, asks it for one numbered row after another,
whatever the member is just now, and knows of each row whether it was acknowledged. So no time goes
by in looking for the primary.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from bench import where
from localjuju.host.machine import Machine
from tests.failover.attempts import Attempt, Log
from tests.failover.writers import DATABASE, TABLE, Manner, Pinned, Shell

EAGER = Manner(pace=0.01, refused=0.02, connect=1.0, answer=2.0)
ENOUGH = 30


class Pair(Protocol):
    """Two members, and a machine from which they are written to."""

    @property
    def name(self) -> str:
        """For the person at the terminal."""
        ...

    @property
    def client(self) -> Machine:
        """Where the writers' connections begin."""
        ...

    @property
    def members(self) -> Mapping[str, Machine]:
        """The members' machines by address."""
        ...

    @property
    def service(self) -> str:
        """The systemd service that takes a machine's server back into the pair after a boot."""
        ...

    def hand_over(self) -> None:
        """Have the other member be primary, as planned."""

    def settle(self) -> None:
        """Wait until all is as it should be for another change."""


@dataclass(frozen=True)
class Change:
    """A change of primary, as those who write saw it.

    Attributes:
        former: address of the primary before.
        now: and after.
        stopped: when the last row before was acknowledged, by time.monotonic().
        gap: seconds from then until the first row was acknowledged by the new primary.
        lost: how many acknowledged rows the new primary does not hold.
    """

    former: str
    now: str
    stopped: float
    gap: float
    lost: int


def of_change(pair: Pair, act: Callable[[str], object]) -> Change:
    """Measure a change of primary; `act` brings it about, and is given the primary's address.

    Raises:
        AssertionError: if no row was acknowledged in time, before or after.
    """
    run = secrets.token_hex(3)
    with _writing(pair, run) as log:
        log.wait(_acknowledged(ENOUGH), where.DEADLINE_S, "rows are acknowledged")
        former = _acknowledging(log.attempts)[-1].address
        act(former)
        log.wait(_acknowledged(ENOUGH, not_at=former), where.DEADLINE_S, "another takes writes")
    rows = _acknowledging(log.attempts)
    now, stopped, gap = between(rows, former)
    held = f"SELECT writer || ' ' || n FROM {TABLE} WHERE writer LIKE '{run}-%'"
    kept = set(sql(pair.members[now], held, DATABASE).splitlines())
    lost = sum(f"{row.writer} {row.n}" not in kept for row in rows)
    return Change(former, now, stopped, gap, lost)


def between(rows: Sequence[Attempt], former: str) -> tuple[str, float, float]:
    """Find the gap at a change of primary.

    Args:
        rows: those acknowledged, in the order of their answers.
        former: the primary's address before.

    Returns:
        The address of the next primary; when the last row before was acknowledged, by
        time.monotonic(); and seconds from then until the first one after.
    """
    first = next(row for row in rows if row.address != former)
    last = max(row.ended for row in rows if row.ended < first.ended)
    return first.address, last, first.ended - last


def back_again(pair: Pair, change: Change) -> float:
    """Switch the former primary's machine on, and return how long it takes to follow the new one.

    Returns:
        Seconds from when the service that takes care of it was started at its boot, until it
        streams.
    """
    machine = pair.members[change.former]
    streams = (
        "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
        f" AND client_addr = '{machine.address}'"
    )
    shell = Shell(pair.members[change.now])

    def following() -> bool:
        shell.tell(streams)
        return shell.hear(where.DEADLINE_S) == "1"

    try:
        with ThreadPoolExecutor() as pool:
            boot = pool.submit(machine.start)
            where.wait("the former primary to follow", following)
            seen = time.monotonic()
            boot.result()
    finally:
        shell.end()
    entered = "--property=ActiveEnterTimestampMonotonic"
    shown = machine.exec(["systemctl", "show", "--value", entered, pair.service], check=True)
    # Machines have the clock of the host: CLOCK_MONOTONIC, here in microseconds.
    return seen - int(shown.stdout) / 1e6


def sql(machine: Machine, query: str, database: str = "postgres") -> str:
    """Run a statement on the machine's own server; rows a line each."""
    words = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", query]
    return machine.exec(words, user="postgres", check=True).stdout


@contextlib.contextmanager
def _writing(pair: Pair, run: str) -> Generator[Log, None, None]:
    log, stop = Log(), threading.Event()
    state = pair.client.state()
    assert state is not None
    writers = [
        Pinned(f"{run}-{address}", log, stop, state.leader, address, EAGER)
        for address in pair.members
    ]
    for writer in writers:
        writer.start()
    try:
        yield log
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def _acknowledging(attempts: Sequence[Attempt]) -> list[Attempt]:
    return [attempt for attempt in attempts if attempt.is_acknowledged]


def _acknowledged(rows: int, not_at: str = "") -> Callable[[Sequence[Attempt]], bool]:
    def enough(attempts: Sequence[Attempt]) -> bool:
        return sum(one.address != not_at for one in _acknowledging(attempts)) >= rows

    return enough
