"""How the machine layer fails: what, why and what to do about it."""

from __future__ import annotations


class HostError(Exception):
    """Something on the host could not be done.

    Attributes:
        what: what was attempted, as a short clause ("machine demo/0 did not start").
        why: the reason, in the words of the program that refused where there is one.
        remedy: what the reader can do, or "" where nothing sensible can be said.
    """

    def __init__(self, what: str, why: str, remedy: str = "") -> None:
        super().__init__(what, why, remedy)
        self.what = what
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.what}: {self.why}"
        return f"{text}; {self.remedy}" if self.remedy else text


class CommandFailed(HostError):
    """A program of the host ended with an exit code other than 0."""


class NoSuchMachine(HostError):
    """A name that no machine has, or that several have."""
