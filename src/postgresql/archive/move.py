"""The service that carries over, beside the hooks, what older archive directories hold."""

from __future__ import annotations

import time
from collections.abc import Sequence

from postgresql import commands, services
from postgresql.archive import paths, program
from postgresql.archive.keeper.service import STUCK
from postgresql.archive.places import Places

SERVICE = "pg-hot-standby-archive-move.service"
_HOLD_S = 15.0
_POLL_S = 0.02


def start(places: Places, on_finish: Sequence[str]) -> bool:
    """Have the service at work for these places.

    Args:
        places: The directory to carry to, and the older ones.
        on_finish: As for `archive.ensure`.

    Returns:
        Whether it was started, or started anew because the places are others now.
    """
    words = [
        str(paths.PROGRAM),
        "carry",
        str(places.directory),
        places.claim,
        *program.arguments(places.older),
    ]
    changed = services.ensure(
        SERVICE,
        "archive-move.service.j2",
        target=str(places.directory).replace("%", "%%"),
        command=services.command_line(words),
        on_finish=services.command_line(on_finish),
    )
    if services.is_active(SERVICE) and not changed:
        return False
    commands.run(["systemctl", "restart", "--no-block", SERVICE])
    return True


def hold() -> bool:
    """End the service's work now; whatever it has not done, the next start does.

    Waits for the process that carries, and not for the command that runs after it, which may
    wait for the caller to end.

    Returns:
        Whether nothing is carried any more.
    """
    if not services.is_active(SERVICE):
        return True
    commands.run(["systemctl", "stop", "--no-block", SERVICE])
    deadline = time.monotonic() + _HOLD_S
    while time.monotonic() < deadline:
        if _show("MainPID")["MainPID"] == "0":
            return True
        time.sleep(_POLL_S)
    return False


def end() -> bool:
    """Take the service away, unless it is just about to end.

    Waiting for its end could mean waiting for a command that waits for the caller to end.

    Returns:
        Whether it was taken away.
    """
    there = (services.UNITS / SERVICE).exists()
    return there and not services.is_active(SERVICE) and services.remove(SERVICE)


def problem() -> tuple[bool, str]:
    """Whether the service is at it, and why it does not get on; "" while it does."""
    shown = _show("ActiveState", "StatusText")
    running = shown["ActiveState"] in ("active", "activating", "reloading")
    status = shown["StatusText"]
    return running, status.removeprefix(STUCK) if status.startswith(STUCK) else ""


def _show(*properties: str) -> dict[str, str]:
    """Properties of the unit as systemd has them; "" for what it does not tell."""
    result = commands.run(
        ["systemctl", "show", *(f"--property={one}" for one in properties), SERVICE], timeout_s=10
    )
    shown = dict(line.split("=", 1) for line in result.stdout.splitlines() if "=" in line)
    return {one: shown.get(one, "") for one in properties}
