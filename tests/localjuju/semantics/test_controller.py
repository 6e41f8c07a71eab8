"""The controller outlives its own death; several models stand side by side."""

from __future__ import annotations

import json
import time

import pytest

from localjuju.controller import processes
from localjuju.controller.wire import JujuError
from tests.localjuju.semantics.harness import Model, pack, until


def test_nothing_is_lost_when_it_is_killed(model: Model) -> None:
    model.deploy(units=2, config={"text": "kept"})
    leader = model.wait_leader()
    uri = model.out(leader, "secret-add key=kept").strip()
    model.exec(leader, "relation-set -r cluster:0 --app word=kept; open-port 80; state-set a=1")
    model.settle()
    before = {unit: model.names(unit) for unit in model.units()}
    model.host.kill_controller()
    model.host.start_controller()
    model.settle()
    assert {unit: model.names(unit) for unit in model.units()} == before
    assert model.leader() == leader
    other = next(unit for unit in before if unit != leader)
    assert model.json(other, "relation-get -r cluster:0 --app - probe") == {"word": "kept"}
    assert model.json(other, f"secret-get {uri}") == {"key": "kept"}
    assert model.json(leader, "opened-ports") == ["80/tcp"]
    assert model.json(leader, "state-get") == {"a": "1"}
    assert model.json(leader, "config-get")["text"] == "kept"


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3, 0.6])
def test_it_goes_on_with_a_deploy_in_which_it_was_killed(model: Model, delay: float) -> None:
    model.controller.deploy(model.name, pack(model.host.home), num_units=2)
    # The moment is the test's parameter, not something waited for.
    time.sleep(delay)
    model.host.kill_controller()
    model.host.start_controller()
    until(lambda: len(model.units()) == 2, "the units")
    model.settle()


def test_an_action_goes_on_while_it_is_down(model: Model) -> None:
    model.deploy()
    script = "until [ -e $probe/go ]; do juju-log beat; touch $probe/beat; sleep 0.02; done"
    model.script("probe/0", "speak", script)
    enqueued = model.controller.run(model.name, ["probe/0"], "speak", {})["operation"]
    until((model.probe("probe/0") / "beat").exists, "the action")
    model.host.kill_controller()
    (model.probe("probe/0") / "beat").unlink()
    until((model.probe("probe/0") / "beat").exists, "the action to go on")
    model.host.start_controller()
    log = model.controller.debug_log(model.name, lines=0)
    assert next(log)["message"] == "beat"
    model.host.reconnect()
    (model.probe("probe/0") / "go").touch()
    task = model.controller.operation(model.name, enqueued, wait=10)["tasks"][0]
    assert task["status"] == "completed"


def test_a_stranger_without_the_token_is_turned_away(model: Model) -> None:
    model.deploy()
    directory = model.machine("probe/0")
    config = directory / "root/var/lib/juju/agent.json"
    processes.kill(directory)
    right = config.read_text()
    config.write_text(json.dumps({**json.loads(right), "token": "wrong"}))
    processes.start(directory)
    until(lambda: model.unit_status("probe/0")["juju-status"]["current"] == "lost", "its loss")
    processes.kill(directory)
    config.write_text(right)
    processes.start(directory)
    model.settle()


def test_models_do_not_see_each_other(model: Model) -> None:
    other = Model(model.host, model.name + "-other")
    model.deploy(config={"text": "one"})
    other.deploy(config={"text": "two"})
    assert model.json("probe/0", "config-get")["text"] == "one"
    assert other.json("probe/0", "config-get")["text"] == "two"
    for _ in other.controller.destroy_model(other.name):
        pass
    assert model.units()
    assert other.name not in [row["name"] for row in model.controller.models()]


def test_destroy_model_runs_the_removal_hooks_and_leaves_nothing(model: Model) -> None:
    model.deploy(settled=False)
    kept = set((model.host.home / "charms").iterdir())
    other = Model(model.host, model.name + "-other")
    other.deploy(units=2, files={"of-its-own": ""})
    record = model.host.home / "removed"
    for unit in other.units():
        other.script(unit, "remove", f"echo $JUJU_UNIT_NAME >> {record}")
    progress = list(other.controller.destroy_model(other.name))
    assert progress[0]["machines"] == 2
    assert sorted(record.read_text().split()) == ["probe/0", "probe/1"]
    assert list((model.host.home / "machines").glob(f"{other.name}-*")) == []
    assert set((model.host.home / "charms").iterdir()) == kept
    with pytest.raises(JujuError, match="not found"):
        other.controller.status(other.name)


def test_destroy_model_takes_units_that_never_began(model: Model) -> None:
    other = Model(model.host, model.name + "-other")
    other.deploy(units=2, settled=False)
    for _ in other.controller.destroy_model(other.name):
        pass
    assert list((model.host.home / "machines").glob(f"{other.name}-*")) == []


def test_destroy_model_with_force_takes_dead_machines_too(model: Model) -> None:
    other = Model(model.host, model.name + "-other")
    other.deploy()
    other.cut_power("probe/0")
    assert list(other.controller.destroy_model(other.name, force=True))


def test_a_model_name_is_taken_once(model: Model) -> None:
    with pytest.raises(JujuError, match="already exists"):
        model.controller.add_model(model.name)
    with pytest.raises(JujuError, match="not a valid name"):
        model.controller.add_model("No_Good")
    with pytest.raises(JujuError, match="not as 2\\.9\\.0"):
        model.controller.add_model("old", juju_version="2.9.0")


def test_its_database_and_socket_are_its_owners_alone(model: Model) -> None:
    model.deploy(settled=False)
    for path in [*model.host.home.glob("controller.sqlite*"), model.host.home / "controller.sock"]:
        assert path.stat().st_mode & 0o077 == 0, path
