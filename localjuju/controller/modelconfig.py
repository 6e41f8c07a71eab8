"""Model configuration: Juju's keys with their defaults, and what some of them mean here."""

from __future__ import annotations

import re

from localjuju.controller.wire import JujuError

DEFAULTS: dict[str, object] = {
    "agent-stream": "released",
    "apt-mirror": "",
    "automatically-retry-hooks": True,
    "charmhub-url": "https://api.charmhub.io",
    "default-base": "",
    "default-space": "",
    "development": False,
    "egress-subnets": "",
    "enable-os-refresh-update": True,
    "enable-os-upgrade": True,
    "firewall-mode": "none",
    "ftp-proxy": "",
    "http-proxy": "",
    "https-proxy": "",
    "juju-ftp-proxy": "",
    "juju-http-proxy": "",
    "juju-https-proxy": "",
    "juju-no-proxy": "127.0.0.1,localhost,::1",
    "logging-config": "<root>=INFO",
    "mode": "requires-prompts",
    "no-proxy": "127.0.0.1,localhost,::1",
    "provisioner-harvest-mode": "destroyed",
    "secret-backend": "auto",
    "ssl-hostname-verification": True,
    "test-mode": False,
    "transmit-vendor-metrics": True,
    "type": "localjuju",
    "update-status-hook-interval": "5m",
}

LEVELS = ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR")
_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_BOOLEAN = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}


def parse(key: str, text: str) -> object:
    """Turn a value from text into the type of its key.

    Raises:
        JujuError: the value is not valid.
    """
    default = DEFAULTS.get(key)
    if isinstance(default, bool):
        if text.lower() not in _BOOLEAN:
            raise JujuError(f'{key}: expected bool, got string("{text}")')
        return _BOOLEAN[text.lower()]
    if key == "update-status-hook-interval":
        seconds = duration_s(text)
        if not 60 <= seconds <= 3600:
            bound = "lower than 1m0s" if seconds < 60 else "greater than 60m0s"
            raise JujuError(f"update status hook frequency {text} cannot be {bound}")
    if key == "logging-config":
        log_levels(text)
    return text


def duration_s(text: str) -> float:
    """Read a duration as Go writes them.

    >>> duration_s("1m30s")
    90.0

    Raises:
        JujuError: it is none.
    """
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise JujuError(f'invalid duration "{text}"')
    return sum(float(number) * _UNITS_S[unit] for number, unit in parts)


def log_levels(text: str) -> dict[str, str]:
    """Read a logging-config.

    >>> log_levels("<root>=INFO;unit=DEBUG")
    {'<root>': 'INFO', 'unit': 'DEBUG'}

    Raises:
        JujuError: it is none.
    """
    levels: dict[str, str] = {}
    for part in filter(None, re.split(r"[;\n]", text)):
        module, equals, level = part.strip().partition("=")
        if not equals:
            module, level = "<root>", module
        if level.upper() not in LEVELS:
            raise JujuError(f"config value expected '=', found \"{part.strip()}\"")
        levels[module.strip()] = level.upper()
    return levels


def level_of(levels: dict[str, str], module: str) -> str:
    """Return the least severity that a module's messages need to be kept.

    >>> level_of({"<root>": "INFO", "unit": "DEBUG"}, "unit.pg/0.install")
    'DEBUG'
    """
    while module:
        if module in levels:
            return levels[module]
        module = module.rpartition(".")[0]
    return levels.get("<root>", "INFO")
