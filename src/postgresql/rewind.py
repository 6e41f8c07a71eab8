"""A server whose log went its own way is taken back to where its primary's left it.

A systemd unit of its own does it beside the hooks: it archives what waits for that, keeps the WAL
that is taken away in main.unacknowledged-<UTC time>, and runs pg_rewind. While that is at work the
data directory is unfit to be started, and the packaging is told not to; if it fails half-way, it
stays so until a base backup has taken the directory's place. What failed before pg_rewind began to
write has changed nothing, and is tried again, with growing patience.
"""

from __future__ import annotations

import dataclasses
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from psycopg2.extensions import make_dsn

from postgresql import (
    conffile,
    files,
    jobs,
    logend,
    postmaster,
    recovery,
    services,
    sql,
    templates,
    terms,
)
from postgresql.archive import paths, places
from postgresql.errors import NotReachable, ServerRefused
from postgresql.layout import Layout
from postgresql.recovery import Upstream
from postgresql.sql import Connection
from postgresql.timelines import Timeline

_PATIENCE_S = 600
_START_S = 5.0
_SHORTEST_S = 15
_LONGEST_S = 300
_ATTEMPT = "attempt"
_POLL_S = 0.02


@dataclasses.dataclass(frozen=True)
class RewindState:
    """How far the rewind is.

    Attributes:
        phase: "absent": none is under way, and one can be begun. "running": at work; the server
            runs on for a while. "finished": the server can be started as a standby. "postponed":
            it failed and has changed nothing; the next try is to wait. "failed": it ended
            half-way.
        error: Why it failed; "" otherwise.
        spoiled: The data directory can be started no more, and must be replaced.
        kept: Directory with the WAL that was taken away; None while there is none.
        attempt: How often it was begun in a row; 0: never.
        next_try_s: Of one that is postponed: seconds until the next try.
    """

    phase: Literal["absent", "running", "finished", "postponed", "failed"]
    error: str = ""
    spoiled: bool = False
    kept: Path | None = None
    attempt: int = 0
    next_try_s: int = 0


def diverged(conn: Connection, layout: Layout) -> bool:
    """Whether this standby's log goes on where the log of the primary took another turn.

    Args:
        conn: To the primary, as a role that may call hot_standby.history().
        layout: This cluster; its server runs as a standby.

    Returns:
        Also False where the other one is no primary (yet).

    Raises:
        NotReachable: This server accepts no connections.
        QueryRefused: One of the two does not answer.
    """
    ends = _ends(conn, layout)
    return ends is not None and ends[0] > ends[1]


def is_part(conn: Connection, layout: Layout) -> bool:
    """Whether the log of the primary holds the whole of this standby's; else as `diverged`."""
    ends = _ends(conn, layout)
    return ends is not None and ends[0] <= ends[1]


def _ends(conn: Connection, layout: Layout) -> tuple[int, int] | None:
    """Where this log ends, and up to where it is one with the primary's; LSNs in bytes.

    None where the other one is no primary.
    """
    # In this order: what the primary has grows meanwhile.
    end = _end(layout)
    with sql.local(layout) as here:
        known = terms.history(here)
    theirs = _of_primary(conn)
    if theirs is None:
        return None
    # Two that took over from different logs may have chosen the same number for their timelines.
    if set(known) - set(terms.history(conn)):
        return end.lsn, 0
    fork = Timeline.here(layout, end.timeline).fork(theirs)
    if fork is None:
        (fork,) = sql.row(conn, "SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint")
    return end.lsn, fork


def start(layout: Layout, upstream: Upstream, on_finish: Sequence[str] = ()) -> bool:
    """Begin to rewind to the log of `upstream`, unless that is under way, done or postponed.

    Args:
        layout: The cluster; its server runs as a standby.
        upstream: The primary. The server follows it, once started after the rewind.
        on_finish: Command that the unit runs as root when it ends, well or not.

    Returns:
        Whether it was begun.

    Raises:
        NotReachable: One of the servers accepts no connections.
        QueryRefused: The primary does not tell its history.
        ServerRefused: A rewind has failed half-way, or systemd does not start the unit.
    """
    now = state(layout)
    if now.phase in ("finished", "postponed"):
        return False
    if now.phase == "running":
        # Once it has stopped the server, it has heard all that it needs of the primary's log.
        if now.kept is None and postmaster.is_accepting(layout):
            _turn(layout, upstream, on_finish)
        return False
    if now.spoiled:
        raise ServerRefused(f"rewind {layout.label}", now.error, "clone the standby anew")
    files.remove_tree(layout.rewind_notes)
    files.make_directory(layout.rewind_notes, owner="root", mode=0o700)
    files.write(layout.rewind_notes / _ATTEMPT, f"{now.attempt + 1}\n", owner="root")
    _write_job(layout, upstream, on_finish)
    services.start(layout.rewind_service)
    deadline = time.monotonic() + _START_S
    while state(layout).phase == "absent":
        if time.monotonic() > deadline:
            raise ServerRefused(f"start {layout.rewind_service}", "it does not come up")
        time.sleep(_POLL_S)
    return True


def _turn(layout: Layout, upstream: Upstream, on_finish: Sequence[str]) -> None:
    """Have a rewind that still waits for its primary's checkpoint wait for this one's."""
    try:
        changed = _write_job(layout, upstream, on_finish)
    except NotReachable:
        # It has come further meanwhile, or the primary is away.
        return
    if changed:
        services.restart_now(layout.rewind_service)


