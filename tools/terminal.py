"""What the tools print: numbered steps, commands, and failures that say what to do.

At most 80 columns; colour only on a terminal, and never if NO_COLOR is set.
"""

from __future__ import annotations

import os
import sys
import textwrap
import time

WIDTH = 80
BOLD, DIM, GREEN, YELLOW, RED = "1", "2", "32", "33", "31"
STATUS_COLOURS = {
    "active": GREEN,
    "completed": GREEN,
    "maintenance": YELLOW,
    "waiting": YELLOW,
    "blocked": RED,
    "error": RED,
    "failed": RED,
}


class Failed(Exception):
    """A step could not be done.

    Attributes:
        what: what was being done.
        why: the reason, in the words of the program that knows it.
        remedy: what to do now.
    """

    def __init__(self, what: str, why: str, remedy: str):
        super().__init__(f"{what}: {why}; {remedy}")
        self.what, self.why, self.remedy = what, why, remedy


def painted(text: str, colour: str) -> str:
    """Colour a text where a person will see it."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{colour}m{text}\x1b[0m"


def shortened(text: str, width: int) -> str:
    """Cut a text to a width; a cut one ends in an ellipsis.

    >>> shortened("streaming", 6), shortened("streaming", 9)
    ('strea…', 'streaming')
    """
    return text if len(text) <= width else text[: width - 1] + "…"


class Steps:
    """A run of numbered steps and the time since it began."""

    def __init__(self, total: int):
        self.total = total
        self.number = 0
        self.began = time.monotonic()

    def begin(self, title: str, command: str = "") -> None:
        """Announce a step, and the command with which a person would do it."""
        self.number += 1
        print(f"\n{painted(f'[{self.number}/{self.total}] {title}', BOLD)}", flush=True)
        if command:
            print(f"  {painted(f'$ {command}', DIM)}", flush=True)

    def note(self, text: str) -> None:
        """Print a line, with the seconds since the beginning before it."""
        seconds = f"{time.monotonic() - self.began:7.1f} s  "
        print(f"{painted(seconds, DIM)}{shortened(text, WIDTH - len(seconds))}", flush=True)

    def status(self, name: str, status: str, message: str) -> None:
        """Print a status as it has become."""
        seconds = f"{time.monotonic() - self.began:7.1f} s  "
        columns = f"{name:<6}", f"{status:<12}"
        indent = len(seconds) + sum(map(len, columns))
        first, *rest = textwrap.wrap(message, WIDTH - indent) or [""]
        coloured = painted(columns[1], STATUS_COLOURS.get(status, DIM))
        print(f"{painted(seconds, DIM)}{columns[0]}{coloured}{first}")
        for line in rest:
            print(" " * indent + line)
        sys.stdout.flush()

    def text(self, block: str) -> None:
        """Print a block as it is, set in a little."""
        print(textwrap.indent(block.rstrip(), "  "), flush=True)

    def fail(self, failure: Failed) -> None:
        """Say what could not be done, where, why, and what to do."""
        where = f" (step {self.number} of {self.total})" if self.number else ""
        print(f"\n{painted(f'Failed: {failure.what}{where}', RED)}", file=sys.stderr)
        for part in (failure.why, failure.remedy):
            for line in part.rstrip().splitlines():
                print(f"  {line}", file=sys.stderr)
