"""Write a command's result in the format and to the place that the user asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from localjuju.cli.context import Context
from localjuju.cli.flags import Arguments
from localjuju.controller.wire import JujuError

Formatter = Callable[[], str]


def write(
    ctx: Context, args: Arguments, value: Any, others: Mapping[str, Formatter] | None = None
) -> None:
    """Write a result.

    Args:
        ctx: the running command.
        args: has ``--format`` and ``--output``.
        value: what JSON and YAML show; None writes nothing in YAML, as in Juju.
        others: how the formats for people look.

    Raises:
        JujuError: the output file cannot be written.
    """
    from localjuju.cli.render.structured import to_json, to_yaml

    name = args.text("format")
    if others and name in others:
        text = others[name]()
    elif name == "json":
        text = to_json(value)
    else:
        text = "" if value is None else to_yaml(value)
    path = args.text("output")
    if path:
        try:
            Path(path).expanduser().write_text(text)
        except OSError as error:
            raise JujuError(f"open {path}: {(error.strerror or '').lower()}") from error
    else:
        ctx.stdout.write(text)
    ctx.output_written = True
