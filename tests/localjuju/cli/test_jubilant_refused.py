"""What jubilant can ask for and the stand-in does not have: it says so, and does nothing."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from pathlib import Path

import jubilant
import pytest

Ask = Callable[[jubilant.Juju], object]

COMMANDS: dict[str, Ask] = {
    "add-cloud": lambda juju: juju.add_cloud(
        "c",
        {"clouds": {}},
        client=True,
        controller="localjuju",
        credential="me",
        force=True,
        target_controller="jaas",
    ),
    "add-credential": lambda juju: juju.add_credential(
        "c", {"credentials": {}}, controller="localjuju", client=False, region="r"
    ),
    "add-ssh-key": lambda juju: juju.add_ssh_key("ssh-ed25519 AAAA me@here"),
    "bootstrap": lambda juju: juju.bootstrap(
        "lxd",
        "other",
        bootstrap_base="24.04",
        bootstrap_constraints={"mem": "8G"},
        config={"a": 1},
        constraints={"cores": 2},
        credential="me",
        metadata_source="/tmp",
        force=True,
        model_defaults={"a": 1},
        storage_pool={"name": "p", "type": "t"},
        to="zone=here",
    ),
    "consume": lambda juju: juju.consume("m.app", "alias", controller="other", owner="admin"),
    "offer": lambda juju: juju.offer("m.p", controller="localjuju", endpoint="seed", name="s"),
    "remove-ssh-key": lambda juju: juju.remove_ssh_key("me@here"),
    "set-model-constraints": lambda juju: juju.model_constraints({"mem": "8G"}),
    "update-cloud": lambda juju: juju.update_cloud(
        "c", {"clouds": {}}, client=True, controller="localjuju"
    ),
}

OPTIONS: dict[str, Ask] = {
    "add-machine --constraints": lambda juju: juju.add_machine(constraints={"mem": "8G"}),
    "add-machine --disks": lambda juju: juju.add_machine(disks="ebs,1T"),
    "add-machine --private-key": lambda juju: juju.add_machine(
        "ssh:me@10.0.0.1", private_key="/k"
    ),
    "add-machine --public-key": lambda juju: juju.add_machine("ssh:me@10.0.0.1", public_key="/k"),
    "add-unit --attach-storage": lambda juju: juju.add_unit("p", attach_storage="data/0"),
    "deploy --attach-storage": lambda juju: juju.deploy("./x", attach_storage=["data/0"]),
    "deploy --bind": lambda juju: juju.deploy("./x", bind={"flock": "alpha"}),
    "deploy --channel": lambda juju: juju.deploy("./x", channel="latest/edge"),
    "deploy --overlay": lambda juju: juju.deploy("./x", overlays=["over.yaml"]),
    "deploy --resource": lambda juju: juju.deploy("./x", resources={"image": "i"}),
    "deploy --revision": lambda juju: juju.deploy("./x", revision=7),
    "deploy --storage": lambda juju: juju.deploy("./x", storage={"data": "1G"}),
    "integrate --via": lambda juju: juju.integrate("p:seed", "p:food", via="10.0.0.0/8"),
    "refresh --base": lambda juju: juju.refresh("p", base="ubuntu@22.04"),
    "refresh --channel": lambda juju: juju.refresh("p", channel="latest/edge"),
    "refresh --resource": lambda juju: juju.refresh("p", resources={"image": "i"}),
    "refresh --revision": lambda juju: juju.refresh("p", revision=7),
    "refresh --storage": lambda juju: juju.refresh("p", storage={"data": "1G"}),
    "trust --scope": lambda juju: juju.trust("p", scope="cluster"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command(pair: jubilant.Juju, command: str):
    with pytest.raises(jubilant.CLIError) as caught:
        COMMANDS[command](pair)
    assert caught.value.returncode == 2
    assert caught.value.stderr == (
        "ERROR This is localjuju, a stand-in for Juju on one host, and it does not have the "
        f"command {command}; localjuju/README.md says what it has.\n"
    )


@pytest.mark.parametrize("usage", OPTIONS)
def test_an_option(pair: jubilant.Juju, usage: str):
    option = usage.partition(" ")[2]
    with pytest.raises(jubilant.CLIError) as caught:
        OPTIONS[usage](pair)
    assert caught.value.returncode == 2
    assert caught.value.stderr == (
        f"ERROR option provided but not defined: {option}\n"
        "This is localjuju, a stand-in for Juju on one host, and it does not have the "
        f"option {option}; localjuju/README.md says what it has.\n"
    )


REFUSED: list[tuple[Ask, str]] = [
    (lambda juju: juju.add_machine("lxd:0"), 'cannot place a machine on "lxd:0"'),
    (lambda juju: juju.add_unit("p", to="lxd:0"), "lxd:0"),
    (lambda juju: juju.deploy("ubuntu"), "has no Charmhub"),
    (lambda juju: juju.deploy("./nowhere"), 'no charm was found at "./nowhere"'),
    (lambda juju: juju.remove_unit("p", num_units=1), "--num-units for non k8s models not valid"),
    (lambda juju: juju.add_model("m", controller="other"), "controller other not found"),
    (lambda juju: juju.add_model("m", "aws"), "aws"),
]


@pytest.mark.parametrize(("ask", "text"), REFUSED, ids=[text for _, text in REFUSED])
def test_a_value(pair: jubilant.Juju, ask: Ask, text: str):
    with pytest.raises(jubilant.CLIError) as caught:
        ask(pair)
    assert caught.value.returncode in (1, 2)
    assert caught.value.stderr.startswith("ERROR ")
    assert text in caught.value.stderr


def test_nothing_was_done(pair: jubilant.Juju):
    for ask in (*COMMANDS.values(), *OPTIONS.values(), *(one for one, _ in REFUSED)):
        with pytest.raises(jubilant.CLIError):
            ask(pair)
    status = pair.status()
    assert sorted(status.machines) == ["0", "1"]
    assert list(status.apps) == ["p"]
    assert sorted(status.apps["p"].units) == ["p/0", "p/1"]
    assert status.apps["p"].charm_rev == 0


def test_every_method_of_jubilants_is_tried_with_every_option():
    tried: dict[str, set[str]] = {}
    for path in Path(__file__).parent.glob("test_*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                names = {keyword.arg for keyword in call.keywords if keyword.arg}
                tried.setdefault(call.func.attr, set()).update(names)
    missing: list[str] = []
    for name, method in inspect.getmembers(jubilant.Juju, inspect.isfunction):
        if name.startswith("_"):
            continue
        options = [
            parameter.name
            for parameter in inspect.signature(method).parameters.values()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        ]
        if name not in tried:
            missing.append(name)
        missing += [f"{name}({one}=)" for one in options if one not in tried.get(name, set())]
    assert missing == []
