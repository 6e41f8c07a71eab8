"""Commands that look at secrets."""

from __future__ import annotations

from typing import Any, cast

from localjuju.cli import gotext, output
from localjuju.cli.checks import check_empty
from localjuju.cli.command import Command, output_options
from localjuju.cli.context import Context
from localjuju.cli.flags import Arguments, Kind, Option, UsageError

_TIMES = frozenset({"created", "updated", "expires", "rotates"})


def _secrets(ctx: Context, args: Arguments) -> None:
    check_empty(args.positional)
    found = ctx.controller.secrets(ctx.model(args), owner=args.text("owner") or None)

    def tabular() -> str:
        from localjuju.cli.render.table import Section, layout

        section = Section(right=frozenset({4}))
        section.row("ID", "Name", "Owner", "Rotation", "Revision", "Last updated")
        order = sorted(found, key=lambda id_: (found[id_]["owner"], -found[id_]["revision"]))
        for id_ in order:
            one = found[id_]
            section.row(
                id_,
                one.get("name") or "-",
                one["owner"],
                one.get("rotation") or "never",
                one["revision"],
                gotext.friendly_age(one["updated"]),
            )
        return layout([section], colors=False)

    output.write(ctx, args, _with_times(found), {"tabular": tabular})


def _show_secret(ctx: Context, args: Arguments) -> None:
    if not args.positional:
        raise UsageError("secret ID is required")
    revision = args.number("revision") or 0
    if args.flag("revisions") and args.flag("reveal"):
        raise UsageError("specify either --revisions or --reveal but not both")
    if args.flag("revisions") and revision > 0:
        raise UsageError("specify either --revisions or --revision but not both")
    if revision < 0:
        raise UsageError("revision must be a positive integer")
    check_empty(args.positional[1:])
    found = ctx.controller.show_secret(
        ctx.model(args),
        args.positional[0],
        reveal=args.flag("reveal"),
        revision=revision or None,
        revisions=args.flag("revisions"),
    )
    if args.text("format") == "yaml":
        for one in found.values():
            # Juju's YAML has the content itself, its JSON a level called Data in between.
            if "Data" in one.get("content", {}):
                one["content"] = one["content"]["Data"]
    output.write(ctx, args, _with_times(found))


def _with_times(value: Any) -> Any:
    """Return secrets with their times as Juju has them: whole seconds in UTC."""
    from localjuju.cli.render.structured import Timestamp

    if isinstance(value, list):
        return [_with_times(one) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    return {
        key: Timestamp(gotext.rfc3339(one))
        if key in _TIMES and isinstance(one, str)
        else _with_times(one)
        for key, one in cast("dict[str, Any]", value).items()
    }


COMMANDS = (
    Command(
        "secrets",
        "Lists secrets available in the model.",
        _secrets,
        options=(
            Option(("owner",), "Include secrets for the specified owner", Kind.TEXT),
            *output_options("json", "tabular", "yaml", default="tabular"),
        ),
        aliases=("list-secrets",),
    ),
    Command(
        "show-secret",
        "Shows details for a specific secret.",
        _show_secret,
        arguments="<ID>|<name>",
        options=(
            Option(("reveal",), "Reveal secret values, applicable to yaml or json formats only"),
            Option(
                ("r", "revision"),
                "Show a specific revision (defaults to latest)",
                Kind.NUMBER,
                0,
            ),
            Option(("revisions",), "Show the secret revisions metadata"),
            *output_options("json", "yaml", default="yaml"),
        ),
    ),
)
