"""Commands that make and change secrets of the user's own."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path
from typing import Any, cast

from localjuju.cli.checks import check_empty
from localjuju.cli.command import Command
from localjuju.cli.context import Context
from localjuju.cli.flags import Arguments, Kind, Option, UsageError
from localjuju.cli.gotext import quote
from localjuju.controller.wire import JujuError

_KEY = re.compile(r"[a-z](?:-?[a-z0-9]){2,}")


def _content(args: Arguments, words: list[str]) -> dict[str, str]:
    """Return a secret's content from ``key[#base64|#file]=value`` words and ``--file``.

    Raises:
        UsageError: a word or key is not valid.
        JujuError: a file cannot be read, or a value is no base64.
    """
    content: dict[str, str] = {}
    if args.text("file"):
        from localjuju.cli.pairs import as_text, read_yaml

        read: Any = read_yaml(args.text("file"))
        if not isinstance(read, dict):
            raise JujuError("a secret's content must be a YAML map with string keys")
        for key, value in cast("dict[str, Any]", read).items():
            content[_checked(key)] = as_text(value)
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"key value {quote(word)} not valid")
        key, _, how = name.partition("#")
        content[_checked(key)] = _value(how, value)
    return content


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise UsageError(f"key {quote(key)} not valid")
    return key


def _value(how: str, text: str) -> str:
    if how == "file":
        try:
            return Path(text).expanduser().read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise JujuError(f"cannot read the content of {quote(text)}: {error}") from error
    if how == "base64":
        try:
            return base64.b64decode(text, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise JujuError(f"{quote(text)} is no text in base64: {error}") from error
    if how:
        raise UsageError(f"key suffix {quote('#' + how)} not valid")
    return text


def _add_secret(ctx: Context, args: Arguments) -> None:
    if not args.positional:
        raise UsageError("secret name needs to be supplied as the first argument")
    name, *words = args.positional
    content = _content(args, words)
    if not content:
        raise UsageError("missing secret value or filename")
    info = args.text("info") or None
    ctx.print(ctx.controller.add_secret(ctx.model(args), name, content, info=info))


def _update_secret(ctx: Context, args: Arguments) -> None:
    if not args.positional:
        raise UsageError("missing secret URI")
    secret, *words = args.positional
    content = _content(args, words)
    ctx.controller.update_secret(
        ctx.model(args),
        secret,
        content=content or None,
        info=args.text("info") or None,
        name=args.text("name") or None,
        auto_prune=args.flag("auto-prune"),
    )


def _remove_secret(ctx: Context, args: Arguments) -> None:
    if not args.positional:
        raise UsageError("missing secret URI")
    check_empty(args.positional[1:])
    revision = args.number("revision") or 0
    ctx.controller.remove_secret(
        ctx.model(args), args.positional[0], revision=revision if revision > 0 else None
    )


def _grant_secret(ctx: Context, args: Arguments) -> None:
    _grant(ctx, args, revoke=False)


def _revoke_secret(ctx: Context, args: Arguments) -> None:
    _grant(ctx, args, revoke=True)


def _grant(ctx: Context, args: Arguments, *, revoke: bool) -> None:
    if len(args.positional) < 2:
        raise UsageError("missing secret URI or application name")
    check_empty(args.positional[2:])
    secret, applications = args.positional
    ctx.controller.grant_secret(ctx.model(args), secret, applications.split(","), revoke=revoke)


_CONTENT_OPTIONS = (
    Option(("file",), "A YAML file containing secret key values", Kind.TEXT),
    Option(("info",), "The secret description", Kind.TEXT),
)

COMMANDS = (
    Command(
        "add-secret",
        "Add a new secret.",
        _add_secret,
        arguments="<name> [key[#base64|#file]=value...]",
        options=_CONTENT_OPTIONS,
        examples=("juju add-secret my-apitoken token=34ae35facd4",),
    ),
    Command(
        "update-secret",
        "Update an existing secret.",
        _update_secret,
        arguments="<ID>|<name> [key[#base64|#file]=value...]",
        options=(
            Option(
                ("auto-prune",),
                "Used to allow Juju to automatically remove revisions which are no longer being "
                "tracked by any observers",
            ),
            *_CONTENT_OPTIONS,
            Option(("name",), "The new secret name", Kind.TEXT),
        ),
    ),
    Command(
        "remove-secret",
        "Remove a existing secret.",
        _remove_secret,
        arguments="<ID>|<name>",
        options=(Option(("revision",), "Remove the specified revision", Kind.NUMBER, 0),),
    ),
    Command(
        "grant-secret",
        "Grant access to a secret.",
        _grant_secret,
        arguments="<secret-uri> <application>[,<application>...]",
    ),
    Command(
        "revoke-secret",
        "Revoke access to a secret.",
        _revoke_secret,
        arguments="<secret-uri> <application>[,<application>...]",
    ),
)
