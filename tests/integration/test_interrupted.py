"""Killed at whatever moment, every unit becomes active and verified with no hand laid on it.

`make soak-harm` takes as many other seeds as one likes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harm.arena import Arena
from tests.harm.plan import plan
from tests.integration.conftest import ROOT, own_config


@pytest.fixture(scope="module")
def arena(request: pytest.FixtureRequest, charm_file: Path) -> Iterator[Arena]:
    command = str(request.config.getoption("--juju"))
    made = Arena(command, charm_file, own_config(command))
    yield made
    if not request.config.getoption("--leave-models"):
        made.abandon()


# In an order in which each finds as many units as it needs.
@pytest.mark.parametrize(
    ("scenario", "seed"),
    [
        ("deploy", 16),
        ("archive-path", 3),
        ("refresh", 68),
        ("remove-standby", 5),
        ("add-unit", 28),
    ],
)
def test_all_is_whole_in_the_end(arena: Arena, scenario: str, seed: int) -> None:
    drawn = plan(seed)
    assert drawn.scenario.name == scenario
    outcome = arena.carry_out(drawn)
    print(outcome)
    if outcome.trouble:
        logs = ROOT / ".build" / "soak" / f"seed-{seed}"
        arena.keep_logs(logs)
        arena.abandon()
        pytest.fail(f"{outcome}: {outcome.trouble}; logs: {logs}")
