"""Settings that a standby must not have lower than its primary.

PostgreSQL pauses replay on a standby whose value is lower than the one its primary wrote into
the WAL, and refuses to start it. So a raise begins at the standbys and a cut at the primary.
Source: https://www.postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-ADMIN
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from state.member import Member, Phase

_FEWEST_SENDERS = 16


def wal_senders(units: int) -> int:
    """Returns max_wal_senders for a cluster of so many units.

    Two for each unit, one to stream and one to clone, and six for people and backups; in powers
    of two, because every change restarts the servers.
    """
    senders = _FEWEST_SENDERS
    while senders < 2 * units + 6:
        senders *= 2
    return senders


def floors(primary: Member | None) -> Mapping[str, int]:
    """Returns the values below which a standby of this primary must not go."""
    return dict(primary.parameters) if primary else {}


def ceilings(members: Iterable[Member]) -> Mapping[str, int]:
    """Returns the values above which the primary must not go yet.

    Only units that stream count: one that is still cloning takes its values from the primary
    when it starts.
    """
    lowest: dict[str, int] = {}
    for member in members:
        if member.phase is not Phase.standby:
            continue
        for name, value in member.parameters.items():
            lowest[name] = min(value, lowest.get(name, value))
    return lowest
