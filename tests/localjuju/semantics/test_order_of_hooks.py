"""juju-semantics: "Order of hooks"."""

from __future__ import annotations

import os
import signal
import sqlite3
from itertools import pairwise
from pathlib import Path

import pytest

from tests.localjuju.semantics.harness import PATIENCE_S, Model, until


def test_deploy_of_a_leader(model: Model) -> None:
    model.deploy()
    assert model.names("probe/0") == [
        "install",
        "cluster-relation-created",
        "leader-elected",
        "config-changed",
        "start",
    ]


@pytest.mark.parametrize("model", ["3.6.28"], indirect=True)
def test_deploy_elsewhere_in_3_6_has_leader_settings_changed(model: Model) -> None:
    model.deploy()
    model.controller.add_unit(model.name, "probe")
    model.settle()
    assert model.names("probe/1")[:5] == [
        "install",
        "cluster-relation-created",
        "leader-settings-changed",
        "config-changed",
        "start",
    ]


@pytest.mark.parametrize("model", ["4.0.15"], indirect=True)
def test_deploy_elsewhere_in_4_has_no_leader_hook(model: Model) -> None:
    model.deploy()
    model.controller.add_unit(model.name, "probe")
    model.settle()
    assert model.names("probe/1")[:4] == [
        "install",
        "cluster-relation-created",
        "config-changed",
        "start",
    ]


def test_every_joined_is_followed_by_changed_for_the_same_unit(model: Model) -> None:
    model.deploy(units=3)
    for unit in model.units():
        abouts = model.abouts(unit)
        joined = [about for about in abouts if about[0].endswith("-joined")]
        assert {about[1] for about in joined} == set(model.units()) - {unit}
        for about in joined:
            after = abouts[abouts.index(about) + 1]
            assert after == ("cluster-relation-changed", about[1])


def test_relation_events_come_after_start(model: Model) -> None:
    model.deploy(units=2)
    for unit in model.units():
        names = model.names(unit)
        assert names.index("start") < names.index("cluster-relation-joined")


def test_the_app_level_changed_comes_before_joined(model: Model) -> None:
    model.deploy()
    model.exec("probe/0", "relation-set -r cluster:0 --app key=value")
    model.controller.add_unit(model.name, "probe")
    model.settle()
    abouts = model.abouts("probe/1")
    app_level = abouts.index(("cluster-relation-changed",))
    assert app_level < abouts.index(("cluster-relation-joined", "probe/0"))


def test_peers_come_after_the_other_relations(model: Model) -> None:
    model.deploy("server", units=2)
    model.deploy("client", settled=False)
    model.controller.integrate(model.name, "server:served", "client:used")
    model.controller.add_unit(model.name, "client")
    for app in ("server", "client"):
        model.settle(app)
    created = [name for name in model.names("client/1") if name.endswith("-created")]
    assert created == ["used-relation-created", "cluster-relation-created"]
    joined = [name for name in model.names("client/1") if name.endswith("-joined")]
    assert joined[-1] == "cluster-relation-joined"


def test_a_dying_unit_departs_from_its_peers_stops_and_is_removed(model: Model) -> None:
    model.deploy(units=3)
    leaver = next(unit for unit in model.units() if unit != model.wait_leader())
    others = sorted(set(model.units()) - {leaver})
    before = len(model.runs(leaver))
    record = model.host.home / "leaver"
    model.script(leaver, "remove", f"cp -r $probe/runs {record}")
    model.controller.remove_unit(model.name, [leaver])
    until(lambda: leaver not in model.units(), "the unit to go")
    abouts = [(path.name[5:], *_remote(path)) for path in sorted(record.glob("[0-9]*"))[before:]]
    assert abouts == [
        ("cluster-relation-departed", others[0], leaver),
        ("cluster-relation-departed", others[1], leaver),
        ("stop",),
        ("remove",),
    ]


def _remote(path: Path) -> list[str]:
    entries = (path / "env").read_text().split("\0")
    pairs = dict(entry.split("=", 1) for entry in entries if entry)
    found = (pairs.get("JUJU_REMOTE_UNIT"), pairs.get("JUJU_DEPARTING_UNIT"))
    return [part for part in found if part]


