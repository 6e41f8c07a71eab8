"""One call of a hook tool, and what its arguments may refer to."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, cast

from localjuju.agent.hookcontext import ToolError

try:
    import yaml
except ImportError:  # An image without python3-yaml: only JSON is understood.
    yaml = None


@dataclasses.dataclass(frozen=True)
class Call:
    """A tool with its arguments, the caller's working directory and standard input."""

    tool: str
    args: list[str]
    directory: Path
    stdin: bytes

    def text(self, name: str) -> str:
        """Return a file's text; ``-`` is standard input.

        Raises:
            ToolError: it cannot be read.
        """
        if name == "-":
            return self.stdin.decode()
        try:
            return (self.directory / name).read_text()
        except OSError as error:
            raise ToolError(f"open {name}: {(error.strerror or '').lower()}") from error

    @staticmethod
    def pairs(args: list[str]) -> dict[str, str]:
        """Split ``key=value`` arguments.

        Raises:
            ToolError: one has no ``=``, or no key.
        """
        found: dict[str, str] = {}
        for arg in args:
            key, equals, value = arg.partition("=")
            if not equals or not key:
                raise ToolError(f'expected "key=value", got "{arg}"')
            found[key] = value
        return found

    @staticmethod
    def mapping(text: str) -> dict[Any, Any]:
        """Read a mapping of YAML, of which JSON is a part; nothing is an empty one.

        Raises:
            ToolError: it is not well-formed, or no mapping.
        """
        data = Call._structured(text)
        if data is None:
            return {}
        if not isinstance(data, dict):
            raise ToolError("expected a mapping of keys to values")
        return cast("dict[Any, Any]", data)

    @staticmethod
    def _structured(text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError as error:
            if yaml is None:
                raise ToolError(f"yaml: {error}") from error
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ToolError(f"yaml: {error}") from error
