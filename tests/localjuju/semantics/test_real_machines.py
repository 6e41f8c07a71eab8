"""A few of the semantics on machines of their own, over a network that can be cut."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from localjuju.controller import wire
from localjuju.controller.facade import Controller
from localjuju.controller.shapes import Task
from localjuju.host import links, machines
from tests.localjuju.semantics.harness import pack, until

if os.geteuid() != 0:
    pytest.skip("machines need root", allow_module_level=True)

# Where the caller's images are, looked up before any fixture sets another home.
IMAGES = wire.home_directory() / "images"
LEASE_S = 8.0
TIMING = {
    "lease_s": LEASE_S,
    "renew_s": LEASE_S / 2,
    "ping_s": 1.0,
    "silence_s": 4.0,
    "lost_s": 2.0,
}
SLOWNESS_S = 10.0
"""How much later than it should a busy host may do something."""
PATIENCE_S = 90.0


class Cloud:
    """One model with one application on real machines."""

    def __init__(self, home: Path, name: str) -> None:
        self.home = home
        self.name = name
        self.controller = Controller.connect(home)
        self.charm = pack(home)

    def kill_controller(self) -> None:
        """Kill the daemon; the next connection starts another."""
        pid = self.controller.info()["pid"]
        self.controller.close()
        os.kill(pid, signal.SIGKILL)
        self.controller = Controller.connect(self.home)
        assert self.controller.info()["pid"] != pid

    def unit(self, unit: str) -> dict[str, object]:
        formatted = self.controller.status(self.name)["formatted"]
        return formatted["applications"]["probe"]["units"][unit]

    def machine(self, unit: str) -> machines.Machine:
        return machines.get(self.name, str(self.unit(unit)["machine"]))

    def hooks(self, unit: str) -> list[str]:
        runs = self.machine(unit).root / "var/lib/probe" / unit.replace("/", "-") / "runs"
        ended = (path for path in sorted(runs.glob("[0-9]*")) if (path / "code").exists())
        return [path.name.partition("-")[2] for path in ended]

    def leader(self) -> str | None:
        units = self.controller.status(self.name)["formatted"]["applications"]["probe"]["units"]
        return next((unit for unit, row in units.items() if row.get("leader")), None)

    def has_machines(self) -> bool:
        found = self.controller.status(self.name)["formatted"].get("machines", {})
        return len(found) == 2 and all("dns-name" in row for row in found.values())

    def exec(self, unit: str, command: str) -> Task:
        task = self.controller.exec(self.name, command, units=[unit])["tasks"][0]["id"]
        assert task is not None
        return self.controller.task(self.name, task, wait=PATIENCE_S)

    def settle(self) -> None:
        until(self.has_machines, "the machines", PATIENCE_S)
        for unit in ("probe/0", "probe/1"):
            until(
                lambda unit=unit: "cluster-relation-changed" in self.hooks(unit), unit, PATIENCE_S
            )


@pytest.fixture(scope="module")
def cloud() -> Generator[Cloud]:
    # A home of its own, short as sockets lie in it, with the images that are there already.
    home = Path(f"/tmp/lj-real-{os.getpid()}")
    home.mkdir()
    IMAGES.mkdir(parents=True, exist_ok=True)
    (home / "images").symlink_to(IMAGES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCALJUJU_HOME", str(home))
        # The tests of the command line, in the same session, set these for themselves.
        patch.delenv("LOCALJUJU_PROVIDER", raising=False)
        patch.delenv("LOCALJUJU_JUJU_VERSION", raising=False)
        patch.setenv("LOCALJUJU_TIMING", json.dumps(TIMING))
        made = Cloud(home, "semantics")
        try:
            made.controller.add_model(made.name)
            made.controller.deploy(made.name, made.charm, application="probe", num_units=2)
            made.settle()
            yield made
        finally:
            for row in made.controller.models():
                for _ in made.controller.destroy_model(row["name"], force=True, no_wait=True):
                    pass
            left = machines.list_models()
            made.controller.shutdown()
        assert left == []
    until(lambda: not (home / "controller.sock").exists(), "the controller to end")
    shutil.rmtree(home)


def test_each_unit_has_a_machine_with_systemd_and_an_address_of_its_own(cloud: Cloud) -> None:
    seen: set[str] = set()
    for unit in ("probe/0", "probe/1"):
        command = "cat /proc/1/comm; hostname; unit-get private-address; grep ^ID= /etc/os-release"
        lines = cloud.exec(unit, command)["results"]["stdout"].splitlines()
        assert lines[0] == "systemd"
        assert lines[1] == cloud.machine(unit).hostname
        assert lines[2] == cloud.machine(unit).address
        assert lines[3] == "ID=ubuntu"
        seen.add(lines[2])
    assert len(seen) == 2


def test_juju_exec_is_in_the_machines_path(cloud: Cloud) -> None:
    done = cloud.machine("probe/0").exec(["juju-exec", "probe/0", "relation-ids cluster"])
    assert done.stdout == "cluster:0\n"


def test_the_agent_comes_back_when_it_is_killed_and_runs_no_hook(cloud: Cloud) -> None:
    before = cloud.hooks("probe/0")
    command = ["systemctl", "show", "-P", "MainPID", "localjuju-agent.service"]
    machine = cloud.machine("probe/0")
    first = machine.exec(command).stdout
    machine.exec(["systemctl", "kill", "-s", "KILL", "localjuju-agent.service"])
    until(lambda: machine.exec(command).stdout not in ("0\n", first), "another agent")
    assert cloud.exec("probe/0", "true")["status"] == "completed"
    assert cloud.hooks("probe/0") == before


def test_machines_and_agents_outlive_a_killed_controller(cloud: Cloud) -> None:
    before = {unit: cloud.hooks(unit) for unit in ("probe/0", "probe/1")}
    boots = cloud.machine("probe/0").boots
    cloud.kill_controller()
    for unit in before:
        assert cloud.exec(unit, "true")["status"] == "completed"
    assert {unit: cloud.hooks(unit) for unit in before} == before
    assert cloud.machine("probe/0").boots == boots


@pytest.mark.parametrize("delay", [0.1, 0.5])
def test_a_deploy_and_a_destroy_are_finished_by_the_next_controller(
    cloud: Cloud, delay: float
) -> None:
    name = f"killed-{int(delay * 10)}"
    cloud.controller.add_model(name)
    cloud.controller.deploy(name, cloud.charm)
    # The moment is the test's parameter, not something waited for.
    time.sleep(delay)
    cloud.kill_controller()

    def agent() -> str:
        formatted = cloud.controller.status(name)["formatted"]
        return formatted["applications"]["probe"]["units"]["probe/0"]["juju-status"]["current"]

    until(lambda: agent() == "idle", "the unit", PATIENCE_S)
    next(cloud.controller.destroy_model(name, force=True, no_wait=True))
    with Controller.connect(cloud.home) as another:
        os.kill(another.info()["pid"], signal.SIGKILL)
    cloud.controller.close()
    cloud.controller = Controller.connect(cloud.home)
    until(
        lambda: name not in [row["name"] for row in cloud.controller.models()],
        "the model to go",
        PATIENCE_S,
    )
    assert machines.list_models() == [cloud.name]


def test_a_reboot_gives_one_extra_start(cloud: Cloud) -> None:
    before = cloud.hooks("probe/1")
    cloud.machine("probe/1").reboot()
    until(lambda: len(cloud.hooks("probe/1")) > len(before), "the start hook", PATIENCE_S)
    assert cloud.exec("probe/1", "true")["status"] == "completed"
    assert cloud.hooks("probe/1") == [*before, "start"]


def test_a_hook_that_an_orderly_reboot_ends_is_requeued_and_no_error(cloud: Cloud) -> None:
    probe = cloud.machine("probe/1").root / "var/lib/probe/probe-1"
    script = "[ -e $probe/once ] && exit 0; touch $probe/once; sleep 600"
    (probe / "do/config-changed").write_text(script)
    cloud.controller.set_config(cloud.name, "probe", {"text": "second"})
    until((probe / "once").exists, "the hook", PATIENCE_S)
    changed = cloud.hooks("probe/1").count("config-changed")
    machine = cloud.machine("probe/1")
    machine.reboot()
    until(lambda: cloud.hooks("probe/1").count("config-changed") > changed, "it", PATIENCE_S)
    run = max(probe.glob("runs/*-config-changed"))
    booted = machine.exec(["stat", "-c", "%.9Y", "/run/localjuju/running"]).stdout
    # One that had failed would have waited for 4 s at the least.
    assert float((run / "begin").read_text()) - float(booted) < 3.9
    until(lambda: _agent(cloud, "probe/1") == "idle", "the unit to be idle", PATIENCE_S)


def test_a_leader_that_is_cut_off_is_replaced_and_comes_back_as_another(cloud: Cloud) -> None:
    leader = until(cloud.leader, "a leader")
    other = "probe/1" if leader == "probe/0" else "probe/0"
    elected = cloud.hooks(other).count("leader-elected")
    before = cloud.hooks(leader)
    cut = time.monotonic()
    links.cut(cloud.machine(leader), links.CONTROLLER)
    until(lambda: cloud.leader() == other, "another leader", PATIENCE_S)
    assert LEASE_S / 2 - 1 < time.monotonic() - cut < LEASE_S + SLOWNESS_S
    until(lambda: cloud.hooks(other).count("leader-elected") > elected, "its hook", PATIENCE_S)
    until(lambda: _agent(cloud, leader) == "lost", "the loss to show", PATIENCE_S)
    links.heal(cloud.machine(leader), links.CONTROLLER)
    until(lambda: _agent(cloud, leader) == "idle", "its return", PATIENCE_S)
    assert cloud.exec(leader, "is-leader")["results"]["stdout"] == "False\n"
    assert cloud.hooks(leader) == before


def _agent(cloud: Cloud, unit: str) -> object:
    status = cloud.unit(unit)["juju-status"]
    assert isinstance(status, dict)
    return status["current"]  # pyright: ignore[reportUnknownVariableType]


def test_a_machine_that_lost_power_is_down_until_it_is_started(cloud: Cloud) -> None:
    machine = cloud.machine("probe/0")
    starts = cloud.hooks("probe/0").count("start")
    machine.kill()
    until(lambda: _agent(cloud, "probe/0") == "lost", "the loss to show", PATIENCE_S)
    machine.start()
    until(lambda: cloud.hooks("probe/0").count("start") > starts, "the start hook", PATIENCE_S)
    until(lambda: _agent(cloud, "probe/0") == "idle", "its return", PATIENCE_S)
