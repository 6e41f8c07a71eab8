"""A cluster's server: start, stop, reload, and what it says of itself."""

from __future__ import annotations

import os
import select
import signal
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from postgresql import commands, files, serverlog, services, sql
from postgresql.errors import NotReachable, QueryRefused, ServerRefused, Silent
from postgresql.layout import Layout

_POLL_S = 0.05
_RELOAD_S = 5.0
# Writes stand still while a primary takes over, which reloads more than once.
_RELOAD_POLL_S = 0.002
# A checkpoint of a large shared_buffers takes minutes, and cutting it off costs recovery later.
_STOP_S = 3600
_KILL_S = 3.0
# A process that ends waits for its disk, too, but not for so long.
_DISK_S = 0.5
# As pg_ctl sends them; see pg_ctl(1).
_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

# Where ControlFileData has its state, and DB_IN_PRODUCTION. Source: pg_control.h, the same from
# PostgreSQL 14 to 18.
_CONTROL_STATE_AT = 16
_IN_PRODUCTION = 6


def running_pid(layout: Layout) -> int | None:
    """The postmaster's process, if it lives.

    postmaster.pid outlives a power cut, after which another process may have its number; the
    postmaster is the one whose working directory is the data directory.
    """
    try:
        pid = int((layout.data_directory / "postmaster.pid").read_text().split("\n", 1)[0])
        home = Path(f"/proc/{pid}/cwd").readlink()
    except (OSError, ValueError):
        return None
    return pid if home == layout.data_directory.resolve() else None


def is_running(layout: Layout) -> bool:
    """Whether the postmaster lives (it may not accept connections yet); a file read."""
    return running_pid(layout) is not None


def is_accepting(layout: Layout) -> bool:
    """Whether a connection can be had, and not of another server on the same port."""
    try:
        return _takes_connections(layout)
    except Silent:
        return False


def is_silent(layout: Layout) -> bool:
    """Whether it takes connections, and says nothing on them: it stands still."""
    try:
        _takes_connections(layout)
    except Silent:
        return True
    except QueryRefused:
        return False
    return False


def _takes_connections(layout: Layout) -> bool:
    if not is_running(layout):
        return False
    try:
        with sql.local(layout):
            return True
    except Silent:
        raise
    except NotReachable:
        return False


def status(layout: Layout) -> str:
    """What a running server notes of itself: "starting", "stopping", "ready" or "standby".

    "ready": it takes connections, a hot standby as well as a primary. "standby": it is one that
    takes none. "" where none runs. Source: miscadmin.h, LOCK_FILE_LINE_PM_STATUS.
    """
    if not is_running(layout):
        return ""
    lines = (files.read(layout.data_directory / "postmaster.pid") or "").splitlines()
    return lines[7].strip() if len(lines) > 7 else "starting"


def is_in_production(layout: Layout) -> bool:
    """Whether a running server is up and no standby, told without asking it; below 1 ms.

    For one whose connections are all taken, or that hangs. No program is started for it: what
    keeps the server from answering would keep the program from telling in time. Where the control
    file cannot be read, it counts as no standby's.
    """
    if status(layout) != "ready":
        return False
    try:
        control = (layout.data_directory / "global/pg_control").read_bytes()
        (found,) = struct.unpack_from("=I", control, _CONTROL_STATE_AT)
    except (OSError, struct.error):
        return True
    return found == _IN_PRODUCTION


