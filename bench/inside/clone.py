"""Clones a database of 1 GB, by the charm and by pg_basebackup, in turns."""

from __future__ import annotations

import json
import shutil
import sys
import time

from postgresql import (
    clone,
    cluster,
    commands,
    hba,
    install,
    postmaster,
    roles,
    settings,
    slots,
    sql,
)
from postgresql.layout import Layout
from postgresql.recovery import Upstream, primary_conninfo, write_passfile

SCALE = 66
PASSWORD = "of-the-bench"  # noqa: S105 - of a machine that lives for minutes


def main(repeats: int) -> None:
    """Measure."""
    install.ensure_installed()
    found = Layout.find()
    assert found is not None
    source = Layout(found.major, "source", 5500)
    cluster.create(source, "bench")
    settings.ensure(source, settings.Settings())
    postmaster.start(source)
    hba.ensure(source, ["replicator", roles.OPERATOR], {"bench/1": "127.0.0.1"})
    with sql.local(source, timeout_s=300) as conn:
        roles.ensure(conn, "replicator", PASSWORD, PASSWORD)
        slots.ensure(conn, ["bench_1"])
    server = [f"--host={source.socket_directory}", f"--port={source.port}"]
    filled = commands.run(
        ["pgbench", *server, "-q", "-i", f"--scale={SCALE}", "postgres"],
        as_postgres=True,
        timeout_s=300,
    )
    assert filled.returncode == 0, filled.stderr
    target = Layout(found.major, "copy", 5501)
    upstream = Upstream("127.0.0.1", "replicator", PASSWORD, "bench_1", "bench_1", source.port)
    ours: list[float] = []
    baseline: list[float] = []
    for turn in range(repeats + 1):
        with sql.local(source, timeout_s=300) as conn:
            sql.rows(conn, "CHECKPOINT")
        theirs, mine = _bare(target, upstream), _charms(target, upstream)
        if turn:  # The first one finds the disk colder than all others.
            baseline.append(theirs)
            ours.append(mine)
    with sql.local(source) as conn:
        (size,) = sql.row(conn, "SELECT sum(pg_database_size(oid))::bigint FROM pg_database")
    print(json.dumps({"ours": ours, "baseline": baseline, "bytes": int(size)}))


def _bare(target: Layout, upstream: Upstream) -> float:
    write_passfile(target, upstream)
    copy = target.partial_copy
    began = time.monotonic()
    done = commands.run(
        [
            target.programs / "pg_basebackup",
            f"--dbname={primary_conninfo(target, upstream)}",
            f"--pgdata={copy}",
            "--format=plain",
            "--wal-method=stream",
            f"--slot={upstream.slot}",
            "--checkpoint=fast",
            "--progress",
            "--no-password",
        ],
        as_postgres=True,
        timeout_s=300,
    )
    took = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    shutil.rmtree(copy)
    return took


def _charms(target: Layout, upstream: Upstream) -> float:
    began = time.monotonic()
    clone.start(target, upstream)
    while clone.state(target).phase != "finished":
        time.sleep(0.01)
    took = time.monotonic() - began
    clone.forget(target)
    return took


if __name__ == "__main__":
    main(int(sys.argv[1]))
