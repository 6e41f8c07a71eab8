"""juju-semantics: "Environment of a hook"."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.localjuju.semantics.conftest import both_versions
from tests.localjuju.semantics.harness import Model

ALWAYS = {
    "CHARM_DIR",
    "JUJU_CHARM_DIR",
    "JUJU_CONTEXT_ID",
    "JUJU_HOOK_NAME",
    "JUJU_DISPATCH_PATH",
    "JUJU_AGENT_SOCKET_ADDRESS",
    "JUJU_AGENT_SOCKET_NETWORK",
    "JUJU_UNIT_NAME",
    "JUJU_MODEL_UUID",
    "JUJU_MODEL_NAME",
    "JUJU_API_ADDRESSES",
    "JUJU_MACHINE_ID",
    "JUJU_PRINCIPAL_UNIT",
    "JUJU_AVAILABILITY_ZONE",
    "JUJU_VERSION",
    "CLOUD_API_VERSION",
    "JUJU_CHARM_HTTP_PROXY",
    "JUJU_CHARM_HTTPS_PROXY",
    "JUJU_CHARM_FTP_PROXY",
    "JUJU_CHARM_NO_PROXY",
    "DEBIAN_FRONTEND",
    "APT_LISTCHANGES_FRONTEND",
    "LANG",
    "PATH",
}
# bash adds these to what it was given.
BY_BASH = {"PWD", "SHLVL", "_"}
RELATION = {"JUJU_RELATION", "JUJU_RELATION_ID", "JUJU_REMOTE_APP", "JUJU_REMOTE_UNIT"}
ACTION = {"JUJU_ACTION_NAME", "JUJU_ACTION_UUID", "JUJU_ACTION_TAG"}
SECRET = {"JUJU_SECRET_ID", "JUJU_SECRET_LABEL"}


def _besides(env: dict[str, str]) -> set[str]:
    """Names that are there beyond those of every hook."""
    return set(env) - BY_BASH - ALWAYS - {"JUJU_TARGET_BASE"}


@both_versions
def test_it_is_clean_and_has_all_that_juju_sets(model: Model) -> None:
    model.deploy()
    env = model.runs("probe/0", "install")[0].env
    extra = {"JUJU_TARGET_BASE"} if env["JUJU_VERSION"].startswith("4") else set[str]()
    assert set(env) - BY_BASH == ALWAYS | extra
    assert "HOME" not in env
    assert "USER" not in env


@pytest.mark.skipif(os.geteuid() != 0, reason="an agent that is a plain process is its starter's")
def test_it_runs_as_root_in_the_charm_directory(model: Model) -> None:
    model.deploy()
    run = model.runs("probe/0", "install")[0]
    assert run.user == "root"
    assert run.cwd == run.env["JUJU_CHARM_DIR"]
    assert run.cwd.endswith("/var/lib/juju/agents/unit-probe-0/charm")


def test_its_values_say_who_and_where_it_is(model: Model) -> None:
    model.deploy()
    env = model.runs("probe/0", "install")[0].env
    about = model.controller.show_model(model.name)[model.name]
    assert env["JUJU_UNIT_NAME"] == "probe/0"
    assert env["JUJU_HOOK_NAME"] == "install"
    assert env["JUJU_DISPATCH_PATH"] == "hooks/install"
    assert env["JUJU_MODEL_NAME"] == model.name
    assert env["JUJU_MODEL_UUID"] == about["model-uuid"]
    assert env["JUJU_MACHINE_ID"] == "0"
    assert env["JUJU_PRINCIPAL_UNIT"] == ""
    assert env["JUJU_AVAILABILITY_ZONE"] == ""
    assert env["CHARM_DIR"] == env["JUJU_CHARM_DIR"]
    assert Path(env["JUJU_AGENT_SOCKET_ADDRESS"]).is_socket()
    assert env["JUJU_AGENT_SOCKET_NETWORK"] == "unix"
    host, _, port = env["JUJU_API_ADDRESSES"].rpartition(":")
    socket.create_connection((host, int(port)), timeout=5).close()
    assert env["DEBIAN_FRONTEND"] == "noninteractive"
    assert env["APT_LISTCHANGES_FRONTEND"] == "none"
    assert env["LANG"] == "C.UTF-8"
    first, *others = env["PATH"].split(":")
    assert first.endswith("/var/lib/juju/tools/unit-probe-0")
    assert "/usr/bin" in others


def test_every_run_has_a_context_of_its_own(model: Model) -> None:
    model.deploy()
    contexts = [run.env["JUJU_CONTEXT_ID"] for run in model.runs("probe/0")]
    assert contexts[0].startswith("probe/0-install-")
    assert len(set(contexts)) == len(contexts)


@pytest.mark.parametrize("model", ["3.6.28", "4.0.15", "4.1.0"], indirect=True)
def test_juju_version_is_the_models(model: Model) -> None:
    model.deploy()
    env = model.runs("probe/0", "install")[0].env
    assert env["JUJU_VERSION"] == model.controller.models()[-1]["version"]
    base = None if env["JUJU_VERSION"].startswith("3") else "ubuntu@24.04"
    assert env.get("JUJU_TARGET_BASE") == base
    assert "JUJU_TARGET_SERIES" not in env


def test_proxies_are_those_of_the_model(model: Model) -> None:
    proxies = {name: f"http://{name}:3128" for name in ("http", "https", "ftp")}
    model.controller.set_model_config(
        model.name, {f"juju-{name}-proxy": url for name, url in proxies.items()}
    )
    model.deploy()
    env = model.runs("probe/0", "install")[0].env
    assert {name: env[f"JUJU_CHARM_{name.upper()}_PROXY"] for name in proxies} == proxies
    assert env["JUJU_CHARM_NO_PROXY"] == "127.0.0.1,localhost,::1"
    model.controller.set_model_config(model.name, {"juju-no-proxy": "10.0.0.0/8"})
    model.configure(text="second")
    env = model.wait_run("probe/0", "config-changed", 2).env
    assert env["JUJU_CHARM_NO_PROXY"] == "10.0.0.0/8"


def test_relation_hooks_name_the_relation_and_the_remote_unit(model: Model) -> None:
    model.deploy(units=2)
    env = model.wait_run("probe/0", "cluster-relation-joined").env
    assert env["JUJU_HOOK_NAME"] == "cluster-relation-joined"
    assert env["JUJU_RELATION"] == "cluster"
    assert env["JUJU_RELATION_ID"] == "cluster:0"
    assert env["JUJU_REMOTE_APP"] == "probe"
    assert env["JUJU_REMOTE_UNIT"] == "probe/1"
    assert _besides(env) == RELATION


def test_relation_created_has_no_remote_unit(model: Model) -> None:
    model.deploy()
    env = model.runs("probe/0", "cluster-relation-created")[0].env
    assert env["JUJU_REMOTE_APP"] == "probe"
    assert env["JUJU_REMOTE_UNIT"] == ""
    assert _besides(env) == RELATION


def test_broken_has_no_remote_unit(model: Model) -> None:
    model.deploy("server")
    model.deploy("client")
    model.controller.integrate(model.name, "server:served", "client:used")
    model.wait_run("client/0", "used-relation-changed")
    model.controller.remove_relation(model.name, "server:served", "client:used")
    env = model.wait_run("client/0", "used-relation-broken").env
    assert env["JUJU_REMOTE_APP"] == "server"
    assert env["JUJU_REMOTE_UNIT"] == ""
    assert _besides(env) == RELATION


def test_an_app_level_changed_has_no_remote_unit(model: Model) -> None:
    model.deploy()
    model.exec("probe/0", "relation-set -r cluster:0 --app key=value")
    env = model.wait_run("probe/0", "cluster-relation-changed").env
    assert env["JUJU_REMOTE_APP"] == "probe"
    assert env["JUJU_REMOTE_UNIT"] == ""


def test_only_departed_names_the_departing_unit(model: Model) -> None:
    model.deploy(units=2)
    model.controller.remove_unit(model.name, ["probe/1"])
    env = model.wait_run("probe/0", "cluster-relation-departed").env
    assert env["JUJU_REMOTE_UNIT"] == env["JUJU_DEPARTING_UNIT"] == "probe/1"
    assert _besides(env) == RELATION | {"JUJU_DEPARTING_UNIT"}
    assert not any("JUJU_DEPARTING_UNIT" in run.env for run in model.runs("probe/0")[:-1])


def test_actions_have_their_name_and_an_empty_hook_name(model: Model) -> None:
    model.deploy()
    task = model.act("probe/0", "speak")
    env = model.runs("probe/0", "speak")[0].env
    assert env["JUJU_HOOK_NAME"] == ""
    assert env["JUJU_DISPATCH_PATH"] == "actions/speak"
    assert env["JUJU_ACTION_NAME"] == "speak"
    assert env["JUJU_ACTION_UUID"] == task["id"]
    assert env["JUJU_ACTION_TAG"] == f"action-{task['id']}"
    assert _besides(env) == ACTION
    assert all(not _besides(run.env) & ACTION for run in model.runs("probe/0")[:-1])


def test_secret_hooks_name_the_secret(model: Model) -> None:
    model.deploy(units=2)
    leader = model.wait_leader()
    other = next(unit for unit in model.units() if unit != leader)
    uri = model.out(leader, "secret-add --label word key=first").strip()
    model.exec(other, f"secret-get {uri}")
    model.exec(leader, f"secret-set {uri} key=second")
    env = model.wait_run(other, "secret-changed").env
    assert env["JUJU_SECRET_ID"] == uri
    assert env["JUJU_SECRET_LABEL"] == "word"
    assert _besides(env) == SECRET
    model.exec(other, f"secret-get {uri} --refresh")
    env = model.wait_run(leader, "secret-remove").env
    assert env["JUJU_SECRET_ID"] == uri
    assert env["JUJU_SECRET_LABEL"] == "word"
    assert env["JUJU_SECRET_REVISION"] == "1"
    assert _besides(env) == SECRET | {"JUJU_SECRET_REVISION"}
