"""Archives the same waiting segments again and again: by the charm, by cp and by pgBackRest."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

from postgresql import (
    archive,
    cluster,
    commands,
    conffile,
    files,
    install,
    postmaster,
    settings,
    sql,
)
from postgresql.archive import places
from postgresql.layout import Layout

SEGMENTS = 48
HERE = Path("/srv/bench")
CONF = "99-bench.conf"
PGBACKREST = """\
[global]
repo1-path={repository}
log-level-console=off
log-level-file=off
compress-type=lz4
[bench]
pg1-path={data}
pg1-port={port}
pg1-socket-path={sockets}
"""
FILL = """
CREATE TABLE IF NOT EXISTS public.filling AS SELECT 0 AS n, ''::text AS words;
INSERT INTO public.filling SELECT n, md5(n::text) FROM generate_series(1, 150000) n
"""


def main(repeats: int) -> None:
    """Measure."""
    install.ensure_installed()
    found = Layout.find()
    assert found is not None
    server = Layout(found.major, "archiver", 5502)
    HERE.mkdir()
    shutil.chown(HERE, "postgres", "postgres")
    cluster.create(server, "bench")
    archive.ensure(server, str(HERE / "charm"))
    settings.ensure(server, settings.Settings(wal_keep_size=4096, max_slot_wal_keep_size=8192))
    postmaster.start(server)
    own = conffile.values(places.text(places.read(server)))["archive_command"]
    names = _fill(server)
    stanza = _pgbackrest(server)
    commands_of = {
        "ours": (own, HERE / "charm"),
        "cp": (f"cp %p {HERE}/cp/%f", HERE / "cp"),
        "pgbackrest": (f"pgbackrest --stanza=bench archive-push %p --config={stanza}", None),
    }
    (HERE / "cp").mkdir()
    shutil.chown(HERE / "cp", "postgres", "postgres")
    took: dict[str, list[float]] = {name: [] for name in commands_of}
    for turn in range(repeats + 1):
        for name, (command, directory) in commands_of.items():
            _empty(directory, names)
            seconds = _archive(server, command, names)
            if turn:
                took[name].append(len(names) / seconds)
    print(json.dumps(took))


def _fill(server: Layout) -> list[str]:
    """Write WAL, and let it wait."""
    _set(server, "/bin/false")
    with sql.local(server, timeout_s=300) as conn:
        while len(_ready(server)) < SEGMENTS:
            sql.rows(conn, FILL)
    return _ready(server)[:SEGMENTS]


def _pgbackrest(server: Layout) -> Path:
    repository, conf = HERE / "repository", HERE / "pgbackrest.conf"
    repository.mkdir()
    shutil.chown(repository, "postgres", "postgres")
    text = PGBACKREST.format(
        repository=repository,
        data=server.data_directory,
        port=server.port,
        sockets=server.socket_directory,
    )
    files.write(conf, text)
    done = commands.run(
        ["pgbackrest", "--stanza=bench", f"--config={conf}", "stanza-create"], as_postgres=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return conf


def _empty(directory: Path | None, names: list[str]) -> None:
    for name in names:
        if directory is not None:
            (directory / name).unlink(missing_ok=True)
    for path in (HERE / "repository/archive/bench").glob("*/*/*"):
        path.unlink()


def _archive(server: Layout, command: str, names: list[str]) -> float:
    """Have exactly these segments wait, then archived; returns seconds."""
    _set(server, "/bin/false")
    status = server.wal_directory / "archive_status"
    # The archiver holds on to a failing command for a moment.
    time.sleep(1.5)
    for mark in status.glob("*.ready"):
        mark.rename(mark.with_suffix(".done"))
    for name in names:
        (status / f"{name}.done").rename(status / f"{name}.ready")
    began = time.monotonic()
    _set(server, command)
    while _ready(server):
        if time.monotonic() - began > 120:
            raise TimeoutError(command)
        time.sleep(0.002)
    return time.monotonic() - began


def _set(server: Layout, command: str) -> None:
    path = server.conf_file.with_name(CONF)
    files.write(path, f"archive_command = {conffile.quote(command)}\n", mode=0o644)
    postmaster.reload(server)


def _ready(server: Layout) -> list[str]:
    status = server.wal_directory / "archive_status"
    return sorted(one.stem for one in status.glob("*.ready"))


if __name__ == "__main__":
    main(int(sys.argv[1]))
