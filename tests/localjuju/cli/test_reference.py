"""The list of commands, the registry and the page about them tell the same."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from localjuju.cli import reference, registry
from localjuju.cli.command import Command
from localjuju.cli.unknown import JUJU_COMMANDS
from tests.localjuju.cli.conftest import ROOT

HERE = Path(__file__).parent


@pytest.mark.parametrize("module", registry.MODULES)
def test_the_registry_knows_every_command_of_a_module(module: str):
    loaded = import_module(f"localjuju.cli.commands.{module}")
    assert sorted(one.name for one in loaded.COMMANDS) == sorted(registry.MODULES[module])


def test_the_registry_knows_every_alias():
    aliases = {alias: one.name for one in registry.every() for alias in one.aliases}
    assert aliases == registry.ALIASES


@pytest.mark.parametrize("command", registry.every(), ids=lambda one: one.name)
def test_no_two_options_of_a_command_share_a_name(command: Command):
    names = [name for option in command.all_options() for name in option.names]
    assert len(names) == len(set(names))


def test_what_is_said_to_be_missing_is_missing():
    assert not JUJU_COMMANDS & {*registry.names(), *registry.ALIASES}


def test_the_page_about_the_commands_is_up_to_date():
    assert (ROOT / "localjuju/COMMANDS.md").read_text() == reference.page(), (
        "run: .venv/bin/python -m localjuju.cli.reference > localjuju/COMMANDS.md"
    )


def test_the_table_of_behaviours_names_the_tests_that_show_them():
    rows = (ROOT / "localjuju/README.md").read_text().splitlines()
    shown_by = [row.split("|")[3] for row in rows if row.startswith("|") and row.count("|") == 4]
    named = {name for column in shown_by for name in re.findall(r"`([a-z_]+)`", column)}
    there = {path.stem.removeprefix("test_"): path for path in HERE.parent.rglob("test_*.py")}
    assert named <= set(there)
    semantics = {name for name, path in there.items() if path.parent.name == "semantics"}
    assert semantics <= named


@pytest.mark.parametrize("command", registry.every(), ids=lambda one: one.name)
def test_what_a_command_is_said_to_lack_it_lacks(command: Command):
    names = {name for option in command.all_options() for name in option.names}
    assert not names & set(command.lacks)
