"""Several servers asked at once, and none of them able to hold up the answer.

A statement's timeout is the server's to keep; a machine that is cut off keeps none. So the
sockets of those who are late are shut down from here, which ends their workers' waiting.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Generator

import psycopg2

from postgresql.sql import Connection

_GRACE_S = 0.3
"""What a server gets beyond the deadline, to say itself that it was too slow."""
_END_S = 0.25
_SHORTEST_S = 0.05


class Crew:
    """Workers, one for each server, that share a deadline."""

    def __init__(self, timeout_s: float):
        """Sets the deadline.

        Args:
            timeout_s: From now on.
        """
        self.timeout_s = timeout_s
        self._began = time.monotonic()
        self._deadline = self._began + timeout_s
        self._workers: dict[str, threading.Thread] = {}
        self._connections: list[Connection] = []
        self._lock = threading.Lock()

    @property
    def left_s(self) -> float:
        """Seconds until the deadline; a little at the least, so that it can bound something."""
        return max(_SHORTEST_S, self._deadline - time.monotonic())

    @property
    def over(self) -> bool:
        """The deadline has passed."""
        return time.monotonic() >= self._deadline

    @property
    def elapsed_s(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def start(self, name: str, work: Callable[[], None]) -> None:
        """Start a worker; what it raises is lost, so it should note what went wrong."""
        worker = threading.Thread(target=work, name=name, daemon=True)
        self._workers[name] = worker
        worker.start()

    @contextlib.contextmanager
    def cutting(self, conn: Connection) -> Generator[None, None, None]:
        """Let the connection be cut off when the worker that uses it is late."""
        with self._lock:
            self._connections.append(conn)
        try:
            yield
        finally:
            with self._lock:
                self._connections.remove(conn)

    def wait_for_others(self, name: str) -> None:
        """Wait until all workers but this one have ended, or the deadline has passed."""
        for other, worker in self._workers.items():
            if other != name:
                worker.join(max(0.0, self._deadline - time.monotonic()))

    def wait_for(self, name: str) -> bool:
        """Wait until one worker has ended, or the deadline has passed; whether it is late."""
        worker = self._workers[name]
        worker.join(max(0.0, self._deadline + _GRACE_S - time.monotonic()))
        return worker.is_alive()

    def wait(self) -> set[str]:
        """Wait for all workers; end what is late, first by asking its server to.

        Returns:
            The names of those that did not end even then.
        """
        self._join(_GRACE_S)
        with self._lock:
            for conn in self._connections:
                # Asks over a connection of its own, which may hang as well.
                threading.Thread(target=_cancel, args=[conn], daemon=True).start()
        self._join(_GRACE_S + _END_S)
        with self._lock:
            for conn in self._connections:
                _shut(conn)
        self._join(_GRACE_S + 2 * _END_S)
        return {name for name, worker in self._workers.items() if worker.is_alive()}

    def _join(self, grace_s: float) -> None:
        for worker in self._workers.values():
            worker.join(max(0.0, self._deadline + grace_s - time.monotonic()))


def _cancel(conn: Connection) -> None:
    with contextlib.suppress(psycopg2.Error):
        conn.cancel()


def _shut(conn: Connection) -> None:
    """Shut down both directions under a connection that another thread waits on."""
    with (
        contextlib.suppress(OSError, psycopg2.Error),
        socket.socket(fileno=os.dup(conn.fileno())) as end,
    ):
        end.shutdown(socket.SHUT_RDWR)
