"""What the agent is told before it can ask: where the controller is, and where its files go."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class AgentConfig:
    """The content of agent.json."""

    host: str
    port: int
    token: str
    machine: str
    model: str
    prefix: Path
    """``/`` in a machine; its root directory for an agent that is a plain process."""

    @classmethod
    def load(cls, path: Path) -> AgentConfig:
        """Read agent.json."""
        data = json.loads(path.read_text())
        host, port = data["controller"]
        return cls(host, port, data["token"], data["machine"], data["model"], Path(data["prefix"]))

    @property
    def data(self) -> Path:
        """Juju's data directory."""
        return self.prefix / "var/lib/juju"

    @property
    def run(self) -> Path:
        """Files that a reboot takes away."""
        return self.prefix / "run/localjuju"

    @property
    def code(self) -> Path:
        """The directory of this package's installed copy."""
        return self.prefix / "usr/lib/localjuju-agent/localjuju/agent"

    @property
    def in_machine(self) -> bool:
        """Whether the agent runs in a machine of its own."""
        return self.prefix == Path("/")

    def unit_directory(self, unit: str) -> Path:
        """Return ``/var/lib/juju/agents/unit-APP-N``."""
        return self.data / "agents" / unit_tag(unit)

    def tools(self, unit: str) -> Path:
        """Return the directory of a unit's hook tools."""
        return self.data / "tools" / unit_tag(unit)


def unit_tag(unit: str) -> str:
    """Return a unit's tag.

    >>> unit_tag("pg/0")
    'unit-pg-0'
    """
    return "unit-" + unit.replace("/", "-")
