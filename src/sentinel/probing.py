"""Small writes to a server, once a second, in a thread of their own.

A disk that hangs holds up who writes to it, and with it whoever waits for the writer; the loop
never does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from postgresql.probe import Verdict

PERIOD_S = 1.0
_TIMEOUT_S = 3.0


class Prober(Protocol):
    """Writes over a connection that it keeps, and gives up in time."""

    def probe(self, timeout_s: float) -> Verdict:
        """Makes one small write, durable where it arrives, and takes no longer than that."""
        ...

    def close(self) -> None:
        """Gives the connection up."""
        ...


@dataclass(frozen=True)
class Target:
    """Whom to probe, and why anew: another term's primary has a life of its own.

    Attributes:
        address: of the server; empty: the one of this machine.
        port: its TCP port.
        password: of the role that asks.
        term: of the mandate.
    """

    address: str
    port: int
    password: str = field(repr=False)
    term: int


class Probing:
    """Probes one target at a time.

    A thread that hangs in spite of all is left behind when the target changes; its answers are
    not heard any more.
    """

    def __init__(self, prober: Callable[[Target], Prober], period_s: float = PERIOD_S) -> None:
        self._prober = prober
        self._period_s = period_s
        self._worker: _Worker | None = None

    @property
    def target(self) -> Target | None:
        """Whom it probes now."""
        return self._worker.target if self._worker else None

    def turn_to(self, target: Target | None) -> bool:
        """Probes this target from now on; None: nobody.

        Returns:
            Whether that is another one than before.
        """
        if target == self.target:
            return False
        if self._worker is not None:
            self._worker.ended.set()
            self._worker = None
        if target is not None:
            self._worker = _Worker(target, self._prober, self._period_s)
            self._worker.start()
        return True

    def heard(self) -> Verdict | None:
        """Gives the best answer since the last call; None: there was none."""
        return self._worker.take() if self._worker else None


class _Worker(threading.Thread):
    def __init__(
        self, target: Target, prober: Callable[[Target], Prober], period_s: float
    ) -> None:
        super().__init__(name="probing", daemon=True)
        self.target = target
        self.ended = threading.Event()
        self._make = prober
        self._period_s = period_s
        self._best: Verdict | None = None
        self._lock = threading.Lock()

    def run(self) -> None:
        prober = self._make(self.target)
        while not self.ended.is_set():
            verdict = prober.probe(_TIMEOUT_S)
            with self._lock:
                best = self._best
                # Of two that are alike, the newer.
                if best is None or _rank(verdict) >= _rank(best):
                    self._best = verdict
            self.ended.wait(self._period_s)
        prober.close()

    def take(self) -> Verdict | None:
        with self._lock:
            best, self._best = self._best, None
        return best


def _rank(verdict: Verdict) -> tuple[bool, bool]:
    return verdict.ok, verdict.busy
