"""What is acknowledged is never lost, and never acknowledged by two: a handful of fixed plans."""

from __future__ import annotations

import pytest

from tests.failover.arena import Arena
from tests.failover.plan import Event, Plan, plan

BY_HAND = (
    Plan("the primary dies", 2, (Event(1, "kill-machine", "primary", None),)),
    Plan(
        "the primary stands still when it leads no more",
        2,
        (
            Event(1, "move-leadership", "primary"),
            Event(2, "freeze-machine", "primary", None),
        ),
    ),
    Plan(
        "clients alone reach the primary, whose clock goes wrong",
        2,
        (
            Event(1, "step-clock-back", "primary", 30),
            Event(2, "cut-peers-and-controller", "primary", None),
        ),
    ),
    Plan("the primary has no room for WAL any more", 2, (Event(1, "fill-wal", "primary", None),)),
    Plan("the disk of the data alone hangs", 2, (Event(1, "hang-data", "primary", None),)),
    Plan("a planned switchover", 2, (), "switchover", 1),
    Plan("the primary is forced away", 2, (), "force-remove-primary", 1),
)
SEEDS: tuple[int, ...] = ()


@pytest.mark.parametrize("tried", [*BY_HAND, *map(plan, SEEDS)], ids=lambda one: one.name)
def test_nothing_acknowledged_is_lost_and_there_are_never_two(arena: Arena, tried: Plan) -> None:
    result = arena.carry_out(tried)
    print(result)
    assert not result.trouble, "\n".join([str(result), *result.trouble])
    if not tried.events:
        # Nothing stood in its way.
        assert result.reigns == 2, str(result)
