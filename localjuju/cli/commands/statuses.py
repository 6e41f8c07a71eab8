"""``juju status``."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

from localjuju.cli import gotext, names, output
from localjuju.cli.command import COLOR_OPTIONS, Command, output_options
from localjuju.cli.context import Context
from localjuju.cli.flags import Arguments, Kind, Option, UsageError
from localjuju.controller.wire import JujuError


def _status(ctx: Context, args: Arguments) -> None:
    if args.flag("color") and args.flag("no-color"):
        raise UsageError("cannot mix --no-color and --color")
    utc = args.flag("utc") or _utc_by_environment(ctx)
    interval = args.seconds("watch") or 0.0
    if interval > 0:
        _watch(ctx, args, interval, utc=utc)
        return
    _show(ctx, args, utc=utc)


def _utc_by_environment(ctx: Context) -> bool:
    text = ctx.env.get("JUJU_STATUS_ISO_TIME", "")
    try:
        return bool(text) and gotext.parse_bool(text)
    except ValueError as error:
        raise UsageError(
            f"invalid JUJU_STATUS_ISO_TIME env var, expected true|false: {error}"
        ) from error


def _show(ctx: Context, args: Arguments, *, utc: bool) -> None:
    from localjuju.cli.render.status import tabular
    from localjuju.cli.render.status_lines import oneline, summary

    model = ctx.model(args)
    if args.text("format") != "tabular":
        _mention_ignored(ctx, args)
    status = ctx.controller.status(model, patterns=args.positional)
    formatted = with_times(status["formatted"], utc=utc)
    relations = args.flag("relations") or args.flag("integrations")
    colors = ctx.colors(ctx.stdout, args)

    def table() -> str:
        return tabular(formatted, status["relations"] if relations else None, colors=colors)

    def lines() -> str:
        return oneline(formatted, colors=colors)

    output.write(
        ctx,
        args,
        formatted,
        {
            "tabular": table,
            "oneline": lines,
            "line": lines,
            "short": lines,
            "summary": lambda: summary(formatted, colors=colors),
        },
    )
    if formatted.get("applications") or formatted.get("machines"):
        return
    if not args.positional:
        ctx.info(f'\nModel "{names.USER}/{model}" is empty.')
    else:
        ctx.info(f"Nothing matched specified filter{'s' * (len(args.positional) > 1)}.")


def _mention_ignored(ctx: Context, args: Arguments) -> None:
    given = sorted(args.given & {"integrations", "relations", "storage"})
    if given:
        verb = "options are" if len(given) > 1 else "option is"
        ctx.info(f"provided {', '.join(given)} {verb} always enabled in non tabular formats")


def with_times(value: Any, *, utc: bool) -> Any:
    """Return a status with its timestamps in the user's format."""
    if isinstance(value, list):
        return [with_times(one, utc=utc) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    result: dict[str, Any] = {}
    for key, one in cast("dict[str, Any]", value).items():
        if key == "since" and one:
            result[key] = gotext.status_time(one, utc=utc)
        elif key == "timestamp" and one:
            result[key] = gotext.clock_time(one, utc=utc)
        else:
            result[key] = with_times(one, utc=utc)
    return result


def _watch(ctx: Context, args: Arguments, interval: float, *, utc: bool) -> None:
    """Show the status again and again, until the user interrupts it.

    A model that is not there (yet, or any more) does not end it.
    """
    with _screen(ctx):
        while True:
            if ctx.stdout.isatty():
                ctx.stdout.write("\x1b[H\x1b[2J")
            try:
                _show(ctx, args, utc=utc)
            except JujuError as error:
                ctx.error(str(error))
            ctx.stdout.flush()
            time.sleep(interval)


@contextmanager
def _screen(ctx: Context) -> Generator[None, None, None]:
    """Use the terminal's other screen, so that what was on it comes back afterwards."""
    if not ctx.stdout.isatty():
        yield
        return
    ctx.stdout.write("\x1b[?1049h\x1b[?25l")
    try:
        yield
    finally:
        ctx.stdout.write("\x1b[?25h\x1b[?1049l")
        ctx.stdout.flush()


COMMANDS = (
    Command(
        "status",
        "Report the status of the model, its machines, applications and units.",
        _status,
        arguments="[<selector> [...]]",
        options=(
            *COLOR_OPTIONS,
            *output_options(
                "json", "line", "oneline", "short", "summary", "tabular", "yaml", default="tabular"
            ),
            Option(("integrations",), "Same as `--relations`"),
            Option(("relations",), "Show relations section in tabular output"),
            Option(("retry-count",), "Number of times to retry API failures", Kind.NUMBER, 3),
            Option(
                ("retry-delay",),
                "Time to wait between retry attempts",
                Kind.DURATION,
                0.1,
                default_text="100ms",
            ),
            Option(("storage",), "Show storage section in tabular output"),
            Option(("utc",), "Display timestamps in the UTC timezone"),
            Option(
                ("watch",),
                "Watch the status every period of time",
                Kind.DURATION,
                0.0,
                default_text="0s",
            ),
        ),
        details="""
A <selector> is a machine, a unit, an application or a status, with * for any characters.""",
        differs="""
The stand-in has no storage, so --storage adds nothing. --watch redraws the table; Juju's own opens
a viewer with a history.""",
        examples=(
            "juju status",
            "juju status pg --relations",
            "juju status --watch 1s",
            "juju status --format=json",
        ),
        aliases=("show-status",),
    ),
)
