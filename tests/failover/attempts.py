"""What writers tried, and what they were told."""

from __future__ import annotations

import enum
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


class Outcome(str, enum.Enum):
    """What a writer knows of a row that it tried to commit."""

    acknowledged = "acknowledged"
    """The server said that it is committed: it may never be lost."""
    refused = "refused"
    """The server said that it is not committed, or was never asked: it may not be there."""
    unknown = "unknown"
    """Nobody answered: either is right, but the same everywhere."""


@dataclass(frozen=True)
class Attempt:
    """One row that a writer tried to commit.

    Attributes:
        writer: who; together with `n` the row's key.
        n: which one; a number is used only once, whatever became of it.
        outcome: what the writer knows.
        begun: when the statement was sent, by time.monotonic().
        ended: when the answer came, or was no longer waited for.
        address: of the member that was asked.
        timeline: on which the row was written, as the server told with it; 0 without an answer.
        words: of the server, where it refused, or of who gave up.
        seeking: whether the writer went where the primary is, as an application does; else it
            stays with one member, whatever becomes of it.
    """

    writer: str
    n: int
    outcome: Outcome
    begun: float
    ended: float
    address: str
    timeline: int = 0
    words: str = ""
    seeking: bool = True

    @property
    def row(self) -> tuple[str, int]:
        return self.writer, self.n

    @property
    def is_acknowledged(self) -> bool:
        return self.outcome is Outcome.acknowledged


class Log:
    """Attempts in the order in which their answers came; many threads write it."""

    def __init__(self) -> None:
        self._attempts: list[Attempt] = []
        self._changed = threading.Condition()

    def note(self, attempt: Attempt) -> None:
        with self._changed:
            self._attempts.append(attempt)
            self._changed.notify_all()

    def clear(self) -> None:
        """Forgets what was noted."""
        with self._changed:
            self._attempts.clear()

    @property
    def attempts(self) -> list[Attempt]:
        with self._changed:
            return list(self._attempts)

    def primary(self) -> str:
        """The address where a writer that seeks the primary was answered last.

        Raises:
            AssertionError: if none has been yet.
        """
        for attempt in reversed(self.attempts):
            if attempt.is_acknowledged and attempt.seeking:
                return attempt.address
        raise AssertionError("no row has been acknowledged yet")

    def wait(
        self, enough: Callable[[Sequence[Attempt]], bool], timeout: float, what: str
    ) -> list[Attempt]:
        """Waits until the attempts from now on are enough; gives them.

        Args:
            enough: whether they are.
            timeout: seconds.
            what: is waited for, for the message.

        Raises:
            AssertionError: if they never were.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            start = len(self._attempts)
            while not enough(new := self._attempts[start:]):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"after {timeout:.0f} s still not: {what}")
                self._changed.wait(left)
            return new

    def write(self, file: Path) -> None:
        """Writes them as JSON, one a line."""
        with file.open("w") as lines:
            for attempt in self.attempts:
                lines.write(json.dumps(asdict(attempt)) + "\n")
