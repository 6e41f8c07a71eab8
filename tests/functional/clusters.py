"""Real clusters on this machine, side by side on ports of their own."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Generator
from pathlib import Path

from postgresql import (
    archive,
    cluster,
    commands,
    hba,
    postmaster,
    recovery,
    roles,
    settings,
    slots,
    sql,
)
from postgresql.archive import move
from postgresql.layout import Layout
from postgresql.recovery import Upstream
from postgresql.verify import Endpoint

PASSWORD = "operator's password"
UPSTREAM_PASSWORD = "replicator's password"
PEERS = {"here/0": "127.0.0.1"}
ARCHIVES = Path("/srv/archives")


def layout(name: str, port: int) -> Layout:
    found = Layout.find()
    assert found is not None, "no PostgreSQL on this machine"
    return Layout(found.major, name, port)


@contextlib.contextmanager
def primary(name: str, port: int, archive_path: str = "") -> Generator[Layout, None, None]:
    one = layout(name, port)
    drop(one)
    try:
        cluster.create(one, f"cluster of {name}")
        archive.ensure(one, archive_path or str(ARCHIVES / name))
        settings.ensure(one, settings.Settings())
        hba.ensure(one, ["replicator", roles.OPERATOR], PEERS)
        postmaster.start(one)
        with sql.local(one) as conn:
            roles.ensure(conn, "replicator", UPSTREAM_PASSWORD, PASSWORD)
        yield one
    finally:
        drop(one)


@contextlib.contextmanager
def standby(
    of: Layout, name: str, port: int, archive_path: str = ""
) -> Generator[Layout, None, None]:
    one = layout(name, port)
    drop(one)
    try:
        with sql.local(of) as conn:
            slots.ensure(conn, [name])
        base_backup(of, one.data_directory, "--slot", name)
        cluster.ensure_config(one)
        archive.ensure(one, archive_path or str(ARCHIVES / name))
        settings.ensure(one, settings.Settings())
        upstream = Upstream("127.0.0.1", "replicator", UPSTREAM_PASSWORD, name, name, of.port)
        recovery.ensure(one, upstream)
        hba.ensure(one, ["replicator", roles.OPERATOR], PEERS)
        postmaster.start(one)
        wait_for(lambda: streams(of, name), "the standby to stream")
        yield one
    finally:
        drop(one)


def base_backup(of: Layout, directory: Path, *options: str) -> None:
    result = commands.run(
        [
            of.programs / "pg_basebackup",
            f"--pgdata={directory}",
            f"--host={of.socket_directory}",
            f"--port={of.port}",
            "--username=postgres",
            "--checkpoint=fast",
            "--no-sync",
            *options,
        ],
        as_postgres=True,
    )
    assert result.returncode == 0, commands.words(result)


def drop(one: Layout) -> None:
    subprocess.run(["systemctl", "stop", move.SERVICE], capture_output=True, check=False)
    if postmaster.is_running(one):
        postmaster.stop(one, mode="immediate")
    for directory in (one.data_directory, one.config_directory, ARCHIVES / one.name):
        shutil.rmtree(directory, ignore_errors=True)
    one.log_file.unlink(missing_ok=True)


def endpoint(one: Layout) -> Endpoint:
    return Endpoint(
        unit=f"{one.name}/0",
        address="127.0.0.1",
        application_name=one.name,
        slot=one.name,
        password=PASSWORD,
        port=one.port,
    )


def streams(of: Layout, name: str) -> bool:
    with sql.local(of) as conn:
        query = (
            "SELECT 1 FROM pg_stat_replication WHERE application_name = %s AND state = 'streaming'"
        )
        return bool(sql.rows(conn, query, [name]))


def ask(one: Layout, query: str, *arguments: object, database: str = "postgres") -> object:
    """The first value of the first row; None for a statement that returns nothing."""
    with sql.local(one, database) as conn:
        rows = sql.rows(conn, query, arguments or None)
        return rows[0][0] if rows else None


def write_segments(one: Layout, count: int) -> list[str]:
    """Finishes so many segments; returns their names."""
    names: list[str] = []
    for _ in range(count):
        ask(one, "SELECT pg_logical_emit_message(false, 'test', repeat('x', 1000))")
        names.append(str(ask(one, "SELECT pg_walfile_name(pg_switch_wal())")))
    return names


def wait_for(condition: Callable[[], object], what: str, timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s for {what}"
        time.sleep(0.05)


def in_force(server: Layout) -> str:
    return str(ask(server, "SELECT current_setting('pg_hot_standby.archive_directory')"))


def move_to(server: Layout, path: str) -> None:
    """The whole way: until nothing is left in any older directory."""
    archive.ensure(server, path)

    def arrived() -> bool:
        archive.ensure(server, path)
        return archive.state(server).moving is None

    wait_for(arrived, f"the archive to arrive in {path}")
