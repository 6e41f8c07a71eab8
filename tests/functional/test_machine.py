"""What the charm does to a machine besides clusters: packages, systemd units, what it leaves."""

import subprocess

import pytest

from postgresql import cluster, install, services, templates
from postgresql.errors import InstallFailed, ServerRefused
from postgresql.layout import DATA, NOTES, Layout
from tests.functional.lab import Lab, until


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


def test_a_unit_that_does_not_exist_is_refused():
    with pytest.raises(ServerRefused, match="not found"):
        services.start("pg-hot-standby-nothing.service")


def test_nothing_of_the_charms_is_left_after_it_has_gone(lab: Lab, unit: str):
    layout = lab.standby(lab.primary())
    cluster.stop(layout)
    services.ensure(unit, "clone.service.j2", **CONTEXT)
    services.start(unit)

    cluster.release(layout)
    services.remove_all()

    assert not list(services.UNITS.glob("pg-hot-standby*"))
    assert not services.PROGRAMS.exists() and not NOTES.exists()
    assert not list(DATA.glob(".pg-hot-standby*"))
    until(lambda: not services.is_active(unit))
    assert cluster.state(layout).exists


def test_a_template_that_lacks_a_value_fails_instead_of_leaving_it_empty():
    with pytest.raises(Exception, match="ident_map"):
        templates.render("pg_ident.conf.j2")
