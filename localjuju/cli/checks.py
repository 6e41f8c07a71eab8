"""Checks that several commands make of their arguments, with Juju's words."""

from __future__ import annotations

from collections.abc import Sequence

from localjuju.cli import gotext, names
from localjuju.cli.flags import Arguments, UsageError


def check_empty(rest: Sequence[str]) -> None:
    """Refuse arguments that are left over.

    Raises:
        UsageError: there are some.
    """
    if rest:
        raise UsageError(f"unrecognized args: {gotext.quote_list(rest)}")


def one_application(args: Arguments, missing: str = "no application specified") -> str:
    """Return the only argument, an application's name.

    Raises:
        UsageError: there is none, or more, or it is no application's name.
    """
    if not args.positional:
        raise UsageError(missing)
    check_empty(args.positional[1:])
    name = args.positional[0]
    if not names.is_application(name):
        raise UsageError(f"invalid application name {gotext.quote(name)}")
    return name


def check_no_wait(args: Arguments) -> None:
    """Refuse ``--no-wait`` without ``--force``.

    Raises:
        UsageError: that is so.
    """
    if args.flag("no-wait") and not args.flag("force"):
        raise UsageError("--no-wait without --force not valid")
