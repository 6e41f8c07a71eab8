"""What a seed decides of the trials under writers."""

from __future__ import annotations

import dataclasses

from tests.failover.faults import KINDS
from tests.failover.operations import OPERATIONS
from tests.failover.plan import TARGETS, Event, Plan, plan

MANY = [plan(seed) for seed in range(600)]


def test_the_same_seed_gives_the_same_plan() -> None:
    assert plan(7) == plan(7)
    assert len({each.events for each in MANY}) == len(MANY)


def test_every_harm_every_target_and_every_operation_is_drawn() -> None:
    events = [event for each in MANY for event in each.events]
    assert {event.kind for event in events} == set(KINDS)
    assert {event.target for event in events} == set(TARGETS)
    assert {each.operation for each in MANY} == {"", *OPERATIONS}
    assert {each.units for each in MANY} == {2, 3}
    assert {len(each.events) for each in MANY} == {1, 2}
    assert {each.asynchronous for each in MANY} == {False, True}


def test_harm_that_has_an_end_lasts_5_to_120_seconds() -> None:
    for each in MANY:
        for event in each.events:
            assert event.lasts is not None
            if KINDS[event.kind].end is None:
                assert event.lasts == 0
            else:
                assert 5 <= event.lasts <= KINDS[event.kind].longest <= 120


def test_two_at_once_do_not_take_the_same_away() -> None:
    for each in MANY:
        taken = [KINDS[event.kind].takes for event in each.events]
        assert len(set(taken)) == len(taken)


def test_a_plan_is_told_in_a_line() -> None:
    line = str(plan(1))
    assert line.startswith("seed 1: ")
    assert "\n" not in line


def test_only_harm_that_leaves_the_primary_no_reason_to_move_makes_a_plan_idle() -> None:
    idle = Plan("by hand", 2, (Event(1, "move-leadership", "leader"),))
    assert idle.is_idle
    assert not dataclasses.replace(idle, operation="switchover").is_idle
    killed = Event(1, "kill-server", "primary")
    assert not dataclasses.replace(idle, events=(*idle.events, killed)).is_idle
