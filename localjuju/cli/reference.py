"""Write localjuju/COMMANDS.md: every command and option that the stand-in has.

``python -m localjuju.cli.reference`` prints it; a test holds the file to it.
"""

from __future__ import annotations

import sys
import textwrap

from localjuju.cli import registry
from localjuju.cli.command import GLOBAL_OPTIONS, MODEL_OPTIONS, Command
from localjuju.cli.flags import Option, dashed
from localjuju.cli.unknown import JUJU_COMMANDS

_HEAD = """\
# What localjuju's juju command has

localjuju is a stand-in for Juju on one host. Its `juju` command has what stands here, with Juju's
own texts, exit statuses and output formats; of anything else it says that it is not there, with
exit status 2. `juju help <command>` tells more of each.

This page is made from the command line itself: `python -m localjuju.cli.reference`.

{common}

| Command | Options of its own | What it does |
| --- | --- | --- |
{rows}
## Where it differs

| Command | Difference | Options of Juju's that it lacks |
| --- | --- | --- |
{differences}
## Commands of Juju that it does not have

{missing}
"""

_COMMON = """\
Every command takes {everywhere}. Commands on a model also take {on_model}; the model may be
written `model`, `admin/model` or `localjuju:model`. Without it `$JUJU_MODEL` counts, and else the
model that `juju switch` chose. Tables are coloured on a terminal as Juju's are; JSON and YAML,
which Juju colours too, are not."""


def page() -> str:
    """Return the whole page."""
    every = registry.every()
    have = {name for command in every for name in (command.name, *command.aliases)}
    missing = ", ".join(f"`{name}`" for name in sorted(JUJU_COMMANDS - have)) + "."
    common = _COMMON.format(everywhere=_names(GLOBAL_OPTIONS), on_model=_names(MODEL_OPTIONS))
    return _HEAD.format(
        common=_wrapped(common),
        rows="".join(_row(command) for command in every),
        differences="".join(_difference(one) for one in every if one.differs or one.lacks),
        missing=_wrapped(missing),
    )


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 98, break_on_hyphens=False, break_long_words=False)


def _names(options: tuple[Option, ...]) -> str:
    return ", ".join("/".join(f"`{dashed(name)}`" for name in option.names) for option in options)


def _row(command: Command) -> str:
    arguments = f" {command.arguments}" if command.arguments else ""
    usage = f"{command.name}{arguments}".replace("|", "\\|")
    purpose = command.purpose
    if command.aliases:
        purpose += f" Also: {', '.join(f'`{alias}`' for alias in command.aliases)}."
    return f"| `{usage}` | {_names(command.options)} | {purpose} |\n"


def _difference(command: Command) -> str:
    lacks = ", ".join(f"`{dashed(name)}`" for name in command.lacks)
    return f"| `{command.name}` | {' '.join(command.differs.split())} | {lacks} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
