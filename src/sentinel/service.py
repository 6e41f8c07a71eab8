"""The loop: a turn, and tell systemd that all is well."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable

# Sent by a job that ends, so that its end is seen at once and not within the period.
POKE = signal.SIGUSR1
_WAKE = (POKE, signal.SIGCHLD)


class Service:
    """Takes turns, and one at once when poked or when a child has ended."""

    def __init__(self, turn: Callable[[], float]) -> None:
        self._turn = turn

    def run(self) -> None:
        """Runs until SIGTERM."""
        signals = (*_WAKE, signal.SIGTERM, signal.SIGINT)
        # Before there is any thread: each has what it began with.
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        # Ready once it has looked: whoever starts it hears of one that cannot.
        ready = "READY=1\n"
        while True:
            wait_s = self._turn()
            _notify(f"{ready}WATCHDOG=1")
            ready = ""
            received = signal.sigtimedwait(signals, wait_s)
            if received is not None and received.si_signo not in _WAKE:
                return


def _notify(message: str) -> None:
    """Tells systemd; see sd_notify(3) for the protocol."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.sendto(message.encode(), address)
