"""The list of commands, the registry and the page about them tell the same."""

from __future__ import annotations

from importlib import import_module

import pytest

from localjuju.cli import reference, registry
from localjuju.cli.command import Command
from localjuju.cli.unknown import JUJU_COMMANDS
from tests.localjuju.cli.conftest import ROOT


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


@pytest.mark.parametrize("command", registry.every(), ids=lambda one: one.name)
def test_what_a_command_is_said_to_lack_it_lacks(command: Command):
    names = {name for option in command.all_options() for name in option.names}
    assert not names & set(command.lacks)
