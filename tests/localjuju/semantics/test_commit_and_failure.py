"""juju-semantics: "Commit and failure"."""

from __future__ import annotations

import os
import signal
from itertools import pairwise

from tests.localjuju.semantics.harness import Model, until

# Everything that a hook can change, in one script.
CHANGES = """
relation-set -r cluster:0 word=changed
relation-set -r cluster:0 --app word=changed
secret-add --label made key=value
open-port 5432/tcp
state-set word=changed
"""


def _committed(model: Model) -> tuple[object, ...]:
    return (
        model.json("probe/0", "relation-get -r cluster:0 - probe/0").get("word"),
        model.json("probe/0", "relation-get -r cluster:0 --app - probe").get("word"),
        len(model.controller.secrets(model.name)),
        model.json("probe/0", "opened-ports"),
        model.json("probe/0", "state-get") or {},
    )


NOTHING = (None, None, 0, [], {})
EVERYTHING = ("changed", "changed", 1, ["5432/tcp"], {"word": "changed"})


def test_exit_0_commits_everything(model: Model) -> None:
    model.deploy()
    model.script("probe/0", "config-changed", CHANGES)
    model.configure(text="second")
    model.wait_run("probe/0", "config-changed", 2)
    model.settle()
    assert _committed(model) == EVERYTHING


def test_nothing_is_committed_before_the_hook_ends(model: Model) -> None:
    model.deploy(units=2)
    leader = model.wait_leader()
    other = next(unit for unit in model.units() if unit != leader)
    model.script(
        leader, "config-changed", CHANGES + "\nuntil [ -e $probe/go ]; do sleep 0.02; done"
    )
    model.configure(text="second")
    until(lambda: model.runs(leader, "config-changed")[1:], "the hook")
    until(lambda: "secret:" in model.runs(leader, "config-changed")[1].out, "its changes")
    assert "word" not in model.json(other, f"relation-get -r cluster:0 - {leader}")
    assert model.controller.secrets(model.name) == {}
    assert "open-ports" not in model.unit_status(leader)
    (model.probe(leader) / "go").touch()
    told = ("cluster-relation-changed", leader)
    until(lambda: model.abouts(other).count(told) == 2, "the others to be told")
    assert model.json(other, f"relation-get -r cluster:0 - {leader}")["word"] == "changed"


def test_a_non_zero_exit_discards_all_of_it(model: Model) -> None:
    model.deploy()
    model.script("probe/0", "config-changed", CHANGES + "exit 1")
    model.configure(text="second")
    model.wait_run("probe/0", "config-changed", 2)
    model.script("probe/0", "config-changed", "true")
    model.settle()
    assert _committed(model) == NOTHING


def test_a_commit_error_is_a_hook_failure_and_changes_nothing(model: Model) -> None:
    model.deploy()
    # The second secret's label is taken by the first, which is found out at the commit only.
    model.script("probe/0", "config-changed", CHANGES + "secret-add --label made key=other")
    model.configure(text="second")
    model.wait_error("probe/0", "config-changed")
    model.script("probe/0", "config-changed", "true")
    model.settle()
    assert _committed(model) == NOTHING


def _status(model: Model) -> str:
    return model.unit_status("probe/0")["workload-status"].get("message", "")


def test_losing_leadership_fails_the_whole_hook_that_wrote_the_app_bag(model: Model) -> None:
    model.deploy(units=2)
    leader = model.wait_leader()
    other = next(unit for unit in model.units() if unit != leader)
    wait = "until [ -e $probe/go ]; do sleep 0.02; done"
    model.script(
        leader,
        "config-changed",
        "relation-set -r cluster:0 own=1; relation-set -r cluster:0 --app word=late;" + wait,
    )
    model.configure(text="second")
    model.wait_run(leader, "config-changed", 2, ended=False)
    pid = model.freeze(leader)
    until(lambda: model.leader() == other, "another leader")
    os.kill(pid, signal.SIGCONT)
    (model.probe(leader) / "go").touch()
    until(
        lambda: (
            model.unit_status(leader)["workload-status"].get("message")
            == 'hook failed: "config-changed"'
        ),
        "the failure",
    )
    assert "word" not in model.json(other, "relation-get -r cluster:0 --app - probe")
    assert "own" not in model.json(other, f"relation-get -r cluster:0 - {leader}")


