"""jubilant cannot tell the command from Juju's own: its methods, on a pair of units."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jubilant
import pytest

from localjuju.cli.names import CLOUD_REGION
from tests.localjuju.cli.conftest import JUJU

GO = "var/lib/juju/agents/unit-p-1/charm/go"
"""Lets the action ``linger`` of p/1 end; ``ssh`` starts in the machine's root directory here."""


@pytest.fixture(scope="module", params=["3.6.28", "4.0.15"])
def version(request: pytest.FixtureRequest) -> str:
    """Both of the versions whose behaviour the stand-in has."""
    return str(request.param)


def test_status_has_what_jubilant_reads(pair: jubilant.Juju, version: str):
    status = pair.status()
    assert status.model.name == pair.model
    assert (status.model.type, status.model.version) == ("iaas", version)
    app = status.apps["p"]
    assert (app.charm, app.charm_name, app.charm_origin) == ("local:parrot-0", "parrot", "local")
    assert app.base is not None
    assert app.base.name == "ubuntu"
    assert (app.version, app.app_status.message) == ("1.2", "all say hello")
    assert sorted(app.units) == ["p/0", "p/1"]
    assert [unit.leader for unit in app.units.values()].count(True) == 1
    unit = app.units["p/0"]
    assert (unit.workload_status.current, unit.workload_status.message) == ("active", "says hello")
    assert unit.juju_status.current == "idle"
    assert unit.open_ports == ["7000/tcp", "7001/tcp"]
    assert status.machines[unit.machine].juju_status.current == "started"
    assert unit.public_address == status.machines[unit.machine].dns_name
    assert status.controller.timestamp.endswith("Z")


