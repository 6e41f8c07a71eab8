"""Proof that a server takes a configuration, before the real one has to.

`postgres -C` reads a configuration as the server does, but much only shows at a start: memory
that cannot be had, a library that is missing, settings that exclude each other. So a scratch
cluster of its own, reachable by nobody, is started with the configuration and thrown away.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Generator, Mapping
from pathlib import Path

import psycopg2

from postgresql import commands, files, serverlog, sql
from postgresql.errors import ServerRefused
from postgresql.layout import Layout

_CANDIDATE, _TRIAL = "candidate", "trial"
_START_S = 60.0
_POLL_S = 0.02
_OVERCOMMIT = Path("/proc/sys/vm/overcommit_memory")


@contextlib.contextmanager
def candidate(layout: Layout, changes: Mapping[Path, str | None]) -> Generator[Path, None, None]:
    """A copy of the configuration with other texts for some of its files.

    Args:
        layout: The cluster whose configuration it is.
        changes: Path in the real configuration to whole text; None: without that file.

    Yields:
        The copy's postgresql.conf.

    Raises:
        FileRefused: It cannot be copied.
    """
    # Not in /tmp, where others could have put something under the name.
    copy = _beside(layout, _CANDIDATE)
    try:
        with files.refusal_of("copy the configuration for a trial"):
            shutil.copytree(layout.config_directory, copy)
            for path, text in changes.items():
                target = copy / path.relative_to(layout.config_directory)
                target.unlink(missing_ok=True)
                if text is not None:
                    target.parent.mkdir(exist_ok=True)
                    target.write_text(text, encoding="utf-8")
            for path in (copy, *copy.rglob("*")):
                shutil.chown(path, files.OWNER, files.OWNER)
        yield copy / layout.main_conf_file.name
    finally:
        files.remove_tree(copy)


def read(layout: Layout, conf_file: Path) -> str:
    """Have the server's program read a configuration; about 10 ms.

    Catches syntax, unknown names and values that can be judged one by one.

    Returns:
        Why it refuses, in its own words; "" if it does not.
    """
    result = commands.run(
        # An option that needs neither the data directory nor the server to be told.
        [layout.programs / "postgres", "-C", "data_directory", f"--config-file={conf_file}"],
        as_postgres=True,
    )
    return "" if result.returncode == 0 else _words(result.stderr.splitlines())


def clear(layout: Layout) -> None:
    """Delete what an interrupted trial left, where nobody tries the same again."""
    for what in (_CANDIDATE, _TRIAL):
        _beside(layout, what)


class Scratch:
    """A cluster to try configurations on; make it with `scratch`."""

    def __init__(self, layout: Layout, directory: Path) -> None:
        self._layout = layout
        self._data = directory / "data"
        self._log = directory / "log"
        self._sockets = directory

    def start(self, conf_file: Path) -> str:
        """Start a server with this configuration, connect to it and end it.

        Returns:
            Why it does not start, or takes no connection, in its own words; "" if it does.
        """
        self._log.write_bytes(b"")
        with self._log.open("ab") as log:
            server = subprocess.Popen(
                # With all of the memory that a mistake asks for, this one is to be killed
                # before the real server.
                [*commands.MORTAL, "choom", "-n", "1000", "--", *self._command(conf_file)],
                cwd="/",
                env={**commands.ENVIRONMENT},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=files.OWNER,
                group=files.OWNER,
                extra_groups=commands.postgres_groups(),
            )
            try:
                refusal = self._try(server)
            finally:
                server.send_signal(signal.SIGQUIT)
                server.wait(_START_S)
        return "" if _is_only_crowded(refusal) else refusal

    def _try(self, server: subprocess.Popen[bytes]) -> str:
        deadline = time.monotonic() + _START_S
        refusal = ""
        while server.poll() is None and time.monotonic() < deadline:
            try:
                psycopg2.connect(
                    host=str(self._sockets),
                    port=self._layout.port,
                    user="postgres",
                    dbname="postgres",
                ).close()
            except psycopg2.OperationalError as error:
                refusal = sql.words(error)
                if "FATAL:" in refusal and not serverlog.PASSING.search(refusal):
                    return refusal.partition("FATAL:")[2].strip()
                time.sleep(_POLL_S)
            else:
                return _warnings(serverlog.tail(self._log))
        lines = serverlog.tail(self._log)
        severe = [text.partition(": ")[2] for text in serverlog.severe(lines)]
        said = "; ".join(severe or lines[-3:])
        if server.returncode is not None and server.returncode < 0:
            return f"the server was ended by signal {-server.returncode}; {said}"
        return said or refusal

    def _command(self, conf_file: Path) -> list[str]:
        overrides = {
            "data_directory": self._data,
            "hba_file": self._data / "pg_hba.conf",
            "ident_file": self._data / "pg_ident.conf",
            "external_pid_file": "",
            "listen_addresses": "",
            "unix_socket_directories": self._sockets,
            "archive_mode": "off",
            "synchronous_standby_names": "",
            # Those that there are, the real server holds.
            "huge_pages": "off",
        }
        if self._layout.major < 15:
            # In a directory that the real server uses; gone since 15.
            overrides["stats_temp_directory"] = "pg_stat_tmp"
        options = [f"--{name}={value}" for name, value in overrides.items()]
        return [
            str(self._layout.programs / "postgres"),
            f"--config-file={conf_file}",
            *options,
        ]


@contextlib.contextmanager
def scratch(layout: Layout) -> Generator[Scratch, None, None]:
    """A cluster to try configurations on, for as long as the block lasts; about a second.

    Raises:
        ServerRefused: initdb's own words.
    """
    directory = _beside(layout, _TRIAL)
    files.make_directory(directory, mode=0o700)
    try:
        result = commands.run(
            [
                layout.programs / "initdb",
                f"--pgdata={directory / 'data'}",
                "--username=postgres",
                "--locale=C.UTF-8",
                "--encoding=UTF8",
                # Nobody else reaches the socket's directory.
                "--auth=trust",
                "--no-sync",
                "--no-instructions",
            ],
            as_postgres=True,
        )
        if result.returncode:
            raise ServerRefused("make a scratch cluster", commands.words(result))
        yield Scratch(layout, directory)
    finally:
        shutil.rmtree(directory)


def _beside(layout: Layout, what: str) -> Path:
    """A path next to the data directory, cleared of what an interruption left there."""
    files.make_directory(layout.data_directory.parent)
    path = layout.data_directory.with_name(f"{layout.name}.{what}")
    if path.exists():
        shutil.rmtree(path)
    return path


def _warnings(lines: list[str]) -> str:
    """What a server that started has left at its default, as a library refused it.

    A library's settings are unknown to the server before it is loaded, and no error afterwards.
    """
    found = [line.partition("WARNING:")[2].strip() for line in lines if "WARNING:" in line]
    return "; ".join(text for text in found if re.search(r"parameter (?:name )?\"", text))


def _is_only_crowded(refusal: str) -> bool:
    """Whether it failed for want of memory that the real server would have given back first.

    Where the kernel counts every promise of memory, two servers may not fit where one does.
    """
    strict = (files.read(_OVERCOMMIT) or "").strip() == "2"
    return strict and "Cannot allocate memory" in refusal


def _words(lines: list[str]) -> str:
    """The server's complaints without time, process and the copy's path."""
    said: list[str] = []
    for line in lines:
        match = re.search(r"\b(LOG|ERROR|FATAL|PANIC|DETAIL|HINT):\s+(.*)", line)
        if match is None or match[2].startswith("configuration file "):
            continue
        text = re.sub(r' in file "[^"]*"( line [0-9]+)?', "", match[2])
        if match[1] in ("DETAIL", "HINT") and said:
            said[-1] += f" ({text.rstrip('.')})"
        else:
            said.append(text)
    return "; ".join(said)
