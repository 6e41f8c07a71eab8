"""juju-semantics: "Actions"."""

from __future__ import annotations

from typing import Any

import pytest

from localjuju.cli.commands.actions import RUN_WAIT_S
from localjuju.controller.wire import JujuError
from tests.localjuju.semantics.harness import Model, until


@pytest.fixture
def unit(model: Model) -> str:
    model.deploy()
    return "probe/0"


def _refused(model: Model, action: str, **params: Any) -> str:
    enqueued = model.controller.run(model.name, ["probe/0"], action, params)["tasks"][0]
    assert enqueued["id"] is None
    assert enqueued["error"] is not None
    return enqueued["error"]


def test_unknown_parameters_are_rejected_and_the_call_never_runs(model: Model, unit: str) -> None:
    assert _refused(model, "speak", other=1) == (
        'validation failed: (root) : additional property "other" is not allowed, '
        'given {"nested":{"deep":"down"},"other":1,"times":1,"word":"hello"}'
    )
    assert model.runs(unit, "speak") == []


def test_juju_run_waits_60_s_by_default() -> None:
    assert RUN_WAIT_S == 60.0


def test_an_action_may_allow_any_parameter(model: Model, unit: str) -> None:
    assert model.act(unit, "loose", other=1)["status"] == "completed"


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"times": "soon"}, "(root).times : must be of type integer, given"),
        ({"times": 0}, "(root).times : must be greater than or equal to 1, given 0"),
        ({"times": 10}, "(root).times : must be less than or equal to 9, given 10"),
        ({"times": True}, "(root).times : must be of type integer, given true"),
        ({"nested": {"deep": 1}}, "(root).nested.deep : must be of type string, given 1"),
    ],
)
def test_a_bad_call_never_runs(
    model: Model, unit: str, params: dict[str, Any], problem: str
) -> None:
    assert problem in _refused(model, "speak", **params)
    assert model.runs(unit, "speak") == []


def test_a_missing_parameter_is_asked_for(model: Model, unit: str) -> None:
    assert '(root) : "must" property is missing and required' in _refused(model, "strict")


def test_defaults_are_filled_in(model: Model, unit: str) -> None:
    model.script(unit, "speak", "action-get --format=json > $probe/params")
    model.act(unit, "speak", word="bye")
    text = (model.probe(unit) / "params").read_text()
    assert text == '{"nested": {"deep": "down"}, "times": 1, "word": "bye"}\n'


def test_action_get_takes_a_dotted_key(model: Model, unit: str) -> None:
    model.script(unit, "speak", "action-get nested.deep; action-get nested.none")
    assert model.act(unit, "speak")["results"]["stdout"] == "down\n"


def test_action_set_nests_by_dots_and_values_are_strings(model: Model, unit: str) -> None:
    model.script(unit, "speak", "action-set a=1 b.c=2 b.d.e=three")
    results = model.act(unit, "speak")["results"]
    assert results == {"a": "1", "b": {"c": "2", "d": {"e": "three"}}, "return-code": 0}


@pytest.mark.parametrize("tool", ["action-get", "action-set a=1", "action-fail", "action-log x"])
def test_the_tools_of_actions_are_refused_in_a_hook(model: Model, unit: str, tool: str) -> None:
    model.script(unit, "config-changed", f"{tool} || true")
    model.configure(text="second")
    assert model.wait_run(unit, "config-changed", 2).err == "ERROR not running an action\n"


@pytest.mark.parametrize("key", ["Big", "under_score", "-a", "stdout", "é"])
def test_action_set_refuses_other_keys(model: Model, unit: str, key: str) -> None:
    model.script(unit, "speak", f"action-set {key}=1")
    task = model.act(unit, "speak")
    assert task["status"] == "failed"
    assert task["results"]["return-code"] == 2


def test_action_log_is_seen_while_the_action_runs(model: Model, unit: str) -> None:
    model.script(unit, "speak", "action-log one; until [ -e $probe/go ]; do sleep 0.02; done")
    enqueued = model.controller.run(model.name, [unit], "speak", {})
    task = enqueued["tasks"][0]["id"]
    assert task is not None
    lines = model.controller.task_log(model.name, task)
    assert next(lines)["message"] == "one"
    (model.probe(unit) / "go").touch()
    assert list(lines) == []
    assert model.controller.task(model.name, task, wait=5)["status"] == "completed"


def test_action_fail_with_exit_0_keeps_what_was_changed(model: Model, unit: str) -> None:
    script = (
        "relation-set -r cluster:0 word=kept; secret-add key=kept; action-set a=1;"
        "action-fail 'no luck'"
    )
    model.script(unit, "speak", script)
    task = model.act(unit, "speak")
    assert (task["status"], task["message"]) == ("failed", "no luck")
    assert task["results"]["a"] == "1"
    assert model.out(unit, f"relation-get -r cluster:0 word {unit}") == "kept\n"
    assert len(model.controller.secrets(model.name)) == 1


def test_a_non_zero_exit_commits_nothing_and_fails_with_the_exit_status(
    model: Model, unit: str
) -> None:
    script = (
        "relation-set -r cluster:0 word=lost; secret-add key=lost >/dev/null; open-port 80;"
        "action-set a=1; action-log said; exit 3"
    )
    model.script(unit, "speak", script)
    task = model.act(unit, "speak")
    assert (task["status"], task["message"]) == ("failed", "exit status 3")
    assert task["results"] == {"a": "1", "return-code": 3}
    assert [line["message"] for line in task["log"]] == ["said"]
    assert model.out(unit, f"relation-get -r cluster:0 word {unit}") == ""
    assert model.controller.secrets(model.name) == {}
    assert model.json(unit, "opened-ports") == []


