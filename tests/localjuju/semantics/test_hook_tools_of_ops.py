"""juju-semantics: "Hook tools as ops calls them": each function of ops.hookcmds, by ops itself."""

from __future__ import annotations

import inspect
import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ops
import pytest
from ops import hookcmds

from tests.localjuju.semantics.harness import Host, Model, until

SITE = Path(ops.__file__).resolve().parents[1]
PREAMBLE = """
import dataclasses, datetime, json
from ops.hookcmds import *
def plain(value):
    if dataclasses.is_dataclass(value):
        return dataclasses.asdict(value)
    return value.isoformat() if isinstance(value, datetime.datetime) else str(value)
def show(*values):
    print(json.dumps(values if len(values) > 1 else values[0], default=plain))
def refusal(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except Error as error:
        return [error.returncode, error.stderr.strip()]
"""
RELATION = 2
"""Between server and client; 0 is the peer relation of server, 1 that of client."""

Ask = Callable[[str, str], Any]


def _command(code: str) -> str:
    return f"PYTHONPATH={SITE} {shlex.join([sys.executable, '-c', PREAMBLE + code])}"


@pytest.fixture(scope="module", params=["3.6.28", "4.0.15"])
def related(host: Host, request: pytest.FixtureRequest) -> Model:
    """Two units of server and one of client, related; the tests add up and do not disturb."""
    model = Model(host, f"hookcmds-{request.param[0]}", request.param)
    model.deploy("server", units=2)
    model.deploy("client", config={"text": "given"})
    model.controller.integrate(model.name, "server:served", "client:used")
    model.wait_run("client/0", "used-relation-changed")
    for app in ("server", "client"):
        model.settle(app)
    return model


@pytest.fixture
def ask(related: Model) -> Ask:
    """Run Python with ops in a unit's hook context; return what it shows."""

    def run(unit: str, code: str) -> Any:
        out = related.out(unit, _command(code))
        return json.loads(out) if out else None

    return run


def _leader_and_other(model: Model) -> tuple[str, str]:
    leader = model.wait_leader("server")
    return leader, next(unit for unit in model.units("server") if unit != leader)


def test_every_one_is_tried_here() -> None:
    text = Path(__file__).read_text()
    functions = [name for name in hookcmds.__all__ if inspect.isfunction(getattr(hookcmds, name))]
    called = (f"{name}(" in text or f'"{name}, ' in text for name in functions)
    assert [name for name, tried in zip(functions, called, strict=True) if not tried] == []


def test_is_leader(related: Model, ask: Ask) -> None:
    leader, other = _leader_and_other(related)
    assert ask(leader, "show(is_leader())") is True
    assert ask(other, "show(is_leader())") is False


def test_config_get_leaves_unset_options_out(ask: Ask) -> None:
    assert ask("client/0", "show(config_get())") == {
        "text": "given",
        "number": 7,
        "share": 0.5,
        "switch": False,
    }
    assert ask("client/0", "show(config_get('number'), config_get('unset'))") == [7, None]


def test_goal_state(ask: Ask) -> None:
    goal = ask("client/0", "show(goal_state())")
    assert set(goal["units"]) == {"client/0"}
    assert set(goal["relations"]["used"]) == {"server", "server/0", "server/1"}


def test_relations(related: Model, ask: Ask) -> None:
    ids = "show(relation_ids('used'), relation_ids('cluster'), relation_ids('served'))"
    assert ask("client/0", ids) == [[f"used:{RELATION}"], ["cluster:1"], []]
    lists = f"show(relation_list({RELATION}), relation_list({RELATION}, app=True))"
    assert ask("client/0", lists) == [["server/0", "server/1"], "server"]
    uuid = related.controller.show_model(related.name)[related.name]["model-uuid"]
    assert ask("client/0", f"show(relation_model_get({RELATION}))") == {"uuid": uuid}


