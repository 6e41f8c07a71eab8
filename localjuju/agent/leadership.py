"""Keeps a unit's claim to lead its application.

A leader renews every ``renew_s``; a minion waits until the goal shows that nobody leads, and then
claims. Whoever is told that it leads has that guaranteed for about ``renew_s``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from localjuju.agent.link import CallError, Link, LinkDown


class Tracker:
    """The claim of one unit."""

    def __init__(self, unit: str, link: Link, on_change: Callable[[], None]) -> None:
        self._unit = unit
        self._link = link
        self._on_change = on_change
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._renew_at = 0.0
        self._stopped = False
        self._holder: str | None = None
        self.leads = False
        self.decided = threading.Event()

    def start(self) -> None:
        """Begin to claim."""
        threading.Thread(target=self._run, name=f"leader {self._unit}", daemon=True).start()

    def stop(self) -> None:
        """Stop renewing."""
        self._stopped = True
        self._wake.set()

    def seen(self, holder: str | None) -> None:
        """Take in who leads, according to the goal."""
        changed, self._holder = holder != self._holder, holder
        if changed:
            self._wake.set()

    def is_leader(self) -> bool:
        """Tell whether the unit leads, and will for about ``renew_s``.

        Raises:
            LinkDown: the claim must be renewed and the controller cannot be reached.
        """
        with self._lock:
            if self.leads and time.monotonic() >= self._renew_at:
                self._refresh()
            return self.leads

    def _refresh(self) -> None:
        before = self.leads
        asked = time.monotonic()
        try:
            self.leads = bool(self._link.call("claim", unit=self._unit))
        except CallError:
            # The unit is gone from the model.
            self.leads = False
        self._renew_at = asked + self._link.welcome["timing"]["renew_s"]
        self.decided.set()
        if self.leads != before:
            self._on_change()

    def _run(self) -> None:
        while not self._stopped:
            self._link.up.wait()
            try:
                with self._lock:
                    if not self.leads or time.monotonic() >= self._renew_at:
                        self._refresh()
            except LinkDown:
                continue
            if self.leads:
                self._wake.wait(max(self._renew_at - time.monotonic(), 0.0))
            else:
                # Any change of the holder is worth a try; without one there is none to win.
                self._wake.wait()
            self._wake.clear()
