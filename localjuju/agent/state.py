"""What a unit's agent must not forget: kept on the machine's disk, so that it outlives the power.

The fields follow Juju's own uniter state. ``kind`` and ``step`` say what was going on when the
state was written: a hook that is ``pending`` when the agent starts was cut off in the middle and
is run again.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class Hook:
    """One run of a hook, with what it is about."""

    kind: str
    """``install``, ``relation-joined``, ``secret-changed`` …"""
    relation: int | None = None
    remote_app: str = ""
    remote_unit: str = ""
    departing: str = ""
    version: int = 0
    """Of the remote settings that the hook will have seen."""
    secret: str = ""
    label: str = ""
    revision: int = 0


@dataclasses.dataclass
class RelationState:
    """What the unit has been told of a relation."""

    endpoint: str
    remote_app: str
    peer: bool
    created: bool = False
    leaving: bool = False
    members: dict[str, int] = dataclasses.field(default_factory=dict[str, int])
    """Units that joined, with the version of their settings that a hook last told of."""
    apps: dict[str, int] = dataclasses.field(default_factory=dict[str, int])
    changed_pending: str = ""
    """The unit whose ``-joined`` ran and whose ``-changed`` must follow."""


@dataclasses.dataclass
class UnitState:
    """Where a unit stands."""

    kind: str = "continue"
    """``continue``, ``run-hook``, ``run-action`` or ``upgrade``."""
    step: str = "pending"
    """``queued``, ``pending`` or ``done``."""
    hook: Hook | None = None
    action: str = ""
    installed: bool = False
    started: bool = False
    stopped: bool = False
    removed: bool = False
    leader: bool = False
    leader_settings_seen: bool = False
    status_set: bool = False
    charm: str = ""
    charm_modified: int = -1
    config_hash: str = ""
    address_hash: str = ""
    relations: dict[str, RelationState] = dataclasses.field(
        default_factory=dict[str, RelationState]
    )
    secrets_changed: dict[str, int] = dataclasses.field(default_factory=dict[str, int])
    secrets_done: list[str] = dataclasses.field(default_factory=list[str])
    """``expired:ID/REVISION`` and ``obsolete:ID/REVISION`` whose hooks ran."""

    @classmethod
    def load(cls, path: Path) -> UnitState:
        """Read the state; a new one if there is none yet."""
        if not path.exists():
            return cls()
        data: dict[str, Any] = json.loads(path.read_text())
        if data["hook"] is not None:
            data["hook"] = Hook(**data["hook"])
        data["relations"] = {
            number: RelationState(**relation) for number, relation in data["relations"].items()
        }
        return cls(**data)

    def save(self, path: Path) -> None:
        """Write the state so that either the old or the new one survives."""
        partial = path.with_suffix(".partial")
        with partial.open("w") as file:
            json.dump(dataclasses.asdict(self), file)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)

    def proceed(self, kind: str, step: str = "pending", hook: Hook | None = None) -> None:
        """Note what is going on now."""
        self.kind, self.step, self.hook, self.action = kind, step, hook, ""
