"""juju-semantics: ``juju-exec``, by which a charm raises its own events."""

from __future__ import annotations

import subprocess

from tests.localjuju.semantics.harness import Model, until


def _juju_exec(model: Model, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [model.root("probe/0") / "usr/bin/juju-exec", *args], capture_output=True, text=True
    )


def test_it_runs_a_command_in_the_units_context(model: Model) -> None:
    model.deploy()
    done = _juju_exec(model, "probe/0", "relation-ids cluster; pwd; echo $JUJU_HOOK_NAME.")
    lines = done.stdout.splitlines()
    assert lines[0] == "cluster:0"
    assert lines[1].endswith("unit-probe-0/charm")
    assert lines[2] == "."


def test_it_takes_the_unit_as_a_tag_and_the_command_as_words(model: Model) -> None:
    model.deploy()
    assert _juju_exec(model, "unit-probe-0", "echo", "two", "words").stdout == "two words\n"


def test_it_gives_the_commands_exit_status_and_both_outputs(model: Model) -> None:
    model.deploy()
    done = _juju_exec(model, "probe/0", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


def test_it_raises_an_event_of_the_charms_own(model: Model) -> None:
    model.deploy()
    dispatch = model.root("probe/0") / "var/lib/juju/agents/unit-probe-0/charm/dispatch"
    model.script("probe/0", "woken", "relation-set -r cluster:0 woken=yes")
    done = _juju_exec(model, "probe/0", "JUJU_DISPATCH_PATH=hooks/woken", str(dispatch))
    assert done.returncode == 0
    assert model.runs("probe/0")[-1].name == "woken"
    assert model.out("probe/0", "relation-get -r cluster:0 woken probe/0") == "yes\n"


def test_it_waits_its_turn_behind_a_running_hook(model: Model) -> None:
    model.deploy()
    model.script("probe/0", "config-changed", "sleep 0.4")
    model.configure(text="second")
    hook = model.wait_run("probe/0", "config-changed", 2, ended=False)
    done = _juju_exec(model, "probe/0", "date +%s.%N")
    ended = model.runs("probe/0")[-1].end
    assert ended is not None
    assert hook.begin < ended <= float(done.stdout)


def test_it_runs_while_the_unit_is_in_error(model: Model) -> None:
    model.deploy()
    model.script("probe/0", "config-changed", "exit 1")
    model.configure(text="second")
    model.wait_error("probe/0", "config-changed")
    assert _juju_exec(model, "probe/0", "echo here").stdout == "here\n"


def test_what_its_tools_changed_is_committed_even_if_the_command_fails(model: Model) -> None:
    model.deploy()
    _juju_exec(model, "probe/0", "relation-set -r cluster:0 word=kept; exit 1")
    assert model.out("probe/0", "relation-get -r cluster:0 word probe/0") == "kept\n"


def test_an_unknown_unit_is_refused(model: Model) -> None:
    model.deploy()
    done = _juju_exec(model, "probe/7", "true")
    assert done.returncode == 1
    assert done.stderr == 'ERROR unit "probe/7" not found\n'


def test_it_fails_at_once_while_the_controller_is_away(model: Model) -> None:
    model.deploy()
    assert _juju_exec(model, "probe/0", "true").returncode == 0
    model.host.kill_controller()
    done = _juju_exec(model, "probe/0", "true")
    assert done.returncode == 1
    assert done.stderr == "ERROR connection is shut down\n"
    model.host.start_controller()
    until(lambda: _juju_exec(model, "probe/0", "true").returncode == 0, "the controller's return")
