"""Run actions, and list those that a charm has."""

from __future__ import annotations

from typing import Any, cast

from localjuju.cli import names, output
from localjuju.cli.checks import check_empty, one_application
from localjuju.cli.command import Command, output_options
from localjuju.cli.context import Context
from localjuju.cli.flags import Arguments, Kind, Option, UsageError
from localjuju.cli.gotext import quote
from localjuju.cli.waiting import TASK_OPTIONS, Waiting
from localjuju.controller.wire import JujuError

RUN_WAIT_S = 60.0


def _run(ctx: Context, args: Arguments) -> None:
    from localjuju.cli.render.tasks import plain

    waiting = Waiting(ctx, args, default_wait=RUN_WAIT_S)
    units, action, pairs = _split(args.positional)
    params = _params(args, pairs)
    model = ctx.model(args)
    enqueued = ctx.controller.run(model, units, action, params)
    colors = ctx.colors(ctx.stdout, args)
    waiting.finish(model, enqueued, lambda results: plain(results, colors=colors))


def _split(words: list[str]) -> tuple[list[str], str, list[tuple[list[str], str]]]:
    """Part the words into units, the action and its ``key.key=value`` parameters.

    Raises:
        UsageError: with Juju's words.
    """
    units: list[str] = []
    action = ""
    for word in words:
        if names.is_unit(word) or names.is_leader(word):
            units.append(word)
        elif names.is_action(word):
            action = word
            break
        else:
            raise UsageError(f"invalid unit or action name {quote(word)}")
    if not units:
        raise UsageError("no unit specified")
    if not action:
        raise UsageError("no action specified")
    if len({names.application_of(unit) for unit in units}) > 1:
        raise UsageError("all units must be of the same application")
    pairs: list[tuple[list[str], str]] = []
    for word in words[len(units) + 1 :]:
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"argument {quote(word)} must be of the form key.key.key...=value")
        keys = key.split(".")
        for part in keys:
            if not names.is_action_key(part):
                raise UsageError(
                    f"key {quote(part)} must start and end with lowercase alphanumeric, and "
                    "contain only lowercase alphanumeric and hyphens"
                )
        pairs.append((keys, value))
    return units, action, pairs


def _params(args: Arguments, pairs: list[tuple[list[str], str]]) -> dict[str, Any]:
    """Return the parameters of ``--params`` with those of the command line over them.

    Raises:
        JujuError: a value or the file is no YAML.
    """
    params: dict[str, Any] = {}
    if args.text("params"):
        from localjuju.cli.pairs import read_yaml

        content: Any = read_yaml(args.text("params"))
        if content is not None:
            if not isinstance(content, dict):
                raise JujuError("params must contain a YAML map with string keys")
            params = cast("dict[str, Any]", content)
    for keys, text in pairs:
        _put(params, keys, text if args.flag("string-args") else _read(text))
    return params


def _read(text: str) -> Any:
    from localjuju.cli import goyaml

    return goyaml.load(text)


def _put(params: dict[str, Any], keys: list[str], value: Any) -> None:
    """Put a value at a nested place, making the mappings on the way."""
    for key in keys[:-1]:
        below = params.get(key)
        if not isinstance(below, dict):
            below = params[key] = {}
        params = cast("dict[str, Any]", below)
    params[keys[-1]] = value


def _actions(ctx: Context, args: Arguments) -> None:
    if args.text("format") == "tabular" and args.flag("schema"):
        raise UsageError("full schema not compatible with tabular output")
    application = one_application(args, "no application name specified")
    found = ctx.controller.actions(ctx.model(args), application)
    if args.flag("schema"):
        output.write(ctx, args, {name: found[name]["params"] for name in sorted(found)})
        return
    short = {name: found[name]["description"] or "No description" for name in sorted(found)}
    if not short and args.text("format") not in ("yaml", "json"):
        ctx.info(f"No actions defined for {application}.")
        return

    def tabular() -> str:
        from localjuju.cli.render.tasks import actions

        return actions(short)

    output.write(ctx, args, short, {"default": tabular, "tabular": tabular})


def _show_action(ctx: Context, args: Arguments) -> None:
    if not args.positional:
        raise UsageError("no application specified")
    if len(args.positional) < 2:
        raise UsageError("no action specified")
    application, action, *rest = args.positional
    check_empty(rest)
    found = ctx.controller.actions(ctx.model(args), application)
    if action not in found:
        ctx.info(f"unknown action {quote(action)}\n")
        raise JujuError(f"unknown action {quote(action)}")
    from localjuju.cli.render.structured import to_yaml

    ctx.print(found[action]["description"] or "No description")
    properties = found[action]["params"].get("properties", {})
    ctx.stdout.write("\nArguments\n" + to_yaml(properties) if properties else "")


COMMANDS = (
    Command(
        "run",
        "Run an action on a specified unit.",
        _run,
        arguments="<unit> [<unit> ...] <action-name> [<key>=<value> [<key>[.<key> ...]=<value>]]",
        options=(
            *TASK_OPTIONS,
            Option(("params",), "Path to yaml-formatted params file", Kind.TEXT),
            Option(("string-args",), "Use raw string values of CLI args"),
        ),
        examples=(
            "juju run pg/0 verify-replication",
            "juju run pg/leader verify-replication timeout=30 --wait=2m",
            "juju run pg/0 verify-replication --format yaml",
        ),
    ),
    Command(
        "actions",
        "List actions defined for an application.",
        _actions,
        arguments="<application>",
        options=(
            Option(("schema",), "Display the full action schema"),
            *output_options("default", "json", "tabular", "yaml", default="default"),
        ),
        aliases=("list-actions",),
    ),
    Command(
        "show-action",
        "Shows detailed information about an action.",
        _show_action,
        arguments="<application> <action>",
    ),
)
