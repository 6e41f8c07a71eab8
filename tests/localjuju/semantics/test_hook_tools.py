"""juju-semantics: "Hook tools as ops calls them", with their formats, exit codes and errors."""

from __future__ import annotations

import ipaddress
import subprocess

import pytest

from localjuju.controller.shapes import LogLine
from tests.localjuju.semantics.harness import Host, Model, until

TOOLS = {
    *("action-fail", "action-get", "action-log", "action-set", "application-version-set"),
    *("close-port", "config-get", "credential-get", "goal-state", "is-leader", "juju-log"),
    *("juju-reboot", "network-get", "open-port", "opened-ports", "relation-get", "relation-ids"),
    *("relation-list", "relation-model-get", "relation-set", "resource-get", "secret-add"),
    *("secret-get", "secret-grant", "secret-ids", "secret-info-get", "secret-remove"),
    *("secret-revoke", "secret-set", "state-delete", "state-get", "state-set", "status-get"),
    *("status-set", "storage-add", "storage-get", "storage-list", "unit-get"),
}


@pytest.fixture(scope="module")
def unit_model(host: Host) -> Model:
    """One model for all of this file: tools that only look do not disturb each other."""
    model = Model(host, "tools")
    model.deploy(units=2)
    return model


def test_there_are_all_of_them(unit_model: Model) -> None:
    found = unit_model.out("probe/0", "ls ${PATH%%:*}").split()
    assert set(found) == TOOLS


def test_config_get_leaves_unset_options_out(unit_model: Model) -> None:
    config = unit_model.json("probe/0", "config-get")
    assert config == {"text": "first", "number": 7, "share": 0.5, "switch": False}
    assert unit_model.out("probe/0", "config-get text") == "first\n"
    assert unit_model.out("probe/0", "config-get number") == "7\n"
    assert unit_model.out("probe/0", "config-get switch") == "False\n"
    assert unit_model.json("probe/0", "config-get unset") is None
    assert "unset" in unit_model.json("probe/0", "config-get --all")


def test_relations(unit_model: Model) -> None:
    assert unit_model.json("probe/0", "relation-ids cluster") == ["cluster:0"]
    assert unit_model.json("probe/0", "relation-ids used") == []
    assert unit_model.json("probe/0", "relation-list -r cluster:0") == ["probe/1"]
    assert unit_model.json("probe/0", "relation-list -r 0 --app") == "probe"
    about = unit_model.controller.show_model(unit_model.name)[unit_model.name]
    answer = unit_model.json("probe/0", "relation-model-get -r cluster:0")
    assert answer == {"uuid": about["model-uuid"]}
    bag = unit_model.json("probe/0", "relation-get -r cluster:0 - probe/1")
    assert bag["ingress-address"]


def test_network_get_has_no_host_bits_in_its_cidr(unit_model: Model) -> None:
    answer = unit_model.json("probe/0", "network-get -r 0 cluster")
    (interface,) = answer["bind-addresses"]
    (address,) = interface["addresses"]
    network = ipaddress.ip_network(address["cidr"])
    assert ipaddress.ip_address(address["value"]) in network
    assert answer["ingress-addresses"] == [address["value"]]
    assert answer["egress-subnets"] == [address["value"] + "/32"]
    private = unit_model.out("probe/0", "unit-get private-address").strip()
    assert private == address["value"]


def test_goal_state(unit_model: Model) -> None:
    goal = unit_model.json("probe/0", "goal-state")
    assert set(goal["units"]) == {"probe/0", "probe/1"}
    assert goal["relations"] == {}


def test_status_get_and_set(unit_model: Model) -> None:
    unit_model.exec("probe/1", "status-set --application=False maintenance -- '-dashed'")
    answer = unit_model.json("probe/1", "status-get --include-data --application=false")
    assert answer == {"status": "maintenance", "message": "-dashed", "status-data": {}}
    leader = unit_model.wait_leader()
    unit_model.exec(leader, "status-set --application=True active -- fine")
    answer = unit_model.json(leader, "status-get --include-data --application=true")
    assert answer["application-status"]["message"] == "fine"
    assert set(answer["units"]) == {"probe/0", "probe/1"}


def test_ports(unit_model: Model) -> None:
    unit_model.exec("probe/1", "open-port 5432/tcp; open-port 80; open-port 8000-8010/udp")
    ports = unit_model.json("probe/1", "opened-ports")
    assert ports == ["80/tcp", "5432/tcp", "8000-8010/udp"]
    assert unit_model.unit_status("probe/1")["open-ports"] == ports
    unit_model.exec("probe/1", "close-port 80/tcp; close-port 8000-8010/udp")
    assert unit_model.json("probe/1", "opened-ports") == ["5432/tcp"]


def test_state(unit_model: Model) -> None:
    unit_model.exec("probe/1", 'echo \'{"a": "1", "b": "2"}\' | state-set --file -')
    unit_model.exec("probe/1", "state-delete b")
    assert unit_model.json("probe/1", "state-get") == {"a": "1"}
    assert unit_model.json("probe/1", "state-get a") == "1"


@pytest.mark.parametrize(
    ("model", "nothing"), [("3.6.28", "{}\n"), ("4.0.15", "null\n")], indirect=["model"]
)
def test_state_get_of_nothing_is_null_in_4(model: Model, nothing: str) -> None:
    model.deploy()
    assert model.out("probe/0", "state-get --format=json") == nothing


