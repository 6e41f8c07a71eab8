"""Proof that every standby follows: a row written on the primary and read back on each.

Also whether the archive of every unit works, in the same breath.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """A unit's server, as the operator role reaches it over TCP.

    Attributes:
        unit: Whose it is, for people: "pg/1".
        address: IPv4 or IPv6.
        application_name: How the primary's pg_stat_replication shows it; slots.slot_name(unit).
        slot: Its slot on the primary; slots.slot_name(unit).
        password: Of the role roles.OPERATOR.
        port: TCP port.
    """

    unit: str
    address: str
    application_name: str
    slot: str
    password: str = dataclasses.field(repr=False)
    port: int = 5432


@dataclasses.dataclass(frozen=True)
class Problem:
    """Why a unit fails the proof.

    Attributes:
        unit: Whose.
        reason: What is wrong, in PostgreSQL's words where it said any.
    """

    unit: str
    reason: str

    def __str__(self) -> str:
        return f"{self.unit}: {self.reason}"


@dataclasses.dataclass(frozen=True)
class ArchiveReport:
    """The archive of one unit, as its server sees it.

    Attributes:
        directory: In force there.
        last_wal: The last file archived; "" if none yet.
        last_age_s: Seconds since; None if none yet.
        failed_count: Failures since the statistics began.
        failing: The latest try failed.
        waiting: WAL files that wait to be archived.
        newest_finished: The newest segment finished there; "" if none.
        newest_there: It really lies in the directory, whole.
    """

    directory: str
    last_wal: str
    last_age_s: float | None
    failed_count: int
    failing: bool
    waiting: int
    newest_finished: str
    newest_there: bool


@dataclasses.dataclass(frozen=True)
class StandbyReport:
    """What was found of one standby; what could not be found is None or "".

    Attributes:
        unit: Whose it is.
        state: Of its walsender: "streaming", "catchup", …; "" if there is none.
        sync_state: "async", "potential", "sync" or "quorum".
        visible_ms: From the primary's acknowledgement until the row was read there.
        write_lag_bytes: Of the primary's WAL, not written there; so the two below.
        flush_lag_bytes: Not flushed there.
        replay_lag_bytes: Not replayed there.
        write_lag_ms: None: nothing was measured lately; so the two below.
        flush_lag_ms: As pg_stat_replication's.
        replay_lag_ms: As pg_stat_replication's.
        timeline: That it receives or replays.
        slot: Its slot on the primary; "" if that is missing.
        wal_status: Of the slot.
        archive: Of that unit; None if it could not be asked.
    """

    unit: str
    state: str = ""
    sync_state: str = ""
    visible_ms: float | None = None
    write_lag_bytes: int | None = None
    flush_lag_bytes: int | None = None
    replay_lag_bytes: int | None = None
    write_lag_ms: float | None = None
    flush_lag_ms: float | None = None
    replay_lag_ms: float | None = None
    timeline: int | None = None
    slot: str = ""
    wal_status: str = ""
    archive: ArchiveReport | None = None


@dataclasses.dataclass(frozen=True)
class Report:
    """What `verify` found.

    Attributes:
        primary: Its unit.
        timeline: The primary's; None if it could not be asked.
        primary_archive: Of the primary's unit.
        standbys: In the order given.
        problems: Empty: proved.
        took_ms: How long it took in all.
    """

    primary: str
    timeline: int | None
    primary_archive: ArchiveReport | None
    standbys: tuple[StandbyReport, ...]
    problems: tuple[Problem, ...]
    took_ms: float

    @property
    def proved(self) -> bool:
        """Every standby follows, and every archive works."""
        return not self.problems


def verify(primary: Endpoint, standbys: Sequence[Endpoint], timeout_s: float = 10) -> Report:
    """Writes a row on the primary and reads it back from every standby, all at once.

    Never raises for what it is to find out: a server that cannot be reached is a problem of the
    report. Returns at the latest a second after the timeout, whatever hangs.

    Args:
        primary: Where to write.
        standbys: Every other unit, also one that is known to be away.
        timeout_s: How long a standby may take to show the row.
    """
    raise NotImplementedError
