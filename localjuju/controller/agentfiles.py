"""Puts the agent into a machine's root before the machine boots."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from localjuju.controller.provider import HostMachine, Place
from localjuju.controller.store import Row

SOURCE = Path(__file__).resolve().parents[1] / "agent"
CODE = "usr/lib/localjuju-agent"
DATA = "var/lib/juju"
RUN = "run/localjuju"

MAIN = """\
import sys

from localjuju.agent.main import main

sys.exit(main())
"""

SERVICE = """\
[Unit]
Description=localjuju machine agent
After=network.target

[Service]
ExecStart=/usr/bin/python3 -I /usr/lib/localjuju-agent /var/lib/juju/agent.json
Restart=always
RestartSec=1
# Hooks outlive nothing: an agent that ends takes them along, as jujud does.
KillMode=control-group
TimeoutStopSec=10
LimitNOFILE=64000

[Install]
WantedBy=multi-user.target
"""


def install(made: HostMachine, model: Row, machine: Row, place: Place) -> None:
    """Write the agent's code, its configuration and its service.

    Args:
        made: the machine.
        model: its row.
        machine: its row.
        place: where the controller listens for the machine's agent.
    """
    package = made.root / CODE / "localjuju" / "agent"
    package.mkdir(parents=True, exist_ok=True)
    for source in SOURCE.glob("*.py"):
        shutil.copy(source, package / source.name)
    (made.root / CODE / "__main__.py").write_text(MAIN)
    for script in ("exectool.py", "hooktool.py"):
        (package / script).chmod(0o755)
    command = made.root / "usr/bin/juju-exec"
    command.unlink(missing_ok=True)
    command.symlink_to(made.prefix / CODE / "localjuju/agent/exectool.py")
    data = made.root / DATA
    data.mkdir(parents=True, exist_ok=True)
    config = data / "agent.json"
    config.write_text(
        json.dumps(
            {
                "controller": [place.host, place.port],
                "token": machine["token"],
                "machine": machine["id"],
                "model": model["uuid"],
                "prefix": str(made.prefix),
            }
        )
    )
    config.chmod(0o600)
    units = made.root / "etc/systemd/system"
    wants = units / "multi-user.target.wants"
    wants.mkdir(parents=True, exist_ok=True)
    (units / "localjuju-agent.service").write_text(SERVICE)
    enabled = wants / "localjuju-agent.service"
    enabled.unlink(missing_ok=True)
    enabled.symlink_to("/etc/systemd/system/localjuju-agent.service")
