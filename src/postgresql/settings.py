"""The charm's settings and the operator's: checked first, then in force, or put back.

Three files in conf.d belong to the charm, each with one reason to change: this module's own, the
archive's (archive.py) and that of recovery (recovery.py); `apply` brings any of them into force.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from postgresql.changes import Change
from postgresql.layout import Layout

HOT_STANDBY_PARAMETERS = (
    "max_connections",
    "max_worker_processes",
    "max_wal_senders",
    "max_prepared_transactions",
    "max_locks_per_transaction",
)
"""What a hot standby must have at least as much of as its primary.

Source: PostgreSQL's manual, "Hot Standby", Administrator's Overview.
"""

NO_BOUNDS: Mapping[str, int] = MappingProxyType({})


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the charm sets, apart from archive and recovery.

    Attributes:
        max_connections: None: keep what the charm's file says, or 100.
        wal_keep_size: MB. None: keep what the charm's file says, or 512.
        max_slot_wal_keep_size: MB; 0: a quarter of the disk that holds the WAL. None: keep what
            the charm's file says, or 0.
        max_wal_senders: Connections for standbys and base backups; see `senders`.
        max_replication_slots: One for each standby and some to spare; see `senders`.
        synchronous_standby_names: As PostgreSQL takes it; "" for asynchronous replication.
        floors: Hot-standby parameters that must not be below the primary's value.
        ceilings: Hot-standby parameters that must not yet be above a standby's value.
    """

    max_connections: int | None = None
    wal_keep_size: int | None = None
    max_slot_wal_keep_size: int | None = None
    max_wal_senders: int = 10
    max_replication_slots: int = 10
    synchronous_standby_names: str = ""
    floors: Mapping[str, int] = NO_BOUNDS
    ceilings: Mapping[str, int] = NO_BOUNDS


@dataclasses.dataclass(frozen=True)
class ExtraLine:
    """One setting of the operator's.

    Attributes:
        number: Line in the option's text, from 1.
        name: The setting in lower case.
        value: The value with quotes and escapes undone.
    """

    number: int
    name: str
    value: str


def senders(units: int) -> int:
    """max_wal_senders and max_replication_slots for so many units: 2·units + 6, at least 10."""
    return max(10, 2 * units + 6)


def ensure(layout: Layout, settings: Settings, may_restart: bool = True) -> Change:
    """Bring the charm's settings into force.

    Restarts a running server only where a setting that changed needs it.

    Args:
        layout: The cluster; its server may be stopped, then the files alone are written.
        settings: What is wanted.
        may_restart: Otherwise what needs a restart waits in `Change.pending_restart`.

    Raises:
        SettingRefused: The server would not take it; what was in force is still.
    """
    raise NotImplementedError


def check_extra(layout: Layout | None, text: str) -> tuple[ExtraLine, ...]:
    """The operator's extra settings, parsed as the server would and checked.

    Without a layout (PostgreSQL not installed yet) syntax and ownership are checked; with one,
    names and values too, by the server's own `postgres -C`.

    Raises:
        SettingRefused: The first line that cannot be taken, and why.
    """
    raise NotImplementedError


def ensure_extra(layout: Layout, text: str, may_restart: bool = True) -> Change:
    """Bring the operator's extra settings into force, in the place of the former ones.

    Raises:
        SettingRefused: The line that cannot be taken, and why; the former ones stay in force.
    """
    raise NotImplementedError


def apply(
    layout: Layout,
    files: Mapping[Path, str | None],
    may_restart: bool = False,
    prove: Iterable[str] = (),
) -> Change:
    """Bring new texts of files in conf.d into force, all or none.

    The server checks them first (`postgres -C` on a copy of the configuration); then they are
    written, the running server reloads, and is restarted if a changed setting needs it. If it
    does not come up with them, the former files are put back and it is started again.

    Args:
        layout: The cluster.
        files: Path to whole text; None removes the file.
        may_restart: Otherwise what needs a restart waits in `Change.pending_restart`.
        prove: Names among the changed ones that a trial start of a scratch cluster has to prove
            first, where only a start can refuse them.

    Raises:
        SettingRefused: Refused, in the server's own words, with the former files in force.
        ServerRefused: The server came up neither with the new files nor with the former ones.
    """
    raise NotImplementedError


def in_force(layout: Layout, names: Iterable[str]) -> dict[str, str]:
    """Values as SHOW gives them from the running server, else as the files give them.

    Raises:
        QueryRefused: A name that the server does not know.
    """
    raise NotImplementedError


def hot_standby_parameters(layout: Layout) -> dict[str, int]:
    """The values in force of `HOT_STANDBY_PARAMETERS`; {} where there is no configuration."""
    raise NotImplementedError
