"""Commands on relations between applications."""

from __future__ import annotations

from localjuju.cli import names
from localjuju.cli.checks import check_empty
from localjuju.cli.command import Command
from localjuju.cli.context import Context
from localjuju.cli.flags import Arguments, Option, UsageError
from localjuju.cli.gotext import quote
from localjuju.controller.wire import JujuError


def _check_endpoint(text: str) -> None:
    """Refuse what is no ``application[:endpoint]`` of this model.

    Raises:
        UsageError: with Juju's words.
    """
    if names.is_endpoint(text):
        return
    if "." in text:
        raise UsageError(
            f"cannot relate to {quote(text)}: the stand-in has no offers of other models"
        )
    application, colon, _ = text.partition(":")
    if colon and names.is_application(application):
        raise UsageError(f"endpoint {quote(text)} not valid")
    raise UsageError(f"application name {quote(application)} not valid")


def _integrate(ctx: Context, args: Arguments) -> None:
    if len(args.positional) != 2:
        raise UsageError("an integration must involve two applications")
    for endpoint in args.positional:
        _check_endpoint(endpoint)
    first, second = args.positional
    try:
        ctx.controller.integrate(ctx.model(args), first, second)
    except JujuError as error:
        if error.code != "already exists":
            raise
        text = "\n".join(str(error).split(": "))
        raise JujuError(
            f"{text}: \n\nUse 'juju status --relations' to view the current relations.", error.code
        ) from error


def _remove_relation(ctx: Context, args: Arguments) -> None:
    words = args.positional
    if len(words) == 1 and words[0].isdigit():
        ctx.controller.remove_relation(ctx.model(args), words[0], force=args.flag("force"))
        return
    if len(words) < 2:
        raise UsageError("a relation must involve two applications")
    check_empty(words[2:])
    for endpoint in words:
        _check_endpoint(endpoint)
    ctx.controller.remove_relation(ctx.model(args), words[0], words[1], force=args.flag("force"))


COMMANDS = (
    Command(
        "integrate",
        "Integrate two applications.",
        _integrate,
        arguments="<application>[:<endpoint>] <application>[:<endpoint>]",
        differs="The stand-in relates applications of one model only.",
        lacks=("via",),
        examples=("juju integrate pg client", "juju integrate pg:db client:database"),
        aliases=("relate",),
    ),
    Command(
        "remove-relation",
        "Removes an existing relation between two applications.",
        _remove_relation,
        arguments="<application1>[:<endpoint>] <application2>[:<endpoint>] | <relation-id>",
        options=(Option(("force",), "Force remove a relation"),),
    ),
)
