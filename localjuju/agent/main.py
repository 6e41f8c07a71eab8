"""The agent's program: ``python3 -I /usr/lib/localjuju-agent /var/lib/juju/agent.json``."""

from __future__ import annotations

import sys
from pathlib import Path

from localjuju.agent.config import AgentConfig
from localjuju.agent.machine import Machine


def main() -> int:
    """Run the machine's agent."""
    Machine(AgentConfig.load(Path(sys.argv[1]))).run()
    return 0
