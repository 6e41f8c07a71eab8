"""Commands on machines."""

from __future__ import annotations

import fnmatch
from typing import Any

from localjuju.cli import gotext, names, output
from localjuju.cli.checks import check_empty, check_no_wait
from localjuju.cli.command import COLOR_OPTIONS, UTC_OPTION, Command, output_options
from localjuju.cli.commands.statuses import with_times
from localjuju.cli.context import Context
from localjuju.cli.flags import Arguments, Kind, Option, UsageError
from localjuju.cli.removal import removal_options, run_removal
from localjuju.controller.wire import JujuError


def _add_machine(ctx: Context, args: Arguments) -> None:
    check_empty(args.positional[1:])
    if args.positional:
        raise JujuError(
            f"cannot place a machine on {gotext.quote(args.positional[0])}: the stand-in makes "
            "machines of this host only, without containers inside"
        )
    count = args.number("n") or 0
    if count < 1:
        raise UsageError("-n must be a positive integer")
    added = ctx.controller.add_machine(
        ctx.model(args), num_machines=count, base=args.text("base") or None
    )
    for one in added:
        ctx.info(f"created machine {one['machine']}")


def _remove_machine(ctx: Context, args: Arguments) -> None:
    if not args.positional:
        raise UsageError("no machines specified")
    for machine in args.positional:
        if not names.is_machine(machine):
            raise UsageError(f"invalid machine id {gotext.quote(machine)}")
    check_no_wait(args)
    model = ctx.model(args)
    run_removal(
        ctx,
        args,
        model,
        "machine",
        lambda dry_run: ctx.controller.remove_machine(
            model,
            args.positional,
            force=args.flag("force"),
            no_wait=args.flag("no-wait"),
            dry_run=dry_run,
        ),
    )


def _machines(ctx: Context, args: Arguments) -> None:
    check_empty(args.positional)
    _write(ctx, args, _found(ctx, args, []))


def _show_machine(ctx: Context, args: Arguments) -> None:
    _write(ctx, args, _found(ctx, args, args.positional))


def _found(ctx: Context, args: Arguments, patterns: list[str]) -> dict[str, Any]:
    model = ctx.model(args)
    status: dict[str, Any] = with_times(
        ctx.controller.status(model)["formatted"], utc=args.flag("utc")
    )
    machines: dict[str, Any] = status.get("machines") or {}
    kept = {
        name: machine
        for name, machine in machines.items()
        if not patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    }
    return {"model": model, "machines": kept}


def _write(ctx: Context, args: Arguments, value: dict[str, Any]) -> None:
    def tabular() -> str:
        from localjuju.cli.render.status import machines
        from localjuju.cli.render.table import layout

        section = machines(value["machines"])
        return layout([section], colors=ctx.colors(ctx.stdout, args))

    output.write(ctx, args, value, {"tabular": tabular})


COMMANDS = (
    Command(
        "add-machine",
        "Provision a new machine or assign one to the model.",
        _add_machine,
        options=(
            Option(
                ("base",), "The operating system base to install on the new machine", Kind.TEXT
            ),
            Option(("n",), "The number of machines to add", Kind.NUMBER, 1),
        ),
        lacks=("constraints", "disks", "private-key", "public-key"),
        examples=("juju add-machine", "juju add-machine -n 2"),
    ),
    Command(
        "remove-machine",
        "Removes one or more machines from a model.",
        _remove_machine,
        arguments="<machine number> ...",
        options=removal_options("a machine"),
        lacks=("keep-instance",),
        examples=("juju remove-machine 5", "juju remove-machine 6 --force"),
    ),
    Command(
        "machines",
        "Lists machines in a model.",
        _machines,
        options=(
            *COLOR_OPTIONS,
            UTC_OPTION,
            *output_options("json", "tabular", "yaml", default="tabular"),
        ),
        aliases=("list-machines",),
    ),
    Command(
        "show-machine",
        "Show a machine's status.",
        _show_machine,
        arguments="<machineID> ...",
        options=(
            *COLOR_OPTIONS,
            UTC_OPTION,
            *output_options("json", "tabular", "yaml", default="yaml"),
        ),
    ),
)
