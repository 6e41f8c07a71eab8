"""The agent's program: ``python3 -I /usr/lib/localjuju-agent /var/lib/juju/agent.json``."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from localjuju.agent.config import AgentConfig
from localjuju.agent.machine import Machine


def _end(failure: threading.ExceptHookArgs) -> None:
    """End with the traceback: a thread that is missing would leave a unit standing for ever.

    The service starts the agent again, which goes on from what it wrote to disk.
    """
    sys.excepthook(
        failure.exc_type, failure.exc_value or failure.exc_type(), failure.exc_traceback
    )
    sys.stderr.flush()
    os._exit(1)


def main() -> int:
    """Run the machine's agent."""
    threading.excepthook = _end
    Machine(AgentConfig.load(Path(sys.argv[1]))).run()
    return 0