def start(
    layout: Layout, wait_s: float = 30, meanwhile: Callable[[], object] | None = None
) -> bool:
    """Start the server and wait until it accepts connections, or still works on its recovery.

    Args:
        layout: The cluster.
        wait_s: How long to wait. A standby that needs longer to become consistent is left at
            it; that is no error. Nor is that the processes of its last run are still there, as
            their disk hangs: it is started when they have gone.
        meanwhile: Called again and again while it starts.

    Returns:
        Whether it accepts connections now.

    Raises:
        ServerRefused: It ended; its log's own words.
    """
    from charmhelpers.core import host

    offset = serverlog.size(layout.log_file)
    if not is_running(layout):
        # The unit of a server that was killed may still be in its start, which another start
        # would only join; one that ended badly before may be at systemd's limit of starts. One
        # that is just being stopped is started once it is.
        if _unit_state(layout) not in ("inactive", "failed", "deactivating"):
            host.service_stop(layout.service)
        commands.run(["systemctl", "reset-failed", layout.service])
        # Not charmhelpers' service_start: pg_ctlcluster waits two seconds for a server to
        # "stabilise", and a minute for a standby's recovery; here the server itself is asked.
        result = commands.run(["systemctl", "start", "--no-block", layout.service])
        if result.returncode:
            raise ServerRefused(f"start PostgreSQL {layout.label}", commands.words(result))
    begun = time.monotonic()
    disk = _DiskWait(layout)
    while True:
        try:
            if _takes_connections(layout):
                return True
        except Silent:
            # It neither starts nor refuses; no waiting here makes it go on.
            return False
        if not is_running(layout) and _has_ended(layout):
            raise ServerRefused(f"start PostgreSQL {layout.label}", _last_words(layout, offset))
        if time.monotonic() - begun > wait_s:
            return False
        # Of its last run; a start may have to read its programs from a slow disk.
        if not is_running(layout) and disk.is_long() and _unit_state(layout) == "deactivating":
            return False
        if meanwhile is not None:
            meanwhile()
        time.sleep(_POLL_S)


def stop(
    layout: Layout,
    mode: Literal["smart", "fast", "immediate"] = "fast",
    wait_s: float = _STOP_S,
    *,
    settle: bool = True,
) -> bool:
    """Stop the server and wait until it is gone.

    Args:
        layout: The cluster.
        mode: As of pg_ctl: fast ends sessions and writes a checkpoint; immediate does not.
        wait_s: How long to wait; it goes on with stopping after that.
        settle: Wait also until systemd is done with the unit. False: whoever starts the server
            again at once need not.

    Returns:
        Whether it had been running.

    Raises:
        ServerRefused: It is still there.
    """
    from charmhelpers.core import host

    # systemd knows no modes, and while its start job waits it would signal every process of the
    # server instead; pg_ctl looks only ten times a second whether the server is gone.
    was_running = _end(layout, _SIGNALS[mode], wait_s)
    if is_running(layout):
        raise ServerRefused(
            f"stop PostgreSQL {layout.label}", f"it is still there after {wait_s:.0f} s"
        )
    if settle and (was_running or _unit_state(layout) not in ("inactive", "failed")):
        host.service_stop(layout.service)
    return was_running


def kill_command(layout: Layout) -> list[str]:
    """The command that ends all processes of a server that heeds nothing else."""
    return ["systemctl", "kill", "--signal=SIGKILL", layout.service]


def kill(layout: Layout) -> None:
    """End all processes of a server that heeds nothing else; its next start replays its log.

    Raises:
        ServerRefused: They are still there; their disk hangs, say.
    """
    begun = time.monotonic()
    disk = _DiskWait(layout)
    commands.run(kill_command(layout))
    # With one of them left, the next start would find its shared memory in use.
    while is_running(layout) or services.has_processes(layout.service):
        if time.monotonic() - begun > _KILL_S or disk.is_long():
            raise ServerRefused(
                f"stop PostgreSQL {layout.label}",
                "it is still there after SIGKILL",
                "see whether its disks answer",
            )
        time.sleep(_POLL_S)


class _DiskWait:
    """For how long nothing but a disk has been waited for, by the same processes of a server."""

    def __init__(self, layout: Layout) -> None:
        self._service = layout.service
        self._waiting: frozenset[str] = frozenset()
        self._since = time.monotonic()

    def is_long(self) -> bool:
        """Whether it is for longer than a process that ends does."""
        waiting = services.waiting_for_disk(self._service)
        if not waiting or waiting != self._waiting:
            self._waiting, self._since = waiting, time.monotonic()
        return bool(waiting) and time.monotonic() - self._since > _DISK_S


