"""Commands on units."""

from __future__ import annotations

from typing import Any

from localjuju.cli import gotext, names, output
from localjuju.cli.checks import check_empty, check_no_wait
from localjuju.cli.command import Command, output_options
from localjuju.cli.context import Context
from localjuju.cli.flags import Arguments, Kind, Option, UsageError
from localjuju.cli.removal import removal_options, run_removal

PLACEMENT_OPTIONS = (
    Option(("n", "num-units"), "Specify the number of units to add.", Kind.NUMBER, 1),
    Option(
        ("to",),
        "Specify a comma-separated list of machine ids. If the length of this list is less than "
        "-n, the remaining units will be added in the default way (i.e., to new machines).",
        Kind.TEXT,
    ),
)


def placement(ctx: Context, args: Arguments) -> tuple[int, list[str]]:
    """Return how many units to make and on which machines.

    Raises:
        UsageError: the number or a machine is not valid.
    """
    count = args.number("num-units") or 0
    if count < 1:
        raise UsageError("--num-units must be a positive integer")
    text = args.text("to")
    machines = text.split(",") if text else []
    for machine in machines:
        if not names.is_machine(machine):
            raise UsageError(f"invalid --to parameter {gotext.quote(machine or text)}")
    if len(machines) > count:
        ctx.warn(f"{count} unit(s) will be deployed, extra placement directives will be ignored")
    return count, machines[:count]


def _add_unit(ctx: Context, args: Arguments) -> None:
    if not args.positional:
        raise UsageError("no application specified")
    check_empty(args.positional[1:])
    count, machines = placement(ctx, args)
    ctx.controller.add_unit(ctx.model(args), args.positional[0], num_units=count, to=machines)


def _remove_unit(ctx: Context, args: Arguments) -> None:
    if "num-units" in args.given and args.number("num-units"):
        raise UsageError("--num-units for non k8s models not valid")
    if not args.positional:
        raise UsageError("no units specified")
    for unit in args.positional:
        if not names.is_unit(unit):
            raise UsageError(f"invalid unit name {gotext.quote(unit)}")
    check_no_wait(args)
    model = ctx.model(args)
    run_removal(
        ctx,
        args,
        model,
        "unit",
        lambda dry_run: ctx.controller.remove_unit(
            model,
            args.positional,
            force=args.flag("force"),
            no_wait=args.flag("no-wait"),
            dry_run=dry_run,
        ),
    )


def _show_unit(ctx: Context, args: Arguments) -> None:
    if not args.positional:
        raise UsageError("an unit name must be supplied")
    related = args.text("related-unit")
    if related and not names.is_unit(related):
        raise UsageError(f"related unit name {related} not valid")
    wrong = [unit for unit in args.positional if not names.is_unit(unit)]
    if wrong:
        raise UsageError(f"unit name{'s' * (len(wrong) > 1)} {', '.join(wrong)} not valid")
    shown = ctx.controller.show_unit(ctx.model(args), args.positional)
    for unit in shown.values():
        _limit_relations(unit, args)
    output.write(ctx, args, shown)


def _limit_relations(unit: dict[str, Any], args: Arguments) -> None:
    """Leave out of a unit's relations what the user did not ask for."""
    endpoint = args.text("endpoint")
    related = args.text("related-unit")
    kept: list[dict[str, Any]] = []
    for relation in unit.pop("relation-info", []):
        if endpoint and relation["endpoint"] != endpoint:
            continue
        if args.flag("app"):
            relation.pop("local-unit", None)
            relation.pop("related-units", None)
        elif related:
            others: dict[str, Any] = relation.pop("related-units", {})
            if related in others:
                relation["related-units"] = {related: others[related]}
        kept.append(relation)
    if kept:
        unit["relation-info"] = kept


def _resolved(ctx: Context, args: Arguments) -> None:
    everything = args.flag("all")
    if everything and args.positional:
        raise UsageError("specifying unit names(s) with --all not supported")
    if not everything and not args.positional:
        raise UsageError("no unit specified")
    for unit in args.positional:
        if not names.is_unit(unit):
            raise UsageError(f"unit name {gotext.quote(unit)} not valid")
    ctx.controller.resolved(
        ctx.model(args), args.positional, all_units=everything, retry=not args.flag("no-retry")
    )


COMMANDS = (
    Command(
        "add-unit",
        "Adds one or more units to a deployed application.",
        _add_unit,
        arguments="<application name>",
        options=PLACEMENT_OPTIONS,
        lacks=("attach-storage",),
        examples=("juju add-unit pg", "juju add-unit pg -n 2 --to 3"),
    ),
    Command(
        "remove-unit",
        "Remove application units from the model.",
        _remove_unit,
        arguments="<unit> [...]",
        options=(
            Option(("destroy-storage",), "Destroy storage attached to the unit"),
            Option(("num-units",), "Number of units to remove (k8s models only)", Kind.NUMBER, 0),
            *removal_options("an unit"),
        ),
        examples=("juju remove-unit pg/1 --no-prompt", "juju remove-unit pg/1 --force"),
    ),
    Command(
        "resolved",
        "Marks unit errors resolved and re-executes failed hooks.",
        _resolved,
        arguments="[<unit> ...]",
        options=(
            Option(("all",), "Marks all units in error as resolved"),
            Option(("no-retry",), "Do not re-execute failed hooks on the unit"),
        ),
        aliases=("resolve",),
    ),
    Command(
        "show-unit",
        "Displays information about a unit.",
        _show_unit,
        arguments="<unit name>",
        options=(
            Option(("app",), "Only show application relation data"),
            Option(("endpoint",), "Only show relation data for the specified endpoint", Kind.TEXT),
            Option(("related-unit",), "Only show relation data for the specified unit", Kind.TEXT),
            *output_options("json", "smart", "yaml", default="yaml"),
        ),
        examples=("juju show-unit pg/0", "juju show-unit pg/0 --endpoint cluster"),
    ),
)
