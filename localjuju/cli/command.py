"""What a command of the command line consists of, and the options that many of them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localjuju.cli.flags import Arguments, Kind, Option

if TYPE_CHECKING:
    from localjuju.cli.context import Context

Run = Callable[["Context", Arguments], "int | None"]
"""Runs a command; returns its exit status, None for 0.

It raises ``UsageError`` for what Juju refuses before it talks to the controller (exit status 2)
and ``JujuError`` for the rest (exit status 1).
"""


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        name: what is typed after ``juju``.
        purpose: one sentence.
        run: what it does.
        arguments: its arguments, as the usage line shows them.
        options: its own options.
        details: what else there is to say.
        differs: where it differs from Juju's own.
        lacks: options of Juju's own that it does not have.
        examples: whole command lines.
        aliases: other names.
        interspersed: whether options may follow the first argument.
        on_model: whether it works on a model, and so has ``--model``.
    """

    name: str
    purpose: str
    run: Run
    arguments: str = ""
    options: tuple[Option, ...] = ()
    details: str = ""
    differs: str = ""
    lacks: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    interspersed: bool = True
    on_model: bool = True

    def all_options(self) -> tuple[Option, ...]:
        """Return the command's own options with those that it shares."""
        return GLOBAL_OPTIONS + (MODEL_OPTIONS if self.on_model else ()) + self.options


GLOBAL_OPTIONS = (
    Option(("debug",), "Equivalent to --show-log --logging-config=<root>=DEBUG"),
    Option(("h", "help"), "Show help on a command or other topic."),
    Option(("logging-config",), "Specify log levels for modules", Kind.TEXT),
    Option(("quiet",), "Show no informational output"),
    Option(("show-log",), "If set, write the log file to stderr"),
    Option(("verbose",), "Show more verbose output"),
)

MODEL_OPTIONS = (
    Option(("B", "no-browser-login"), "Do not use web browser for authentication"),
    Option(
        ("m", "model"),
        "Model to operate in. Accepts [<controller name>:]<model name>|<model UUID>",
        Kind.TEXT,
    ),
)

CONTROLLER_OPTIONS = (
    MODEL_OPTIONS[0],
    Option(("c", "controller"), "Controller to operate in", Kind.TEXT),
)

COLOR_OPTIONS = (
    Option(("color",), "Use ANSI color codes in output"),
    Option(("no-color",), "Disable ANSI color codes in output"),
)

UTC_OPTION = Option(("utc",), "Show times in UTC")

NO_PROMPT_OPTION = Option(
    ("no-prompt",), "Do not ask for confirmation. Overrides `mode` model config setting"
)


def output_options(*formats: str, default: str) -> tuple[Option, ...]:
    """Return ``--format`` and ``--output``."""
    return (
        Option(
            ("format",),
            f"Specify output format ({'|'.join(sorted(formats))})",
            Kind.TEXT,
            default=default,
            choices=formats,
        ),
        Option(("o", "output"), "Specify an output file", Kind.TEXT),
    )
