"""A cluster's life: made, started, stopped, set aside."""

import dataclasses
import os
import shutil
import signal

import pytest

from postgresql import cluster, files, postmaster, settings
from postgresql.errors import ServerRefused
from postgresql.settings import Settings
from tests.functional.lab import Lab, ask, log_of, until, value


def test_a_new_cluster_is_what_the_charm_promises(lab: Lab):
    layout = lab.primary(cluster_id="some-id")

    found = cluster.state(layout)
    assert found.exists and found.cluster_id == "some-id" and found.system_id.isdigit()
    assert found.timeline == 1 and not found.standby_signal
    assert value(layout, "SHOW data_checksums") == "on"
    assert value(layout, "SHOW wal_level") == "replica"
    assert value(layout, "SHOW password_encryption") == "scram-sha-256"
    assert ask(
        layout, "SELECT datcollate, pg_encoding_to_char(encoding) FROM pg_database LIMIT 1"
    ) == [("C.UTF-8", "UTF8")]
    assert "auto" in layout.start_conf.read_text().splitlines()


def test_making_a_cluster_again_changes_nothing(lab: Lab):
    layout = lab.created()
    before = cluster.state(layout)

    assert not cluster.create(layout, "lab")

    assert cluster.state(layout) == before


def test_an_interrupted_creation_leaves_no_cluster_and_the_next_one_succeeds(lab: Lab):
    layout = lab.layout()
    half = layout.data_directory.with_name(f"{layout.name}.new")
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text(str(layout.major))

    assert not cluster.state(layout).exists
    assert cluster.create(layout, "lab")

    assert postmaster.start(layout)
    assert not half.exists()


@pytest.mark.parametrize("left", [("start.conf",), ("start.conf", "postgresql.conf")])
def test_an_interrupted_configuration_is_made_anew(lab: Lab, left: tuple[str, ...]):
    layout = lab.created()
    for path in layout.config_directory.iterdir():
        if path.is_file() and path.name not in left:
            path.unlink()
    shutil.rmtree(layout.conf_file.parent)

    assert cluster.ensure_config(layout)
    settings.ensure(layout, Settings())

    assert postmaster.start(layout)


def test_a_data_directory_of_somebody_else_is_never_touched(lab: Lab):
    layout = lab.created(cluster_id="theirs")
    before = cluster.state(layout)

    with pytest.raises(ServerRefused, match="theirs"):
        cluster.create(layout, "ours")

    assert cluster.state(layout) == before


def test_files_that_are_no_cluster_are_not_overwritten(lab: Lab):
    layout = lab.layout()
    layout.data_directory.mkdir(parents=True)
    (layout.data_directory / "letter.txt").write_text("dear")

    with pytest.raises(ServerRefused, match="not empty"):
        cluster.create(layout, "ours")

    assert (layout.data_directory / "letter.txt").read_text() == "dear"


def test_a_server_that_does_not_start_is_quoted(lab: Lab):
    layout = lab.created()
    (layout.data_directory / "global" / "pg_control").write_bytes(b"rubbish")

    with pytest.raises(ServerRefused, match=r"(?i)pg_control|control file"):
        postmaster.start(layout)

    assert not postmaster.is_running(layout)


def test_a_server_whose_port_is_taken_is_not_taken_for_the_other(lab: Lab):
    first = lab.primary()
    second = dataclasses.replace(lab.layout(), port=first.port)
    cluster.create(second, "lab")

    with pytest.raises(ServerRefused, match=f"(?i)port.*{first.port}"):
        postmaster.start(second)

    assert not postmaster.is_accepting(second)
    assert postmaster.is_accepting(first)


@pytest.mark.parametrize("mode", ["smart", "fast", "immediate"])
def test_stop_waits_until_the_server_is_gone(lab: Lab, mode: str):
    layout = lab.primary()

    assert postmaster.stop(layout, mode)  # type: ignore[arg-type]

    assert not postmaster.is_running(layout)
    state = cluster.state(layout).control_state
    assert state == ("in production" if mode == "immediate" else "shut down")
    assert not postmaster.stop(layout)
    assert postmaster.start(layout)


def test_a_stopped_server_can_be_started_right_after_a_start(lab: Lab):
    layout = lab.created()
    for _ in range(4):
        postmaster.start(layout)
        postmaster.stop(layout)
    assert postmaster.start(layout)
    assert cluster.state(layout).control_state == "in production"


def test_a_stale_postmaster_pid_is_no_running_server(lab: Lab):
    layout = lab.created()
    (layout.data_directory / "postmaster.pid").write_text(f"{os.getpid()}\n")

    assert not postmaster.is_running(layout)
    assert postmaster.start(layout)


def test_a_killed_server_is_seen_to_be_gone_and_starts_again(lab: Lab):
    layout = lab.primary()
    pid = postmaster.running_pid(layout)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: not postmaster.is_running(layout))

    assert postmaster.start(layout)


def test_only_the_newest_directory_set_aside_is_kept(lab: Lab):
    layout = lab.created()
    older = layout.data_directory.with_name(f"{layout.name}.set-aside-20200101T000000Z")
    older.mkdir()

    target = cluster.set_aside(layout)

    assert target is not None and (target / "PG_VERSION").exists()
    assert cluster.aside(layout.data_directory) == [target]
    assert not layout.data_directory.exists()
    assert cluster.set_aside(layout) is None


def test_a_running_server_is_not_set_aside(lab: Lab):
    layout = lab.primary()

    with pytest.raises(ServerRefused, match="runs"):
        cluster.set_aside(layout)

    assert postmaster.is_accepting(layout)


def test_reload_tells_what_the_server_refuses(lab: Lab):
    layout = lab.primary()
    files.write(layout.extra_conf_file, "work_mem = 'much'\n", mode=0o644)

    with pytest.raises(ServerRefused, match="work_mem"):
        postmaster.reload(layout)

    assert value(layout, "SHOW work_mem") == "4MB"


def test_client_errors_are_not_the_servers(lab: Lab):
    layout = lab.primary()
    with pytest.raises(Exception, match="nowhere"):
        ask(layout, "SELECT * FROM nowhere")
    assert "nowhere" in log_of(layout)

    assert postmaster.recent_errors(layout) == []


def test_a_released_cluster_does_not_start_with_the_machine(lab: Lab):
    layout = lab.created()

    cluster.release(layout)

    assert "manual" in layout.start_conf.read_text()
    assert not any(path.exists() for path in layout.conf_files)
    assert cluster.state(layout).exists
