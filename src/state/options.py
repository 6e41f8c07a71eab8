"""The charm's options, checked once, as a frozen value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

# A role is quoted wherever it is used, so PostgreSQL would take more; this is what also reads
# well in pg_hba.conf and in a conninfo string.
_ROLE = re.compile(r"[a-z_][a-z0-9_-]{0,62}")
_RESERVED_ROLES = ("postgres", "public", "none", "hot_standby")

# max_connections shares memory with every other connection; PostgreSQL's own limit.
_LARGEST_BACKENDS = 262_143
# PostgreSQL keeps sizes of WAL in MB in a 32-bit integer.
_LARGEST_WAL_MB = 2_147_483_647
# More than anybody waits for; each is a connection of the primary's.
_MOST_STANDBYS = 100
# Three connections are kept for superusers, and the charm needs one of the others.
_FEWEST_CONNECTIONS = 10


@dataclass(frozen=True)
class Problem:
    """A value of an option that is not taken.

    Attributes:
        option: its name.
        value: what was given.
        reason: what is wrong with it, and what would be right.
    """

    option: str
    value: object
    reason: str

    def __str__(self) -> str:
        shown = str(self.value)
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        return f"config {self.option}={shown!r}: {self.reason}"


@dataclass(frozen=True)
class Options:
    """What the operator asks for. None: not to be had; what is in force stays.

    Attributes:
        archive_path: where finished WAL segments go; checked as a path by the archive's side.
        replication_user: role with which standbys connect.
        max_connections: PostgreSQL's setting of that name.
        wal_keep_size: MB.
        max_slot_wal_keep_size: MB; 0: as much as a quarter of the WAL's disk.
        extra_settings: lines for postgresql.conf; checked by the server.
        synchronous_standbys: how many standbys are to have flushed a commit before it is
            acknowledged.
        problems: what was refused here already.
    """

    archive_path: str | None
    replication_user: str | None
    max_connections: int | None
    wal_keep_size: int | None
    max_slot_wal_keep_size: int | None
    extra_settings: str
    synchronous_standbys: int | None
    problems: tuple[Problem, ...] = field(default=())

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Options:
        """Checks the charm's configuration as Juju hands it out."""
        problems: list[Problem] = []

        def number(option: str, least: int, most: int) -> int | None:
            value = config.get(option)
            if isinstance(value, int) and least <= value <= most:
                return value
            problems.append(Problem(option, value, f"must be from {least} to {most}"))
            return None

        role = str(config.get("replication-user", ""))
        if reason := _role_refused(role):
            problems.append(Problem("replication-user", role, reason))
        archive_path = str(config.get("archive-path", ""))
        if not archive_path:
            problems.append(
                Problem(
                    "archive-path",
                    "",
                    "must be an absolute path; to go back to the default: juju config --reset",
                )
            )
        return cls(
            archive_path=archive_path or None,
            replication_user=role if not reason else None,
            max_connections=number("max-connections", _FEWEST_CONNECTIONS, _LARGEST_BACKENDS),
            wal_keep_size=number("wal-keep-size", 0, _LARGEST_WAL_MB),
            max_slot_wal_keep_size=number("max-slot-wal-keep-size", 0, _LARGEST_WAL_MB),
            extra_settings=str(config.get("extra-postgresql-conf", "")),
            synchronous_standbys=number("synchronous-standbys", 0, _MOST_STANDBYS),
            problems=tuple(problems),
        )


def _role_refused(role: str) -> str:
    if not _ROLE.fullmatch(role):
        return "must be 1 to 63 of a-z, 0-9, _ and -, and begin with a letter or _"
    if role in _RESERVED_ROLES or role.startswith("pg_"):
        return "is a name that PostgreSQL or the charm keeps for itself; choose another"
    return ""