def state(layout: Layout) -> RewindState:
    """How far it is; some file reads."""
    notes = layout.rewind_notes
    error = jobs.note(notes, "error")
    kept = jobs.note(notes, "kept")
    where = Path(kept) if kept else None
    spoiled = (notes / "spoiled").exists()
    attempt = int(jobs.note(notes, _ATTEMPT) or 0)
    if jobs.is_at_work(notes):
        return RewindState("running", spoiled=spoiled, kept=where, attempt=attempt)
    if (notes / "finished").exists():
        return RewindState("finished", kept=where, attempt=attempt)
    if spoiled:
        why = error or "it was interrupted half-way"
        return RewindState("failed", why, spoiled, where, attempt)
    wait = _next_try_s(notes, attempt) if error else 0
    return RewindState("postponed" if wait else "absent", error, False, where, attempt, wait)


def _next_try_s(notes: Path, attempt: int) -> int:
    """Seconds until what failed may be tried again; 0: now."""
    return _wait_s(float(jobs.note(notes, "failed") or 0), time.time(), attempt)


def _wait_s(failed_at: float, now: float, attempt: int) -> int:
    """Seconds until what failed then for the so-manieth time in a row may be tried again.

    A clock that was set back must not make it longer; what failed in the future is tried at once.

    >>> [_wait_s(1000.0, now, 2) for now in (1000.0, 1020.0, 1031.0, 500.0)]
    [30, 10, 0, 0]
    """
    if now < failed_at:
        return 0
    return max(0, round(failed_at + min(_LONGEST_S, _SHORTEST_S * 2 ** max(0, attempt - 1)) - now))


def forget(layout: Layout) -> bool:
    """Stop the unit if it is at work, and delete what it noted; what it kept stays.

    Returns:
        Whether there was anything.
    """
    found = services.remove(layout.rewind_service)
    return files.remove_tree(layout.rewind_notes) or found


def _write_job(layout: Layout, upstream: Upstream, on_finish: Sequence[str]) -> bool:
    """Write the unit, its program and what that needs.

    Returns:
        Whether it will do something else than before.
    """
    end = _end(layout)
    with sql.remote(upstream.host, upstream.user, upstream.password, port=upstream.port) as conn:
        theirs = _of_primary(conn)
    if theirs is None:
        raise ServerRefused(f"rewind {layout.label}", f"{upstream.host} is no primary")
    fork = Timeline.here(layout, end.timeline).fork(theirs)
    since = min(end.lsn, end.lsn if fork is None else fork)
    recovery.write_passfile(layout, upstream)
    notes = layout.rewind_notes
    lsn = logend.text(since)
    readme = templates.render(
        "unacknowledged.txt.j2", lsn=lsn, timeline=end.timeline, programs=layout.programs
    )
    files.write(notes / "README", readme, owner="root")
    files.write(notes / "recovery.conf", recovery.text(layout, upstream), owner="root")
    name = f"rewind-{layout.major}-{layout.name}"
    before = files.read(services.PROGRAMS / name)
    program = services.ensure_program(
        name,
        "rewind.sh.j2",
        label=layout.label,
        programs=shlex.quote(str(layout.programs)),
        notes=shlex.quote(str(notes)),
        data=shlex.quote(str(layout.data_directory)),
        service=shlex.quote(layout.service),
        start_conf=shlex.quote(str(layout.start_conf)),
        conninfo=shlex.quote(_conninfo(layout, upstream)),
        timeline=theirs.number,
        first=logend.segment_name(since, end.segment_size),
        last=logend.segment_name(end.lsn, end.segment_size),
        archive=shlex.join(_archive(layout)),
        options=shlex.join(_options(layout)),
        recovery_conf=shlex.quote(str(layout.recovery_conf_file)),
        patience_s=_PATIENCE_S,
    )
    services.ensure(
        layout.rewind_service,
        "rewind.service.j2",
        label=layout.label,
        program=program,
        on_finish=services.command_line(on_finish),
    )
    return before != files.read(program)


def _of_primary(conn: Connection) -> Timeline | None:
    number, history = sql.row(conn, "SELECT * FROM hot_standby.history()")
    return None if number is None else Timeline.parse(number, history)


def _end(layout: Layout) -> logend.LogEnd:
    end = logend.look(layout)
    if end is None:
        raise NotReachable(
            f"ask PostgreSQL {layout.label} for the end of its log", "it runs not as a standby"
        )
    return end


def _conninfo(layout: Layout, upstream: Upstream) -> str:
    name = f"{upstream.application_name}_rewind"
    conninfo = recovery.primary_conninfo(
        layout, dataclasses.replace(upstream, application_name=name)
    )
    return make_dsn(conninfo, dbname="postgres")


def _archive(layout: Layout) -> list[str]:
    now = places.read(layout)
    if now.directory is None:
        return []
    return [str(paths.PROGRAM), str(now.directory), now.claim]


def _options(layout: Layout) -> list[str]:
    written = conffile.values(files.read(layout.archive_conf_file) or "")
    # 14 does not find restore_command where the packaging has the configuration.
    if layout.major < 15 or not written.get("restore_command"):
        return []
    return [f"--config-file={layout.main_conf_file}", "--restore-target-wal"]
