"""What the charm does to a machine besides clusters: packages, systemd units, what it leaves."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from carry_out import Actor
from decisions.steps import Checkpoint, Configure, HandOver, Start
from machine import ThisMachine, leave
from postgresql import (
    cluster,
    files,
    gate,
    install,
    logend,
    postmaster,
    services,
    sql,
    templates,
    terms,
)
from postgresql.errors import InstallFailed, ServerRefused
from postgresql.layout import DATA, NOTES, Layout
from state.options import Options
from state.peers import Peers
from surroundings import Surroundings
from tests.functional.lab import Lab, pid_of, stopped, until

ALONE = Surroundings(
    peers=Peers(me="lab/0", joined=False, record=None, credentials_id="", members={}),
    options=Options(None, None, None, None, None, "", None),
    leader=False,
    address="",
    credentials=None,
)


def test_what_is_installed_is_found_without_apt():
    assert not install.ensure_installed()

    found = Layout.find()
    assert found is not None
    version = install.server_version()
    assert version is not None and version.split(".")[0] == str(found.major)
    machine = install.machine()
    assert machine.architecture and machine.os.startswith("Ubuntu ")
    text = install.CREATECLUSTER_CONF.read_text()
    assert text.count("create_main_cluster = false") == 1
    assert "add_include_dir" in text, "the packaging's own lines must stay"


def state_of(package: str) -> str:
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    return subprocess.run(query, check=True, capture_output=True, text=True).stdout


def test_a_package_that_was_only_unpacked_is_configured():
    # As dpkg leaves it when the power fails between the two.
    found = Layout.find()
    assert found is not None
    status, package = Path("/var/lib/dpkg/status"), f"postgresql-{found.major}"
    text = status.read_text()
    entry = f"Package: {package}\nStatus: install ok "
    assert f"{entry}installed" in text
    status.write_text(text.replace(f"{entry}installed", f"{entry}unpacked"))
    assert state_of(package) == "unpacked"

    install.ensure_installed()

    assert state_of(package) == "installed"
    assert not install.ensure_installed()


def test_what_apt_refuses_is_quoted():
    with pytest.raises(InstallFailed, match="Unable to locate package no-such-package"):
        install._install(["no-such-package"])


def test_the_layout_prefers_the_version_whose_data_is_there(lab: Lab):
    layout = lab.created()

    assert Layout.find(layout.name) == Layout(layout.major, layout.name)
    assert Layout.find("never-made") == Layout(layout.major, "never-made")


UNIT = "pg-hot-standby-clone@0-test.service"
CONTEXT = {"label": "0/test", "program": "/bin/sleep 1000", "on_finish": ""}


@pytest.fixture
def unit():
    services.remove(UNIT)
    yield UNIT
    services.remove(UNIT)


def test_a_unit_is_written_started_and_removed(unit: str):
    assert services.ensure(unit, "clone.service.j2", **CONTEXT)
    assert not services.ensure(unit, "clone.service.j2", **CONTEXT)
    assert not services.is_active(unit)

    services.start(unit)
    assert services.is_active(unit)
    services.stop(unit)
    assert not services.is_active(unit)
    services.start(unit)

    assert services.remove(unit)
    assert not services.remove(unit)
    assert not services.is_active(unit)
    listed = subprocess.run(
        ["systemctl", "list-units", "--all", unit], capture_output=True, text=True, check=True
    )
    assert unit not in listed.stdout


def test_a_unit_that_systemd_was_not_told_of_is_told(unit: str):
    services.ensure(unit, "clone.service.j2", **CONTEXT)
    services.start(unit)
    later = {**CONTEXT, "program": "/bin/sleep 2000"}
    text = templates.render("clone.service.j2", **later)
    files.write(services.UNITS / unit, text, owner="root", mode=0o644)

    assert services.ensure(unit, "clone.service.j2", **later)

    assert not services.ensure(unit, "clone.service.j2", **later)
    services.restart_now(unit)
    assert subprocess.run(["pgrep", "-f", "^/bin/sleep 2000"], check=False).returncode == 0


def test_a_unit_that_does_not_exist_is_refused():
    with pytest.raises(ServerRefused, match="not found"):
        services.start("pg-hot-standby-nothing.service")


def test_nothing_of_the_charms_is_left_after_it_has_gone(lab: Lab, unit: str):
    layout = lab.standby(lab.primary())
    postmaster.stop(layout)
    services.ensure(unit, "clone.service.j2", **CONTEXT)
    services.start(unit)

    cluster.release(layout)
    services.remove_all()

    assert not list(services.UNITS.glob("pg-hot-standby*"))
    assert not services.PROGRAMS.exists() and not NOTES.exists()
    assert not list(DATA.glob(".pg-hot-standby*"))
    until(lambda: not services.is_active(unit))
    assert cluster.state(layout).exists


def test_what_a_unit_noted_that_left_by_force_is_not_its_successors():
    machine = ThisMachine()
    assert not machine.has_retired("pg/1")

    machine.retire("pg/1")

    assert machine.has_retired("pg/1") and not machine.has_retired("pg/2")
    machine.welcome()
    assert not machine.has_retired("pg/1")
    machine.retire("pg/1")
    machine.clean_up()
    assert not machine.has_retired("pg/1")


def test_a_template_that_lacks_a_value_fails_instead_of_leaving_it_empty():
    with pytest.raises(Exception, match="ident_map"):
        templates.render("pg_ident.conf.j2")


def test_a_program_does_not_outlive_its_caller():
    caller = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from postgresql import commands; commands.run(['sleep', '98765'], as_postgres=True)",
        ],
        env={"PYTHONPATH": ":".join(sys.path)},
    )

    def is_running() -> bool:
        return subprocess.run(["pgrep", "-f", "^sleep 98765"], check=False).returncode == 0

    until(is_running)
    caller.kill()
    caller.wait()
    until(lambda: not is_running())


def test_what_an_interruption_left_of_a_file_goes(tmp_path: Path):
    path = tmp_path / "passfile"
    assert files.write(path, "text", mode=0o600)
    half = tmp_path / ".passfile.new"
    half.write_text("a password")

    assert not files.write(path, "text", mode=0o600)

    assert not half.exists()


@pytest.mark.parametrize("missing", [".", "environment", "pg_hba.conf", "conf.d"])
def test_a_configuration_that_was_not_finished_is_made_whole(lab: Lab, missing: str):
    layout = lab.layout()
    cluster.create(layout, "lab")
    path = layout.config_directory / missing
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    plan = [Configure(units=1, floors={}, ceilings={}, upstream=None), Start()]
    report = Actor(layout, ALONE, poke=()).take(plan)

    assert report.failures == []
    assert report.problems == []
    assert postmaster.is_accepting(layout)


def test_a_primary_that_cannot_say_its_last_word_leaves_all_the_same(lab: Lab):
    primary = lab.primary()
    with sql.local(primary) as conn:
        terms.begin(conn, 1)
        sql.rows(conn, "DROP TABLE hot_standby.farewell")

    leave(primary)

    assert not postmaster.is_running(primary)
    assert primary.standby_signal.exists()


def test_a_primary_that_leaves_says_its_last_word(lab: Lab):
    primary = lab.primary()
    with sql.local(primary) as conn:
        terms.begin(conn, 3)
    standby = lab.standby(primary)

    leave(primary)

    def final() -> int:
        end = logend.look(standby)
        return end.final if end else 0

    until(lambda: final() == 3)


@pytest.mark.parametrize("or_end", [False, True])
def test_a_server_that_cannot_hand_over_is_ended_if_it_is_told_to_be(lab: Lab, or_end: bool):
    layout = lab.primary()
    gate.close(layout)
    with sql.local(layout) as conn:
        terms.begin(conn, 3)
    checkpointer = pid_of(layout, "checkpointer")
    with sql.keeping(gives_up=True, doubts=True), stopped(checkpointer):
        report = Actor(layout, ALONE, poke=()).take([Checkpoint(or_end), HandOver(3)])

    (failure,) = report.failures
    what_then = (
        "PostgreSQL was ended, so that a standby can take over" if or_end else "tried again"
    )
    assert "its checkpoint: " in failure and failure.endswith(what_then)
    assert bool(report.ended) is or_end
    assert gate.is_primary(layout) is not or_end
    if or_end:
        end = logend.look(layout)
        assert end is not None
        assert (end.reached, end.farewell) == (3, 0)
