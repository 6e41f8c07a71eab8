"""Log lines on their way to the controller."""

from __future__ import annotations

import collections
import datetime
import threading

from localjuju.agent.link import Link, LinkDown

KEPT = 20_000
GATHER_S = 0.05
LEVELS = ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR")


class LogSender:
    """Gathers lines for a moment, and keeps the newest of them while the link is down."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._lines: collections.deque[tuple[str, dict[str, str]]] = collections.deque(maxlen=KEPT)
        self._lock = threading.Lock()
        self._some = threading.Event()
        self.levels: dict[str, str] = {}
        threading.Thread(target=self._send, name="log", daemon=True).start()

    def log(self, entity: str, severity: str, module: str, message: str) -> None:
        """Add a line, if the model's logging-config wants it."""
        if LEVELS.index(severity) < LEVELS.index(self._level_of(module)):
            return
        now = datetime.datetime.now(datetime.timezone.utc)
        line = {
            "timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "severity": severity,
            "module": module,
            "message": message,
        }
        with self._lock:
            self._lines.append((entity, line))
        self._some.set()

    def _level_of(self, module: str) -> str:
        while module:
            if module in self.levels:
                return self.levels[module]
            module = module.rpartition(".")[0]
        return self.levels.get("<root>", "INFO")

    def _send(self) -> None:
        while True:
            self._some.wait()
            self._link.up.wait()
            threading.Event().wait(GATHER_S)
            self._some.clear()
            try:
                self.flush()
            except LinkDown:
                self._some.set()

    def flush(self) -> None:
        """Send what there is.

        Raises:
            LinkDown: the controller cannot be reached; nothing is lost.
        """
        with self._lock:
            batch = list(self._lines)
            self._lines.clear()
        by_entity: dict[str, list[dict[str, str]]] = {}
        for entity, line in batch:
            by_entity.setdefault(entity, []).append(line)
        try:
            for entity, lines in by_entity.items():
                self._link.notify("log", entity=entity, lines=lines)
        except LinkDown:
            with self._lock:
                self._lines = collections.deque([*batch, *self._lines], KEPT)
            raise
