"""What the commands that remove units, applications and machines have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from localjuju.cli.command import NO_PROMPT_OPTION
from localjuju.cli.context import Context, SilentError
from localjuju.cli.flags import Arguments, Option
from localjuju.cli.prompt import confirm_yes, removal_needs_confirmation
from localjuju.controller.shapes import RemovalInfo

Remove = Callable[[bool], list[RemovalInfo]]
"""Removes, or with True tells only what would be removed."""

WILL = "This command will perform the following actions:"


def removal_options(what: str) -> tuple[Option, ...]:
    """Return the options that all of these commands have."""
    return (
        Option(("dry-run",), "Print what this command would remove without removing"),
        Option(("force",), f"Completely remove {what} and all its dependencies"),
        NO_PROMPT_OPTION,
        Option(
            ("no-wait",),
            "Rush through the removal without waiting for each individual step to complete",
        ),
    )


def run_removal(ctx: Context, args: Arguments, model: str, kind: str, remove: Remove) -> None:
    """Tell what goes, ask if need be, and remove it.

    Args:
        ctx: the running command.
        args: with ``removal_options``.
        model: where to remove it.
        kind: ``unit``, ``application`` or ``machine``.
        remove: does it.

    Raises:
        SilentError: something of it could not be removed; the reason was printed.
        JujuError: the user did not want to go on.
    """
    if args.flag("dry-run"):
        _dry_run(ctx, kind, remove)
        return
    ask = removal_needs_confirmation(ctx, args, model)
    if ask:
        _dry_run(ctx, kind, remove)
        confirm_yes(ctx, f"{kind} removal")
    _report(ctx, kind, remove(False), errors_only=ask)


def _dry_run(ctx: Context, kind: str, remove: Remove) -> None:
    found = remove(True)
    _report(ctx, kind, found, errors_only=True)
    ctx.warn(WILL)
    _report(ctx, kind, found, errors_only=False)


def _report(ctx: Context, kind: str, found: Sequence[RemovalInfo], *, errors_only: bool) -> None:
    failed = False
    for one in found:
        if one.get("error"):
            subject = "machine" if kind == "machine" else f"{kind} {one['name']}"
            ctx.error(f"removing {subject} failed: {one.get('error')}")
            failed = True
        elif not errors_only:
            ctx.print(f"will remove {kind} {one['name']}")
            for unit in one.get("units", ()):
                ctx.print(f"- will remove unit {unit}")
            for storage in one.get("storage_destroyed", ()):
                ctx.print(f"- will remove storage {storage}")
            for storage in one.get("storage_detached", ()):
                ctx.print(f"- will detach storage {storage}")
    ctx.stdout.flush()
    if failed:
        raise SilentError
