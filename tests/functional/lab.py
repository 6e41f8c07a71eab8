"""Makes real clusters for tests, and takes them away."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import shutil
import signal
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar

from postgresql import (
    clone,
    cluster,
    commands,
    files,
    hba,
    observe,
    postmaster,
    recovery,
    roles,
    settings,
    slots,
    sql,
)
from postgresql.errors import PostgresqlError
from postgresql.layout import Layout
from postgresql.recovery import Upstream
from postgresql.settings import Settings

T = TypeVar("T")

REPLICATOR = "replicator"
PASSWORD = "sEcret-of-replication:\\9"
OPERATOR_PASSWORD = "sEcret-of-operator"
ADDRESS = "127.0.0.1"

_numbers = itertools.count()


def until(condition: Callable[[], T], timeout_s: float = 30) -> T:
    """What the condition gives once it is true; an error with its last value if never."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still {value!r} after {timeout_s} s")
        time.sleep(0.05)
    return value


class Lab:
    """A place for clusters; everything in it is gone when it is left."""

    def __init__(self) -> None:
        self._layouts: list[Layout] = []

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        for layout in reversed(self._layouts):
            take_away(layout)

    def layout(self, main: bool = False) -> Layout:
        """A place for one more cluster; nothing is there yet.

        Args:
            main: where the charm has its own. There is one such place.
        """
        found = Layout.find()
        assert found is not None
        number = next(_numbers)
        layout = dataclasses.replace(found, name=f"lab{number}", port=5500 + number)
        if main:
            layout = Layout(found.major)
            assert not layout.data_directory.exists()
        self._layouts.append(layout)
        return layout

    def created(self, cluster_id: str = "lab", main: bool = False) -> Layout:
        """A cluster with the charm's settings that was not started yet."""
        layout = self.layout(main)
        cluster.create(layout, cluster_id)
        settings.ensure(layout, Settings())
        return layout

    def primary(self, cluster_id: str = "lab", main: bool = False) -> Layout:
        """A running primary with the charm's roles, open to this machine."""
        layout = self.created(cluster_id, main)
        postmaster.start(layout)
        hba.ensure(layout, [REPLICATOR, roles.OPERATOR], {"lab/0": ADDRESS})
        with sql.local(layout) as conn:
            roles.ensure(conn, REPLICATOR, PASSWORD, OPERATOR_PASSWORD)
        return layout

    def upstream(self, primary: Layout, unit: str = "lab/1") -> Upstream:
        """How `unit` follows this primary; its slot is made."""
        name = slots.slot_name(unit)
        with sql.local(primary) as conn:
            slots.ensure(conn, [name])
        return Upstream(ADDRESS, REPLICATOR, PASSWORD, name, name, primary.port)

    def standby(self, primary: Layout, unit: str = "lab/1", main: bool = False) -> Layout:
        """A running standby that streams from this primary."""
        layout = self.layout(main)
        upstream = self.upstream(primary, unit)
        clone.start(layout, upstream)
        until(lambda: clone.state(layout).phase == "finished", 60)
        found = cluster.state(primary)
        clone.adopt(layout, found.cluster_id, found.system_id)
        settings.ensure(layout, Settings(floors=parameters(primary)))
        recovery.ensure(layout, upstream)
        postmaster.start(layout)
        hba.ensure(layout, [REPLICATOR, roles.OPERATOR], {"lab/0": ADDRESS})
        until(lambda: ask(primary, "SELECT application_name FROM pg_stat_replication"))
        return layout


def ask(layout: Layout, query: str, *arguments: object) -> list[tuple[object, ...]]:
    """Rows of a query on a cluster, as its superuser."""
    with sql.local(layout, timeout_s=60) as conn:
        return sql.rows(conn, query, arguments or None)


def value(layout: Layout, query: str, *arguments: object) -> object:
    """The one value of a query."""
    return ask(layout, query, *arguments)[0][0]


def read_by_server(layout: Layout, name: str) -> str:
    """A value as the server's own program reads it from the files; sizes without a unit."""
    result = commands.run(
        [layout.programs / "postgres", "-C", name, f"--config-file={layout.main_conf_file}"],
        as_postgres=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.removesuffix("\n")


def parameters(layout: Layout) -> dict[str, int]:
    """The hot-standby parameters in force."""
    return observe.observe(layout).hot_standby_parameters


@contextlib.contextmanager
def frozen(layout: Layout) -> Generator[None, None, None]:
    """Every process of a server stopped, as a machine that hangs would have it."""
    parent = postmaster.running_pid(layout)
    assert parent is not None
    # It first: then it has no more children than those. It is signalled before it stands still,
    # and until then it may be making one more.
    os.kill(parent, signal.SIGSTOP)
    status = Path(f"/proc/{parent}/status")
    until(lambda: "State:\tT" in status.read_text())
    pids = [parent]
    children = Path(f"/proc/{parent}/task/{parent}/children")
    # While one of them ends, the list may leave another one out: proc(5).
    while found := [pid for pid in map(int, children.read_text().split()) if pid not in pids]:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        pids += found
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def pid_of(layout: Layout, kind: str) -> int:
    """The process of a server's that is of this kind, as pg_stat_activity calls it."""
    pid = value(layout, "SELECT min(pid) FROM pg_stat_activity WHERE backend_type = %s", kind)
    assert isinstance(pid, int)
    return pid


@contextlib.contextmanager
def stopped(pid: int) -> Generator[None, None, None]:
    """A process that stands still meanwhile, unless something ends it."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def log_of(layout: Layout) -> str:
    return files.read(layout.log_file) or ""


def take_away(layout: Layout) -> None:
    """Remove a cluster and all that belongs to it, whatever state it is in."""
    with contextlib.suppress(PostgresqlError):
        clone.forget(layout)
    with contextlib.suppress(PostgresqlError):
        postmaster.stop(layout, "immediate")
    for path in layout.data_directory.parent.glob(f"{layout.name}*"):
        if path.name.partition(".")[0] == layout.name:
            shutil.rmtree(path, ignore_errors=True)
    shutil.rmtree(layout.config_directory, ignore_errors=True)
    for path in (layout.passfile, layout.log_file):
        Path(path).unlink(missing_ok=True)
