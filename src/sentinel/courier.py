"""Raises events of the charm from outside a hook, one hook at a time."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

# The unit's agent may be down for an upgrade or a reboot; the event keeps until it is back.
_TRY_AGAIN_AFTER_S = 5.0


class Courier:
    """Carries events to the unit's agent, which runs the charm with them.

    A hook looks at everything, so events that wait for their turn together need only one hook:
    the newest of them is raised and stands for the rest.
    """

    def __init__(
        self,
        unit: str,
        charm_directory: Path,
        start: Callable[[list[str]], subprocess.Popen[bytes]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._unit = unit
        self._dispatch = charm_directory / "dispatch"
        self._start = start or _start
        self._clock = clock
        self._waiting: str | None = None
        self._carried: str | None = None
        self._running: subprocess.Popen[bytes] | None = None
        self._not_before = 0.0

    def take(self, events: Iterable[str]) -> None:
        """Takes events to be raised."""
        for event in events:
            self._waiting = event

    @property
    def idle(self) -> bool:
        """Whether nothing is under way or waiting."""
        return self._running is None and self._waiting is None

    def work(self) -> None:
        """Looks after the hook under way and raises the next one; returns at once."""
        if self._running is not None:
            code = self._running.poll()
            if code is None:
                return
            self._running = None
            if code != 0:
                self._give_back()
        if self._waiting is None or self._clock() < self._not_before:
            return
        self._carried, self._waiting = self._waiting, None
        command = f"JUJU_DISPATCH_PATH=hooks/{self._carried} {self._dispatch}"
        try:
            self._running = self._start(["juju-exec", self._unit, command])
        except OSError:
            # The agent is being put in order, and its program away; or there is no memory for one.
            self._give_back()

    def _give_back(self) -> None:
        """Keeps what could not be carried for another try, unless there is something newer."""
        self._not_before = self._clock() + _TRY_AGAIN_AFTER_S
        self._waiting = self._waiting or self._carried


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    # What the hook prints is in Juju's own log already. The service blocks the signals that it
    # waits for, and a child that inherited this could not be stopped.
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, ()),
    )
