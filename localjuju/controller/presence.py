"""Which agents are there."""

from __future__ import annotations

from localjuju.controller import clock


class Presence:
    """Knows of each machine's agent whether it is connected, or since when it is not."""

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._connected: dict[tuple[str, str], int] = {}
        self._gone: dict[tuple[str, str], float] = {}
        self._began = clock.now()

    def arrived(self, model: str, machine: str) -> None:
        """Note a connection."""
        key = (model, machine)
        self._connected[key] = self._connected.get(key, 0) + 1

    def left(self, model: str, machine: str) -> None:
        """Note the end of a connection."""
        key = (model, machine)
        self._connected[key] = self._connected.get(key, 1) - 1
        self._gone[key] = clock.now()

    def is_lost(self, model: str, machine: str) -> bool:
        """Tell whether an agent has been away longer than an agent's restart takes."""
        key = (model, machine)
        if self._connected.get(key):
            return False
        return clock.now() - self._gone.get(key, self._began) > self._grace_s
