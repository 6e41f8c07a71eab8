"""juju-semantics: "Commit and failure"."""

from __future__ import annotations

import os
import signal
from itertools import pairwise

import pytest

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


# What a hook can do to secrets that are there already; $given, $shown … are their URIs.
SECRET_CHANGES = """
secret-set $given key=changed
secret-grant $given --relation $relation
secret-revoke $shown --relation $relation
secret-remove $spare
secret-add --label added key=value
[ -e $probe/well ]
"""


def test_secrets_are_updated_granted_revoked_and_removed_by_exit_0_only(model: Model) -> None:
    model.deploy("server")
    model.deploy("client")
    model.controller.integrate(model.name, "server:served", "client:used")
    model.wait_run("server/0", "served-relation-changed")
    relation = model.json("server/0", "relation-ids served")[0].partition(":")[2]
    given, shown, spare = (
        model.out("server/0", f"secret-add --label {label} key=first").strip()
        for label in ("given", "shown", "spare")
    )
    model.exec("server/0", f"secret-grant {shown} --relation {relation}")

    def seen() -> tuple[object, ...]:
        reads = [model.try_exec("client/0", f"secret-get {uri}") for uri in (given, shown)]
        labels = {row["label"] for row in model.controller.secrets(model.name).values()}
        content = model.json("server/0", f"secret-get {given} --peek")["key"]
        return content, [read["results"]["return-code"] for read in reads], labels

    before = ("first", [1, 0], {"given", "shown", "spare"})
    assert seen() == before
    names = f"given={given}; shown={shown}; spare={spare}; relation={relation};"
    model.script("server/0", "config-changed", names + SECRET_CHANGES)
    model.configure("server", text="second")
    model.wait_run("server/0", "config-changed", 2)
    assert seen() == before
    (model.probe("server/0") / "well").touch()
    until(lambda: model.runs("server/0", "config-changed")[-1].code == 0, "a hook that ends well")
    model.settle("server")
    assert seen() == ("changed", [0, 1], {"given", "shown", "added"})


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
    # The label is another secret's already, which is found out at the commit only.
    uri = model.out("probe/0", "secret-add --label made key=other").strip()
    model.script("probe/0", "config-changed", CHANGES)
    model.configure(text="second")
    model.wait_error("probe/0", "config-changed")
    assert model.runs("probe/0", "config-changed")[1].code == 0
    model.script("probe/0", "config-changed", "true")
    model.settle()
    model.exec("probe/0", f"secret-remove {uri}")
    assert _committed(model) == NOTHING


def _status(model: Model) -> str:
    return model.unit_status("probe/0")["workload-status"].get("message", "")


@pytest.mark.parametrize(
    "change",
    [
        "relation-set -r cluster:0 --app word=late",
        "secret-add --label late key=value",
        "secret-set $uri key=late",
        "secret-remove $uri",
    ],
)
def test_losing_leadership_before_the_commit_fails_the_whole_hook(
    model: Model, change: str
) -> None:
    model.deploy(units=2)
    leader = model.wait_leader()
    other = next(unit for unit in model.units() if unit != leader)
    uri = model.out(leader, "secret-add --label early key=first").strip()
    model.script(
        leader,
        "config-changed",
        f"uri={uri}; relation-set -r cluster:0 own=1; {change}; touch $probe/written;"
        "until [ -e $probe/go ]; do sleep 0.02; done",
    )
    model.configure(text="second")
    until((model.probe(leader) / "written").exists, "the hook to write")
    pid = model.freeze(leader)

    def agent() -> str:
        return model.unit_status(leader)["juju-status"]["current"]

    until(lambda: model.leader() == other and agent() == "lost", "another leader")
    os.kill(pid, signal.SIGCONT)
    # The link is there again when the hook ends: only the leadership is not.
    until(lambda: agent() == "executing", "its return")
    (model.probe(leader) / "go").touch()
    failed = f'failed: cannot apply changes: "{leader}" is not leader of "probe"'
    until(lambda: model.logged(failed), "the failure")
    assert model.runs(leader, "config-changed")[1].code == 0
    assert "word" not in model.json(other, "relation-get -r cluster:0 --app - probe")
    assert "own" not in model.json(other, f"relation-get -r cluster:0 - {leader}")
    labels = [row["label"] for row in model.controller.secrets(model.name).values()]
    assert labels == ["early"]
    assert model.json(other, f"secret-get {uri} --peek") == {"key": "first"}


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
    until(lambda: model.logged("logged at once"), "the log line")
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


def test_after_a_hook_that_ended_well_the_wait_is_short_again(model: Model) -> None:
    model.deploy()
    for word in ("second", "third"):
        model.script("probe/0", "config-changed", "[ -e $probe/well ] && rm $probe/well")
        first = len(model.runs("probe/0", "config-changed"))
        model.configure(text=word)
        model.wait_run("probe/0", "config-changed", first + 4)
        (model.probe("probe/0") / "well").touch()
        model.settle()
        one, two = (run.begin for run in model.runs("probe/0", "config-changed")[first:][:2])
        # The longest that was waited for before is 0.8 s, less a fifth.
        assert two - one < 0.6


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