def test_what_it_prints_is_in_the_results(model: Model, unit: str) -> None:
    model.script(unit, "speak", "echo out; echo err >&2")
    results = model.act(unit, "speak")["results"]
    assert results == {"return-code": 0, "stdout": "out\n", "stderr": "err\n"}


def test_it_runs_while_the_unit_is_in_error(model: Model, unit: str) -> None:
    model.script(unit, "config-changed", "exit 1")
    model.configure(text="second")
    model.wait_error(unit, "config-changed")
    assert model.act(unit, "speak")["status"] == "completed"
    model.wait_error(unit, "config-changed")


def test_it_never_runs_during_another_hook(model: Model, unit: str) -> None:
    model.script(unit, "config-changed", "until [ -e $probe/go ]; do sleep 0.02; done")
    model.configure(text="second")
    model.wait_run(unit, "config-changed", 2, ended=False)
    enqueued = model.controller.run(model.name, [unit], "speak", {})["operation"]
    waited = model.controller.operation(model.name, enqueued, wait=0.3)
    assert waited["tasks"][0]["status"] == "pending"
    (model.probe(unit) / "go").touch()
    done = model.controller.operation(model.name, enqueued, wait=5)
    assert done["tasks"][0]["status"] == "completed"
    hook, action = model.runs(unit)[-2:]
    assert hook.end is not None
    assert hook.end <= action.begin


def test_it_goes_on_beyond_the_wait(model: Model, unit: str) -> None:
    model.script(unit, "speak", "until [ -e $probe/go ]; do sleep 0.02; done; action-set a=1")
    enqueued = model.controller.run(model.name, [unit], "speak", {})["operation"]
    assert model.controller.operation(model.name, enqueued, wait=0.2)["completed"] is None
    (model.probe(unit) / "go").touch()
    done = model.controller.operation(model.name, enqueued, wait=5)
    assert done["tasks"][0]["results"]["a"] == "1"


def test_one_that_power_loss_cut_off_fails_and_is_not_run_again(model: Model, unit: str) -> None:
    model.script(unit, "speak", "sleep 60")
    enqueued = model.controller.run(model.name, [unit], "speak", {})["operation"]
    model.wait_run(unit, "speak", ended=False)
    model.start_machine(model.cut_power(unit))
    task = model.controller.operation(model.name, enqueued, wait=10)["tasks"][0]
    assert (task["status"], task["message"]) == ("failed", "action terminated")
    assert len(model.runs(unit, "speak")) == 1


def test_a_running_one_can_be_aborted(model: Model, unit: str) -> None:
    model.script(unit, "speak", "exec sleep 60")
    task = model.controller.run(model.name, [unit], "speak", {})["tasks"][0]["id"]
    assert task is not None
    model.wait_run(unit, "speak", ended=False)
    model.controller.cancel_task(model.name, task)
    assert model.controller.task(model.name, task, wait=5)["status"] == "aborted"


def test_one_on_the_leader(model: Model) -> None:
    model.deploy(units=2)
    leader = model.wait_leader()
    task = model.controller.run(model.name, ["probe/leader"], "speak", {})["tasks"][0]
    assert task["receiver"] == leader


@pytest.mark.parametrize("model", ["3.6.28"], indirect=True)
def test_an_unknown_one_is_refused_for_the_unit_in_3_6(model: Model, unit: str) -> None:
    assert _refused(model, "sing") == 'action "sing" not defined on unit "probe/0"'


@pytest.mark.parametrize("model", ["4.0.15"], indirect=True)
def test_an_unknown_one_is_refused_altogether_in_4(model: Model, unit: str) -> None:
    with pytest.raises(JujuError, match=r'action "sing" not defined for unit .*\(not found\)'):
        model.controller.run(model.name, [unit], "sing", {})


def test_a_unit_that_does_not_exist(model: Model, unit: str) -> None:
    enqueued = model.controller.run(model.name, ["probe/9"], "speak", {})["tasks"][0]
    assert enqueued["error"] == 'unit "probe/9" not found'


def test_exec_on_a_machine_runs_outside_of_any_context(model: Model, unit: str) -> None:
    enqueued = model.controller.exec(model.name, "echo $JUJU_UNIT_NAME.; exit 4", machines=["0"])
    task = model.controller.operation(model.name, enqueued["operation"], wait=5)["tasks"][0]
    assert task["results"] == {"return-code": 4, "stdout": ".\n"}


def test_exec_completes_whatever_the_commands_exit_status(model: Model, unit: str) -> None:
    task = model.try_exec(unit, "echo out; exit 3")
    assert task["status"] == "completed"
    assert task["results"] == {"return-code": 3, "stdout": "out\n"}


def test_exec_gives_up_after_its_timeout(model: Model, unit: str) -> None:
    enqueued = model.controller.exec(model.name, "exec sleep 60", units=[unit], timeout=0.2)
    until(
        lambda: model.controller.operation(model.name, enqueued["operation"])["completed"],
        "the timeout",
    )