def test_statuses_version_and_log_are_immediate_and_never_rolled_back(model: Model) -> None:
    model.deploy()
    model.script(
        "probe/0",
        "config-changed",
        "status-set blocked 'at once'; application-version-set 9.9;"
        "juju-log -l WARNING 'logged at once'; touch $probe/said;"
        "until [ -e $probe/go ]; do sleep 0.02; done; exit 1",
    )
    model.configure(text="second")
    until(lambda: (model.probe("probe/0") / "said").exists(), "the hook to say it")
    status = model.unit_status("probe/0")["workload-status"]
    assert (status["current"], status["message"]) == ("blocked", "at once")
    formatted = model.controller.status(model.name)["formatted"]
    assert formatted["applications"]["probe"]["version"] == "9.9"
    until(
        lambda: [
            line
            for line in model.controller.debug_log(model.name, replay=True, follow=False)
            if line["message"] == "logged at once"
        ],
        "the log line",
    )
    (model.probe("probe/0") / "go").touch()
    model.wait_error("probe/0", "config-changed")
    model.script("probe/0", "config-changed", "true")
    model.settle()
    status = model.unit_status("probe/0")["workload-status"]
    assert (status["current"], status["message"]) == ("blocked", "at once")


def test_the_pin_of_secret_get_survives_a_failed_hook(model: Model) -> None:
    model.deploy(units=2)
    leader = model.wait_leader()
    other = next(unit for unit in model.units() if unit != leader)
    uri = model.out(leader, "secret-add key=first").strip()
    model.script(other, "config-changed", f"secret-get {uri}; exit 1")
    model.configure(text="second")
    model.wait_run(other, "config-changed", 2)
    model.exec(leader, f"secret-set {uri} key=second")
    assert model.json(other, f"secret-get {uri}") == {"key": "first"}


def test_a_failure_shows_as_an_error_and_the_same_hook_is_retried(model: Model) -> None:
    model.deploy()
    model.script("probe/0", "config-changed", "exit 1")
    model.configure(text="second")

    def error_of_an_idle_agent() -> bool:
        shown = model.unit_status("probe/0")
        states = (shown["workload-status"]["current"], shown["juju-status"]["current"])
        return states == ("error", "idle") and _status(model) == 'hook failed: "config-changed"'

    until(error_of_an_idle_agent, "the error")
    model.wait_run("probe/0", "config-changed", 3)
    model.script("probe/0", "config-changed", "true")
    model.settle()
    assert set(model.names("probe/0")[5:]) == {"config-changed"}


def test_the_wait_between_retries_doubles_up_to_a_bound(model: Model) -> None:
    model.deploy()
    model.script("probe/0", "config-changed", "exit 1")
    model.configure(text="second")
    model.wait_run("probe/0", "config-changed", 6)
    begins = [run.begin for run in model.runs("probe/0", "config-changed")][1:]
    waits = [later - earlier for earlier, later in pairwise(begins)]
    # 0.2, 0.4, 0.8, 0.8 s, each +- 20 %, and what the hook itself takes.
    assert 0.16 <= waits[0] < 0.5
    assert waits[1] > waits[0]
    assert waits[2] > waits[1]
    assert waits[3] < 1.4


def test_other_hooks_wait_for_the_failed_one_but_actions_run(model: Model) -> None:
    model.deploy()
    model.script("probe/0", "config-changed", "exit 1")
    model.configure(text="second")
    model.wait_error("probe/0", "config-changed")
    model.controller.add_unit(model.name, "probe")
    model.wait_run("probe/1", "start")
    assert model.act("probe/0", "speak")["status"] == "completed"
    assert "cluster-relation-joined" not in model.names("probe/0")
    model.wait_error("probe/0", "config-changed")
    model.script("probe/0", "config-changed", None)
    model.wait_run("probe/0", "cluster-relation-joined")


def test_resolved_runs_the_hook_at_once(model: Model) -> None:
    model.deploy()
    model.script("probe/0", "config-changed", "[ -e $probe/mended ]")
    model.configure(text="second")
    model.wait_error("probe/0", "config-changed")
    (model.probe("probe/0") / "mended").touch()
    model.controller.resolved(model.name, ["probe/0"])
    model.settle()
    assert model.runs("probe/0", "config-changed")[-1].code == 0


def test_resolved_no_retry_skips_the_hook(model: Model) -> None:
    model.deploy()
    model.script("probe/0", "config-changed", "exit 1")
    model.configure(text="second")
    model.wait_error("probe/0", "config-changed")
    model.controller.resolved(model.name, ["probe/0"], retry=False)
    model.settle()
    assert all(run.code for run in model.runs("probe/0", "config-changed")[1:])


def test_a_failed_hook_is_not_retried_if_the_model_says_so(model: Model) -> None:
    model.controller.set_model_config(model.name, {"automatically-retry-hooks": "false"})
    model.deploy()
    model.script("probe/0", "config-changed", "exit 1")
    model.configure(text="second")
    model.wait_error("probe/0", "config-changed")
    assert model.act("probe/0", "speak")["status"] == "completed"
    model.wait_error("probe/0", "config-changed")
    model.controller.resolved(model.name, ["probe/0"])
    model.wait_run("probe/0", "config-changed", 3)
    assert len(model.runs("probe/0", "config-changed")) == 3