def test_the_version_is_parsed(pair: jubilant.Juju, version: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOCALJUJU_JUJU_VERSION", version)
    assert ".".join(map(str, pair.version().tuple)) == version


def test_show_unit(pair: jubilant.Juju):
    info = pair.show_unit("p/0")
    assert (info.charm, info.workload_version) == ("local:parrot-0", "1.2")
    assert info.opened_ports == ["7000/tcp", "7001/tcp"]
    relation = info.relation_info[0]
    assert (relation.endpoint, relation.related_endpoint) == ("flock", "flock")
    assert relation.app_data == {"word": "hello"}
    assert list(relation.related_units) == ["p/1"]
    assert relation.local_unit is not None
    assert relation.local_unit.in_scope


def test_an_action_gives_results_and_what_it_printed(pair: jubilant.Juju):
    task = pair.run("p/0", "say", {"word": "ahoy", "from": {"name": "joe"}})
    assert task.success
    assert task.results == {"said": "ahoy", "asker": {"name": "joe"}}
    assert task.stdout == "on stdout\n"
    assert [line.split(" UTC ")[1] for line in task.log] == ["clearing its throat"]


def test_a_leader_need_not_be_known(pair: jubilant.Juju):
    assert pair.run("p/leader", "say").results["said"] == "hello"


def test_an_action_that_fails_itself(pair: jubilant.Juju):
    with pytest.raises(jubilant.TaskError) as caught:
        pair.run("p/0", "fail")
    task = caught.value.task
    assert (task.status, task.message, task.return_code) == ("failed", "it would not", 0)
    assert task.results == {"tried": "twice"}


def test_an_action_that_crashes(pair: jubilant.Juju):
    with pytest.raises(jubilant.TaskError) as caught:
        pair.run("p/0", "crash")
    task = caught.value.task
    assert (task.status, task.return_code) == ("failed", 3)
    assert "something broke" in task.stderr


def test_an_action_that_is_not_there_or_on_no_unit(pair: jubilant.Juju):
    with pytest.raises(ValueError, match="nope"):
        pair.run("p/0", "nope")
    with pytest.raises(ValueError, match="p/9"):
        pair.run("p/9", "say")


def test_wrong_parameters_never_reach_the_charm(pair: jubilant.Juju):
    with pytest.raises(ValueError, match=r"from\.age"):
        pair.run("p/0", "say", {"from": {"age": "old"}})
    with pytest.raises(ValueError, match="volume"):
        pair.run("p/0", "fail", {"volume": 11})


def test_an_action_that_takes_too_long(pair: jubilant.Juju):
    with pytest.raises(TimeoutError):
        pair.run("p/1", "linger", wait=0.2)
    # Not with exec, which would wait for its turn behind the action.
    pair.ssh("p/1", f"touch {GO}")
    assert pair.cli("show-task", "--watch", last_task(pair)).startswith("went: at-last\n")
    pair.ssh("p/1", f"rm {GO}")


def last_task(juju: jubilant.Juju) -> str:
    operations = json.loads(juju.cli("operations", "--actions", "linger", "--format", "json"))
    return next(iter(operations[max(operations, key=int)]["tasks"]))


def test_waiting_for_what_does_not_come(pair: jubilant.Juju):
    with pytest.raises(TimeoutError, match=r"wait timed out after 0\.3s"):
        pair.wait(lambda _: False, delay=0.1, timeout=0.3)
    with pytest.raises(jubilant.WaitError, match="error function any_active returned true"):
        pair.wait(lambda _: False, error=jubilant.any_active)
    assert jubilant.all_active(pair.status(), "p")
    assert not jubilant.any_error(pair.status())


def test_a_command_line_that_fails(pair: jubilant.Juju):
    with pytest.raises(jubilant.CLIError) as caught:
        pair.cli("config", "nowhere")
    assert caught.value.returncode == 1
    assert caught.value.stderr == 'ERROR application "nowhere" not found\n'
    with pytest.raises(jubilant.CLIError) as caught:
        pair.cli("config")
    assert caught.value.returncode == 2
    assert pair.cli("ssh", "p/0", "cat", stdin="said") == "said"
    assert pair.cli("whoami", include_model=False).startswith("Controller:")


def test_exec_on_what_is_not_there(pair: jubilant.Juju):
    with pytest.raises(ValueError, match=r'unit "p/9" not found'):
        pair.exec("true", unit="p/9")
    with pytest.raises(ValueError, match=r"machine 99 not found"):
        pair.exec("true", machine=99)
    with pytest.raises(jubilant.CLIError, match="is not a valid unit name"):
        pair.exec("true", unit="p")


def test_exec_on_a_leader_need_not_know_it(pair: jubilant.Juju):
    units = pair.status().apps["p"].units
    leader = next(name for name, unit in units.items() if unit.leader)
    assert pair.exec("echo $JUJU_UNIT_NAME", unit="p/leader").stdout == f"{leader}\n"


def test_exec_on_a_unit_is_in_its_hook_context(pair: jubilant.Juju):
    task = pair.exec("echo $JUJU_UNIT_NAME; config-get word", unit="p/1")
    assert task.stdout == "p/1\nhello\n"


def test_exec_on_a_machine(pair: jubilant.Juju):
    machine = pair.status().apps["p"].units["p/0"].machine
    assert pair.exec("echo", "a  b", "$HOME", machine=machine).stdout == "a  b $HOME\n"


def test_a_command_that_fails(pair: jubilant.Juju):
    with pytest.raises(jubilant.TaskError) as caught:
        pair.exec("echo no >&2; exit 4", unit="p/0")
    assert (caught.value.task.return_code, caught.value.task.stderr) == (4, "no\n")


def test_a_command_that_takes_too_long(pair: jubilant.Juju):
    with pytest.raises(TimeoutError):
        pair.exec("while [ ! -e go ]; do sleep 0.05; done; rm go", unit="p/0", wait=0.2)
    pair.ssh("p/0", "touch var/lib/juju/agents/unit-p-0/charm/go")


def test_config_keeps_types(pair: jubilant.Juju):
    assert pair.config("p") == {"word": "hello", "loud": False, "times": 1, "pitch": 1.5}
    pair.config("p", {"loud": True, "times": 3, "pitch": 2.5, "remark": "so there"})
    assert pair.config("p") == {
        "word": "hello",
        "loud": True,
        "times": 3,
        "pitch": 2.5,
        "remark": "so there",
    }
    pair.config("p", {"word": "hi"}, reset=["loud", "times", "pitch", "remark"])
    assert pair.config("p") == {"word": "hi", "loud": False, "times": 1, "pitch": 1.5}
    pair.wait(
        lambda status: status.apps["p"].units["p/1"].workload_status.message == "says hi",
        delay=0.1,
    )
    pair.config("p", reset="word")
    pair.wait(
        lambda status: status.apps["p"].units["p/1"].workload_status.message == "says hello",
        delay=0.1,
    )


def test_config_refuses_what_the_charm_does_not_know(pair: jubilant.Juju):
    with pytest.raises(jubilant.CLIError, match='unknown option "nope"'):
        pair.config("p", {"nope": 1})
    with pytest.raises(jubilant.CLIError, match="times"):
        pair.config("p", {"word": "x", "times": "often"})
    assert pair.config("p")["word"] == "hello"


def test_secrets(pair: jubilant.Juju):
    listed = pair.secrets()
    assert [(one.owner, one.label, one.revision) for one in listed] == [("p", "nest", 1)]
    assert listed == pair.secrets(owner="application-p")
    revealed = pair.show_secret(listed[0].uri, reveal=True)
    assert revealed.content == {"place": "the old oak"}
    assert revealed.description == "where the eggs are"
    with_revisions = pair.show_secret(listed[0].uri, revisions=True)
    assert with_revisions.revisions is not None
    assert [one.revision for one in with_revisions.revisions] == [1]


def test_secrets_of_the_users_own(pair: jubilant.Juju):
    uri = pair.add_secret("token", {"key": "one", "other": "two"}, info="for tests")
    shown = pair.show_secret("token", reveal=True)
    assert shown.uri == uri
    assert (shown.name, shown.owner, shown.description) == ("token", "<model>", "for tests")
    assert shown.content == {"key": "one", "other": "two"}
    with pytest.raises(jubilant.CLIError, match="already exists"):
        pair.add_secret("token", {"key": "again"})

    with pytest.raises(jubilant.TaskError, match="permission denied"):
        pair.exec(f"secret-get {uri}", unit="p/0")
    pair.grant_secret("token", "p")
    assert pair.exec(f"secret-get {uri} key", unit="p/0").stdout == "one\n"
    access = pair.show_secret(uri).access
    assert access is not None
    assert [one.target for one in access] == ["application-p"]

    pair.update_secret(uri, {"key": "three"}, name="newer", info="other", auto_prune=True)
    assert pair.show_secret(uri).description == "other"
    first = pair.show_secret(uri, reveal=True, revision=1)
    assert first.content == {"key": "one", "other": "two"}
    assert pair.exec(f"secret-get {uri} key", unit="p/0").stdout == "one\n"
    assert pair.exec(f"secret-get {uri} key --refresh", unit="p/0").stdout == "three\n"
    assert pair.show_secret("newer", reveal=True).content == {"key": "three"}
    pair.cli("revoke-secret", uri, "p")
    with pytest.raises(jubilant.TaskError, match="permission denied"):
        pair.exec(f"secret-get {uri}", unit="p/0")
    pair.remove_secret("newer", revision=1)
    with pytest.raises(jubilant.CLIError, match="not found"):
        pair.show_secret(uri, reveal=True, revision=1)
    pair.remove_secret("newer")
    with pytest.raises(jubilant.CLIError, match="not found"):
        pair.show_secret(uri)


def test_the_log(pair: jubilant.Juju):
    log = pair.debug_log()
    assert "unit-p-0: " in log
    assert "INFO unit.p/0.juju-log it says hello" in log
    assert len(pair.debug_log(limit=3).splitlines()) == 3


def test_ssh_and_scp(pair: jubilant.Juju, tmp_path: Path):
    assert pair.ssh("p/0", "echo", "a", "b") == "a b\n"
    assert pair.ssh("p/0", "cat | wc -c") == "0\n"
    with pytest.raises(jubilant.CLIError) as caught:
        pair.ssh("p/0", "exit 7")
    assert caught.value.returncode == 7
    assert pair.ssh(pair.status().apps["p"].units["p/0"].machine, "echo here") == "here\n"
    options = ["-o", "BatchMode=yes", "-q"]
    said = pair.ssh(
        "p/0", "echo", "x", user="root", host_key_checks=False, ssh_options=options, container="c"
    )
    assert said == "x\n"
    with pytest.raises(jubilant.CLIError, match=r'unit "p/9" not found'):
        pair.ssh("p/9", "true")
    (tmp_path / "tree/below").mkdir(parents=True)
    (tmp_path / "tree/below/leaf").write_text("green")
    pair.scp(tmp_path / "tree", "p/0:tmp/", host_key_checks=False, scp_options=["-r"])
    pair.scp("p/0:tmp/tree", tmp_path / "copy", container="c", scp_options=["-r"])
    assert (tmp_path / "copy/below/leaf").read_text() == "green"
    (tmp_path / "note").write_text("hello")
    pair.scp(tmp_path / "note", "p/0:tmp/")
    pair.scp("p/0:tmp/note", tmp_path / "back")
    assert (tmp_path / "back").read_text() == "hello"


def test_units_come_and_go(pair: jubilant.Juju):
    pair.add_unit("p", num_units=2)
    pair.wait(
        lambda status: jubilant.all_active(status) and len(status.apps["p"].units) == 4, delay=0.1
    )
    new = sorted(set(pair.status().apps["p"].units) - {"p/0", "p/1"})
    machines = {pair.status().apps["p"].units[unit].machine for unit in new}
    pair.remove_unit(new[0])
    pair.remove_unit(new[1], destroy_storage=True, force=True)
    pair.wait(
        lambda status: (
            sorted(status.apps["p"].units) == ["p/0", "p/1"]
            and not machines & set(status.machines)
        ),
        delay=0.1,
    )
    with pytest.raises(jubilant.CLIError, match="not found"):
        pair.remove_unit(new[0])


def test_applications_are_related_refreshed_and_removed(pair: jubilant.Juju, parrot: Path):
    pair.deploy(parrot, "q", config={"word": "squawk", "loud": True}, trust=True)
    pair.wait(jubilant.all_active, delay=0.1)
    assert pair.config("q")["loud"] is True
    assert pair.config("q", app_config=True)["trust"] is True
    pair.trust("q", remove=True)
    assert pair.config("q", app_config=True)["trust"] is False
    pair.integrate("p:seed", "q:food")
    related = pair.status().apps["q"].relations["food"][0]
    assert (related.related_app, related.interface) == ("p", "seed")
    with pytest.raises(jubilant.CLIError, match="Use 'juju status --relations'"):
        pair.integrate("p:seed", "q:food")
    pair.remove_relation("p:seed", "q:food")
    pair.wait(lambda status: "food" not in status.apps["q"].relations, delay=0.1)
    before = pair.status().apps["q"].charm_rev
    pair.refresh("q", path=parrot)
    pair.wait(lambda status: status.apps["q"].charm_rev == before + 1, delay=0.1)
    pair.wait(jubilant.all_agents_idle, delay=0.1)
    pair.refresh("q", path=parrot, config={"word": "newly"}, trust=True, force=True)
    assert pair.config("q")["word"] == "newly"
    assert pair.config("q", app_config=True)["trust"] is True
    pair.integrate("p:seed", "q:food")
    pair.remove_relation("p", "q:food", force=True)
    pair.wait(lambda status: "food" not in status.apps["q"].relations, delay=0.1)
    pair.remove_application("q")
    pair.wait(lambda status: "q" not in status.apps, delay=0.1)


def test_a_deploy_onto_machines_that_are_there(pair: jubilant.Juju, parrot: Path):
    before = set(pair.status().machines)
    pair.add_machine(base="ubuntu@24.04", num_machines=2)
    new = sorted(set(pair.status().machines) - before)
    assert len(new) == 2
    pair.deploy(
        parrot,
        "r",
        base="ubuntu@24.04",
        constraints={"mem": "8G", "cores": 4},
        force=True,
        num_units=2,
        to=new,
    )
    pair.wait(lambda status: jubilant.all_active(status, "r"), delay=0.1)
    units = pair.status().apps["r"].units
    assert sorted(unit.machine for unit in units.values()) == new
    pair.remove_application("r", destroy_storage=True, force=True)
    pair.wait(
        lambda status: "r" not in status.apps and not set(new) & set(status.machines), delay=0.1
    )


def test_models_are_made_and_destroyed_in_every_way(controller: Path):
    cloud, _, region = CLOUD_REGION.partition("/")
    ends: list[Callable[[jubilant.Juju, str], None]] = [
        lambda juju, model: juju.destroy_model(model, destroy_storage=True),
        lambda juju, model: juju.destroy_model(model, release_storage=True),
        lambda juju, model: juju.destroy_model(model, force=True, no_wait=True),
        lambda juju, model: juju.destroy_model(model, force=True, timeout=30),
    ]
    for number, end in enumerate(ends):
        here = jubilant.Juju(cli_binary=JUJU)
        here.add_model(
            f"way-{number}",
            (cloud, region, CLOUD_REGION, None)[number],
            controller="localjuju",
            config={"automatically-retry-hooks": False, "logging-config": "<root>=DEBUG"},
            credential="any",
        )
        model = f"localjuju:way-{number}"
        assert here.model == model
        assert here.model_config()["automatically-retry-hooks"] is False
        end(here, model)
        assert here.model is None
        with pytest.raises(jubilant.CLIError, match="not found"):
            here.show_model(f"way-{number}")


def test_a_failed_hook_is_seen_and_resolved(pair: jubilant.Juju):
    pair.config("p", {"word": "croak"})
    status = pair.wait(lambda status: jubilant.any_error(status, "p"), delay=0.1, successes=1)
    assert any(
        unit.workload_status.message == 'hook failed: "config-changed"'
        for unit in status.apps["p"].units.values()
    )
    pair.config("p", {"word": "hello"})
    pair.cli("resolved", "--all")
    pair.wait(jubilant.all_active, delay=0.1)


def test_machines(pair: jubilant.Juju):
    before = set(pair.status().machines)
    pair.add_machine()
    new = (set(pair.status().machines) - before).pop()
    pair.wait(lambda status: status.machines[new].juju_status.current == "started", delay=0.1)
    pair.cli("remove-machine", new, "--no-prompt")
    pair.wait(lambda status: new not in status.machines, delay=0.1)
