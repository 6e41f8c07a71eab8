"""The sentinel as the charm installs it, beside the cluster main, and an agent that notes."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import watch
from postgresql import commands, files, services
from postgresql.layout import NOTES, Layout
from sentinel import findings, mandate
from sentinel.findings import Findings
from sentinel.mandate import Mandate
from tests.functional.lab import ADDRESS, OPERATOR_PASSWORD, until

UNIT = "lab/0"
# Where a controller of Juju's is not: nobody listens there.
NO_CONTROLLER = (f"{ADDRESS}:9",)

_AGENT = Path("/usr/local/bin/juju-exec")
_NOTED = Path("/run/noted-hooks")
_WORKS = """#!/bin/sh
echo "$(date +%s.%N) $*" >> /run/noted-hooks
"""
_FAILS = """#!/bin/sh
echo "ERROR no agent listens" >&2
exit 1
"""


@dataclass(frozen=True)
class Hook:
    """A hook that the agent was asked to run.

    Attributes:
        at: when, in seconds since 1970.
        unit: whose.
        event: the charm's event.
    """

    at: float
    unit: str
    event: str


class Agent:
    """A Juju agent's end of juju-exec: notes what it is asked to run, and runs nothing."""

    def work(self) -> None:
        """Takes hooks from now on."""
        files.write(_AGENT, _WORKS, owner="root", mode=0o755)

    def fail(self) -> None:
        """Is down: the program is there, and finds nobody."""
        files.write(_AGENT, _FAILS, owner="root", mode=0o755)

    def vanish(self) -> None:
        """Is away with its programs."""
        _AGENT.unlink(missing_ok=True)

    def forget(self) -> None:
        """Clears what was noted."""
        _NOTED.unlink(missing_ok=True)

    def hooks(self, since: float = 0) -> list[Hook]:
        """What it was asked to run since then, in order."""
        noted = (files.read(_NOTED) or "").splitlines()
        found = [
            Hook(float(at), unit, command.split()[0].removeprefix("JUJU_DISPATCH_PATH=hooks/"))
            for at, unit, command in (line.split(" ", 2) for line in noted)
        ]
        return [hook for hook in found if hook.at >= since]

    def heard(self, event: str, since: float, timeout_s: float = 30) -> Hook:
        """The first hook for that event since then; waits for it."""

        def find() -> Hook | None:
            return next((hook for hook in self.hooks(since) if hook.event == event), None)

        return until(lambda: find(), timeout_s) or Hook(0, "", "")


class Watcher:
    """The service."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    def start(self, layout: Layout, allowed: Mandate) -> None:
        """Has it watch under this mandate, and waits until it has taken its first look."""
        mandate.write(allowed)
        watch.ensure(UNIT, layout)
        until(lambda: findings.PATH.exists())

    def instruct(self, allowed: Mandate) -> float:
        """Gives it another mandate; returns when, in seconds since 1970."""
        mandate.write(allowed)
        return time.time()

    @property
    def found(self) -> Findings:
        """What it has found."""
        return findings.read()

    @property
    def pid(self) -> int:
        """Of its process; 0: none."""
        return int(self._property("MainPID"))

    @property
    def restarts(self) -> int:
        """How often systemd has restarted it by itself."""
        return int(self._property("NRestarts"))

    @property
    def journal(self) -> str:
        """What it and its children have said."""
        return commands.run(["journalctl", "--no-pager", "--unit", watch.SERVICE]).stdout

    def _property(self, name: str) -> str:
        command = ["systemctl", "show", "--value", f"--property={name}", watch.SERVICE]
        return commands.run(command).stdout.strip()


@contextmanager
def watcher() -> Generator[Watcher, None, None]:
    """A sentinel that is not started yet; nothing of it is left afterwards."""
    agent = Agent()
    agent.forget()
    agent.work()
    try:
        yield Watcher(agent)
    finally:
        services.remove(watch.SERVICE)
        files.remove_tree(NOTES)
        agent.vanish()
        agent.forget()


def primary_of(term: int, *members: str, alone: bool = False) -> Mandate:
    """A primary's mandate, whose commits wait for one of the members."""
    return Mandate(
        UNIT,
        term,
        term,
        primary=True,
        alone=alone,
        members=members,
        quorum=1 if members else 0,
        peers=members,
        controllers=NO_CONTROLLER,
    )


def standby_of(primary: Layout, term: int) -> Mandate:
    """The mandate of a standby that looks after this primary."""
    return Mandate(
        UNIT,
        term,
        term,
        primary=False,
        upstream=ADDRESS,
        port=primary.port,
        password=OPERATOR_PASSWORD,
        controllers=NO_CONTROLLER,
    )
