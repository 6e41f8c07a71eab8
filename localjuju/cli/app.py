"""Read the command line, run the command, report errors, choose the exit status.

Exit statuses are Juju's: 0, 1 for a command that failed, 2 for a command line that is wrong.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence

from localjuju.cli import flags, registry
from localjuju.cli.command import GLOBAL_OPTIONS, Command
from localjuju.cli.context import Context, SilentError
from localjuju.controller.wire import ControllerGoneError, JujuError

README = "localjuju/README.md"

STAND_IN_LACKS = (
    "This is localjuju, a stand-in for Juju on one host, and it does not have {what}; "
    f"{README} says what it has."
)


def main(words: Sequence[str], ctx: Context | None = None) -> int:
    """Run one command line and return its exit status."""
    ctx = ctx or Context()
    try:
        status = _run(ctx, [_text(word) for word in words])
        ctx.stdout.flush()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Whoever read our output has seen enough (``juju debug-log | head``).
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    finally:
        ctx.close()
    return status


def _text(word: str) -> str:
    """Replace bytes that are no UTF-8, as Go does when it writes JSON.

    Values of options are left alone: they are refused where they are read.
    """
    if "=" in word:
        return word
    return word.encode(errors="surrogateescape").decode(errors="replace")


def _run(ctx: Context, words: list[str]) -> int:
    try:
        command, rest = _choose(words)
        args = flags.parse(command.all_options(), rest, interspersed=command.interspersed)
    except flags.UndefinedOptionError as error:
        ctx.error(f"{error}\n{STAND_IN_LACKS.format(what=f'the option {error.option}')}")
        return 2
    except flags.UsageError as error:
        ctx.error(str(error))
        return 2
    if args.flag("help") and command.name != "help":
        args = flags.parse(_help().all_options(), [command.name], interspersed=True)
        command = _help()
    ctx.quiet = args.flag("quiet")
    ctx.verbose = args.flag("verbose")
    return _run_command(ctx, command, args)


def _run_command(ctx: Context, command: Command, args: flags.Arguments) -> int:
    try:
        return command.run(ctx, args) or 0
    except flags.UsageError as error:
        ctx.error(str(error))
        return 2
    except SilentError as error:
        return error.status
    except (JujuError, ControllerGoneError) as error:
        # A program that reads JSON or YAML gets an empty object, as from Juju.
        if (
            not ctx.output_written
            and args.has("format")
            and args.text("format") in ("json", "yaml")
        ):
            ctx.stdout.write("{}\n")
        ctx.error(str(error))
        return 1


def _help() -> Command:
    command = registry.find("help")
    if command is None:
        raise LookupError("the command help")
    return command


def _choose(words: list[str]) -> tuple[Command, list[str]]:
    """Find the command; options before it belong to it."""
    before: list[str] = []
    with_value = {
        flags.dashed(name)
        for option in GLOBAL_OPTIONS
        for name in option.names
        if option.kind is not flags.Kind.FLAG
    }
    while words and words[0].startswith("-"):
        word = words.pop(0)
        if word == "--version":
            before, words = [], ["version", *words]
            break
        before.append(word)
        if word in with_value and words:
            before.append(words.pop(0))
    if not words:
        # Only options that need no command are left; anything else is refused here.
        flags.parse(GLOBAL_OPTIONS, before, interspersed=False)
        return _help(), []
    flags.parse(GLOBAL_OPTIONS, before, interspersed=False)
    command = registry.find(words[0])
    if command is None:
        raise flags.UsageError(_unknown_command(words[0]))
    return command, before + words[1:]


def _unknown_command(name: str) -> str:
    from localjuju.cli.unknown import JUJU_COMMANDS, closest

    lacks = STAND_IN_LACKS.format(what=f"the command {name}")
    if name in JUJU_COMMANDS:
        return lacks
    text = f'juju: "{name}" is not a juju command. See "juju --help".'
    guess = closest(name, registry.names())
    if guess:
        text += f"\n\nDid you mean:\n\t{guess}"
    return f"{text}\n\n{lacks}"