def test_there_is_no_storage(unit_model: Model) -> None:
    assert unit_model.json("probe/0", "storage-list") == []


@pytest.mark.parametrize("tool", ["resource-get image", "credential-get", "storage-get -s data/0"])
def test_what_there_is_not_fails_as_if_there_were_none(unit_model: Model, tool: str) -> None:
    results = unit_model.try_exec("probe/0", tool)["results"]
    assert results["return-code"] == 1
    assert results["stderr"].startswith("ERROR ")


def test_juju_log_takes_a_level_and_dashes(unit_model: Model) -> None:
    unit_model.exec("probe/0", "juju-log --log-level WARNING -- '-said'; juju-log -l ERROR worse")

    def read() -> dict[str, LogLine]:
        lines = unit_model.controller.debug_log(unit_model.name, replay=True, follow=False)
        said = {line["message"]: line for line in lines}
        return said if {"-said", "worse"} <= set(said) else {}

    said = until(read, "both lines")
    assert said["-said"]["severity"] == "WARNING"
    assert said["-said"]["module"] == "unit.probe/0.juju-log"
    assert said["-said"]["entity"] == "unit-probe-0"
    assert said["worse"]["severity"] == "ERROR"


@pytest.mark.parametrize(
    ("command", "code", "error"),
    [
        ("relation-get -r cluster:9 - probe/0", 1, "relation not found"),
        ("relation-get -r used:0 - probe/0", 1, "relation not found"),
        ("relation-get -r cluster:0 - other/0", 1, "permission denied"),
        ("relation-list", 1, "no relation id specified"),
        ("secret-get nothere", 1, 'secret "nothere" not found'),
        ("secret-info-get --label none", 1, 'secret "none" not found'),
        ("is-leader --nonsense", 2, "option provided but not defined: --nonsense"),
        ("status-set error", 2, 'invalid status "error"'),
        ("open-port 99999", 2, "invalid port range"),
        ("config-get --format=xml", 2, "unknown format"),
    ],
)
def test_errors_have_jujus_words_and_exit_codes(
    unit_model: Model, command: str, code: int, error: str
) -> None:
    results = unit_model.try_exec("probe/0", command)["results"]
    assert results["return-code"] == code
    assert results["stderr"].startswith("ERROR ")
    assert error in results["stderr"]


def test_a_tool_outside_of_a_hook_is_refused(unit_model: Model) -> None:
    tool = unit_model.root("probe/0") / "var/lib/juju/tools/unit-probe-0/is-leader"
    done = subprocess.run([tool], env={}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR ")


def test_a_tool_of_a_hook_that_is_over_is_refused(unit_model: Model) -> None:
    run = unit_model.runs("probe/0", "start")[0]
    tool = unit_model.root("probe/0") / "var/lib/juju/tools/unit-probe-0/is-leader"
    done = subprocess.run([tool], env=run.env, capture_output=True, text=True)
    assert done.returncode == 1
    assert "context id" in done.stderr


def test_a_tool_costs_a_few_milliseconds(unit_model: Model) -> None:
    script = "s=$(date +%s%N); for i in $(seq 10); do is-leader >/dev/null; done; e=$(date +%s%N)"
    out = unit_model.out(
        "probe/0", f"for n in 1 2 3 4 5; do {script}; echo $(((e - s) / 10)); done"
    )
    # The best of five, as the host may be busy with something else.
    assert min(int(line) for line in out.splitlines()) / 1e6 < 40


def test_reboot_after_the_hook(model: Model) -> None:
    model.deploy()
    model.script("probe/0", "config-changed", "juju-reboot; relation-set -r cluster:0 kept=yes")
    model.configure(text="second")
    model.wait_run("probe/0", "start", 2)
    model.settle()
    assert model.names("probe/0")[-2:] == ["config-changed", "start"]
    assert model.out("probe/0", "relation-get -r cluster:0 kept probe/0") == "yes\n"


def test_reboot_now_kills_the_hook_and_runs_it_again(model: Model) -> None:
    model.deploy()
    script = "[ -e $probe/once ] && exit 0; touch $probe/once; juju-reboot --now; sleep 60"
    model.script("probe/0", "config-changed", script)
    model.configure(text="second")
    assert model.wait_run("probe/0", "config-changed", 3).code == 0
    model.wait_run("probe/0", "start", 2)


def test_an_action_cannot_reboot(model: Model) -> None:
    model.deploy()
    model.script("probe/0", "speak", "juju-reboot")
    task = model.act("probe/0", "speak")
    assert "not supported" in task["results"]["stderr"]


def test_bytes_that_are_no_utf_8_do_no_harm(model: Model) -> None:
    model.deploy()
    script = (
        "relation-set -r cluster:0 word=$'a\\xffb'; status-set active $'\\xfe'; juju-log $'\\xfd'"
    )
    assert model.try_exec("probe/0", f"{script}; printf '\\xff'")["results"]["return-code"] == 0
    assert model.json("probe/0", "relation-get -r cluster:0 word probe/0") == "a\ufffdb"
    lone = 'echo \'{"word": "c\\ud800d"}\' | relation-set -r cluster:0 --file -'
    model.exec("probe/0", lone)
    assert model.json("probe/0", "relation-get -r cluster:0 word probe/0") == "c\ufffdd"
    broken = model.try_exec("probe/0", "printf '\\xff' | relation-set -r cluster:0 --file -")
    assert broken["results"]["return-code"] == 1
