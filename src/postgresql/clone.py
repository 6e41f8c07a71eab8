"""A base backup of another server, taken beside the hooks.

A systemd unit of its own takes it, as postgres, into main.clone.partial, checks it against its
manifest, makes it a standby and renames it to main.clone; only then can `adopt` make it the
cluster's data directory. It tries again by itself, with growing patience, until `stop`.
"""

from __future__ import annotations

import dataclasses
import os
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from postgresql import (
    files,
    jobs,
    postmaster,
    recovery,
    services,
    sizes,
    sql,
    tablespaces,
    waldisk,
)
from postgresql.adoption import adopt as adopt
from postgresql.errors import CloneRefused, ServerRefused
from postgresql.layout import Layout
from postgresql.recovery import Upstream
from postgresql.tablespaces import Tablespace

_RATE_S = 10
_START_S = 5.0
_POLL_S = 0.02
_LONGEST_S = 300
"""Between two attempts, as the program has it."""
_TAIL = 4096
# WAL that comes while the base backup runs, and what else grows meanwhile.
_SPARE_SHARE = 20
_SPARE = 64 * 2**20
_IDLE = "idle"


@dataclasses.dataclass(frozen=True)
class CloneState:
    """How far the base backup is.

    Attributes:
        phase: "absent": none was begun. "running": at work, or waiting for its next attempt.
            "finished": main.clone waits to be adopted. "failed": it ended unfinished (a reboot,
            a kill, `stop`); `start` begins it anew.
        percent: 0 to 100 of `total_bytes`.
        copied_bytes: Received so far.
        total_bytes: As the primary estimated; 0 before it did.
        bytes_per_second: Over the last ten seconds or so.
        attempt: From 1.
        error: Why the last attempt failed, in pg_basebackup's words; "" while it goes well.
        next_try_s: Seconds until the next attempt; None while one is at work.
    """

    phase: Literal["absent", "running", "finished", "failed"]
    percent: int = 0
    copied_bytes: int = 0
    total_bytes: int = 0
    bytes_per_second: int = 0
    attempt: int = 0
    error: str = ""
    next_try_s: int | None = None


def start(
    layout: Layout, upstream: Upstream, on_finish: Sequence[str] = (), idle: bool = False
) -> bool:
    """Begin a base backup of `upstream`, unless one is at work or waits to be adopted.

    One that is at work goes on; if `upstream` is another than before, its next attempt is of
    that one, and begins at once if it is waiting.

    Args:
        layout: The cluster that the copy is for.
        upstream: Whom to copy. Its slot must exist: it keeps the WAL from the backup on.
        on_finish: Command that the unit runs as root when it ends, well or not.
        idle: A server that runs here streams nothing and never will, so that the slot is the
            copy's. Of one that is at work already this stays as it was begun.

    Returns:
        Whether it was begun.

    Raises:
        NotReachable: The primary cannot be asked how large it is.
        CloneRefused: Not enough space (both figures), or a tablespace's place cannot be had.
        ServerRefused: systemd does not start the unit.
    """
    now = state(layout)
    if now.phase == "finished":
        return False
    if now.phase == "running":
        if _write_job(layout, upstream, on_finish) and now.next_try_s is not None:
            services.restart_now(layout.clone_service)
        return False
    if services.is_active(layout.clone_service):
        # Between two attempts the lock is free for a moment.
        return False
    with sql.remote(upstream.host, upstream.user, upstream.password, port=upstream.port) as conn:
        size, others = tablespaces.ask(conn)
    waldisk.remove(layout.partial_copy)
    waldisk.sweep(layout)
    files.make_directory(layout.partial_copy.parent)
    tablespaces.make_room(others)
    _check_space(layout, size, others)
    files.remove_tree(layout.clone_notes)
    files.make_directory(layout.clone_notes.parent, owner="root")
    files.make_directory(layout.clone_notes, mode=0o700)
    locations = "".join(f"{other.location}\n" for other in others)
    files.write(layout.clone_notes / "tablespaces", locations, mode=0o600)
    if idle:
        files.write(layout.clone_notes / _IDLE, "", mode=0o600)
    _write_job(layout, upstream, on_finish)
    services.start(layout.clone_service)
    deadline = time.monotonic() + _START_S
    while state(layout).phase in ("absent", "failed"):
        if time.monotonic() > deadline:
            raise ServerRefused(f"start {layout.clone_service}", "it does not come up")
        time.sleep(_POLL_S)
    return True


