"""How hook tools print values: ``smart`` (for shells), JSON or YAML."""

from __future__ import annotations

import json
from typing import Any, cast

try:
    import yaml
except ImportError:  # An image without python3-yaml: JSON is YAML, too.
    yaml = None


class UsageError(Exception):
    """A hook tool was called in a way that it does not know: exit status 2."""


def render(value: Any, form: str) -> str:
    """Render a value in one of the formats.

    Raises:
        UsageError: there is no such format.
    """
    if form == "json":
        return json.dumps(value) + "\n"
    if form == "yaml":
        return _yaml(value)
    if form == "smart":
        return _smart(value)
    raise UsageError(f'invalid value "{form}" for option --format: unknown format "{form}"')


def _yaml(value: Any) -> str:
    if yaml is None:
        return json.dumps(value) + "\n"
    text: str = yaml.safe_dump(value, default_flow_style=False, allow_unicode=True)
    return text.removesuffix("...\n")


def _smart(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f"{value}\n" if value else ""
    if isinstance(value, bool):
        return f"{value}\n"
    if isinstance(value, (int, float)):
        return f"{value}\n"
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return "".join(f"{item}\n" for item in items)
    return _yaml(value)


class Arguments:
    """Arguments of a hook tool: options anywhere, as Juju's tools take them.

    Args:
        args: the arguments.
        valued: options that take a value, each with all its spellings, the chief one first.
        boolean: options that may stand alone or be ``--option=true``.

    Raises:
        UsageError: an option is not known or lacks its value.
    """

    def __init__(
        self,
        args: list[str],
        valued: tuple[tuple[str, ...], ...] = (),
        boolean: tuple[str, ...] = (),
    ) -> None:
        names = {name: group[0] for group in valued for name in group}
        self._values: dict[str, str] = {}
        self._flags: dict[str, bool] = {}
        self.rest: list[str] = []
        queue = list(args)
        while queue:
            arg = queue.pop(0)
            if arg == "--":
                self.rest += queue
                break
            if not arg.startswith("-") or arg == "-":
                self.rest.append(arg)
                continue
            name, equals, value = arg.partition("=")
            if name in names:
                if not equals:
                    if not queue:
                        raise UsageError(f"option needs an argument: {name}")
                    value = queue.pop(0)
                self._values[names[name]] = value
            elif name in boolean:
                self._flags[name] = value.lower() in ("true", "1", "t") if equals else True
            else:
                raise UsageError(f"option provided but not defined: {name}")

    def get(self, name: str) -> str | None:
        """Return an option's value, or none."""
        return self._values.get(name)

    def has(self, name: str) -> bool:
        """Tell whether an option was given at all."""
        return name in self._values or name in self._flags

    def flag(self, name: str) -> bool:
        """Return a boolean option."""
        return self._flags.get(name, False)

    @property
    def form(self) -> str:
        """The output format asked for."""
        return self._values.get("--format", "smart")


FORMAT = ("--format",)
RELATION = ("-r", "--relation")
FILE = ("--file",)
