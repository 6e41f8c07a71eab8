"""The charm's own files agree with one another."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / name).read_text())


def lines_of(described: dict[str, Any]) -> list[str]:
    return described["description"].splitlines()


OPTIONS = load("config.yaml")["options"]
ACTIONS = load("actions.yaml")


@pytest.mark.parametrize("name", [*OPTIONS, *ACTIONS])
def test_names_are_lower_case_and_hyphenated(name: str):
    assert NAME.fullmatch(name)


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_has_type_default_and_description(option: str):
    assert OPTIONS[option]["type"] in {"string", "int", "float", "boolean", "secret"}
    assert "default" in OPTIONS[option]
    assert OPTIONS[option]["description"].strip().endswith(".")


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_refuses_parameters_that_it_does_not_have(action: str):
    assert ACTIONS[action]["additionalProperties"] is False


@pytest.mark.parametrize("action", ACTIONS)
def test_every_parameter_is_described(action: str):
    for name, param in ACTIONS[action].get("params", {}).items():
        assert NAME.fullmatch(name)
        assert param["description"].strip().endswith(".")


def test_descriptions_fit_a_terminal_as_juju_shows_them():
    # juju config sets a description in by six columns, juju actions behind the longest name.
    behind = max(map(len, ACTIONS)) + 2
    shown = [" " * 6 + line for one in OPTIONS.values() for line in lines_of(one)]
    shown += [" " * behind + line for one in ACTIONS.values() for line in lines_of(one)]
    assert not [line for line in shown if len(line) > 80]


def test_the_charm_is_packed_for_every_supported_ubuntu_on_both_architectures():
    assert set(load("charmcraft.yaml")["platforms"]) == {
        f"ubuntu@{release}:{architecture}"
        for release in ("22.04", "24.04", "26.04")
        for architecture in ("amd64", "arm64")
    }


def test_charmcraft_repeats_nothing_that_metadata_says():
    # charmcraft refuses some of these in both files and silently drops others.
    assert not set(load("charmcraft.yaml")) & {*load("metadata.yaml"), "config", "actions"}


def test_metadata_asks_for_a_juju_that_has_application_secrets_and_local_zip_charms():
    assert "juju >= 3.6" in load("metadata.yaml")["assumes"]


def test_every_endpoint_but_a_peers_says_whether_it_is_optional():
    metadata = load("metadata.yaml")
    for role in ("requires", "provides"):
        for endpoint in metadata.get(role, {}).values():
            assert "optional" in endpoint


def test_the_packed_files_exist():
    for name in load("charmcraft.yaml")["parts"]["files"]["prime"]:
        assert (ROOT / name).exists(), name


def test_the_icon_is_square_and_holds_no_script_or_outside_reference():
    icon = ElementTree.parse(ROOT / "icon.svg").getroot()
    assert (icon.get("width"), icon.get("height")) == ("100", "100")
    assert icon.get("viewBox") == "0 0 100 100"
    text = (ROOT / "icon.svg").read_text()
    assert "<script" not in text
    assert "href" not in text
