"""The data directory and its server: create, start, stop, set aside."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
import select
import signal
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from postgresql import commands, files, serverlog, services, sql, templates, waldisk
from postgresql.errors import NotReachable, QueryRefused, ServerRefused, Silent
from postgresql.layout import ID_FILE, IDENT_MAP, Layout

SAMPLES = Path("/usr/share/postgresql")

_POLL_S = 0.05
_RELOAD_S = 5.0
# Writes stand still while a primary takes over, which reloads more than once.
_RELOAD_POLL_S = 0.002
# A checkpoint of a large shared_buffers takes minutes, and cutting it off costs recovery later.
_STOP_S = 3600
_KILL_S = 5.0
# As pg_ctl sends them; see pg_ctl(1).
_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

# Where ControlFileData has its state, and DB_IN_PRODUCTION. Source: pg_control.h, the same from
# PostgreSQL 14 to 18.
_CONTROL_STATE_AT = 16
_IN_PRODUCTION = 6

# What pg_createcluster makes, in its own order; the last one tells that it came to its end.
_CONFIG_FILES = ("start.conf", "postgresql.conf", "pg_hba.conf", "pg_ident.conf", "environment")


@dataclasses.dataclass(frozen=True)
class DataState:
    """A data directory as it lies on the disk; the server may be stopped.

    Attributes:
        exists: There is a whole data directory.
        cluster_id: What `create` was given when this cluster, or the one that it was cloned
            from, was made; "" where the charm did not make it.
        system_id: PostgreSQL's system identifier, in digits; "" where it cannot be read.
        timeline: Of the latest checkpoint; 0 where it cannot be read.
        control_state: "Database cluster state" of pg_controldata: "in production",
            "shut down", "in archive recovery", "shut down in recovery", …; "" where unreadable.
        standby_signal: The server starts as a standby.
    """

    exists: bool
    cluster_id: str = ""
    system_id: str = ""
    timeline: int = 0
    control_state: str = ""
    standby_signal: bool = False


def state(layout: Layout) -> DataState:
    """The data directory as it lies on the disk. About 5 ms; works while the server is stopped."""
    return state_of(layout, layout.data_directory)


def state_of(layout: Layout, directory: Path) -> DataState:
    """The same of another directory, such as a base backup that waits to be adopted."""
    if not (directory / "PG_VERSION").exists():
        return DataState(exists=False)
    control = _control(layout, directory)
    return DataState(
        exists=True,
        cluster_id=(files.read(directory / ID_FILE) or "").strip(),
        system_id=control.get("Database system identifier", ""),
        timeline=int(control.get("Latest checkpoint's TimeLineID", "0")),
        control_state=control.get("Database cluster state", ""),
        standby_signal=(directory / "standby.signal").exists(),
    )


def control(layout: Layout) -> dict[str, str]:
    """What pg_controldata tells of the data directory, by its own names; {} if it cannot."""
    return _control(layout, layout.data_directory)


def _control(layout: Layout, directory: Path) -> dict[str, str]:
    result = commands.run([layout.programs / "pg_controldata", "-D", directory])
    pairs = (line.partition(":") for line in result.stdout.splitlines())
    return {name: value.strip() for name, _, value in pairs}


def create(layout: Layout, cluster_id: str) -> bool:
    """Make a new, empty cluster with data checksums, and its configuration; not started.

    It is made under another name and renamed when whole: an interrupted call leaves nothing
    that looks like a cluster, and the next one begins anew. A data directory with this
    cluster id is left as it is.

    Returns:
        Whether a data directory was made.

    Raises:
        ServerRefused: A data directory of another cluster is there, or initdb's own words.
    """
    what = f"create PostgreSQL {layout.label}"
    found = state(layout)
    if found.exists:
        if found.cluster_id != cluster_id:
            raise ServerRefused(
                what,
                f"{layout.data_directory} holds another cluster"
                + (
                    f" ({found.cluster_id})"
                    if found.cluster_id
                    else " that the charm did not make"
                ),
                "move that directory away if it is not needed",
            )
        ensure_config(layout)
        return False
    parent = layout.data_directory.parent
    files.make_directory(parent)
    new = parent / f"{layout.name}.new"
    waldisk.remove(new)
    waldisk.sweep(layout)
    wal = waldisk.directory(layout)
    result = commands.run(
        [
            layout.programs / "initdb",
            f"--pgdata={new}",
            *([f"--waldir={wal}"] if wal else []),
            "--username=postgres",
            "--encoding=UTF8",
            # The same on every machine and release, so that an index made on one is sorted
            # right on the other.
            "--locale=C.UTF-8",
            "--data-checksums",
            "--auth-local=peer",
            "--auth-host=scram-sha-256",
            "--no-instructions",
        ],
        as_postgres=True,
    )
    if result.returncode:
        raise ServerRefused(what, commands.words(result))
    files.write(new / ID_FILE, f"{cluster_id}\n", mode=0o600)
    try:
        new.rename(layout.data_directory)
    except OSError as error:
        raise ServerRefused(what, f"{layout.data_directory}: {error.strerror}") from error
    files.sync(parent)
    ensure_config(layout)
    return True


def ensure_config(layout: Layout) -> bool:
    """Make Debian's /etc part for a data directory that is there; starts with the machine.

    Returns:
        Whether it had to be made.

    Raises:
        ServerRefused: pg_createcluster's own words.
    """
    directory = layout.config_directory
    if all((directory / name).exists() for name in _CONFIG_FILES) and (
        layout.conf_file.parent.is_dir()
    ):
        return False
    # pg_createcluster refuses what an interrupted one has left.
    for name in _CONFIG_FILES:
        (directory / name).unlink(missing_ok=True)
    # It moves these three from the data directory: initdb puts them there, a base backup of a
    # packaged cluster has none. The last two begin with no one but this machine's own users.
    if not (layout.data_directory / "postgresql.conf").exists():
        sample = SAMPLES / str(layout.major) / "postgresql.conf.sample"
        files.write(layout.data_directory / "postgresql.conf", sample.read_text(), mode=0o600)
    hba = templates.render("pg_hba.conf.j2", ident_map=IDENT_MAP, roles="", peers=[], kept="")
    ident = templates.render("pg_ident.conf.j2", ident_map=IDENT_MAP)
    files.write(layout.data_directory / "pg_hba.conf", hba, mode=0o600)
    files.write(layout.data_directory / "pg_ident.conf", ident, mode=0o600)
    result = commands.run(
        [
            "pg_createcluster",
            f"--port={layout.port}",
            "--start-conf=auto",
            f"--datadir={layout.data_directory}",
            f"--socketdir={layout.socket_directory}",
            # Also the packaging's own defaults, which an administrator may have changed.
            f"--pgoption=include_dir={layout.conf_file.parent.name}",
            "--pgoption=log_line_prefix=%%m [%%p] %%q%%u@%%d ",
            str(layout.major),
            layout.name,
        ]
    )
    if result.returncode:
        raise ServerRefused(f"configure PostgreSQL {layout.label}", commands.words(result))
    files.make_directory(layout.conf_file.parent)
    # The generator of postgresql@.service reads start.conf.
    commands.run(["systemctl", "daemon-reload"])
    return True


def postmaster_pid(layout: Layout) -> int | None:
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
    return postmaster_pid(layout) is not None


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
            it; that is no error.
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
    deadline = time.monotonic() + wait_s
    while True:
        try:
            if _takes_connections(layout):
                return True
        except Silent:
            # It neither starts nor refuses; no waiting here makes it go on.
            return False
        if not is_running(layout) and _has_ended(layout):
            raise ServerRefused(f"start PostgreSQL {layout.label}", _last_words(layout, offset))
        if time.monotonic() > deadline:
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
    deadline = time.monotonic() + _KILL_S
    commands.run(kill_command(layout))
    # With one of them left, the next start would find its shared memory in use.
    while is_running(layout) or services.has_processes(layout.service):
        if time.monotonic() > deadline:
            raise ServerRefused(
                f"stop PostgreSQL {layout.label}",
                f"it is still there {_KILL_S:.0f} s after SIGKILL",
                "see whether its disks answer",
            )
        time.sleep(_POLL_S)


def _end(layout: Layout, how: signal.Signals, wait_s: float) -> bool:
    """Signal the postmaster and wait for its end; whether there was one."""
    pid = postmaster_pid(layout)
    if pid is None:
        return False
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        # What is held may be another process already, which has got the number of one that ended.
        if postmaster_pid(layout) != pid:
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
    pid = postmaster_pid(layout)
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


def set_aside(layout: Layout) -> Path | None:
    """Rename the data directory of a stopped server to main.set-aside-<UTC time>.

    Only the newest one set aside is kept; older ones are deleted once this one lies safely
    under its name.

    Returns:
        The new path; None where there was no data directory.

    Raises:
        ServerRefused: The server runs, or the directory cannot be renamed.
    """
    if not layout.data_directory.exists():
        return None
    what = f"set {layout.data_directory} aside"
    if is_running(layout):
        raise ServerRefused(what, "its server runs")
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    return set_directory_aside(layout.data_directory, stamp, what)


def set_directory_aside(directory: Path, stamp: str, what: str) -> Path:
    """Rename a directory to NAME.set-aside-<stamp>, and delete those set aside before.

    Raises:
        ServerRefused: It cannot be renamed.
    """
    older = aside(directory)
    target = directory.with_name(f"{directory.name}.set-aside-{stamp}")
    while target.exists():
        # Twice within a second.
        target = target.with_name(f"{target.name}-again")
    try:
        directory.rename(target)
    except OSError as error:
        raise ServerRefused(what, error.strerror or str(error)) from error
    files.sync(directory.parent)
    for path in older:
        if path != target:
            with contextlib.suppress(OSError):
                waldisk.remove(path)
    return target


def aside(directory: Path) -> list[Path]:
    """What was set aside of a directory, oldest first."""
    return sorted(directory.parent.glob(f"{directory.name}.set-aside-*"))


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


def permit_start(layout: Layout) -> bool:
    """Have the packaging start the cluster again, with the machine and when it is told to.

    A rewind forbids it for as long as the data directory is neither what it was nor what it is
    to be.

    Returns:
        Whether that was forbidden.
    """
    if start_mode(layout) != "disabled":
        return False
    files.write(layout.start_conf, templates.render("start.conf.j2", start="auto"), mode=0o644)
    commands.run(["systemctl", "daemon-reload"])
    return True


def start_mode(layout: Layout) -> str:
    """What start.conf says: "auto", "manual" or "disabled"; "" where there is none."""
    lines = (files.read(layout.start_conf) or "").splitlines()
    return next((line.strip() for line in lines if line.strip() and line[0] != "#"), "")


def release(layout: Layout) -> None:
    """Leave a stopped cluster of the charm's to its administrator; no other one is touched.

    Data and Debian's own configuration stay; the charm's files in conf.d go, because programs
    that they name go too, and the server no longer starts with the machine, where a primary that
    was replaced could come back by itself.

    Raises:
        ServerRefused: The server runs.
    """
    if not layout.id_file.exists():
        return
    if is_running(layout):
        raise ServerRefused(f"release PostgreSQL {layout.label}", "its server runs")
    for path in layout.conf_files:
        path.unlink(missing_ok=True)
    if start_mode(layout) == "auto":
        files.write(
            layout.start_conf, templates.render("start.conf.j2", start="manual"), mode=0o644
        )
        commands.run(["systemctl", "daemon-reload"])


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
