"""Proof that every standby follows: a row written on the primary and read back on each.

Also whether the archive of every unit works, in the same breath.
"""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import threading
import time
from collections.abc import Generator, Sequence
from typing import Any

from postgresql import observe, sql
from postgresql.crew import Crew
from postgresql.errors import PostgresqlError
from postgresql.roles import OPERATOR
from postgresql.sizes import pretty
from postgresql.slots import Slot, slots
from postgresql.sql import Connection

_CONNECT_S = 1.0
"""How long the row waits for standbys that do not answer at once. Those who come later than the
row are measured from a moment when they could not look yet."""
_POLL_S = (0.001, 0.05)
_ARCHIVE_POLL_S = 0.1
_KEPT = "1 hour"
"""Rows older than that are deleted; younger ones another unit may be waiting for."""


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
        failing: The file that failed last still waits.
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


@dataclasses.dataclass
class _Seen:
    """What a worker found on its server, filled in as it goes on."""

    visible_at: float | None = None
    facts: dict[str, Any] | None = None
    archive: ArchiveReport | None = None
    slots: tuple[Slot, ...] = ()
    problems: list[str] = dataclasses.field(default_factory=list[str])


class _Row:
    """The row, and when the primary had acknowledged it."""

    def __init__(self) -> None:
        self.token = secrets.token_hex(16)
        self.written = threading.Event()
        self.at = 0.0
        self.lost = False


def verify(primary: Endpoint, standbys: Sequence[Endpoint], timeout_s: float = 10) -> Report:
    """Writes a row on the primary and reads it back from every standby, all at once.

    Never raises for what it is to find out: a server that cannot be reached is a problem of the
    report. Returns at the latest a second after the timeout, whatever hangs.

    Args:
        primary: Where to write.
        standbys: Every other unit, also one that is known to be away.
        timeout_s: How long a standby may take to show the row.
    """
    crew = Crew(timeout_s)
    row = _Row()
    ready = [threading.Event() for _ in standbys]
    first = _Seen()
    seen = [_Seen() for _ in standbys]
    for endpoint, one, connected in zip(standbys, seen, ready, strict=True):
        crew.start(
            endpoint.unit,
            lambda endpoint=endpoint, one=one, connected=connected: _follow(
                crew, endpoint, row, one, connected
            ),
        )
    crew.start(primary.unit, lambda: _write(crew, primary, row, first, ready))
    late = crew.wait()
    for endpoint, one in zip((primary, *standbys), (first, *seen), strict=True):
        if endpoint.unit in late:
            one.problems.append(f"did not answer within {timeout_s:g} s")
    reports = tuple(
        _report(endpoint, one, first, row) for endpoint, one in zip(standbys, seen, strict=True)
    )
    problems = [Problem(primary.unit, reason) for reason in _wrong_with_primary(first)]
    for report, one in zip(reports, seen, strict=True):
        reasons = _wrong_with_standby(report, one, first, timeout_s)
        problems += [Problem(report.unit, reason) for reason in reasons]
    return Report(
        primary=primary.unit,
        timeline=first.facts["timeline"] if first.facts else None,
        primary_archive=first.archive,
        standbys=reports,
        problems=tuple(problems),
        took_ms=crew.elapsed_s * 1000,
    )


@contextlib.contextmanager
def _open(crew: Crew, endpoint: Endpoint) -> Generator[Connection, None, None]:
    with (
        sql.remote(
            endpoint.address,
            OPERATOR,
            endpoint.password,
            port=endpoint.port,
            timeout_s=crew.left_s,
        ) as conn,
        crew.cutting(conn),
    ):
        yield conn


def _write(
    crew: Crew, primary: Endpoint, row: _Row, seen: _Seen, ready: Sequence[threading.Event]
) -> None:
    try:
        with _open(crew, primary) as conn:
            seen.facts = observe.facts(conn)
            if seen.facts["in_recovery"]:
                raise _Unfit("is a standby itself and takes no writes")
            # A commit that waits for a standby would tell nothing of the others.
            sql.row(conn, "SELECT set_config('synchronous_commit', 'local', false)")
            patience = time.monotonic() + _CONNECT_S
            for one in ready:
                one.wait(max(0.0, patience - time.monotonic()))
            sql.rows(conn, "INSERT INTO hot_standby.token (token) VALUES (%s)", [row.token])
            row.at = time.monotonic()
            row.written.set()
            sql.rows(
                conn,
                "DELETE FROM hot_standby.token WHERE written < clock_timestamp() - %s::interval",
                [_KEPT],
            )
            seen.archive = _archive(crew, conn)
            # Lags are of interest once everybody had his chance.
            crew.wait_for_others(primary.unit)
            seen.facts = observe.facts(conn)
            seen.slots = slots(conn)
    except (PostgresqlError, _Unfit) as error:
        seen.problems.append(_why(error, crew))
    finally:
        row.lost = not row.written.is_set()
        row.written.set()