def test_relation_get_and_set(related: Model, ask: Ask) -> None:
    leader, other = _leader_and_other(related)
    ask(other, f"relation_set({{'word': 'mine', 'gone': 'x'}}, {RELATION})")
    ask(other, f"relation_set({{'gone': ''}}, {RELATION}, endpoint='served')")
    ask(leader, f"relation_set({{'word': 'ours'}}, {RELATION}, app=True)")
    related.settle("client")
    bag = ask("client/0", f"show(relation_get({RELATION}, unit={other!r}))")
    assert (bag["word"], "gone" in bag) == ("mine", False)
    key = f"show(relation_get({RELATION}, key='word', unit={other!r}))"
    assert ask("client/0", key) == "mine"
    app = f"show(relation_get({RELATION}, unit='server', app=True))"
    assert ask("client/0", app) == {"word": "ours"}


def test_network_get_has_no_host_bits_in_its_cidr(ask: Ask) -> None:
    network = ask("client/0", f"show(network_get('used', relation_id={RELATION}))")
    (interface,) = network["bind_addresses"]
    (address,) = interface["addresses"]
    assert network["ingress_addresses"] == [address["value"]]
    assert network["egress_subnets"] == [f"{address['value']}/32"]
    assert address["cidr"] == "127.0.0.0/8"


def test_secrets(related: Model, ask: Ask) -> None:
    leader, other = _leader_and_other(related)
    add = "secret_add({'key': 'one'}, label='word', description='d', rotate='daily'"
    uri = ask(leader, f"show({add}, expire='9h'))")
    assert uri.startswith("secret:")
    bare = uri.removeprefix("secret:")
    assert bare in ask(leader, "show(secret_ids())")
    info = ask(leader, f"show(secret_info_get(id={uri!r}))")
    assert (info["id"], info["label"], info["description"]) == (bare, "word", "d")
    assert (info["revision"], info["rotation"]) == (1, "daily")
    assert info["rotates"]
    assert info["expiry"]
    assert ask(leader, "show(secret_info_get(label='word'))") == info
    assert ask(other, "show(secret_get(label='word'))") == {"key": "one"}
    uuid = related.controller.show_model(related.name)[related.name]["model-uuid"]
    for shape in (uri, bare, f"secret://{uuid}/{bare}"):
        assert ask(other, f"show(secret_get(id={shape!r}))") == {"key": "one"}
    ask(leader, f"secret_set({uri!r}, content={{'key': 'two'}})")
    reads = "show(*[secret_get(label='word', **how) for how in ({}, {'peek': True}, {})])"
    assert ask(other, reads) == [{"key": "one"}, {"key": "two"}, {"key": "one"}]
    assert ask(other, "show(secret_get(label='word', refresh=True))") == {"key": "two"}

    denied = f"show(refusal(secret_get, id={uri!r}))"
    assert ask("client/0", denied) == [1, "ERROR permission denied"]
    ask(leader, f"secret_grant({uri!r}, {RELATION}, unit='client/0')")
    assert ask("client/0", f"show(secret_get(id={uri!r}, label='theirs'))") == {"key": "two"}
    assert ask("client/0", "show(secret_get(label='theirs'))") == {"key": "two"}
    ask(leader, f"secret_revoke({uri!r}, relation_id={RELATION}, unit='client/0')")
    assert ask("client/0", denied) == [1, "ERROR permission denied"]

    ask(leader, f"secret_remove({uri!r}, revision=1)")
    assert ask(leader, f"show(secret_get(id={uri!r}, peek=True))") == {"key": "two"}
    ask(leader, f"secret_remove({uri!r})")
    gone = f'ERROR secret "{bare}" not found'
    assert ask(leader, f"show(refusal(secret_get, id={uri!r}))") == [1, gone]


def test_statuses_and_version(related: Model, ask: Ask) -> None:
    leader, other = _leader_and_other(related)
    ask(other, "status_set('maintenance', '-dashed')")
    status = ask(other, "show(status_get())")
    assert (status["status"], status["message"]) == ("maintenance", "-dashed")
    ask(leader, "status_set('active', 'all', app=True); app_version_set('-9.9')")
    status = ask(leader, "show(status_get(app=True))")
    assert (status["status"], status["message"]) == ("active", "all")
    assert set(status["units"]) == {"server/0", "server/1"}
    app = related.controller.status(related.name)["formatted"]["applications"]["server"]
    assert app["version"] == "-9.9"


