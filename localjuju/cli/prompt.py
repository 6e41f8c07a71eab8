"""Ask before something is removed, as Juju does."""

from __future__ import annotations

from localjuju.cli.context import Context
from localjuju.cli.flags import Arguments
from localjuju.controller.wire import JujuError


def removal_needs_confirmation(ctx: Context, args: Arguments, model: str) -> bool:
    """Tell whether to ask: unless ``--no-prompt``, or the model's ``mode`` does without it."""
    if args.flag("no-prompt"):
        return False
    mode = ctx.controller.model_config(model).get("mode", {}).get("Value", "requires-prompts")
    return "requires-prompts" in str(mode)


def confirm_yes(ctx: Context, what: str) -> None:
    """Ask whether to go on.

    Args:
        ctx: the running command.
        what: what is given up if the user does not want to: ``unit removal``.

    Raises:
        JujuError: the answer was not yes.
    """
    ctx.stderr.write("\nContinue [y/N]? ")
    ctx.stderr.flush()
    if ctx.stdin.readline().strip().lower() not in ("y", "yes"):
        raise JujuError(f"{what}: aborted")


def confirm_name(ctx: Context, name: str, kind: str, what: str) -> None:
    """Ask for the name of what is to be destroyed.

    Raises:
        JujuError: another name was given.
    """
    ctx.stderr.write(f"\nTo continue, enter the name of the {kind} to be unregistered: ")
    ctx.stderr.flush()
    if ctx.stdin.readline().strip() != name:
        raise JujuError(f"{what}: aborted")
