"""Whatever starts a server that was a primary, it comes up as a standby with its whole log."""

import os
import signal
import subprocess
import threading
import time

import pytest

from postgresql import commands, configuration, files, gate, postmaster, settings, sql
from postgresql.errors import NotReachable, QueryRefused, ServerRefused, SettingRefused
from postgresql.layout import Layout
from postgresql.settings import Settings
from tests.functional.lab import Lab, ask, frozen, pid_of, stopped, until, value


def is_standby(layout: Layout) -> bool:
    try:
        return value(layout, "SELECT pg_is_in_recovery()") is True
    except (NotReachable, QueryRefused):
        # The session may end in the midst of its query, with the process that crashed.
        return False


def kill(layout: Layout) -> None:
    pid = postmaster.running_pid(layout)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: not postmaster.is_running(layout))


def rows(layout: Layout) -> list[tuple[object, ...]]:
    return ask(layout, "SELECT n FROM public.t ORDER BY n")


@pytest.fixture
def primary(lab: Lab) -> Layout:
    layout = lab.primary()
    gate.close(layout)
    ask(layout, "CREATE TABLE public.t (n int)")
    ask(layout, "INSERT INTO public.t VALUES (1)")
    return layout


def test_a_killed_primary_is_started_as_a_standby_that_has_everything(primary: Layout):
    kill(primary)

    subprocess.run(["systemctl", "restart", primary.service], check=True)

    until(lambda: is_standby(primary))
    assert rows(primary) == [(1,)]


def test_a_primary_that_stands_still_is_deposed_all_the_same(primary: Layout):
    """It heeds no signal but one, and an election may wait for the hook that deposes it."""
    with frozen(primary), sql.keeping(gives_up=True, doubts=True):
        gate.start_as_standby(primary)
    assert is_standby(primary)
    assert rows(primary) == [(1,)]


def test_a_primary_whose_checkpoint_never_ends_is_deposed_all_the_same(primary: Layout):
    """It takes the request to stop, and to stop at once, and comes to the end of neither."""
    with stopped(pid_of(primary, "checkpointer")):
        assert gate.start_as_standby(primary)

    assert is_standby(primary)
    assert rows(primary) == [(1,)]
    log = primary.log_file.read_text()
    assert "received fast shutdown request" in log
    assert "received immediate shutdown request" in log


def test_a_stopped_primary_is_started_as_a_standby_by_the_packagings_own_program(primary: Layout):
    postmaster.stop(primary)

    result = commands.run(["pg_ctlcluster", str(primary.major), primary.name, "start"])

    assert result.returncode == 0, result.stderr
    until(lambda: is_standby(primary))
    assert rows(primary) == [(1,)]


def test_a_primary_one_of_whose_processes_crashes_comes_back_as_a_standby(primary: Layout):
    pid = postmaster.running_pid(primary)
    writer = pid_of(primary, "background writer")

    os.kill(writer, signal.SIGKILL)

    until(lambda: is_standby(primary))
    assert postmaster.running_pid(primary) == pid, "the postmaster restarted its processes itself"
    assert rows(primary) == [(1,)]


def test_the_charm_opens_the_gate_and_closes_it_again(primary: Layout):
    kill(primary)

    assert gate.start_as_primary(primary)

    assert gate.is_primary(primary)
    assert primary.standby_signal.exists()
    assert value(primary, "SELECT timeline_id FROM pg_control_checkpoint()") == 1
    assert rows(primary) == [(1,)]
    assert not gate.start_as_primary(primary)


def test_one_that_came_up_as_a_standby_is_restarted_as_a_primary(primary: Layout):
    kill(primary)
    assert gate.start_as_standby(primary)
    assert is_standby(primary)
    assert not gate.start_as_standby(primary)

    assert gate.start_as_primary(primary)

    assert gate.is_primary(primary) and primary.standby_signal.exists()
    ask(primary, "INSERT INTO public.t VALUES (2)")
    assert rows(primary) == [(1,), (2,)]


def test_a_running_primary_becomes_a_standby(primary: Layout):
    assert not gate.start_as_standby(primary, depose=False)
    assert gate.is_primary(primary)

    assert gate.start_as_standby(primary)

    assert is_standby(primary)
    assert rows(primary) == [(1,)]


def test_the_gate_is_closed_where_a_primary_does_not_start(primary: Layout):
    postmaster.stop(primary)
    primary.conf_file.write_text("shared_buffers = 100TB\n")

    with pytest.raises(ServerRefused):
        gate.start_as_primary(primary)

    assert primary.standby_signal.exists()


def test_the_gate_is_closed_before_a_long_recovery_has_ended(primary: Layout):
    ask(
        primary,
        "CREATE TABLE public.big AS SELECT repeat('x', 500) FROM generate_series(1, 400000) g",
    )
    kill(primary)
    seen: set[tuple[str, bool]] = set()
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            seen.add((postmaster.status(primary), primary.standby_signal.exists()))
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        gate.start_as_primary(primary)
        until(lambda: gate.is_primary(primary))
    finally:
        ended.set()
        watcher.join()

    assert ("starting", True) in seen
    assert ("ready", False) not in seen


def test_a_recovery_with_the_gate_open_is_not_begun_anew(primary: Layout):
    ask(
        primary,
        "CREATE TABLE public.big AS SELECT repeat('x', 500) FROM generate_series(1, 400000) g",
    )
    kill(primary)
    primary.standby_signal.unlink()
    postmaster.start(primary, wait_s=0)
    pid = until(lambda: postmaster.running_pid(primary))

    assert gate.start_as_primary(primary)

    assert postmaster.running_pid(primary) == pid
    until(lambda: gate.is_primary(primary))
    assert primary.standby_signal.exists()


def test_a_restart_for_a_setting_leaves_a_primary_a_primary_and_a_standby_a_standby(lab: Lab):
    primary = lab.primary()
    gate.close(primary)
    standby = lab.standby(primary)

    assert settings.ensure(primary, Settings(extra="shared_buffers = 96MB"))
    assert settings.ensure(standby, Settings(extra="shared_buffers = 96MB"))

    assert value(primary, "SHOW shared_buffers") == "96MB"
    assert gate.is_primary(primary) and primary.standby_signal.exists()
    assert value(standby, "SHOW shared_buffers") == "96MB"
    assert is_standby(standby)


def test_a_setting_that_does_not_start_leaves_a_primary_a_primary(lab: Lab):
    primary = lab.primary()
    gate.close(primary)
    # Only the real server finds its port's lock file in the way.
    socket = primary.socket_directory / f".s.PGSQL.{primary.port + 1000}"
    socket.mkdir()
    text = (files.read(primary.conf_file) or "") + f"port = {primary.port + 1000}\n"
    try:
        with pytest.raises(SettingRefused):
            configuration.apply(primary, {primary.conf_file: text}, may_restart=True)
    finally:
        socket.rmdir()

    assert gate.is_primary(primary) and primary.standby_signal.exists()
    assert value(primary, "SHOW port") == str(primary.port)
