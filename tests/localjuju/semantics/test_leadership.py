"""juju-semantics: "Leadership"."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from localjuju.controller.clock import Timing
from localjuju.controller.wire import JujuError
from tests.localjuju.semantics.harness import FAST, REPOSITORY, Host, Model, until


def test_the_lease_is_60_s_and_renewed_every_30_s() -> None:
    assert (Timing().lease_s, Timing().renew_s) == (60.0, 30.0)


def test_there_is_one_leader_and_it_stays(model: Model) -> None:
    model.deploy(units=3)
    leader = model.wait_leader()
    answers = {unit: model.out(unit, "is-leader").strip() for unit in model.units()}
    assert answers == {unit: str(unit == leader) for unit in model.units()}
    deadline = time.monotonic() + 2 * FAST["lease_s"]
    while time.monotonic() < deadline:
        assert model.leader() == leader
        time.sleep(0.2)


def test_the_first_that_claims_leads(model: Model) -> None:
    model.deploy(units=3)
    leader = model.wait_leader()
    late, early = sorted(unit for unit in model.units() if unit != leader)
    pid = model.freeze(late)
    model.cut_power(leader)
    until(lambda: model.leader() == early, "the unit that can claim to lead")
    os.kill(pid, signal.SIGCONT)
    until(lambda: model.unit_status(late)["juju-status"]["current"] == "idle", "its return")
    assert model.out(late, "is-leader").strip() == "False"
    assert model.out(early, "is-leader").strip() == "True"


def test_another_leads_when_the_leaders_machine_dies_but_not_before_the_lease_ends(
    model: Model,
) -> None:
    model.deploy(units=2)
    leader = model.wait_leader()
    other = next(unit for unit in model.units() if unit != leader)
    died = time.time()
    model.cut_power(leader)
    taken = model.wait_run(other, "leader-elected").begin
    lease_s, renew_s = FAST["lease_s"], FAST["renew_s"]
    # Renewed at most renew_s ago when the power went.
    assert lease_s - renew_s - 0.1 < taken - died < lease_s + 1.0
    assert model.out(other, "is-leader").strip() == "True"


def test_another_leads_when_the_leader_is_cut_off(model: Model) -> None:
    model.deploy(units=2)
    leader = model.wait_leader()
    other = next(unit for unit in model.units() if unit != leader)
    pid = model.freeze(leader)
    until(lambda: model.leader() == other, "the other unit to lead")
    os.kill(pid, signal.SIGCONT)
    until(lambda: model.unit_status(leader)["juju-status"]["current"] == "idle", "its return")
    assert model.out(leader, "is-leader").strip() == "False"


def test_a_short_cut_changes_nothing(model: Model) -> None:
    model.deploy(units=2)
    leader = model.wait_leader()
    before = {unit: model.names(unit) for unit in model.units()}
    pid = model.freeze(leader)
    time.sleep(FAST["lease_s"] - FAST["renew_s"] - 0.8)
    os.kill(pid, signal.SIGCONT)
    model.settle()
    assert model.leader() == leader
    assert {unit: model.names(unit) for unit in model.units()} == before


def test_removing_the_leader_revokes_its_lease_at_once(model: Model) -> None:
    model.deploy(units=2)
    leader = model.wait_leader()
    other = next(unit for unit in model.units() if unit != leader)
    model.controller.remove_unit(model.name, [leader])
    until(lambda: leader not in model.units(), "the leader to go")
    gone = time.monotonic()
    model.wait_run(other, "leader-elected", ended=False)
    assert time.monotonic() - gone < FAST["lease_s"] - FAST["renew_s"]


def test_a_lease_can_be_taken_from_a_leader_that_lives_and_given_to_another(model: Model) -> None:
    model.deploy(units=3)
    leader = model.wait_leader()
    before = model.names(leader)
    other = next(unit for unit in reversed(list(model.units())) if unit != leader)
    begun = time.monotonic()
    model.controller.move_leadership(model.name, other)
    model.wait_run(other, "leader-elected")
    assert time.monotonic() - begun < FAST["lease_s"] - FAST["renew_s"]
    # There is no hook for one that leads no more; it is told when it renews its claim.
    until(lambda: model.out(leader, "is-leader").strip() == "False", "it to know")
    deadline = time.monotonic() + 2 * FAST["lease_s"]
    while time.monotonic() < deadline:
        assert model.leader() == other
        time.sleep(0.2)
    assert model.names(leader) == before


def test_who_was_deprived_of_the_lease_believes_for_a_while_and_commits_nothing_as_leader(
    model: Model,
) -> None:
    model.deploy(units=2)
    leader = model.wait_leader()
    other = next(unit for unit in model.units() if unit != leader)
    script = (
        "is-leader; relation-set -r cluster:0 --app stolen=yes; touch $probe/written; "
        "until [ -e $probe/go ]; do sleep 0.02; done; is-leader"
    )
    model.script(leader, "config-changed", script)
    # Within what its last claim guarantees.
    model.out(leader, "is-leader")
    model.configure(text="second")
    until((model.probe(leader) / "written").exists, "the hook")
    model.controller.move_leadership(model.name, other)
    (model.probe(leader) / "go").touch()
    run = model.wait_run(leader, "config-changed", 2)
    assert run.out.startswith("True\n")
    model.script(leader, "config-changed", None)
    model.wait_run(leader, "config-changed", 3)
    model.settle()
    assert "stolen" not in model.out(other, "relation-get -r cluster:0 --app - probe")


def test_a_lease_goes_to_no_unit_that_is_not_there(model: Model) -> None:
    model.deploy()
    with pytest.raises(JujuError, match='unit "probe/9" not found'):
        model.controller.move_leadership(model.name, "probe/9")
    assert model.wait_leader() == "probe/0"


def test_a_lease_is_moved_by_the_command_line(host: Host, model: Model) -> None:
    model.deploy(units=2)
    other = next(unit for unit in model.units() if unit != model.wait_leader())

    def lease(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [REPOSITORY / "localjuju/bin/lease", *words],
            env={**os.environ, "LOCALJUJU_HOME": str(host.home)},
            capture_output=True,
            text=True,
        )

    assert lease("-m", model.name, "move", other).returncode == 0
    assert model.leader() == other
    refused = lease("-m", model.name, "move", "probe/9")
    assert (refused.returncode, refused.stderr) == (1, 'lease: unit "probe/9" not found\n')


def test_the_hooks_of_a_cut_off_unit_stop(model: Model) -> None:
    model.deploy()
    model.script("probe/0", "config-changed", "until [ -e $probe/go ]; do sleep 0.02; done")
    model.configure(text="second")
    model.wait_run("probe/0", "config-changed", 2, ended=False)
    model.host.kill_controller()
    model.script("probe/0", "config-changed", "config-get text; relation-ids cluster")
    (model.probe("probe/0") / "go").touch()
    model.wait_run("probe/0", "config-changed", 2)
    before = len(model.runs("probe/0"))
    time.sleep(FAST["retry_max_s"])
    assert len(model.runs("probe/0")) == before
    model.host.start_controller()
    model.settle()


def test_the_workload_of_a_cut_off_unit_goes_on(model: Model) -> None:
    model.deploy()
    beat = model.probe("probe/0") / "beat"
    model.exec("probe/0", f"(while :; do date > {beat}; sleep 0.05; done) >/dev/null 2>&1 &")
    pid = model.freeze("probe/0")
    until(
        lambda: model.unit_status("probe/0")["juju-status"]["current"] == "lost", "it to be lost"
    )
    beat.unlink()
    until(beat.exists, "another beat")
    os.kill(pid, signal.SIGCONT)


def test_hook_tools_of_a_cut_off_unit_fail_and_the_hook_is_retried(model: Model) -> None:
    model.deploy()
    script = "until [ -e $probe/go ]; do sleep 0.02; done; goal-state"
    model.script("probe/0", "config-changed", script)
    model.configure(text="second")
    model.wait_run("probe/0", "config-changed", 2, ended=False)
    model.host.kill_controller()
    (model.probe("probe/0") / "go").touch()
    run = model.wait_run("probe/0", "config-changed", 2)
    assert run.code == 1
    assert run.err == "ERROR connection is shut down\n"
    model.host.start_controller()
    assert model.wait_run("probe/0", "config-changed", 3).code == 0
