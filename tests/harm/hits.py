"""What can be killed, and how it is done: from the host, whatever is down inside."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localjuju.host import paths

MACHINE = Path(__file__).resolve().parents[2] / "localjuju" / "bin" / "machine"

# Seconds that a hit waits for something to kill.
PATIENCE_S = 6.0
# The same where it is a base backup, which comes late; and for how long each unit is looked at.
_HUNT_S = 25.0
_GLANCE_S = 0.1
# How long a machine takes to be there once its unit is.
_MACHINE_S = 60.0
_ABSENT = 3

# The functions `look`, which prints what is there, and `strike`, which kills it.
# What is looked for is written so that the shell that looks is not found itself.
_PREY = {
    # The charm's own process: what it has begun goes on without it.
    "hook": (r"pgrep -f 'charm/src/[c]harm\.py'", "kill -9 $1"),
    # With everything that it has begun.
    "hook-tree": (
        r"pgrep -f 'charm/src/[c]harm\.py'",
        (
            'tree() { kill -STOP "$1"; for child in $(pgrep -P "$1"); do tree "$child"; done; '
            'kill -9 "$1"; }; tree "$1"'
        ),
    ),
    "basebackup": ("pgrep -x pg_basebackup", "pkill -9 -x pg_basebackup"),
    "clone-job": (
        "systemctl --quiet is-active 'pg-hot-standby-clone@*' && echo 1",
        "systemctl kill --signal=KILL 'pg-hot-standby-clone@*'",
    ),
    "server": ("pgrep -o -x postgres", "pkill -9 -o -x postgres"),
    "sentinel": (
        "systemctl --quiet is-active pg-hot-standby-sentinel && echo 1",
        "systemctl kill --kill-whom=main --signal=KILL pg-hot-standby-sentinel",
    ),
    "agent": (
        "systemctl --quiet is-active localjuju-agent && echo 1",
        "systemctl kill --kill-whom=main --signal=KILL localjuju-agent",
    ),
}

KINDS = (*_PREY, "machine", "controller")
CLONING = ("basebackup", "clone-job")
"""Kinds for which there is something to hit only while a standby is born."""

_SCRIPT = """
look() {{ {look} | head -n 1; }}
strike() {{ {strike}; }}
tries=0
wait_for() {{
    until prey=$(look) && [ -n "$prey" ]; do
        tries=$((tries + 1)); [ $tries -lt {tries} ] || exit {absent}; sleep 0.02
    done
}}
wait_for
about=$(tr '\\0' '\\n' 2> /dev/null < "/proc/$prey/environ" | sed -n 's/^JUJU_DISPATCH_PATH=//p')
sleep {delay}
now=$(look)
[ "$now" = "$prey" ] || {{ wait_for; about=$(tr '\\0' '\\n' 2> /dev/null < "/proc/$prey/environ" \
| sed -n 's/^JUJU_DISPATCH_PATH=//p'); }}
strike "$prey" 2> /dev/null || exit {absent}
echo "$about"
"""


@dataclass(frozen=True)
class Hit:
    """What is to be killed.

    Attributes:
        kind: one of KINDS.
        at: seconds after the scenario's begin from which it looks for its prey.
        delay: seconds that the prey is let live; of a machine and a controller, how long it
            stays off.
        where: which of the units, as a share of their number, from 0 to less than 1.
    """

    kind: str
    at: float
    delay: float
    where: float


@dataclass(frozen=True)
class Strike:
    """What a hit came to.

    Attributes:
        kind: one of KINDS.
        unit: on whose machine; empty for the controller.
        at: seconds after the scenario's begin.
        landed: whether there was something to kill.
        about: which hook it was, as hooks/NAME; empty if it was none.
    """

    kind: str
    unit: str
    at: float
    landed: bool
    about: str = ""

    def __str__(self) -> str:
        what = f"{self.kind} {self.unit}".strip()
        if self.about:
            what += f" in {self.about.rpartition('/')[2]}"
        return f"{what} +{self.at:.1f}s" if self.landed else f"({what}: not there)"


class Hitter:
    """Does the harm to the machines of one model."""

    def __init__(self, model: str, present: Sequence[str]) -> None:
        """Does nothing yet.

        Args:
            model: its name.
            present: the units whose machines are there.
        """
        self._model = model
        self._present = present

    def strike(
        self, hit: Hit, units: Sequence[str], newborn: Sequence[str], begun: float
    ) -> Strike:
        """Carries out a hit that is due.

        Args:
            hit: what to kill.
            units: those of the scenario, from which it takes one.
            newborn: those among which there are some that take a base backup.
            begun: when the scenario began, by time.monotonic().
        """
        if hit.kind in CLONING:
            deadline = time.monotonic() + _HUNT_S
            for unit in itertools.cycle(newborn):
                landed, about = self._on_machine(hit, unit, _GLANCE_S)
                if landed or time.monotonic() > deadline:
                    return Strike(hit.kind, unit, time.monotonic() - begun, landed, about)
        if hit.kind == "controller":
            landed = _kill_controller(hit.delay)
            return Strike(hit.kind, "", time.monotonic() - begun, landed)
        unit = units[int(hit.where * len(units))]
        landed, about = self._on_machine(hit, unit, PATIENCE_S)
        return Strike(hit.kind, unit, time.monotonic() - begun, landed, about)

    def _on_machine(self, hit: Hit, unit: str, patience_s: float) -> tuple[bool, str]:
        if not self._wait_for_machine(unit):
            return False, ""
        if hit.kind == "machine":
            if self._machine("kill", unit).returncode != 0:
                return False, ""
            time.sleep(hit.delay)
            # One that was on its way out may be gone by now.
            self._machine("start", unit)
            return True, ""
        look, strike = _PREY[hit.kind]
        script = _SCRIPT.format(
            look=look,
            strike=strike,
            tries=int(patience_s / 0.02),
            absent=_ABSENT,
            delay=f"{hit.delay:.3f}",
        )
        done = self._machine("exec", unit, "--", "sh", "-c", script)
        return done.returncode == 0, done.stdout.strip()

    def _wait_for_machine(self, unit: str) -> bool:
        """Whether the unit has a machine that is up; waits for one that is being made."""
        deadline = time.monotonic() + _MACHINE_S
        while self._machine("exec", unit, "--", "true").returncode != 0:
            gone = unit in self._present and unit not in self._machine("list").stdout.split()
            if gone or time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def _machine(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        named = [f"{self._model}:{words[0]}", *words[1:]] if words else []
        return subprocess.run(
            [str(MACHINE), "--model", self._model, verb, *named],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )


def _kill_controller(delay: float) -> bool:
    """Kills the controller; the next `juju` command starts it again."""
    try:
        pid = int((paths.home() / "controller.lock").read_text())
        os.kill(pid, signal.SIGKILL)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return False
    time.sleep(delay)
    return True
