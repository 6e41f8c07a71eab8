"""``juju model-config`` and ``juju model-constraints``."""

from __future__ import annotations

from typing import Any, cast

from localjuju.cli import gotext, names, output
from localjuju.cli.checks import check_empty
from localjuju.cli.command import COLOR_OPTIONS, Command, output_options
from localjuju.cli.context import Context
from localjuju.cli.flags import Arguments, Kind, Option, UsageError
from localjuju.cli.pairs import as_text, check_combination, read_yaml, split_pairs, split_reset
from localjuju.controller.wire import JujuError

_OWN = frozenset({"name", "type", "uuid"})
_READ_ONLY = {"agent-version": "upgrade-model", "charmhub-url": "add-model"}


def _model_config(ctx: Context, args: Arguments) -> None:
    pairs, keys = split_pairs(args.positional)
    reset = split_reset(args.texts("reset"))
    check_combination(args, pairs, keys, reset)
    for key in reset:
        if key in _READ_ONLY:
            raise UsageError(f"{gotext.quote(key)} cannot be reset")
    model = ctx.model(args)
    if args.text("file") or pairs or reset:
        values = {**_from_file(args), **pairs}
        for key, command in _READ_ONLY.items():
            if key in values:
                raise JujuError(f'"{key}" must be set via "{command}"')
        known = ctx.controller.model_config(model)
        for key in (*values, *reset):
            if key not in known:
                ctx.warn(
                    f"key {gotext.quote(key)} is not defined in the current model "
                    "configuration: possible misspelling"
                )
        ctx.controller.set_model_config(model, values, reset=reset)
        return
    attributes = ctx.controller.model_config(model)
    shown = {key: attributes[key] for key in sorted(attributes) if key not in _OWN}
    if keys:
        _show_one(ctx, args, shown, keys[0], model)
        return
    output.write(ctx, args, _spelled(args, shown), {"tabular": lambda: _tabular(shown)})


def _spelled(args: Arguments, shown: dict[str, Any]) -> dict[str, Any]:
    """Juju spells the keys with a capital in JSON and without in YAML."""
    if args.text("format") != "yaml":
        return shown
    return {key: {"value": one["Value"], "source": one["Source"]} for key, one in shown.items()}


def _from_file(args: Arguments) -> dict[str, str]:
    if not args.text("file"):
        return {}
    content: Any = read_yaml(args.text("file")) or {}
    if not isinstance(content, dict):
        raise JujuError("model config must contain a YAML map with string keys")
    values: dict[str, str] = {}
    for key, value in cast("dict[str, Any]", content).items():
        if key in _READ_ONLY and args.flag("ignore-read-only-fields"):
            continue
        values[key] = as_text(value.get("value") if isinstance(value, dict) else value)  # pyright: ignore
    return values


def _show_one(ctx: Context, args: Arguments, shown: dict[str, Any], key: str, model: str) -> None:
    if key not in shown:
        raise JujuError(
            f"{gotext.quote(key)} is not a key of the currently targeted model: "
            f"{gotext.quote(f'{names.USER}/{model}')}"
        )
    value = shown[key]["Value"]

    def smart() -> str:
        if isinstance(value, bool):
            return f"{value}\n"
        return f"{value}\n" if value not in ("", None) else ""

    output.write(ctx, args, _spelled(args, {key: shown[key]}), {"tabular": smart})


def _tabular(shown: dict[str, Any]) -> str:
    from localjuju.cli.render.structured import to_yaml
    from localjuju.cli.render.table import Section, layout

    section = Section()
    section.row("Attribute", "From", "Value")
    for key, one in shown.items():
        text = to_yaml(one["Value"]).removesuffix("...\n").rstrip("\n")
        section.row(key, one["Source"], text)
    return layout([section], colors=False)


def _model_constraints(ctx: Context, args: Arguments) -> None:
    check_empty(args.positional)
    ctx.model(args)
    output.write(ctx, args, {}, {"constraints": lambda: "\n"})


COMMANDS = (
    Command(
        "model-config",
        "Displays or sets configuration values on a model.",
        _model_config,
        arguments="[<model-key>[=<value>] ...]",
        options=(
            *COLOR_OPTIONS,
            Option(("file",), "Path to yaml-formatted configuration file", Kind.TEXT),
            Option(
                ("ignore-read-only-fields",),
                "Ignore read only fields that might cause errors to be emitted while "
                "processing yaml documents",
            ),
            Option(("reset",), "Reset the provided comma delimited keys", Kind.TEXTS),
            *output_options("json", "tabular", "yaml", default="tabular"),
        ),
        differs="""
automatically-retry-hooks, logging-config, update-status-hook-interval and the juju-*-proxy keys
have an effect in the stand-in; the other keys are kept and shown.""",
        examples=(
            "juju model-config update-status-hook-interval=1m",
            "juju model-config --reset update-status-hook-interval",
        ),
    ),
    Command(
        "model-constraints",
        "Displays machine constraints for a model.",
        _model_constraints,
        options=output_options("constraints", "json", "yaml", default="constraints"),
        differs="The machines of the stand-in have no constraints: there never are any.",
    ),
)