def test_ports(ask: Ask) -> None:
    ask("client/0", "open_port('tcp', 5432); open_port('udp', 7000, to_port=7009)")
    ask("client/0", "open_port('icmp'); close_port('udp', 7000, to_port=7009)")
    ports = ask("client/0", "show(opened_ports())")
    assert [(port["protocol"], port["port"]) for port in ports] == [("icmp", None), ("tcp", 5432)]
    everywhere = ask("client/0", "show(opened_ports(endpoints=True))")
    assert [port["endpoints"] for port in everywhere] == [["*"], ["*"]]


def test_charm_state(ask: Ask) -> None:
    ask("client/0", "state_set({'a': '1', 'b': '2'}); state_delete('b')")
    assert ask("client/0", "show(state_get('a'))") == "1"
    assert ask("client/0", "show(state_get(None))") == {"a": "1"}


def test_juju_log(related: Model, ask: Ask) -> None:
    ask("client/0", "juju_log('-said', level='ERROR')")

    def said() -> list[str]:
        lines = related.controller.debug_log(related.name, replay=True, follow=False)
        return [line["severity"] for line in lines if line["message"] == "-said"]

    assert until(said, "the line") == ["ERROR"]


def test_actions(related: Model) -> None:
    code = (
        "params = action_get(); action_log('-begun');"
        "action_set({'word': action_get('word'), 'deep': {'er': params['nested']['deep']}});"
        "action_fail('-no')"
    )
    related.script("client/0", "speak", _command(code))
    task = related.act("client/0", "speak", word="bye")
    assert (task["status"], task["message"]) == ("failed", "-no")
    assert task["results"] == {"word": "bye", "deep": {"er": "down"}, "return-code": 0}
    assert [line["message"] for line in task["log"]] == ["-begun"]


def test_juju_reboot(related: Model) -> None:
    once = "[ -e $probe/once ] && exit 0; touch $probe/once"
    related.script("client/0", "config-changed", f"{once}; {_command('juju_reboot()')}")
    related.configure("client", text="reboot")
    related.wait_run("client/0", "start", 2)
    related.settle("client")
    assert related.names("client/0")[-2:] == ["config-changed", "start"]


REFUSALS = {
    "relation_get, 99, unit='server/0'": (1, "relation not found"),
    "relation_list, 99": (1, "relation not found"),
    f"relation_get, {RELATION}, endpoint='cluster'": (1, "relation not found"),
    "relation_set, {'a': 'b'}, 99": (1, "relation not found"),
    "secret_get, id='9m4e2mr0ui3e8a215n4g'": (1, "not found"),
    "secret_info_get, label='none'": (1, "not found"),
    "secret_set, 'secret:none', label='x'": (1, "not found"),
    "credential_get, ": (1, "cannot access cloud credentials"),
    "resource_get, 'image'": (1, "not found"),
    "storage_get, 'data/0'": (1, "storage not found"),
    "storage_add, {'data': 1}": (1, "no storage"),
    "secret_get, label='x', refresh=True, peek=True": (2, "but not both"),
    "status_set, 'error'": (2, "invalid status"),
}


def test_a_refusal_is_exit_1_and_a_wrong_call_exit_2(ask: Ask) -> None:
    answers = ask("client/0", f"show(*[{', '.join(f'refusal({call})' for call in REFUSALS)}])")
    for (code, text), (call, (wanted, part)) in zip(answers, REFUSALS.items(), strict=True):
        assert code == wanted, call
        assert text.startswith("ERROR "), call
        assert part in text, call


def test_there_is_no_storage(ask: Ask) -> None:
    assert ask("client/0", "show(storage_list())") == []


def test_what_needs_the_leader_says_so(related: Model, ask: Ask) -> None:
    _, other = _leader_and_other(related)
    calls = {
        f"relation_set, {{'a': 'b'}}, {RELATION}, app=True": "cannot write relation settings",
        "secret_add, {'key': 'x'}": "this unit is not the leader",
        "status_set, 'active', app=True": "this unit is not the leader",
        "status_get, app=True": "this unit is not the leader",
    }
    answers = ask(other, f"show(*[{', '.join(f'refusal({call})' for call in calls)}])")
    for (code, text), (call, words) in zip(answers, calls.items(), strict=True):
        assert code == 1, call
        assert words in text, call
