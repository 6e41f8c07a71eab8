"""Looks at the disk of a primary's data, in a thread of its own: what hangs, hangs who looks.

The small writes that tell whether the server takes any (probing.py) end in its WAL, which may lie
on another disk.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

PERIOD_S = 2.0
PATIENCE_S = 6.0
"""What is wrong for so long will not be over by itself, as the files of one large sort are."""

# A machine that stood still has looked at nothing meanwhile.
_LONGEST_TURN_S = 2.0
HANGS = "it takes no write; see dmesg"


class Disk:
    """Follows one disk."""

    def __init__(self, look: Callable[[], str], period_s: float = PERIOD_S) -> None:
        """Looks at nothing yet.

        Args:
            look: says what is wrong with the disk; empty: nothing.
            period_s: between two looks.
        """
        self._look = look
        self._period_s = period_s
        self._looker: _Looker | None = None
        self._before: float | None = None
        self._looks = 0
        self._silent_s = 0.0
        self._wrong_s = 0.0

    def turn(self, now: float) -> str:
        """Says what has been wrong with it for long enough; empty: nothing.

        Args:
            now: by a clock that is never set.
        """
        if self._looker is None:
            self._looker = _Looker(self._look, self._period_s)
            self._looker.start()
        elapsed = 0.0 if self._before is None else min(now - self._before, _LONGEST_TURN_S)
        self._before = now
        looks, wrong = self._looker.last
        self._silent_s = 0.0 if looks != self._looks else self._silent_s + elapsed
        self._wrong_s = self._wrong_s + elapsed if wrong else 0.0
        self._looks = looks
        if self._silent_s >= PATIENCE_S + self._period_s:
            return HANGS
        return wrong if self._wrong_s >= PATIENCE_S else ""

    def rest(self) -> str:
        """Looks no more; a look that hangs is left to itself. Says nothing."""
        if self._looker is not None:
            self._looker.ended.set()
            self._looker, self._before = None, None
            self._looks, self._silent_s, self._wrong_s = 0, 0.0, 0.0
        return ""


class _Looker(threading.Thread):
    def __init__(self, look: Callable[[], str], period_s: float) -> None:
        super().__init__(name="disk", daemon=True)
        self.ended = threading.Event()
        self.last = 0, ""
        self._look = look
        self._period_s = period_s

    def run(self) -> None:
        looks = 0
        while not self.ended.is_set():
            wrong = self._look()
            looks += 1
            self.last = looks, wrong
            self.ended.wait(self._period_s)
