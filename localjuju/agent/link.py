"""The agent's connection to the controller.

JSON lines over TCP. A call is answered within ``silence_s`` or the link counts as cut: everything
that waits for an answer then fails, and a new connection is tried until one is had. A cut link
sends nothing, so both sides say something every ``ping_s``.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from localjuju.agent.config import AgentConfig

CONNECT_TIMEOUT_S = 5.0
RETRY_S = 0.25


class LinkDown(Exception):
    """The controller cannot be reached; the text is Juju's."""

    def __init__(self) -> None:
        super().__init__("connection is shut down")


class CallError(Exception):
    """The controller refused a call."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class _Pending:
    def __init__(self) -> None:
        self.done = threading.Event()
        self.reply: dict[str, Any] | None = None


class Link:
    """Calls the controller and receives the machine's goal from it."""

    def __init__(self, config: AgentConfig, on_goal: Callable[[dict[str, Any]], None]) -> None:
        self._config = config
        self._on_goal = on_goal
        self._numbers = itertools.count(1)
        self._write_lock = threading.Lock()
        self._pending: dict[int, _Pending] = {}
        self._socket: socket.socket | None = None
        self._heard = 0.0
        self.up = threading.Event()
        self.welcome: dict[str, Any] = {}
        self._silence_s = 10.0
        self._ping_s = 3.0

    def run(self) -> None:
        """Connect, stay connected, connect again; never returns."""
        threading.Thread(target=self._keep_alive, name="ping", daemon=True).start()
        while True:
            try:
                sock = self._connect()
            except OSError:
                time.sleep(RETRY_S)
                continue
            try:
                self._read(sock)
            except (OSError, ValueError):
                pass
            finally:
                self._cut()
            time.sleep(RETRY_S)

    def _connect(self) -> socket.socket:
        sock = socket.create_connection((self._config.host, self._config.port), CONNECT_TIMEOUT_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(None)
        return sock

    def _read(self, sock: socket.socket) -> None:
        self._heard = time.monotonic()
        self._socket = sock
        self._write({"id": 0, "method": "login", "params": {"token": self._config.token}})
        with sock.makefile("rb") as lines:
            for line in lines:
                self._heard = time.monotonic()
                self._take(json.loads(line))

    def _take(self, message: dict[str, Any]) -> None:
        if "goal" in message:
            self._on_goal(message["goal"])
        elif message.get("id") == 0:
            if "error" in message:
                raise OSError(message["error"]["message"])
            self.welcome = message["result"]
            self._silence_s = self.welcome["timing"]["silence_s"]
            self._ping_s = self.welcome["timing"]["ping_s"]
            if self._socket is not None:
                # Else a write on a cut link could wait for a quarter of an hour.
                timeout_ms = int(self._silence_s * 1000)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, timeout_ms)
            self.up.set()
        else:
            pending = self._pending.pop(message.get("id", -1), None)
            if pending is not None:
                pending.reply = message
                pending.done.set()

    def _cut(self) -> None:
        self.up.clear()
        sock, self._socket = self._socket, None
        if sock is not None:
            # A reader in another thread wakes only by shutdown, not by close.
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for number in list(self._pending):
            pending = self._pending.pop(number, None)
            if pending is not None:
                pending.done.set()

    def _keep_alive(self) -> None:
        while True:
            time.sleep(self._ping_s)
            if not self.up.is_set():
                continue
            if time.monotonic() - self._heard > self._silence_s:
                self._cut()
                continue
            with contextlib.suppress(LinkDown):
                self._write({"id": -1, "method": "ping", "params": {}})

    def _write(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        sock = self._socket
        if sock is None:
            raise LinkDown
        try:
            with self._write_lock:
                sock.sendall(data)
        except OSError as error:
            raise LinkDown from error

    def call(self, method: str, **params: Any) -> Any:
        """Call the controller and return its answer.

        Raises:
            LinkDown: it cannot be reached, or the link was cut before it answered.
            CallError: it refused.
        """
        if not self.up.is_set():
            raise LinkDown
        number = next(self._numbers)
        pending = self._pending[number] = _Pending()
        try:
            self._write({"id": number, "method": method, "params": params})
        except LinkDown:
            self._pending.pop(number, None)
            raise
        if not pending.done.wait(self._silence_s):
            self._pending.pop(number, None)
            self._cut()
        reply = pending.reply
        if reply is None:
            raise LinkDown
        if "error" in reply:
            raise CallError(reply["error"]["message"], reply["error"].get("code", ""))
        return reply["result"]

    def notify(self, method: str, **params: Any) -> None:
        """Tell the controller something that needs no answer.

        Raises:
            LinkDown: it cannot be reached.
        """
        if not self.up.is_set():
            raise LinkDown
        self._write({"method": method, "params": params})
