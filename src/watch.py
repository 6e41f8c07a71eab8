"""Keeps the sentinel's systemd unit in order."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from postgresql import services
from postgresql.layout import Layout

SERVICE = "pg-hot-standby-sentinel.service"


def ensure(unit: str, layout: Layout) -> None:
    """Has the sentinel run with this build of the charm; a running one is left alone."""
    changed = services.ensure(
        SERVICE,
        "sentinel.service.j2",
        unit=unit,
        python=sys.executable,
        charm_directory=_charm_directory(),
        python_path=os.pathsep.join(path for path in sys.path if path.startswith(_charm())),
        major=layout.major,
    )
    services.ensure_running(SERVICE, restart=changed)


def restart() -> None:
    """Has the sentinel run the code of a charm that was refreshed."""
    services.ensure_running(SERVICE, restart=True)


def poke() -> tuple[str, ...]:
    """Returns the command by which a job that ends has the sentinel look at once."""
    return ("systemctl", "kill", "--kill-whom=main", "--signal=SIGUSR1", SERVICE)


def _charm_directory() -> Path:
    return Path(__file__).resolve().parent.parent


def _charm() -> str:
    return str(_charm_directory())
