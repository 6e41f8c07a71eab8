"""Action parameters checked against the part of JSON schema that actions.yaml uses.

The messages are those of Juju (its fork of gojsonschema): ``validation failed: (root).timeout :
must be of type integer, given "soon"``.
"""

from __future__ import annotations

import json
import re
from typing import Any, cast

from localjuju.controller.wire import JujuError

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


def of_action(action: dict[str, Any], version: str) -> dict[str, Any]:
    """Return the whole schema of an action of actions.yaml.

    ``additionalProperties`` is false unless the action says otherwise (since Juju 3.0).
    """
    params: dict[str, Any] = action.get("params") or {}
    return {
        "title": action.get("title", ""),
        "description": action.get("description", ""),
        "type": "object",
        "properties": params,
        "required": action.get("required") or [],
        "additionalProperties": action.get("additionalProperties", False),
        "juju-version": version,
    }


def complete(schema: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters with defaults filled in.

    Raises:
        JujuError: they do not fit the schema; the text names what and why.
    """
    filled = _with_defaults(schema, params)
    problems = list(_problems(schema, filled, "(root)"))
    if problems:
        raise JujuError("validation failed: " + "; ".join(problems))
    return filled


def _with_defaults(schema: dict[str, Any], value: Any) -> Any:
    properties: dict[str, Any] = schema.get("properties") or {}
    if not isinstance(value, dict):
        return value
    filled = dict(cast("dict[str, Any]", value))
    for name, part in properties.items():
        if name in filled:
            filled[name] = _with_defaults(part, filled[name])
        elif "default" in part:
            filled[name] = part["default"]
        elif part.get("properties") and (below := _with_defaults(part, {})):
            filled[name] = below
    return filled


def _problems(schema: dict[str, Any], value: Any, where: str) -> list[str]:
    found: list[str] = []
    given = json.dumps(value, sort_keys=True, separators=(",", ":"))
    kind = schema.get("type")
    kinds: list[str] = [kind] if isinstance(kind, str) else list(kind or [])
    if kinds and not any(_is(value, name) for name in kinds):
        return [f"{where} : must be of type {', '.join(kinds)}, given {given}"]
    if "enum" in schema and value not in schema["enum"]:
        listed = ", ".join(json.dumps(item) for item in schema["enum"])
        found.append(f"{where} : must match one of the enum values [{listed}], given {given}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        found.extend(_number_problems(schema, value, where, given))
    if isinstance(value, str):
        found.extend(_string_problems(schema, value, where, given))
    if isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, dict):
            for index, item in enumerate(cast("list[Any]", value)):
                found.extend(_problems(cast("dict[str, Any]", items), item, f"{where}.{index}"))
    if isinstance(value, dict):
        found.extend(_object_problems(schema, cast("dict[str, Any]", value), where, given))
    return found


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool) and kind in ("integer", "number"):
        return False
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(kind, (object,)))


def _number_problems(schema: dict[str, Any], value: float, where: str, given: str) -> list[str]:
    found: list[str] = []
    if "minimum" in schema and value < schema["minimum"]:
        found.append(
            f"{where} : must be greater than or equal to {schema['minimum']}, given {given}"
        )
    if "maximum" in schema and value > schema["maximum"]:
        found.append(f"{where} : must be less than or equal to {schema['maximum']}, given {given}")
    return found


def _string_problems(schema: dict[str, Any], value: str, where: str, given: str) -> list[str]:
    found: list[str] = []
    if len(value) < schema.get("minLength", 0):
        found.append(
            f"{where} : must be at least {schema['minLength']} characters long, given {given}"
        )
    if len(value) > schema.get("maxLength", len(value)):
        found.append(
            f"{where} : must be at most {schema['maxLength']} characters long, given {given}"
        )
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{where} : does not match pattern '{schema['pattern']}', given {given}")
    return found


def _object_problems(
    schema: dict[str, Any], value: dict[str, Any], where: str, given: str
) -> list[str]:
    properties: dict[str, Any] = schema.get("properties") or {}
    required: list[str] = schema.get("required") or []
    found = [
        f'{where} : "{name}" property is missing and required, given {given}'
        for name in required
        if name not in value
    ]
    for name, item in value.items():
        if name in properties:
            found.extend(_problems(properties[name], item, f"{where}.{name}"))
        elif schema.get("additionalProperties") is False:
            found.append(f'{where} : additional property "{name}" is not allowed, given {given}')
    return found
