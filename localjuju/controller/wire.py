"""The line protocol between the controller and its clients on this host.

One JSON object a line. A request is ``{"method": …, "params": {…}}``. The answer is
``{"result": …}`` or ``{"error": {"message": …, "code": …}}``; a streaming method sends any number
of ``{"item": …}`` lines before ``{"end": true}``. Requests on one connection are answered in
order; a client gives up a stream by closing the connection.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SOCKET_NAME = "controller.sock"
LOG_NAME = "controller.log"
DEFAULT_HOME = Path("/var/lib/localjuju")
START_TIMEOUT_S = 20.0
DEFAULT_JUJU_VERSION = "3.6.28"
"""Whose behaviour models have if nobody asks for another."""


class JujuError(Exception):
    """An error that Juju itself would report.

    ``str()`` is Juju's text, without the leading ``ERROR ``.

    Attributes:
        code: Juju's API error code where it has one (``not found``, ``already exists``,
            ``unauthorized access``, ``bad request``), else empty.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class ControllerGoneError(Exception):
    """The controller cannot be reached."""


def home_directory() -> Path:
    """Return where localjuju keeps its state: ``$LOCALJUJU_HOME`` or ``/var/lib/localjuju``."""
    return Path(os.environ.get("LOCALJUJU_HOME") or DEFAULT_HOME)


def wanted_juju_version() -> str | None:
    """Return the Juju version whose behaviour the caller's environment asks for, if any."""
    return os.environ.get("LOCALJUJU_JUJU_VERSION") or None


class Connection:
    """A client's end of the socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._file = sock.makefile("rwb")

    def close(self) -> None:
        """Close both directions."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._socket.close()

    def call(self, method: str, params: Mapping[str, Any]) -> Any:
        """Call a method that has one result.

        Raises:
            JujuError: the controller refused.
            ControllerGoneError: it went away.
        """
        self._send(method, params)
        return self._receive()["result"]

    def stream(self, method: str, params: Mapping[str, Any]) -> Iterator[Any]:
        """Call a streaming method, at once, and yield its items as they come.

        Raises:
            JujuError: the controller refused, at the first item or later.
            ControllerGoneError: it went away.
        """
        self._send(method, params)
        return self._items()

    def _items(self) -> Iterator[Any]:
        while True:
            answer = self._receive()
            if "item" not in answer:
                return
            yield answer["item"]

    def _send(self, method: str, params: Mapping[str, Any]) -> None:
        try:
            self._file.write(json.dumps({"method": method, "params": params}).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise ControllerGoneError(f"the localjuju controller went away: {error}") from error

    def _receive(self) -> dict[str, Any]:
        try:
            line = self._file.readline()
        except OSError as error:
            raise ControllerGoneError(f"the localjuju controller went away: {error}") from error
        if not line:
            raise ControllerGoneError("the localjuju controller went away")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise JujuError(answer["error"]["message"], answer["error"].get("code", ""))
        return answer


def connect(home: Path | None = None, *, start: bool = True) -> Connection:
    """Connect to the daemon of ``home``, starting it if ``start`` and none runs.

    Raises:
        ControllerGoneError: it does not run, or did not come up within 20 s.
    """
    home = home or home_directory()
    try:
        return _try_connect(home)
    except (OSError, ControllerGoneError) as error:
        if not start:
            raise ControllerGoneError(f"no localjuju controller runs under {home}") from error
    daemon = _start(home)
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            return _try_connect(home)
        except (OSError, ControllerGoneError) as error:
            code = daemon.poll()
            if code or time.monotonic() > deadline:
                raise ControllerGoneError(
                    f"the localjuju controller did not start: {_last_words(home) or error}"
                ) from error
        if code == 0:
            # Another had the lock: one that was started at the same moment, or that is dying.
            time.sleep(0.2)
            daemon = _start(home)
        time.sleep(0.02)


def _try_connect(home: Path) -> Connection:
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.connect(str(home / SOCKET_NAME))
        connection = Connection(sock)
        # A daemon that is about to end still lets clients connect; it does not answer them.
        connection.call("info", {})
    except (OSError, ControllerGoneError):
        sock.close()
        raise
    return connection


def _start(home: Path) -> subprocess.Popen[bytes]:
    home.mkdir(parents=True, exist_ok=True)
    source = Path(__file__).resolve().parents[2]
    with (home / LOG_NAME).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "localjuju.controller.daemon", str(home)],
            cwd="/",
            env={**os.environ, "PYTHONPATH": str(source)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _last_words(home: Path) -> str:
    try:
        lines = (home / LOG_NAME).read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""