def _follow(
    crew: Crew, standby: Endpoint, row: _Row, seen: _Seen, connected: threading.Event
) -> None:
    try:
        if not standby.address:
            raise _Unfit("has no address: its machine has not come up yet")
        with _open(crew, standby) as conn:
            seen.facts = observe.facts(conn)
            connected.set()
            if not seen.facts["in_recovery"]:
                raise _Unfit("does not follow: it is no standby and takes writes itself")
            row.written.wait(crew.left_s)
            if not row.lost:
                seen.visible_at = _wait_for(crew, conn, row.token)
            seen.archive = _archive(crew, conn)
    except (PostgresqlError, _Unfit) as error:
        seen.problems.append(_why(error, crew))
    finally:
        connected.set()


class _Unfit(Exception):
    """A server that was reached and is not what it should be."""


def _why(error: PostgresqlError | _Unfit, crew: Crew) -> str:
    if crew.over:
        return f"did not answer within {crew.timeout_s:g} s"
    return error.why if isinstance(error, PostgresqlError) else str(error)


def _wait_for(crew: Crew, conn: Connection, token: str) -> float | None:
    query = "SELECT 1 FROM hot_standby.token WHERE token = %s"
    pause, longest = _POLL_S
    while True:
        if sql.rows(conn, query, [token]):
            return time.monotonic()
        if crew.left_s <= pause:
            return None
        time.sleep(pause)
        pause = min(2 * pause, longest)


def _archive(crew: Crew, conn: Connection) -> ArchiveReport:
    """How the archive there stands, with some patience for a segment that is on its way."""
    while True:
        found = ArchiveReport(
            *sql.row(
                conn,
                "SELECT directory, last_wal, last_age_s, failed_count, failing, waiting,"
                " newest_finished, newest_there FROM hot_standby.archive()",
            )
        )
        if not _stuck(found) or crew.left_s <= 2 * _ARCHIVE_POLL_S:
            return found
        time.sleep(_ARCHIVE_POLL_S)


def _stuck(archive: ArchiveReport) -> str:
    """Why the archive does not work; "" if it does."""
    if not archive.directory:
        return "archives nothing: no archive directory is set"
    files = "1 WAL file waits" if archive.waiting == 1 else f"{archive.waiting} WAL files wait"
    if archive.failing:
        return (
            f"archiving to {archive.directory} fails ({archive.failed_count} times so far,"
            f" {files}; the unit's status and the server's log tell why)"
        )
    if not archive.newest_there:
        return (
            f"the archive is stuck: {archive.newest_finished} is finished and not in"
            f" {archive.directory} ({files})"
        )
    return ""


def _report(standby: Endpoint, seen: _Seen, first: _Seen, row: _Row) -> StandbyReport:
    sender = next((one for one in _senders(first) if one.name == standby.application_name), None)
    slot = next((one for one in first.slots if one.name == standby.slot), None)
    report = StandbyReport(
        unit=standby.unit,
        visible_ms=None if seen.visible_at is None else max(0.0, seen.visible_at - row.at) * 1000,
        timeline=seen.facts["timeline"] if seen.facts else None,
        slot=slot.name if slot else "",
        wal_status=slot.wal_status if slot else "",
        archive=seen.archive,
    )
    if sender is None:
        return report
    return dataclasses.replace(
        report,
        state=sender.state,
        sync_state=sender.sync_state,
        write_lag_bytes=_known(sender.write_lag_bytes),
        flush_lag_bytes=_known(sender.flush_lag_bytes),
        replay_lag_bytes=_known(sender.replay_lag_bytes),
        write_lag_ms=sender.write_lag_ms,
        flush_lag_ms=sender.flush_lag_ms,
        replay_lag_ms=sender.replay_lag_ms,
    )


def _known(count: int) -> int | None:
    # A walsender's position is a moment older than the primary's own.
    return None if count == -1 else max(0, count)


def _senders(first: _Seen) -> tuple[observe.Standby, ...]:
    return () if first.facts is None else first.facts["standbys"]


def _wrong_with_primary(first: _Seen) -> list[str]:
    reasons = list(first.problems)
    if first.archive and (reason := _stuck(first.archive)):
        reasons.append(reason)
    return reasons


def _wrong_with_standby(
    report: StandbyReport, seen: _Seen, first: _Seen, timeout_s: float
) -> list[str]:
    reasons = list(seen.problems)
    timeline = first.facts["timeline"] if first.facts else None
    if timeline and report.timeline and report.timeline != timeline:
        reasons.append(f"is on timeline {report.timeline}, and the primary on {timeline}")
    # Of a primary that was not asked to the end nothing is known about its standbys.
    asked = first.facts is not None and not first.problems
    if asked and not report.state:
        reasons.append("does not follow: the primary has no replication connection from it")
    if asked and not reasons and report.visible_ms is None:
        behind = report.replay_lag_bytes
        far = "" if behind is None else f", it is {pretty(behind)} behind"
        paused = seen.facts is not None and seen.facts["replay_paused"]
        why = "; its replay is paused: SELECT pg_wal_replay_resume() there" if paused else ""
        reasons.append(f"did not show the row within {timeout_s:g} s{far}{why}")
    if asked and not report.slot:
        reasons.append("has no replication slot on the primary")
    elif report.wal_status == "lost":
        reasons.append(f"the primary has dropped WAL that it needs (slot {report.slot} is lost)")
    if report.archive and (reason := _stuck(report.archive)):
        reasons.append(reason)
    return reasons
