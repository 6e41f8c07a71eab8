"""The systemd units that the charm writes."""

from __future__ import annotations


def ensure(name: str, template: str, **context: object) -> bool:
    """Make /etc/systemd/system/NAME from the template; systemd is told if it changed.

    Returns:
        Whether it changed.
    """
    raise NotImplementedError


def is_active(name: str) -> bool:
    """Whether the unit runs, starts or waits to be restarted."""
    raise NotImplementedError


def remove(name: str) -> bool:
    """Stop and disable the unit and delete its file.

    Returns:
        Whether there was one.
    """
    raise NotImplementedError


def remove_all() -> None:
    """Take away everything that the charm wrote outside of data, archive and PostgreSQL's own.

    That is its units, scripts, notes and passfiles.
    """
    raise NotImplementedError
