"""Whether a server takes writes, judged by the answers to small ones."""

from __future__ import annotations

from dataclasses import dataclass

from postgresql.probe import Verdict

SILENCE_S = 6.0
"""A server that has not answered for so long is lost."""
PATIENCE_S = 60.0
"""So is one that has said for so long that it is starting up or shutting down."""
LONG_S = 30.0
"""For so long after the last write was taken from here, a primary that is cut off may go on
before it has found itself isolated (contact.py) and stopped."""

# A machine that stood still was deaf itself: what it did not hear in that time, and it was not
# asked to hear anything, counts against nobody.
_LONGEST_TURN_S = 2.0


@dataclass(frozen=True)
class Heartbeat:
    """A judgement.

    Attributes:
        lost: why the server counts as lost; empty while it does not.
        silent_s: since it took the last write.
    """

    lost: str = ""
    silent_s: float = 0.0

    @property
    def lost_long(self) -> bool:
        """Whether it is lost for longer than an isolated primary goes on."""
        return bool(self.lost) and self.silent_s >= LONG_S


class Pulse:
    """Follows one server."""

    def __init__(self) -> None:
        self._silent_s = 0.0
        self._unheard_s = 0.0
        self._reason = "it has not answered"

    def turn(self, elapsed_s: float, verdict: Verdict | None) -> Heartbeat:
        """Takes note of what was heard.

        Args:
            elapsed_s: since the last turn.
            verdict: the best answer since then; None: there was none.
        """
        elapsed_s = min(elapsed_s, _LONGEST_TURN_S)
        if verdict is not None and verdict.ok:
            self._silent_s = self._unheard_s = 0.0
            return Heartbeat()
        self._silent_s += elapsed_s
        self._unheard_s += elapsed_s
        if verdict is not None:
            self._reason = verdict.reason or self._reason
            if verdict.busy:
                self._unheard_s = 0.0
        gone = self._unheard_s >= SILENCE_S or self._silent_s >= PATIENCE_S
        return Heartbeat(self._reason if gone else "", self._silent_s)
