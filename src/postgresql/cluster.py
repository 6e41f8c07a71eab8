"""The data directory and Debian's configuration of it: create, set aside, release."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
from pathlib import Path

from postgresql import commands, files, postmaster, templates, waldisk
from postgresql.errors import ServerRefused
from postgresql.layout import ID_FILE, IDENT_MAP, Layout

SAMPLES = Path("/usr/share/postgresql")

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
    if postmaster.is_running(layout):
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
    if postmaster.is_running(layout):
        raise ServerRefused(f"release PostgreSQL {layout.label}", "its server runs")
    for path in layout.conf_files:
        path.unlink(missing_ok=True)
    if start_mode(layout) == "auto":
        files.write(
            layout.start_conf, templates.render("start.conf.j2", start="manual"), mode=0o644
        )
        commands.run(["systemctl", "daemon-reload"])