def test_a_dying_unit_leaves_other_relations_first(model: Model) -> None:
    model.deploy("server", units=2)
    model.deploy("client")
    model.controller.integrate(model.name, "server:served", "client:used")
    model.wait_run("server/1", "served-relation-changed")
    model.settle("server")
    before = len(model.runs("server/1"))
    record = model.host.home / "server-1"
    model.script("server/1", "remove", f"cp -r $probe/runs {record}")
    model.controller.remove_unit(model.name, ["server/1"])
    until(lambda: "server/1" not in model.units("server"), "the unit to go")
    assert [path.name[5:] for path in sorted(record.glob("[0-9]*"))[before:]] == [
        "served-relation-departed",
        "served-relation-broken",
        "cluster-relation-departed",
        "stop",
        "remove",
    ]


def test_survivors_get_departed_and_no_longer_list_the_leaver(model: Model) -> None:
    model.deploy(units=2)
    model.script("probe/0", "cluster-relation-departed", "relation-list -r cluster:0")
    model.controller.remove_unit(model.name, ["probe/1"])
    run = model.wait_run("probe/0", "cluster-relation-departed")
    assert run.about == ("cluster-relation-departed", "probe/1", "probe/1")
    assert run.out == ""
    assert model.json("probe/0", "relation-list -r cluster:0") == []


def test_all_units_of_a_removed_application_depart_as_themselves(model: Model) -> None:
    record = model.host.home / "record"
    record.mkdir()
    script = f"echo $JUJU_DEPARTING_UNIT > {record}/${{JUJU_UNIT_NAME/\\//-}}"
    model.deploy(units=2, scripts={"cluster-relation-departed": script})
    model.controller.remove_application(model.name, ["probe"])
    until(lambda: not model.units(), "the application to go")
    told = {path.name: path.read_text().strip() for path in record.iterdir()}
    assert told
    assert all(name == unit.replace("/", "-") for name, unit in told.items())


def test_a_dead_machine_gives_the_survivors_no_departed(model: Model) -> None:
    model.deploy(units=2)
    leader = model.wait_leader()
    other = next(unit for unit in model.units() if unit != leader)
    before = len(model.runs(other))
    model.cut_power(leader)
    model.wait_run(other, "leader-elected")
    assert model.names(other)[before:] == ["leader-elected"]


def test_departed_comes_after_remove_unit_force(model: Model) -> None:
    model.deploy(units=2)
    model.cut_power("probe/1")
    model.controller.remove_unit(model.name, ["probe/1"], force=True, no_wait=True)
    run = model.wait_run("probe/0", "cluster-relation-departed")
    assert run.env["JUJU_DEPARTING_UNIT"] == "probe/1"
    until(lambda: "probe/1" not in model.units(), "the unit to go")


def test_departed_comes_after_remove_machine_force(model: Model) -> None:
    model.deploy(units=2)
    machine = model.unit_status("probe/1")["machine"]
    model.cut_power("probe/1")
    model.controller.remove_machine(model.name, [machine], force=True, no_wait=True)
    model.wait_run("probe/0", "cluster-relation-departed")
    until(lambda: machine not in model.machines(), "the machine to go")


def test_force_without_no_wait_gives_a_living_agent_its_time(model: Model) -> None:
    model.deploy(units=2)
    record = model.host.home / "stopped"
    model.script("probe/1", "stop", f"touch {record}")
    model.controller.remove_unit(model.name, ["probe/1"], force=True)
    until(lambda: "probe/1" not in model.units(), "the unit to go")
    assert record.exists()


def test_a_unit_removed_by_force_leaves_the_machine_to_the_others(model: Model) -> None:
    model.deploy()
    model.deploy("other", to=["0"])
    model.script("probe/0", "stop", "exec sleep 60")
    directory = model.root("probe/0") / "var/lib/juju/agents/unit-probe-0"
    model.controller.remove_unit(model.name, ["probe/0"], force=True)
    until(lambda: "probe/0" not in model.units(), "the unit to go")
    until(lambda: not directory.exists(), "its agent to go")
    model.configure("other", text="second")
    assert model.wait_run("other/0", "config-changed", 2).code == 0


def test_a_reboot_gives_one_extra_start_and_nothing_else(model: Model) -> None:
    model.deploy()
    before = len(model.runs("probe/0"))
    model.start_machine(model.cut_power("probe/0"))
    model.wait_run("probe/0", "start", 2)
    model.settle()
    assert model.names("probe/0")[before:] == ["start"]


def test_an_agent_restart_gives_no_hook(model: Model) -> None:
    model.deploy()
    before = model.names("probe/0")
    model.kill_agent("probe/0")
    model.start_machine(model.machine("probe/0"))
    assert model.act("probe/0", "speak")["status"] == "completed"
    assert model.names("probe/0") == [*before, "speak"]