def state(layout: Layout) -> CloneState:
    """How far it is; some file reads."""
    notes = layout.clone_notes
    error = jobs.note(notes, "error")
    attempt = int(jobs.note(notes, "attempt") or 0)
    copied, total, rate = _progress(notes / "progress")
    if layout.finished_copy.exists():
        return CloneState("finished", 100, copied, total, rate, attempt)
    percent = min(99, copied * 100 // total) if total else 0
    if jobs.is_at_work(notes):
        next_try = jobs.note(notes, "next")
        # It waits by a clock that is never stepped; the one by which it tells may have been.
        left = round(float(next_try) - time.time()) if next_try else None
        wait = None if left is None else min(_LONGEST_S, max(0, left))
        return CloneState("running", percent, copied, total, rate, attempt, error, wait)
    if attempt or layout.partial_copy.exists():
        return CloneState("failed", percent, copied, total, 0, attempt, error)
    return CloneState("absent")


def stop(layout: Layout) -> bool:
    """End the unit if it is at work; what it copied stays.

    Returns:
        Whether it was at work.
    """
    if not services.is_active(layout.clone_service):
        return False
    services.stop(layout.clone_service)
    return True


def forget(layout: Layout) -> bool:
    """Stop the unit and delete half-made and unadopted copies, and what it noted.

    Returns:
        Whether there was anything.
    """
    found = services.remove(layout.clone_service)
    for copy in (layout.partial_copy, layout.finished_copy):
        tablespaces.forget(copy)
        found |= waldisk.remove(copy)
    waldisk.sweep(layout)
    return files.remove_tree(layout.clone_notes) or found


def _write_job(layout: Layout, upstream: Upstream, on_finish: Sequence[str]) -> bool:
    """Write the unit, its program and the passfile.

    Returns:
        Whether the next attempt will be another than the last one.
    """
    changed = recovery.write_passfile(layout, upstream)
    # Its WAL receiver must not pass for the standby: it would acknowledge commits in its name.
    copier = dataclasses.replace(upstream, application_name=f"{upstream.application_name}_clone")
    # A server that still serves here streams through the slot; the copier then has one of its own
    # for the time of the copy, and this unit's archive bridges what comes after. One that streams
    # no more archives nothing either.
    streams = postmaster.is_running(layout) and not (layout.clone_notes / _IDLE).exists()
    name = f"clone-{layout.major}-{layout.name}"
    before = files.read(services.PROGRAMS / name)
    program = services.ensure_program(
        name,
        "clone.sh.j2",
        label=layout.label,
        programs=shlex.quote(str(layout.programs)),
        notes=shlex.quote(str(layout.clone_notes)),
        partial=shlex.quote(str(layout.partial_copy)),
        finished=shlex.quote(str(layout.finished_copy)),
        conninfo=shlex.quote(recovery.primary_conninfo(layout, copier)),
        slot=shlex.quote("" if streams else upstream.slot),
        wal=shlex.quote(str(waldisk.stem(layout) or "")),
    )
    services.ensure(
        layout.clone_service,
        "clone.service.j2",
        label=layout.label,
        program=program,
        on_finish=services.command_line(on_finish),
    )
    return changed or before != files.read(program)


def _check_space(layout: Layout, size: int, others: Sequence[Tablespace]) -> None:
    """Compare what each file system would take with what it has left.

    Raises:
        CloneRefused: With both figures.
    """
    wal = waldisk.stem(layout)
    wanted = [
        (layout.partial_copy.parent, size),
        (wal.parent if wal else layout.partial_copy.parent, _SPARE),
        *((t.partial, t.size) for t in others),
    ]
    by_device: dict[int, tuple[Path, int]] = {}
    for path, amount in wanted:
        device = path.stat().st_dev
        where, so_far = by_device.get(device, (path, 0))
        by_device[device] = where, so_far + amount + amount // _SPARE_SHARE
    for where, needed in by_device.values():
        disk = os.statvfs(where)
        free = disk.f_bavail * disk.f_frsize
        if free < needed:
            raise CloneRefused(
                "take a base backup",
                f"it needs {sizes.pretty(needed)}, and the file system of {where} has"
                f" {sizes.pretty(free)} free",
                "make room; the next hook tries again",
            )


def _progress(path: Path) -> tuple[int, int, int]:
    """Bytes copied, bytes in all, and bytes per second of late.

    The program notes `time copied total` every second, both figures in kB.
    """
    try:
        with path.open("rb") as notes:
            size = notes.seek(0, os.SEEK_END)
            notes.seek(max(0, size - _TAIL))
            lines = notes.read().decode().split("\n")
    except FileNotFoundError:
        return 0, 0, 0
    # What is behind the last newline is still being written; the first line may be cut.
    samples = [tuple(map(int, line.split())) for line in lines[:-1] if line.count(" ") == 2]
    samples = samples[1:] if size > _TAIL else samples
    if not samples:
        return 0, 0, 0
    last, copied, total = samples[-1]
    earlier = [sample for sample in samples if sample[0] <= last - _RATE_S] or samples[:1]
    then, had, _ = earlier[-1]
    rate = (copied - had) * 1024 // (last - then) if last > then else 0
    return copied * 1024, total * 1024, rate
