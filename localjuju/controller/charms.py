"""Charm packages: what is read from them, and how option values are understood."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import math
import re
import stat
import zipfile
from pathlib import Path
from typing import Any, cast

import yaml

from localjuju.controller.wire import JujuError

_INT = re.compile(r"[+-]?[0-9]{1,20}")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")


@dataclasses.dataclass(frozen=True)
class CharmPackage:
    """A packed charm that was read and found whole."""

    name: str
    sha256: str
    content: bytes
    """The zip file."""
    definition: dict[str, Any]
    """``metadata``, ``config`` (options), ``actions``, ``bases`` and ``version`` as plain data."""


def read(path: Path, *, directories: bool) -> CharmPackage:
    """Read a charm from disk.

    Args:
        path: a zip file, or with ``directories`` also a directory (Juju 3.6 takes both, 4.x the
            zip file only).
        directories: whether a directory will do.

    Raises:
        JujuError: there is none, or it is not a charm.
    """
    if path.is_dir():
        if not directories:
            raise JujuError(
                f'deploying from directory "{path}": charms must be packed as a zip file',
                "not supported",
            )
        content = _zip_directory(path)
    elif path.exists():
        content = path.read_bytes()
    else:
        raise JujuError(f'no charm was found at "{path}"', "not found")
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile as error:
        raise JujuError(
            f'cannot read charm archive "{path}": zip: not a valid zip file'
        ) from error
    with archive:
        definition = _definition(archive)
    name = definition["metadata"].get("name")
    if not isinstance(name, str):
        raise JujuError("metadata: name: expected string, got nothing")
    return CharmPackage(name, hashlib.sha256(content).hexdigest(), content, definition)


def _zip_directory(path: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in sorted(path.rglob("*")):
            if entry.is_file() or entry.is_symlink():
                name = str(entry.relative_to(path))
                info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                info.external_attr = entry.lstat().st_mode << 16
                info.compress_type = zipfile.ZIP_DEFLATED
                data = str(entry.readlink()).encode() if entry.is_symlink() else entry.read_bytes()
                archive.writestr(info, data)
    return buffer.getvalue()


def _definition(archive: zipfile.ZipFile) -> dict[str, Any]:
    names = set(archive.namelist())
    if "metadata.yaml" not in names:
        raise JujuError("archive file metadata.yaml not found", "not found")
    if "manifest.yaml" not in names:
        raise JujuError("charm has no manifest.yaml, so no base to run on")
    if "dispatch" not in names:
        raise JujuError("charm has no dispatch")
    if not (archive.getinfo("dispatch").external_attr >> 16) & stat.S_IXUSR:
        raise JujuError("dispatch of the charm is not executable")
    manifest = _yaml(archive, "manifest.yaml")
    bases = [
        f"{base['name']}@{str(base['channel']).split('/', 1)[0]}"
        for base in cast("list[dict[str, Any]]", manifest.get("bases") or [])
    ]
    if not bases:
        raise JujuError("charm does not define any bases")
    return {
        "metadata": _yaml(archive, "metadata.yaml"),
        "config": _yaml(archive, "config.yaml").get("options") or {}
        if "config.yaml" in names
        else {},
        "actions": _yaml(archive, "actions.yaml") if "actions.yaml" in names else {},
        "bases": bases,
        "version": archive.read("version").decode().strip() if "version" in names else "",
    }


def _yaml(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    try:
        data: Any = yaml.safe_load(archive.read(name))
    except yaml.YAMLError as error:
        raise JujuError(f"{name}: {error}") from error
    return cast("dict[str, Any]", data) if isinstance(data, dict) else {}


APPLICATION_OPTIONS: dict[str, dict[str, Any]] = {
    "trust": {
        "default": False,
        "description": "Does this application have access to trusted credentials",
        "type": "bool",
    }
}
"""Options that every application has beside its charm's; hooks do not see them."""


def parse_options(definition: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    """Turn option values from text into their types.

    Raises:
        JujuError: an unknown option or a value of another type, in Juju's words.
    """
    options: dict[str, dict[str, Any]] = {**APPLICATION_OPTIONS, **definition["config"]}
    parsed: dict[str, Any] = {}
    for name, text in values.items():
        if name not in options:
            raise JujuError(f'unknown option "{name}"', "not found")
        parsed[name] = _parse_value(name, str(options[name].get("type", "string")), text)
    return parsed


def _parse_value(name: str, kind: str, text: str) -> Any:
    if kind == "int":
        # Go's strconv.ParseInt: decimal, and no more than 64 bits.
        if _INT.fullmatch(text) and -(2**63) <= int(text) < 2**63:
            return int(text)
        raise JujuError(f'option "{name}" expected int, got "{text}"')
    if kind == "float":
        if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
        raise JujuError(f'option "{name}" expected float, got "{text}"')
    if kind in ("boolean", "bool"):
        # The words of Go's strconv.ParseBool.
        if text in ("1", "t", "T", "true", "TRUE", "True"):
            return True
        if text in ("0", "f", "F", "false", "FALSE", "False"):
            return False
        raise JujuError(f'option "{name}" expected boolean, got "{text}"')
    return text


def effective_options(definition: dict[str, Any], user: dict[str, Any]) -> dict[str, Any]:
    """Return what ``config-get`` shows: set options and defaults; unset ones are left out."""
    options: dict[str, dict[str, Any]] = definition["config"]
    effective: dict[str, Any] = {}
    for name, option in options.items():
        value: Any = user.get(name, option.get("default"))
        if value is not None:
            effective[name] = value
    return effective


def endpoints(definition: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return ``{endpoint: (role, interface)}``; roles are peer, provider and requirer."""
    metadata = definition["metadata"]
    found: dict[str, tuple[str, str]] = {}
    for role, key in (("peer", "peers"), ("provider", "provides"), ("requirer", "requires")):
        relations: dict[str, Any] = metadata.get(key) or {}
        for name, relation in relations.items():
            is_map = isinstance(relation, dict)
            found[name] = (role, str(cast("Any", relation)["interface"] if is_map else relation))
    if "juju-info" not in found:
        found["juju-info"] = ("provider", "juju-info")
    return found
