"""``key=value`` arguments and the YAML files that stand for them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from localjuju.cli.flags import Arguments, UsageError
from localjuju.cli.gotext import quote
from localjuju.controller.wire import JujuError

MAX_VALUE_FILE = 5 * 1024 * 1024
"""Bytes of a file that may be given as an option's value (``key=@file``)."""


def split_pairs(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Part ``key=value`` words from bare keys.

    Raises:
        UsageError: a key is empty or given twice.
    """
    pairs: dict[str, str] = {}
    keys: list[str] = []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            keys.append(word)
        elif not key:
            raise UsageError(f'expected "key=value", got {quote(word)}')
        elif key in pairs:
            raise UsageError(f"key {quote(key)} specified more than once")
        else:
            pairs[key] = value
    return pairs, keys


def split_reset(values: Sequence[str]) -> list[str]:
    """Return the keys of all ``--reset a,b`` options.

    Raises:
        UsageError: one of them is a ``key=value``.
    """
    keys = [key for value in values for key in value.strip(",").split(",")]
    for key in keys:
        if "=" in key:
            raise UsageError(
                f'--reset accepts a comma delimited set of keys "a,b,c", received: {quote(key)}'
            )
    return keys


def check_combination(
    args: Arguments, pairs: Mapping[str, str], keys: Sequence[str], reset: Sequence[str]
) -> None:
    """Refuse what ``config`` and ``model-config`` do not do in one command.

    Args:
        args: has ``--file``.
        pairs: what is to be set.
        keys: what is to be shown.
        reset: what is to be reset.

    Raises:
        UsageError: with Juju's words.
    """
    asked = [
        *(["use --file flag"] if args.text("file") else []),
        *(["use --reset flag"] if reset else []),
        *(["get value"] if keys else []),
        *(["set key=value pairs"] if pairs else []),
    ]
    if keys and len(asked) > 1:
        text = ", ".join(asked[:-1]) + " and " + asked[-1]
        raise UsageError(f"cannot {text} simultaneously")
    if len(keys) > 1:
        raise UsageError("cannot specify multiple keys to get")
    for key in reset:
        if key in pairs:
            raise UsageError(f"cannot set and reset key {quote(key)} simultaneously")


def value_of(key: str, value: str) -> str:
    """Return the value, or the text of the file that ``@path`` names.

    Raises:
        JujuError: the file cannot be read or is too large.
    """
    if not value.startswith("@"):
        _check_text(key, value)
        return value
    path = Path(value[1:]).expanduser()
    try:
        if path.stat().st_size > MAX_VALUE_FILE:
            raise JujuError("size of option file is larger than 5M")
        text = path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise JujuError(f"cannot read option from file {quote(value[1:])}: {reason}") from error
    _check_text(key, text)
    return text


def _check_text(key: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise JujuError(f"value for option {quote(key)} contains non-UTF-8 sequences") from error


def read_yaml(path: str) -> Any:
    """Read a YAML file; ``-`` is standard input.

    Raises:
        JujuError: it cannot be read or is no YAML.
    """
    from localjuju.cli import goyaml

    try:
        text = sys.stdin.read() if path == "-" else Path(path).expanduser().read_text()
    except OSError as error:
        raise JujuError(f"open {path}: {(error.strerror or '').lower()}") from error
    return goyaml.load(text)


def settings_from_file(path: str, application: str) -> dict[str, str]:
    """Read an application's settings from a YAML file keyed by the application's name.

    The output of ``juju config`` is understood too: then each option's value is taken.

    Raises:
        JujuError: the file cannot be read or has no settings for the application.
    """
    content: Any = read_yaml(path)
    mapping = cast("Mapping[str, Any]", content if isinstance(content, dict) else {})
    settings: Any = mapping.get(application)
    if settings is None and isinstance(mapping.get("settings"), dict):
        exported = cast("Mapping[str, Mapping[str, Any]]", mapping["settings"])
        settings = {
            key: one["value"]
            for key, one in exported.items()
            if one.get("source") == "user" and "value" in one
        }
    if not isinstance(settings, dict):
        raise JujuError(f"no settings found for {quote(application)}")
    return {str(key): as_text(value) for key, value in cast("dict[str, Any]", settings).items()}


def as_text(value: object) -> str:
    """Return a YAML scalar as the text that means the same on the command line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def config_options(words: Sequence[str], application: str | None) -> dict[str, str]:
    """Read ``--config`` options: ``key=value`` or at most one YAML file.

    Args:
        words: the options' values.
        application: whose settings to take from a file; None: the file's top level.

    Raises:
        JujuError: a file cannot be read, or there is more than one.
    """
    files = [word for word in words if "=" not in word]
    if len(files) > 1:
        raise JujuError(f"only a single config YAML file can be specified, got {len(files)}")
    values: dict[str, str] = {}
    for path in files:
        if application is not None:
            values.update(settings_from_file(path, application))
            continue
        content: Any = read_yaml(path)
        if isinstance(content, dict):
            for key, value in cast("dict[str, Any]", content).items():
                values[key] = as_text(value)
    for word in words:
        key, equals, value = word.partition("=")
        if equals:
            values[key] = value_of(key, value)
    return values
