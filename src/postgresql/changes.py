"""What a step changed about a server, so that its caller knows and can say it."""

from __future__ import annotations

import dataclasses
import enum


class Effect(enum.IntEnum):
    """How far a change reached, in growing order."""

    NONE = 0
    RELOAD = 1
    RESTART = 2


@dataclasses.dataclass(frozen=True)
class Change:
    """What a step did. True if it did anything; `a | b` is both together.

    Attributes:
        effect: NONE: the files were right already. RELOAD: written, and the server (if it runs)
            has reloaded. RESTART: the server was restarted for it.
        names: Settings whose value changed, sorted.
        pending_restart: Settings that are written but wait for a restart that was not allowed.
    """

    effect: Effect = Effect.NONE
    names: tuple[str, ...] = ()
    pending_restart: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.effect is not Effect.NONE

    def __or__(self, other: Change) -> Change:
        return Change(
            max(self.effect, other.effect),
            tuple(sorted({*self.names, *other.names})),
            tuple(sorted({*self.pending_restart, *other.pending_restart})),
        )
