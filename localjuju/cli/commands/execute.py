"""``juju exec``: a shell command on units and machines."""

from __future__ import annotations

import shlex

from localjuju.cli import names
from localjuju.cli.command import Command
from localjuju.cli.context import Context
from localjuju.cli.flags import Arguments, Kind, Option, UsageError
from localjuju.cli.gotext import quote
from localjuju.cli.waiting import TASK_OPTIONS, Waiting

EXEC_WAIT_S = 300.0


def _exec(ctx: Context, args: Arguments) -> None:
    from localjuju.cli.render.tasks import command_output

    waiting = Waiting(ctx, args, default_wait=EXEC_WAIT_S, hide_progress=True)
    words = args.positional
    if not words:
        raise UsageError("no commands specified")
    # One word is a whole command line and is passed as it is.
    command = words[0] if len(words) == 1 else shlex.join(words)
    _check_targets(args)
    model = ctx.model(args)
    enqueued = ctx.controller.exec(
        model,
        command,
        units=args.texts("unit"),
        applications=args.texts("application"),
        machines=args.texts("machine"),
        all_machines=args.flag("all"),
        timeout=waiting.wait if waiting.wait > 0 else None,
    )
    waiting.finish(model, enqueued, command_output)


def _check_targets(args: Arguments) -> None:
    """Refuse a wrong choice of targets.

    Raises:
        UsageError: with Juju's words.
    """
    targets = {key: args.texts(key) for key in ("machine", "application", "unit")}
    if args.flag("all"):
        for key, given in targets.items():
            if given:
                raise UsageError(f"You cannot specify --all and individual {key}s")
    elif not any(targets.values()):
        raise UsageError(
            "You must specify a target, either through --all, --machine, --application or --unit"
        )
    wrong = [
        f"  {quote(one)} is not a valid machine id"
        for one in targets["machine"]
        if not names.is_machine(one)
    ]
    wrong += [
        f"  {quote(one)} is not a valid application name"
        for one in targets["application"]
        if not names.is_application(one)
    ]
    wrong += [
        f"  {quote(one)} is not a valid unit name"
        for one in targets["unit"]
        if not (names.is_unit(one) or names.is_leader(one))
    ]
    if wrong:
        raise UsageError("The following exec targets are not valid:\n" + "\n".join(wrong))


COMMANDS = (
    Command(
        "exec",
        "Run the commands on the remote targets specified.",
        _exec,
        arguments="<commands>",
        options=(
            Option(("a", "app", "application"), "One or more application names", Kind.LIST),
            Option(("all",), "Run the commands on all the machines"),
            Option(
                ("execution-group",),
                "Commands in the same execution group are run sequentially",
                Kind.TEXT,
            ),
            Option(("machine",), "One or more machine ids", Kind.LIST),
            Option(
                ("parallel",),
                "Run the commands in parallel without first acquiring a lock",
                default=True,
            ),
            Option(("u", "unit"), "One or more unit ids", Kind.LIST),
            *TASK_OPTIONS,
        ),
        details="""
On a unit the command runs as root in the unit's hook context, where the hook tools work and its
turn comes after a running hook; on a machine it runs as ubuntu.""",
        differs="""
The commands on a machine wait for each other whatever --parallel and --execution-group say.""",
        lacks=("operator",),
        examples=("juju exec --unit pg/0 -- is-leader", "juju exec --all -- hostname -f"),
    ),
)
