"""Read YAML as Juju's own reader (``gopkg.in/yaml.v2``) does.

PyYAML takes more words for something else than text: ``12:30`` for a number to the base of 60,
``2026-01-01`` for a date. yaml.v2 takes ``y`` and ``n`` for booleans, and ``1e3`` for a number.
"""

from __future__ import annotations

import math
import re
from typing import Any, cast

import yaml

from localjuju.cli.gotext import quote
from localjuju.controller.wire import JujuError

_BOOL = re.compile(
    r"y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON|n|N|no|No|NO|false|False|FALSE|off|Off|OFF"
)
_INT = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0[bB][01_]+|0|[1-9][0-9_]*)")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_NULL = re.compile(r"~|null|Null|NULL|")


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


def _read_bool(loader: _Loader, node: yaml.ScalarNode) -> bool:
    del loader
    return node.value[0] in "yYtT" or node.value.lower() == "on"


def _read_int(loader: _Loader, node: yaml.ScalarNode) -> int:
    del loader
    text = node.value.replace("_", "").lower()
    digits = text.lstrip("+-")
    sign = -1 if text.startswith("-") else 1
    if digits.startswith("0") and digits[1:2].isdigit():
        return sign * int(digits, 8)
    return sign * int(digits, 0)


for tag, pattern, first in (
    ("bool", _BOOL, "yYnNtTfFoO"),
    ("int", _INT, "-+0123456789"),
    ("float", _FLOAT, "-+.0123456789"),
    ("null", _NULL, ["~", "n", "N", ""]),
    ("merge", re.compile("<<"), "<"),
):
    whole = re.compile(f"(?:{pattern.pattern})$")
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", whole, list(first))
_Loader.add_constructor("tag:yaml.org,2002:bool", _read_bool)
_Loader.add_constructor("tag:yaml.org,2002:int", _read_int)


def load(text: str) -> Any:
    """Read one document.

    Returns:
        Mappings with text as keys, lists, text, numbers, booleans and None.

    Raises:
        JujuError: it is no YAML, or has values that cannot be passed on.
    """
    try:
        return _conform(yaml.load(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise JujuError(f"yaml: {' '.join(str(error).split())}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise JujuError(f"yaml: {error}") from error


def _conform(value: Any) -> Any:
    if isinstance(value, dict):
        mapping = cast("dict[Any, Any]", value)
        for key in mapping:
            if not isinstance(key, str):
                raise JujuError("map keyed with non-string value")
        return {key: _conform(one) for key, one in mapping.items()}
    if isinstance(value, list):
        return [_conform(one) for one in cast("list[Any]", value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise JujuError(f"json: unsupported value: {value}")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise JujuError(f"yaml: cannot use {quote(str(cast('object', value)))}")
