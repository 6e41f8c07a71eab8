"""``juju config``."""

from __future__ import annotations

from typing import Any

from localjuju.cli import gotext, output
from localjuju.cli.command import COLOR_OPTIONS, Command, output_options
from localjuju.cli.context import Context
from localjuju.cli.flags import Arguments, Kind, Option, UsageError
from localjuju.cli.pairs import (
    check_combination,
    settings_from_file,
    split_pairs,
    split_reset,
    value_of,
)
from localjuju.controller.wire import JujuError


def _config(ctx: Context, args: Arguments) -> None:
    if not args.positional or "=" in args.positional[0]:
        raise UsageError("no application name specified")
    application, *rest = args.positional
    pairs, keys = split_pairs(rest)
    reset = split_reset(args.texts("reset"))
    check_combination(args, pairs, keys, reset)
    model = ctx.model(args)
    if args.text("file") or pairs or reset:
        values: dict[str, str] = {}
        if args.text("file"):
            values = settings_from_file(args.text("file"), application)
        values |= {key: value_of(key, value) for key, value in pairs.items()}
        for key in reset:
            values.pop(key, None)
        ctx.controller.set_config(model, application, values, reset=reset)
        return
    found = ctx.controller.config(model, application)
    if not keys:
        from localjuju.cli.render.structured import sort_keys

        output.write(ctx, args, sort_keys(found))
        return
    one: dict[str, Any] | None = found["settings"].get(keys[0])
    one = one or found.get("application-config", {}).get(keys[0])
    if one is None:
        raise JujuError(
            f"key {gotext.quote(keys[0])} not found in {gotext.quote(application)} "
            "application config or charm settings."
        )
    value = one.get("value", "")
    ctx.print({True: "true", False: "false"}[value] if isinstance(value, bool) else str(value))


COMMANDS = (
    Command(
        "config",
        "Get, set, or reset configuration for a deployed application.",
        _config,
        arguments="<application name> [--reset <key[,key]>] [<attribute-key>][=<value>] ...]",
        options=(
            *COLOR_OPTIONS,
            Option(("file",), "Path to yaml-formatted configuration file", Kind.TEXT),
            Option(("reset",), "Reset the provided comma delimited keys", Kind.TEXTS),
            *output_options("json", "yaml", default="yaml"),
        ),
        examples=(
            "juju config pg",
            "juju config pg archive-path",
            "juju config pg archive-path=/srv/archive",
            "juju config pg extra-postgresql-conf=@extra.conf",
            "juju config pg --reset archive-path",
        ),
    ),
)
