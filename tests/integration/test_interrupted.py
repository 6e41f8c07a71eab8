"""Killed at whatever moment, every unit becomes active and verified with no hand laid on it.

`make soak` takes as many other seeds as one likes.
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
        ("deploy", 1),
        ("archive-path", 2),
        ("refresh", 3),
        ("remove-standby", 4),
        ("add-unit", 5),
    ],
)
def test_all_is_whole_in_the_end(arena: Arena, scenario: str, seed: int) -> None:
    outcome = arena.carry_out(plan(seed, scenario))
    print(outcome)
    if outcome.trouble:
        logs = ROOT / ".build" / "soak" / f"{scenario}-{seed}"
        arena.keep_logs(logs)
        arena.abandon()
        pytest.fail(f"{outcome}: {outcome.trouble}; logs: {logs}")
