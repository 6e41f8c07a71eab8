"""The loop: look, compare, raise, and tell systemd that all is well."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable

from sentinel.courier import Courier
from sentinel.events import Look, between

PERIOD_S = 1.0
# Sent by a job that ends, so that its end is seen at once and not within the period.
POKE = signal.SIGUSR1


class Service:
    """Looks once a second, and at once when poked."""

    def __init__(self, look: Callable[[], Look], courier: Courier) -> None:
        self._look = look
        self._courier = courier
        self._last: Look | None = None

    def run(self) -> None:
        """Runs until SIGTERM."""
        signals = (POKE, signal.SIGTERM, signal.SIGINT)
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        _notify("READY=1")
        while True:
            self.turn()
            _notify("WATCHDOG=1")
            received = signal.sigtimedwait(signals, PERIOD_S)
            if received is not None and received.si_signo != POKE:
                return

    def turn(self) -> None:
        """Takes one look and raises what it shows."""
        look = self._look()
        self._courier.take(between(self._last, look))
        self._last = look
        self._courier.work()


def _notify(message: str) -> None:
    """Tells systemd; see sd_notify(3) for the protocol."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.sendto(message.encode(), address)