def test_a_hook_cut_off_by_power_loss_is_run_again(model: Model) -> None:
    model.deploy()
    model.script("probe/0", "config-changed", "sleep 60")
    model.configure(text="second")
    model.wait_run("probe/0", "config-changed", 2, ended=False)
    machine = model.cut_power("probe/0")
    (machine / "root/var/lib/probe/probe-0/do/config-changed").unlink()
    model.start_machine(machine)
    assert model.wait_run("probe/0", "config-changed", 3).code == 0


@pytest.mark.parametrize("name", ["KILL", "TERM"])
def test_a_hook_killed_by_a_signal_is_requeued(model: Model, name: str) -> None:
    model.deploy()
    script = "[ -e $probe/once ] || { touch $probe/once; kill -SIGNAL $PPID; }"
    model.script("probe/0", "config-changed", script.replace("SIGNAL", name))
    model.configure(text="second")
    assert model.wait_run("probe/0", "config-changed", 3).code == 0
    until(lambda: model.logged('hook "config-changed" was terminated'), "the log to say so")
    assert model.logged('"config-changed" (via hook dispatching script: dispatch) failed') == []
    history = model.controller.status_log(model.name, "probe/0")
    assert "error" not in [row["status"] for row in history]


def test_update_status_comes_by_itself_and_not_evenly(model: Model) -> None:
    # Juju takes no less than a minute; the database does.
    model.deploy()
    _set_interval(model, "400ms")
    model.wait_run("probe/0", "update-status", 8)
    begins = [run.begin for run in model.runs("probe/0", "update-status")]
    waits = [later - earlier for earlier, later in pairwise(begins)]
    # Within 0.32 to 0.48 s, and what the hook itself takes; that seven come within 0.02 s of each
    # other happens once in thirty thousand times.
    assert min(waits) > 0.31
    assert max(waits) - min(waits) > 0.02


def _set_interval(model: Model, interval: str) -> None:
    with sqlite3.connect(model.host.home / "controller.sqlite") as db:
        db.execute(
            "UPDATE model SET config=? WHERE name=?",
            (f'{{"update-status-hook-interval":"{interval}"}}', model.name),
        )
    # Any change makes the controller look again.
    model.configure(text="now")


def test_update_status_hook_interval_is_five_minutes_by_default(model: Model) -> None:
    config = model.controller.model_config(model.name)
    assert config["update-status-hook-interval"] == {"Value": "5m", "Source": "default"}


def test_hooks_of_one_machine_are_serialised(model: Model) -> None:
    model.deploy()
    scripts = {"install": "sleep 0.3", "start": "sleep 0.3"}
    model.deploy("other", scripts=scripts, to=["0"], settled=False)
    model.script("probe/0", "config-changed", "sleep 0.3")
    for word in ("one", "two", "three"):
        model.configure(text=word)
        model.wait_run("probe/0", "config-changed", 2, ended=False)
    model.settle("other")
    model.settle()
    runs = sorted([*model.runs("probe/0"), *model.runs("other/0")], key=lambda run: run.begin)
    assert len({run.env["JUJU_UNIT_NAME"] for run in runs}) == 2
    for one, two in pairwise(runs):
        assert one.end is not None
        assert one.end <= two.begin


def test_leader_elected_needs_an_idle_unit(model: Model) -> None:
    model.deploy(units=2)
    leader = model.wait_leader()
    other = next(unit for unit in model.units() if unit != leader)
    model.script(other, "config-changed", "exit 1")
    model.configure(text="second")
    until(lambda: model.unit_status(other)["workload-status"]["current"] == "error", "an error")
    model.cut_power(leader)
    until(lambda: model.leader() == other, "the other unit to lead")
    tries = len(model.runs(other, "config-changed"))
    model.wait_run(other, "config-changed", tries + 2)
    assert "leader-elected" not in model.names(other)
    model.script(other, "config-changed", None)
    model.wait_run(other, "leader-elected")


def test_there_is_no_hook_for_a_lost_leadership(model: Model) -> None:
    model.deploy(units=2)
    leader = model.wait_leader()
    before = model.names(leader)
    pid = model.freeze(leader)
    until(lambda: model.leader() not in (None, leader), "another leader", PATIENCE_S)
    os.kill(pid, signal.SIGCONT)
    until(lambda: model.unit_status(leader)["juju-status"]["current"] == "idle", "its return")
    assert model.out(leader, "is-leader").strip() == "False"
    assert model.names(leader) == before
