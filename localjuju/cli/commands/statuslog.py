"""``juju show-status-log``."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from localjuju.cli import gotext, names, output
from localjuju.cli.command import UTC_OPTION, Command, output_options
from localjuju.cli.context import Context
from localjuju.cli.flags import Arguments, Kind, Option, UsageError
from localjuju.cli.gotext import quote
from localjuju.controller.shapes import PastStatus
from localjuju.controller.wire import JujuError

_KINDS = ("application", "juju-machine", "juju-unit", "machine", "unit", "workload")
_DEFAULT_SIZE = 20


def _show_status_log(ctx: Context, args: Arguments) -> None:
    if len(args.positional) > 1:
        raise UsageError("unexpected arguments after entity name.")
    if not args.positional:
        raise UsageError("entity name is missing.")
    kind = args.text("type")
    if kind not in _KINDS:
        raise UsageError(f"unexpected status type {quote(kind)}")
    since = _since(args)
    entity = args.positional[0]
    _check_name(kind, entity)
    size = 0 if since else args.number("n") or _DEFAULT_SIZE
    found = ctx.controller.status_log(ctx.model(args), entity, kind=kind, size=size)
    if since:
        found = [one for one in found if gotext.parse_time(one["since"]) >= since]
    if not found:
        raise JujuError("no status history available")
    value: list[dict[str, Any]] = [{**one, "since": gotext.rfc3339(one["since"])} for one in found]

    def tabular() -> str:
        return _table(ctx, found, utc=args.flag("utc"))

    output.write(ctx, args, value, {"tabular": tabular})


def _since(args: Arguments) -> datetime | None:
    """Return the moment before which nothing is shown.

    Raises:
        UsageError: the limits contradict each other, or a date is not valid.
    """
    if (
        sum(
            bool(given)
            for given in (args.number("n"), args.number("days"), args.text("from-date"))
        )
        > 1
    ):
        raise UsageError(
            "backlog size, backlog date and backlog days back cannot be specified together"
        )
    if args.number("days"):
        return datetime.now(timezone.utc) - timedelta(days=args.number("days") or 0)
    if not args.text("from-date"):
        return None
    try:
        date = datetime.strptime(args.text("from-date"), "%Y-%m-%d")
    except ValueError as error:
        raise UsageError(f"parsing backlog date: {error}") from error
    return date.replace(tzinfo=timezone.utc)


def _check_name(kind: str, entity: str) -> None:
    valid = {
        "application": names.is_application,
        "machine": names.is_machine,
        "juju-machine": names.is_machine,
    }.get(kind, names.is_unit)
    if not valid(entity):
        what = "an application" if kind == "application" else f"a {kind}"
        raise JujuError(f"{quote(entity)} is not a valid name for {what}")


def _table(ctx: Context, found: list[PastStatus], *, utc: bool) -> str:
    from localjuju.cli.render.color import of_status
    from localjuju.cli.render.table import Section, cell, layout

    section = Section()
    section.row("Time", "Type", "Status", "Message")
    for one in found:
        section.row(
            gotext.status_time(one["since"], utc=utc),
            one["type"],
            cell(one["status"], of_status(one["status"])),
            one.get("message", ""),
        )
    return layout([section], colors=ctx.colors(ctx.stdout))


COMMANDS = (
    Command(
        "show-status-log",
        "Output past statuses for the specified entity.",
        _show_status_log,
        arguments="<entity name>",
        options=(
            Option(("days",), "Returns the logs for the past <days> days", Kind.NUMBER, 0),
            Option(
                ("from-date",),
                "Returns logs for any date after the passed one, in the format YYYY-MM-DD",
                Kind.TEXT,
            ),
            Option(("n",), "Returns the last N logs", Kind.NUMBER, 0),
            Option(
                ("type",),
                f"Type of statuses to be displayed [{'|'.join(_KINDS)}]",
                Kind.TEXT,
                default="unit",
            ),
            UTC_OPTION,
            *output_options("json", "tabular", "yaml", default="tabular"),
        ),
        differs="The types model, saas and container are not there; juju-machine shows machine.",
        examples=("juju show-status-log pg/0", "juju show-status-log --type application pg"),
    ),
)
