"""What an operator does while harm is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jubilant

from tests.failover.stage import Stage
from tests.integration.cluster import wait_until

_PATIENCE_S = 300.0


@dataclass(frozen=True)
class Operation:
    """One of them.

    Attributes:
        act: does it; gives what became of it, in a word or two.
        more: how many units more there are afterwards.
        final: how many there are, whatever there were before; None: see `more`.
    """

    act: Callable[[Stage], str]
    more: int = 0
    final: int | None = None

    def units_after(self, before: int) -> int:
        return before + self.more if self.final is None else self.final


def _switchover(stage: Stage) -> str:
    primary, standby = stage.primary(), stage.standbys()[0]
    try:
        stage.cluster.juju.run(primary, "switchover", {"to": standby}, wait=120)
    except (jubilant.TaskError, jubilant.CLIError, TimeoutError) as error:
        # Rightly, where the standby is away; whether it came to rest is looked at anyway.
        return f"switchover to {standby} did not: {_told(error)}"
    return f"switchover to {standby}"


def _remove_primary(stage: Stage) -> str:
    primary = stage.primary()
    stage.cluster.juju.remove_unit(primary)
    stage.wait_until_gone(primary)
    return f"removed {primary}"


def _remove_standby(stage: Stage) -> str:
    standby = stage.standbys()[-1]
    stage.cluster.juju.remove_unit(standby)
    stage.wait_until_gone(standby)
    return f"removed {standby}"


def _force_remove_primary(stage: Stage) -> str:
    """As an operator who has seen that another can take over.

    What a primary acknowledged that stood alone nobody else has; `force-promote` is for that.
    """

    def is_backed() -> bool:
        record = stage.record()
        backed = int(record.get("quorum", 0)) > 0 or bool(record.get("asynchronous"))
        return record.get("primary") == stage.primary() and backed

    wait_until(is_backed, bool, _PATIENCE_S)
    primary = stage.primary()
    stage.force_away(primary)
    return f"forced {primary} away"


def _force_remove_standby(stage: Stage) -> str:
    standby = stage.standbys()[-1]
    stage.force_away(standby)
    return f"forced {standby} away"


def _add_unit(stage: Stage) -> str:
    return f"added {stage.add_unit()}"


def _scale(stage: Stage) -> str:
    """From where it is to 1, 2, 3 and back to 1."""
    done: list[str] = []
    while len(stage.units()) > 1:
        done.append(_remove_standby(stage))
    for step in (_add_unit, _add_unit, _remove_standby, _remove_standby):
        done += [step(stage)]
    return ", ".join(done)


OPERATIONS: dict[str, Operation] = {
    "switchover": Operation(_switchover),
    "remove-primary": Operation(_remove_primary, more=-1),
    "remove-standby": Operation(_remove_standby, more=-1),
    "force-remove-primary": Operation(_force_remove_primary, more=-1),
    "force-remove-standby": Operation(_force_remove_standby, more=-1),
    "add-unit": Operation(_add_unit, more=1),
    "scale": Operation(_scale, final=1),
}


def _told(error: Exception) -> str:
    if isinstance(error, jubilant.TaskError):
        return error.task.message
    return str(getattr(error, "stderr", "") or error).strip()
