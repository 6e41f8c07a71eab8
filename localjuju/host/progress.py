"""Tells how far an installation is, from what mmdebstrap and apt write."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

Say = Callable[[str], None]

# apt: "0 upgraded, 183 newly installed, …"; then one line for each package and step.
NEWLY_INSTALLED = re.compile(r"(\d+) newly installed")
STEP = re.compile(r"^(Get:\d+ |Unpacking |Setting up )")
STEPS_OF_A_PACKAGE = 3


@dataclass
class InstallProgress:
    """Counts the steps of an installation and says each new tenth.

    Attributes:
        title: begins every line that is said.
        say: takes a line without its end.
    """

    title: str
    say: Say
    expected: int = 0
    seen: int = 0
    said: int = -1
    tail: list[str] = field(default_factory=list[str])

    def line(self, text: str) -> None:
        """Take one line of output."""
        text = text.rstrip()
        self.tail = [*self.tail[-11:], text]
        if match := NEWLY_INSTALLED.search(text):
            self.expected += STEPS_OF_A_PACKAGE * int(match.group(1))
        elif STEP.match(text):
            self.seen += 1
            self._report()

    def _report(self) -> None:
        if not self.expected:
            return
        percent = min(99, 100 * self.seen // self.expected)
        if percent // 10 > self.said:
            self.said = percent // 10
            self.say(f"{self.title}: {percent} % of the packages' steps")
