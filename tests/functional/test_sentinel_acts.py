"""What the sentinel does by itself, with systemd and real servers, and no hook runs."""

from __future__ import annotations

import dataclasses
import subprocess
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from postgresql import files, gate, handover, postmaster, recovery, slots, sql, synchronous, terms
from postgresql.layout import Layout
from postgresql.recovery import Upstream
from postgresql.synchronous import Setting
from sentinel.mandate import Authority
from tests.functional.lab import ADDRESS, PASSWORD, REPLICATOR, Lab, log_of, until, value
from tests.functional.watcher import Watcher, primary_of, standby_of, watcher

TERM = 3
# It looks once a second; the rest is for a machine that does much else.
SOON_S = 5.0


@pytest.fixture
def sentinel() -> Generator[Watcher, None, None]:
    with watcher() as one:
        # Nothing here waits for a hook.
        one.agent.vanish()
        yield one


def primary_of_the_term(lab: Lab, main: bool = False) -> Layout:
    layout = lab.primary(main=main)
    with sql.local(layout) as connection:
        terms.begin(connection, TERM)
    gate.close(layout)
    return layout


def pg_ctlcluster(layout: Layout, *words: str) -> None:
    """As an operator would who knows a way past systemd.

    A start fails where the server has been stopped again meanwhile.
    """
    command = ["pg_ctlcluster", "--skip-systemctl-redirect", str(layout.major), layout.name]
    subprocess.run([*command, *words], check="start" not in words, capture_output=True)


def promoted(layout: Layout) -> None:
    pg_ctlcluster(layout, "promote")


def started_without_its_gate(layout: Layout) -> None:
    pg_ctlcluster(layout, "stop")
    layout.standby_signal.unlink()
    pg_ctlcluster(layout, "start")


@pytest.mark.parametrize("opened", [promoted, started_without_its_gate])
def test_a_server_opened_behind_its_back_is_stopped_within_a_second_or_so(
    lab: Lab, sentinel: Watcher, opened: Callable[[Layout], None]
) -> None:
    primary = primary_of_the_term(lab)
    standby = lab.standby(primary, main=True)
    sentinel.start(standby, standby_of(primary, TERM))

    opened(standby)
    before = time.monotonic()

    until(lambda: times_stopped(standby) == 1 and not postmaster.is_running(standby))
    assert time.monotonic() - before < SOON_S
    said = "the cluster record of term 3 does not let this unit accept writes"
    assert sentinel.found.stopped == said
    assert f"stopping PostgreSQL: {said}" in sentinel.journal
    # Nor does it come up again to stay, whoever starts it.
    standby.standby_signal.unlink(missing_ok=True)
    pg_ctlcluster(standby, "start")
    until(lambda: times_stopped(standby) == 2 and not postmaster.is_running(standby))
    assert gate.is_primary(primary)


def times_stopped(layout: Layout) -> int:
    """How often somebody had it end at once."""
    return log_of(layout).count("received immediate shutdown request")


def test_a_primary_that_reaches_nobody_stops_and_comes_back_with_its_standby(
    lab: Lab, sentinel: Watcher
) -> None:
    primary = primary_of_the_term(lab, main=True)
    standby = lab.standby(primary)
    setting = Setting(TERM, ("lab_1",), 1)
    synchronous.ensure(primary, setting)
    sentinel.start(primary, primary_of(TERM, "lab_1"))
    pid = postmaster.running_pid(primary)

    postmaster.stop(standby, "immediate")
    until(lambda: postmaster.running_pid(primary) != pid, 60)
    until(lambda: "neither a standby nor a controller" in sentinel.journal)

    # No controller for longer: it is brought up, as a standby of nobody, and waits there.
    until(lambda: postmaster.is_accepting(primary), 60)
    assert value(primary, "SELECT pg_is_in_recovery()") is True
    postmaster.start(standby)
    until(lambda: gate.is_primary(primary) and primary.standby_signal.exists(), 60)
    assert synchronous.in_force(primary, setting)


def test_one_that_stands_alone_by_right_reaches_nobody_and_goes_on(
    lab: Lab, sentinel: Watcher
) -> None:
    primary = primary_of_the_term(lab, main=True)
    sentinel.start(primary, primary_of(TERM, alone=True))
    gate.start_as_standby(primary)
    until(lambda: not gate.is_primary(primary))

    # It is opened again for want of a controller, so that it has been without one for long.
    until(lambda: gate.is_primary(primary), 60)
    assert sentinel.found.stopped == ""


def successor(old: str, term: int) -> Authority:
    return Authority(term + 1, (old,), 1, 9, term)


def test_the_successor_takes_over_without_a_hook(lab: Lab, sentinel: Watcher) -> None:
    primary = primary_of_the_term(lab)
    standby = lab.standby(primary, main=True)
    with sql.local(standby) as connection:
        slots.ensure_on_standby(connection, ["lab_0"])
    mandate = dataclasses.replace(
        standby_of(primary, TERM), authority=successor("lab_0", TERM), peers=("lab_0",)
    )
    sentinel.start(standby, mandate)
    # What can be done before the last word is.
    until(lambda: synchronous.in_force(standby, synchronous.HOLD))
    assert value(standby, "SELECT pg_is_in_recovery()") is True

    handover.hand_over(primary, TERM)

    until(lambda: gate.is_primary(standby))
    recovery.ensure(primary, Upstream(ADDRESS, REPLICATOR, PASSWORD, "lab_0", "lab_0", 5432))
    gate.start_as_standby(primary)
    until(lambda: synchronous.in_force(standby, Setting(9, ("lab_0",), 1)))
    until(lambda: sentinel.found.promoted == TERM + 1)
    assert sentinel.found.stopped == ""
    assert value(standby, "SELECT max(term) FROM hot_standby.term") == TERM + 1
    assert standby.standby_signal.exists()

    # The agent is woken once it is there again.
    sentinel.agent.work()
    until(sentinel.agent.hooks)


def test_a_successor_whose_authority_is_void_stays_what_it_is(lab: Lab, sentinel: Watcher) -> None:
    primary = primary_of_the_term(lab)
    standby = lab.standby(primary, main=True)
    void = standby_of(primary, TERM)
    sentinel.start(standby, dataclasses.replace(void, authority=successor("lab_0", TERM)))
    until(lambda: deeds(sentinel))
    sentinel.instruct(void)
    until(lambda: not deeds(sentinel))

    handover.hand_over(primary, TERM)

    until(lambda: sentinel.found.lost)
    assert value(standby, "SELECT pg_is_in_recovery()") is True


def deeds(sentinel: Watcher) -> bool:
    """Whether a program of its own is under way beside it."""
    children = files.read(Path(f"/proc/{sentinel.pid}/task/{sentinel.pid}/children")) or ""
    return bool(children.split())
