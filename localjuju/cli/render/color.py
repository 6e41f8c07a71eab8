"""The colours of Juju's output, as ANSI escape codes."""

from __future__ import annotations

_CODES = {
    "bold": "1;39",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "magenta": "35",
    "cyan": "36",
    "gray": "37",
    "bright-red": "91",
    "bright-green": "92",
    "bright-blue": "94",
    "bright-magenta": "95",
    "bright-cyan": "96",
}

_GOOD = {"active", "running", "idle", "started", "executing", "attaching", "attached"}
_BUSY = {
    "allocating",
    "lost",
    "maintenance",
    "pending",
    "rebooting",
    "stopped",
    "unknown",
    "detaching",
    "detached",
}
_BAD = {"blocked", "down", "error", "failed", "terminated"}


def paint(text: str, color: str | None, on: bool) -> str:
    """Return the text in a colour, or as it is."""
    if not on or color is None or not text:
        return text
    return f"\x1b[{_CODES[color]}m{text}\x1b[0m"


def of_status(status: str) -> str | None:
    """Return the colour of a status: green for good, yellow for busy, red for bad."""
    if status in _GOOD:
        return "green"
    if status in _BUSY:
        return "yellow"
    return "red" if status in _BAD else None


SEVERITY = {
    "DEBUG": "green",
    "INFO": "bright-blue",
    "WARNING": "yellow",
    "ERROR": "bright-red",
}
"""Colours of the severities in ``juju debug-log``."""
