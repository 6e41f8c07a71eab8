"""Numbers of bytes for people."""

from __future__ import annotations

_UNITS = ("kB", "MB", "GB", "TB", "PB")


def pretty(count: int) -> str:
    """Bytes in powers of 1024, with the units as PostgreSQL writes them.

    >>> pretty(0), pretty(1023), pretty(16 << 20), pretty(1_288_490_189)
    ('0 B', '1023 B', '16.0 MB', '1.2 GB')
    """
    if abs(count) < 1024:
        return f"{count} B"
    value, power = count / 1024, 0
    # What would be shown as 1024.0 of one unit is 1.0 of the next.
    while abs(value) >= 1023.95 and power < len(_UNITS) - 1:
        value, power = value / 1024, power + 1
    return f"{value:.1f} {_UNITS[power]}"
