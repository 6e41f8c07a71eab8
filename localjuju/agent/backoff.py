"""How long an agent waits before it does something again: never quite the same."""

from __future__ import annotations

import random

JITTER = 0.2


def jittered(seconds: float) -> float:
    """Return a duration that differs from ``seconds`` by a fifth at most."""
    return seconds * random.uniform(1 - JITTER, 1 + JITTER)


class Backoff:
    """The waits between the tries of a hook that fails: each twice as long as the one before."""

    def __init__(self) -> None:
        self._wait_s = 0.0

    def next(self, least: float, most: float) -> float:
        """Return the seconds to wait now, between ``least`` at first and ``most``, jittered."""
        self._wait_s = min(self._wait_s * 2 or least, most)
        return jittered(self._wait_s)

    def reset(self) -> None:
        """Begin with the least again."""
        self._wait_s = 0.0