def _end(layout: Layout, how: signal.Signals, wait_s: float) -> bool:
    """Signal the postmaster and wait for its end; whether there was one."""
    pid = running_pid(layout)
    if pid is None:
        return False
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        # What is held may be another process already, which has got the number of one that ended.
        if running_pid(layout) != pid:
            return True
        signal.pidfd_send_signal(process, how)
        gone = select.poll()
        gone.register(process, select.POLLIN)
        gone.poll(wait_s * 1000)
    except ProcessLookupError:
        pass
    finally:
        os.close(process)
    return True


def reload(layout: Layout) -> bool:
    """Have a running server read its files again, and wait until it has.

    Returns:
        Whether there was a running server.

    Raises:
        ServerRefused: It refuses the files, or part of them, with its own words.
    """
    pid = running_pid(layout)
    if pid is None:
        return False
    try:
        with sql.local(layout) as conn:
            (before,) = sql.row(conn, "SELECT pg_conf_load_time()")
            # The signal that pg_ctl reload sends. The postmaster passes it on to this session.
            os.kill(pid, signal.SIGHUP)
            deadline = time.monotonic() + _RELOAD_S
            while sql.row(conn, "SELECT pg_conf_load_time()") == (before,):
                if time.monotonic() > deadline:
                    raise ServerRefused(
                        f"reload PostgreSQL {layout.label}",
                        _file_errors(conn) or f"it did not do so within {_RELOAD_S:.0f} s",
                    )
                time.sleep(_RELOAD_POLL_S)
            # It takes what it can of files with errors in them.
            if errors := _file_errors(conn):
                raise ServerRefused(f"reload PostgreSQL {layout.label}", errors)
    except NotReachable:
        # It is starting, and may have read its files already.
        os.kill(pid, signal.SIGHUP)
    return True


def recent_errors(layout: Layout, limit: int = 5) -> list[str]:
    """FATAL, PANIC and ERROR lines of the server's own processes that may still be true.

    What client sessions did wrong is left out, and what lies before the last time that the
    server was ready, or began to follow its primary.

    Args:
        layout: The cluster.
        limit: How many of the newest to give; the newest comes last.
    """
    lines = serverlog.still_true(serverlog.tail(layout.log_file))
    return serverlog.severe(lines, limit)


def _unit_state(layout: Layout) -> str:
    result = commands.run(["systemctl", "is-active", layout.service])
    return result.stdout.strip()


def _has_ended(layout: Layout) -> bool:
    """Whether systemd is done with starting the unit."""
    result = commands.run(["systemctl", "show", "-p", "ActiveState", "-p", "Job", layout.service])
    properties = dict(line.split("=", 1) for line in result.stdout.splitlines())
    idle = properties.get("ActiveState") in ("inactive", "failed")
    return idle and properties.get("Job", "0") in ("", "0")


def _last_words(layout: Layout, offset: int) -> str:
    lines = serverlog.tail(layout.log_file, offset)
    said = serverlog.severe(lines)
    if said:
        return "; ".join(said)
    result = commands.run(["journalctl", "--unit", layout.service, "-n", "5", "-o", "cat"])
    return "; ".join(lines[-3:]) or commands.words(result)


def _file_errors(conn: sql.Connection) -> str:
    found = sql.rows(
        conn,
        # A setting that waits for a restart counts as an error there; one that was taken out of
        # the files has no file.
        "SELECT sourcefile, sourceline, name, error FROM pg_file_settings"
        " WHERE error IS NOT NULL AND sourcefile IS NOT NULL AND lower(name) <> ALL"
        " (ARRAY(SELECT lower(s.name) FROM pg_settings s WHERE s.pending_restart))",
    )
    return "; ".join(
        f"{file} line {line} ({name or '?'}): {error}" for file, line, name, error in found
    )
