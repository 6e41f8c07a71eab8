"""The sentinel's service with systemd: what it finds, and that nothing ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import psycopg2
import pytest

import watch
from decisions.steps import Instruct
from machine import ThisMachine
from postgresql import files, gate, postmaster, services, sql, terms
from postgresql.layout import NOTES, Layout
from sentinel import events, findings
from sentinel.findings import Findings
from state.member import Member
from state.options import Options
from state.peers import Peers
from surroundings import Surroundings
from tests.functional.lab import Lab, ask, frozen, until, value
from tests.functional.mounts import DISK, fill, mounted, move_wal, moved
from tests.functional.watcher import Watcher, primary_of, standby_of, watcher

TERM = 3
# How late a hook may be asked for that is asked for within a second, on a machine that does much
# else: without the sentinel it would be up to five minutes.
SOON_S = 5.0
# kB. On Ubuntu 26.04, whose Python is 3.14, it takes 30.3 MB.
MEMORY = (30 if sys.version_info < (3, 14) else 32) * 1024


@pytest.fixture
def sentinel() -> Generator[Watcher, None, None]:
    with watcher() as one:
        yield one


@pytest.fixture
def primary(lab: Lab) -> Layout:
    """Where the charm has its server: one that is primary of the term."""
    layout = lab.primary(main=True)
    with sql.local(layout) as connection:
        terms.begin(connection, TERM)
    files.write(layout.standby_signal, "", mode=0o600)
    return layout


def test_a_standby_that_is_lost_is_told_of_within_a_second_or_so(
    lab: Lab, primary: Layout, sentinel: Watcher
) -> None:
    standby = lab.standby(primary)
    sentinel.start(primary, primary_of(TERM, "lab_1"))
    before = time.time()

    postmaster.stop(standby, "immediate")

    hook = sentinel.agent.heard(events.STANDBYS_CHANGED, before)
    assert hook.unit == "lab/0"
    assert hook.at - before < SOON_S


def test_a_server_that_is_frozen_is_found_by_a_write(
    lab: Lab, primary: Layout, sentinel: Watcher
) -> None:
    lab.standby(primary)
    sentinel.start(primary, primary_of(TERM, "lab_1"))
    before = time.time()

    with frozen(primary):
        until(lambda: sentinel.found.unwell == "no answer within 3 s")
        told_anew(sentinel, before)

        thawed = time.time()

    until(lambda: not sentinel.found.unwell)
    told_anew(sentinel, thawed)
    assert sentinel.found == Findings(term=TERM)
    assert postmaster.is_accepting(primary)


def told_anew(sentinel: Watcher, since: float) -> None:
    """Waits for a hook: of what is seen together the last stands for all, as hooks look at all."""
    until(lambda: sentinel.agent.hooks(since))


def test_a_primary_that_is_frozen_is_lost_to_its_standby_until_it_is_back(
    lab: Lab, sentinel: Watcher
) -> None:
    primary = lab.primary()
    standby = lab.standby(primary, main=True)
    sentinel.start(standby, standby_of(primary, TERM))
    before = time.time()

    with frozen(primary):
        until(lambda: sentinel.found.lost)
        told_anew(sentinel, before)
        found = sentinel.found
        assert found.lost == "no answer within 3 s" and not found.unwell
        assert before - SOON_S < found.since <= time.time()

        thawed = time.time()

    until(lambda: not sentinel.found.lost)
    found = sentinel.found
    assert (found.since, found.heard_term) == (0.0, TERM) and found.heard > 0
    told_anew(sentinel, thawed)


def test_a_primary_whose_wal_has_no_room_is_found_behind_the_gate(
    lab: Lab, primary: Layout, sentinel: Watcher, tmp_path: Path
) -> None:
    postmaster.stop(primary)
    with mounted(tmp_path / "wal", DISK) as wal:
        move_wal(primary, wal)
        primary.standby_signal.unlink()
        postmaster.start(primary)
        files.write(primary.standby_signal, "", mode=0o600)
        sentinel.start(primary, primary_of(TERM, alone=True))
        before = time.time()

        fill(wal / "ballast")
        with pytest.raises(psycopg2.Error):
            write_until_it_ends(primary)

        until(lambda: sentinel.agent.hooks(before))
        sentinel.agent.heard(events.SERVER_GATED, before, 60)
        postmaster.stop(primary, "immediate")


def test_a_primary_whose_tables_have_no_room_is_told_of_though_it_takes_small_writes(
    lab: Lab, primary: Layout, sentinel: Watcher, tmp_path: Path
) -> None:
    postmaster.stop(primary)
    data = primary.data_directory
    with mounted(tmp_path / "wal", DISK) as wal, moved(data, tmp_path / "data", DISK):
        move_wal(primary, wal)
        gate.start_as_primary(primary)
        sentinel.start(primary, primary_of(TERM, alone=True))
        until(lambda: sentinel.found.term == TERM)
        before = time.time()

        fill(data / "ballast")

        until(lambda: sentinel.found.ailing)
        assert sentinel.found.ailing == f"{data} is full; make room"
        assert not sentinel.found.unwell
        sentinel.agent.heard(events.PROBE_FAILED, before)
        (data / "ballast").unlink()
        until(lambda: not sentinel.found.ailing)
        sentinel.agent.heard(events.PROBE_ANSWERED, before)
        postmaster.stop(primary)


def write_until_it_ends(layout: Layout) -> None:
    connection = psycopg2.connect(
        host=str(layout.socket_directory), port=layout.port, user="postgres", dbname="postgres"
    )
    connection.autocommit = True
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT pg_logical_emit_message(false, 'x', repeat('x', 4000000))")


def test_one_that_is_frozen_itself_is_restarted_and_goes_on(
    lab: Lab, primary: Layout, sentinel: Watcher
) -> None:
    standby = lab.standby(primary)
    sentinel.start(primary, primary_of(TERM, "lab_1"))
    pid, before = sentinel.pid, time.time()

    os.kill(pid, signal.SIGSTOP)
    # It has gone and come back by the time that somebody looks again.
    postmaster.stop(standby, "immediate")
    postmaster.start(standby)
    until(lambda: sentinel.pid not in (0, pid), 60)

    assert sentinel.restarts == 1
    until(lambda: "watchdog" in sentinel.journal.lower())
    sentinel.agent.heard(events.WATCH_RESUMED, before)
    until(lambda: services.is_active(watch.SERVICE) and findings.PATH.exists())
    until(lambda: looks_at(primary))
    before = time.time()
    postmaster.stop(standby, "immediate")
    sentinel.agent.heard(events.STANDBYS_CHANGED, before)


def looks_at(layout: Layout) -> bool:
    query = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'pg-hot-standby-sentinel'"
    return bool(ask(layout, query))


@pytest.mark.parametrize("away", ["fail", "vanish"])
def test_without_an_agent_it_keeps_what_it_has_to_tell_and_goes_on(
    lab: Lab, primary: Layout, sentinel: Watcher, away: str
) -> None:
    standby = lab.standby(primary)
    sentinel.start(primary, primary_of(TERM, "lab_1"))
    pid = sentinel.pid
    getattr(sentinel.agent, away)()

    postmaster.stop(standby, "immediate")
    with frozen(primary):
        until(lambda: sentinel.found.unwell)
    until(lambda: not sentinel.found.unwell)
    assert sentinel.agent.hooks() == []

    sentinel.agent.work()
    # All that waited needs one hook: it looks at everything.
    until(sentinel.agent.hooks)
    assert sentinel.pid == pid and sentinel.restarts == 0


def test_nothing_of_it_is_left_when_the_unit_goes(primary: Layout, sentinel: Watcher) -> None:
    sentinel.start(primary, primary_of(TERM, alone=True))
    unit = services.UNITS / watch.SERVICE
    assert services.has_processes(watch.SERVICE) and unit.exists()
    here = ThisMachine()

    here.stop()
    here.clean_up()

    assert not services.is_active(watch.SERVICE) and not services.has_processes(watch.SERVICE)
    assert not unit.exists() and not NOTES.exists() and not findings.PATH.parent.exists()
    links = Path("/etc/systemd/system/multi-user.target.wants")
    assert not (links / watch.SERVICE).is_symlink()
    assert primary.data_directory.exists() and not postmaster.is_running(primary)


def test_one_that_cannot_run_is_told_of_and_nothing_is_promised(
    primary: Layout, sentinel: Watcher
) -> None:
    plan = [Instruct(7, TERM, False, True, False, True, (), 0, "", None)]
    me = "lab/0"
    here = Surroundings(
        peers=Peers(me, joined=True, record=None, credentials_id="", members={me: Member(me)}),
        options=Options(None, None, None, None, None, "", None),
        leader=False,
        address="",
        credentials=None,
    )
    hidden = services.UNITS / f"{watch.SERVICE}.d" / "broken.conf"
    files.make_directory(hidden.parent, owner="root")
    files.write(hidden, "[Service]\nExecStart=\nExecStart=/bin/false\n", owner="root")
    try:
        # The second time systemd is about to start it again, as it does for ever.
        for _ in range(2):
            report = ThisMachine().take(plan, here)
            assert not report.instructed
            (failure,) = report.failures
            assert failure.startswith(f"cannot start {watch.SERVICE}: ")
    finally:
        files.remove_tree(hidden.parent)
    subprocess.run(["systemctl", "daemon-reload"], check=True)

    report = ThisMachine().take(plan, here)

    assert report.instructed and report.failures == []
    assert sentinel.pid
    until(lambda: looks_at(primary))


def test_it_is_small(lab: Lab, sentinel: Watcher) -> None:
    primary = lab.primary()
    standby = lab.standby(primary, main=True)
    sentinel.start(standby, standby_of(primary, TERM))
    # It has asked both servers by then, and libpq has all that it needs for a password.
    probe = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'pg-hot-standby-probe'"
    until(lambda: looks_at(standby) and ask(primary, probe))
    with frozen(primary):
        until(lambda: sentinel.found.lost)
    until(lambda: not sentinel.found.lost)

    assert resident(sentinel.pid) < MEMORY
    assert value(standby, "SELECT pg_is_in_recovery()") is True


def resident(pid: int) -> int:
    """What a process has in memory, shared pages included, in kB."""
    (line,) = [
        line
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        if line.startswith("Rss:")
    ]
    return int(line.split()[1])
