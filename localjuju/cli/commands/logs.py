"""``juju debug-log``."""

from __future__ import annotations

import re

from localjuju.cli import gotext, names
from localjuju.cli.checks import check_empty
from localjuju.cli.command import UTC_OPTION, Command
from localjuju.cli.context import Context
from localjuju.cli.flags import Arguments, Kind, Option, UsageError
from localjuju.controller.shapes import LogLine

_LEVELS = ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR")
_DEFAULT_LINES = 10
_EVERYTHING = 0


def _debug_log(ctx: Context, args: Arguments) -> None:
    level = args.text("level").upper()
    if level and level not in _LEVELS:
        listed = ", ".join(gotext.quote(one) for one in _LEVELS)
        raise UsageError(f"level value {gotext.quote(args.text('level'))} is not one of {listed}")
    _check_combination(args)
    check_empty(args.positional)
    model = ctx.model(args)
    limit = args.number("limit")
    lines = args.number("lines")
    replay = args.flag("replay")
    recent = lines if lines is not None else limit if limit is not None else _DEFAULT_LINES
    found = ctx.controller.debug_log(
        model,
        replay=replay or recent == _EVERYTHING,
        lines=recent,
        limit=limit or 0 if replay else 0,
        follow=_follow(ctx, args),
        level=level or None,
        include=[_entity(one) for one in args.texts("include")],
        exclude=[_entity(one) for one in args.texts("exclude")],
        include_module=args.texts("include-module"),
        exclude_module=args.texts("exclude-module"),
    )
    colors = ctx.colors(ctx.stdout, args)
    for line in found:
        ctx.print(render(line, args, colors=colors))
        ctx.stdout.flush()


def _follow(ctx: Context, args: Arguments) -> bool:
    if args.flag("no-tail") or "limit" in args.given:
        return False
    return args.flag("tail") or "lines" in args.given or ctx.stdout.isatty()


def _check_combination(args: Arguments) -> None:
    """Refuse options that contradict each other.

    Raises:
        UsageError: with Juju's words.
    """
    for first, second in (
        ("tail", "no-tail"),
        ("no-tail", "retry"),
        ("no-tail", "lines"),
        ("tail", "limit"),
        ("limit", "lines"),
        ("replay", "lines"),
    ):
        if {first, second} <= args.given:
            raise UsageError(f"setting --{first} and --{second} not valid")


def _entity(text: str) -> str:
    """Return the tag, or the pattern of tags, that a filter means.

    >>> _entity("pg/0"), _entity("pg"), _entity("0"), _entity("unit-pg-0")
    ('unit-pg-0', 'unit-pg-*', 'machine-0', 'unit-pg-0')
    """
    if "*" in text or re.match(r"(unit|machine|application|controller)-", text):
        return text
    if names.is_machine(text) or names.is_unit(text):
        return names.tag(text)
    return f"unit-{text}-*" if names.is_application(text) else text


def render(line: LogLine, args: Arguments, *, colors: bool) -> str:
    """Return one line of the log as ``juju debug-log`` shows it."""
    from localjuju.cli.render.color import SEVERITY, paint

    moment = gotext.local(gotext.parse_time(line["timestamp"]), utc=args.flag("utc"))
    at = moment.strftime("%Y-%m-%d %H:%M:%S" if args.flag("date") else "%H:%M:%S")
    if args.flag("ms"):
        at += f".{moment.microsecond // 1000:03d}"
    severity = paint(line["severity"], SEVERITY.get(line["severity"]), colors)
    text = f"{line['entity']}: {at} {severity} {line['module']} "
    if args.flag("location"):
        text += paint(line["location"], "bright-blue", colors) + " "
    return text + line["message"]


COMMANDS = (
    Command(
        "debug-log",
        "Displays log messages for a model.",
        _debug_log,
        options=(
            Option(("color",), "Force use of ANSI color codes"),
            Option(("date",), "Show dates as well as times"),
            Option(("i", "include"), "Only show log messages for these entities", Kind.TEXTS),
            Option(("x", "exclude"), "Do not show log messages for these entities", Kind.TEXTS),
            Option(
                ("include-module",), "Only show log messages for these logging modules", Kind.TEXTS
            ),
            Option(
                ("exclude-module",),
                "Do not show log messages for these logging modules",
                Kind.TEXTS,
            ),
            Option(
                ("l", "level"),
                "Log level to show, one of [TRACE, DEBUG, INFO, WARNING, ERROR]",
                Kind.TEXT,
            ),
            Option(
                ("limit",), "Show this many of the most recent logs and then exit", Kind.NUMBER
            ),
            Option(
                ("n", "lines"),
                "Show this many of the most recent lines and continue to append new ones",
                Kind.NUMBER,
            ),
            Option(("location",), "Show filename and line numbers"),
            Option(("ms",), "Show times to millisecond precision"),
            Option(("no-tail",), "Show existing log messages and then exit"),
            Option(("replay",), "Show the entire log and continue to append new ones"),
            Option(("retry",), "Retry connection on failure"),
            Option(
                ("retry-delay",),
                "Retry delay between connection failure retries",
                Kind.DURATION,
                1.0,
                default_text="1s",
            ),
            Option(("tail",), "Show existing log messages and continue to append new ones"),
            UTC_OPTION,
        ),
        differs="The stand-in's log has no labels, and its connection needs no second try.",
        lacks=("include-label", "exclude-label", "firehose"),
        examples=(
            "juju debug-log",
            "juju debug-log --replay --no-tail --include pg/0",
            "juju debug-log --limit 100 --level WARNING",
        ),
    ),
)
