"""Commands about the client itself: version, help, who and where one is."""

from __future__ import annotations

import platform
import textwrap

from localjuju.cli import flags, names, output, registry
from localjuju.cli.command import GLOBAL_OPTIONS, Command, output_options
from localjuju.cli.context import Context
from localjuju.cli.flags import Arguments, Option, UsageError
from localjuju.controller import wire

_TOPIC = """\
localjuju is a stand-in for Juju on one host. Its juju command answers to the
part of Juju's command line that people and jubilant use, and runs packed
charms, unmodified, on local machines.

Starter commands:

    add-model           Adds a workload model.
    deploy              Deploys a new application.
    status              Displays the status of a model, its machines and units.
    add-unit            Adds extra units of a deployed application.
    config              Gets, sets, or resets configuration of an application.
    run                 Runs an action on a unit.
    debug-log           Displays log messages.
    ssh                 Opens a shell on a machine.
    models              Lists models.
    switch              Selects or identifies the current model.

Help commands:

    juju help           This help page.
    juju help <command> Show help for the specified command.

For the full list of supported commands run:

    juju help commands
"""


def _machine() -> str:
    machines = {"x86_64": "amd64", "aarch64": "arm64"}
    return machines.get(platform.machine(), platform.machine())


def _version(ctx: Context, args: Arguments) -> None:
    _no_arguments(args)
    version = wire.wanted_juju_version() or wire.DEFAULT_JUJU_VERSION
    text = f"{version}-genericlinux-{_machine()}"
    if args.flag("all"):
        value = {"version": text, "stand-in": "localjuju", "compiler": "python"}
        output.write(ctx, args, value)
        return
    output.write(ctx, args, text, {"smart": lambda: text + "\n", "yaml": lambda: text + "\n"})


def _whoami(ctx: Context, args: Arguments) -> None:
    _no_arguments(args)
    value = {"controller": ctx.controller_info["name"]}
    model = ctx.current_model()
    if model:
        value["model"] = model
    value["user"] = names.USER

    def tabular() -> str:
        titles = {"controller": "Controller:", "model": "Model:", "user": "User:"}
        shown = {"model": "<no-current-model>", **value}
        return "".join(f"{titles[key]:<13}{shown[key]}\n" for key in titles)

    output.write(ctx, args, value, {"tabular": tabular})


def _controllers(ctx: Context, args: Arguments) -> None:
    from localjuju.cli.render.table import Section, cell, layout

    _no_arguments(args)
    info = ctx.controller_info
    models = ctx.controller.models()
    machines = sum(model["machines"] for model in models)
    current = ctx.current_model()
    one: dict[str, object] = {
        "current-model": current,
        "user": names.USER,
        "access": "superuser",
        "uuid": info["uuid"],
        "api-endpoints": [],
        "cloud": names.CLOUD_REGION.partition("/")[0],
        "region": names.CLOUD_REGION.partition("/")[2],
        "agent-version": info["version"],
        "model-count": len(models),
        "machine-count": machines,
    }
    if current is None:
        del one["current-model"]
    value = {"controllers": {info["name"]: one}, "current-controller": info["name"]}

    def tabular() -> str:
        section = Section()
        section.header(
            "Controller",
            "Model",
            "User",
            "Access",
            "Cloud/Region",
            "Models",
            "Nodes",
            "HA",
            "Version",
        )
        section.row(
            cell(info["name"] + "*", "green"),
            current or "-",
            names.USER,
            "superuser",
            names.CLOUD_REGION,
            len(models),
            machines,
            "-",
            info["version"],
        )
        return layout([section], colors=ctx.colors(ctx.stdout))

    output.write(ctx, args, value, {"tabular": tabular})


def _help(ctx: Context, args: Arguments) -> None:
    if not args.positional or args.positional == ["basics"]:
        ctx.stdout.write(_TOPIC)
        return
    topic = args.positional[0]
    if topic == "commands":
        every = registry.every()
        width = max(len(command.name) for command in every)
        for command in every:
            ctx.print(f"{command.name:<{width}}  {command.purpose}")
        return
    command = registry.find(topic)
    if command is None:
        raise UsageError(f"unknown command or topic for {topic}")
    ctx.stdout.write(describe(command))


def describe(command: Command) -> str:
    """Return a command's help in the layout of ``juju help <command>``."""
    parts = [
        f"Usage: juju {command.name} [options]"
        + (f" {command.arguments}" if command.arguments else ""),
        f"Summary:\n{command.purpose}",
        f"Global Options:\n{_describe_options(GLOBAL_OPTIONS)}",
    ]
    own = command.all_options()[len(GLOBAL_OPTIONS) :]
    if own:
        parts.append(f"Command Options:\n{_describe_options(own)}")
    if command.details:
        parts.append(f"Details:\n{_wrapped(command.details)}")
    if command.differs:
        parts.append(f"Where the stand-in differs:\n{_wrapped(command.differs)}")
    if command.lacks:
        names = ", ".join(flags.dashed(name) for name in command.lacks)
        parts.append(f"Options of Juju's own that it does not have:\n{_wrapped(names)}")
    if command.aliases:
        parts.append(f"Aliases: {', '.join(command.aliases)}")
    if command.examples:
        parts.append("Examples:\n" + "\n".join(f"    {line}" for line in command.examples))
    return "\n\n".join(parts) + "\n"


def _wrapped(text: str) -> str:
    """Break lines for a terminal of 80 columns; an empty line ends a paragraph."""
    paragraphs = text.strip().split("\n\n")
    return "\n\n".join(textwrap.fill(one, 80, break_on_hyphens=False) for one in paragraphs)


def _describe_options(options: tuple[Option, ...]) -> str:
    lines: list[str] = []
    for option in sorted(options, key=lambda one: one.names[0].lower()):
        shown = ", ".join(flags.dashed(name) for name in option.names)
        lines.append(f"{shown} (= {default_text(option)})")
        lines += textwrap.wrap(option.help, 76, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def default_text(option: Option) -> str:
    """Return an option's default as help shows it."""
    if option.default_text is not None:
        return option.default_text
    value = option.initial()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value or '""'
    if value is None or value == []:
        return ""
    return str(value)


def _no_arguments(args: Arguments) -> None:
    from localjuju.cli.checks import check_empty

    check_empty(args.positional)


_VERSION_OPTIONS = (
    *output_options("smart", "json", "yaml", default="smart"),
    Option(("all",), "Prints all version information"),
)

COMMANDS = (
    Command(
        "version",
        "Print the Juju CLI client version.",
        _version,
        options=_VERSION_OPTIONS,
        differs="It is the version whose behaviour the stand-in shows; the environment variable\n"
        "LOCALJUJU_JUJU_VERSION chooses it.",
        on_model=False,
    ),
    Command(
        "whoami",
        "Print current login details.",
        _whoami,
        options=output_options("json", "tabular", "yaml", default="tabular"),
        on_model=False,
    ),
    Command(
        "controllers",
        "Lists all controllers.",
        _controllers,
        options=output_options("json", "tabular", "yaml", default="tabular"),
        aliases=("list-controllers",),
        on_model=False,
    ),
    Command(
        "help",
        "Show help on a command or other topic.",
        _help,
        arguments="[topic]",
        on_model=False,
    ),
)
