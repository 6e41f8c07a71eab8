"""The arithmetic of the figures, and that each can be asked for. Nothing is timed here."""

import json
from pathlib import Path

import pytest

from bench.__main__ import MEASURED, write
from bench.figures import HEADINGS, Figure, Goal, table
from bench.gaps import between
from bench.where import OWN, bench_layer
from tests.failover.attempts import Attempt, Outcome


def test_medians_ratio_and_excess():
    figure = Figure("f", "ms", [9, 1, 3], [4, 2, 2])
    assert (figure.median, figure.ratio, figure.excess) == (3, 1.5, 1)
    alone = Figure("f", "ms", [1, 2])
    assert (alone.median, alone.ratio, alone.excess, alone.met) == (1.5, None, None, None)


@pytest.mark.parametrize(
    ("goal", "met"),
    [
        (Goal("value", "at most", 3), True),
        (Goal("value", "at most", 2.9), False),
        (Goal("value", "at least", 3), True),
        (Goal("value", "at least", 3.1), False),
        (Goal("ratio", "at most", 1.5), True),
        (Goal("ratio", "at most", 1.4), False),
        (Goal("ratio", "at least", 1.5), True),
        (Goal("ratio", "at least", 1.6), False),
        (Goal("excess", "at most", 1), True),
        (Goal("excess", "at most", 0.9), False),
    ],
)
def test_a_goal_is_met_or_not(goal: Goal, met: bool):
    assert Figure("f", "ms", [3], [2], goal=goal).met is met


def test_a_goal_that_needs_a_baseline_is_never_met_without():
    with pytest.raises(ValueError, match="no baseline"):
        _ = Figure("f", "ms", [3], goal=Goal("ratio", "at most", 1)).met


def test_the_table_says_what_is_missed_and_against_what():
    lines = table(
        [
            Figure("fast", "ms", [1, 2, 3], [2], "a snail", Goal("ratio", "at most", 1)),
            Figure("slow", "s", [30], goal=Goal("value", "at most", 10), note="cold"),
        ]
    ).splitlines()
    assert lines[0].split() == list(HEADINGS)
    assert lines[2].split() == [
        "fast",
        "2.00",
        "ms",
        "1.00-3.00",
        "2.00",
        "ms",
        "1.00",
        "ratio",
        "at",
        "most",
        "1",
        "yes",
    ]
    assert lines[3].split() == ["slow", "30.0", "s", "30.0-30.0", "at", "most", "10", "s", "NO"]
    assert lines[4:] == ["fast: against a snail", "slow: cold"]


def test_a_run_of_some_figures_keeps_those_of_the_others(tmp_path: Path):
    path = tmp_path / "bench.json"
    write(path, [Figure("a", "s", [1]), Figure("b", "s", [2], [1])], {"load": 0})
    write(path, [Figure("b", "s", [4], [1])], {"load": 1})
    found = {each["name"]: each for each in json.loads(path.read_text())["figures"]}
    assert found["a"]["median"] == 1
    assert (found["b"]["ours"], found["b"]["ratio"], found["b"]["host"]) == ([4], 4, {"load": 1})


def test_every_figure_can_be_asked_for():
    figures = {"deploy", "hook", "verify", "clone", "archive", "commit", "sentinel", "failover"}
    assert set(MEASURED) == figures


def test_a_gap_is_from_the_last_row_before_to_the_first_elsewhere():
    def row(address: str, ended: float) -> Attempt:
        return Attempt(address, 1, Outcome.acknowledged, ended, ended, address)

    before = [row("a", 1.0), row("a", 1.5), row("a", 2.25)]
    after = [row("b", 5.0), row("b", 5.5)]
    assert between([*before, *after], "a") == ("b", 2.25, 2.75)
    # Its answer was under way when the other one began: that is no gap from there on.
    assert between([*before, after[0], row("a", 5.25), after[1]], "a") == ("b", 2.25, 2.75)


def test_the_empty_charm_takes_nothing_of_this_one_along():
    root = Path(__file__).parents[2]
    packed = ("src", "templates", "metadata.yaml", "config.yaml", "actions.yaml")
    assert all(
        (root / name).exists() and any(f"{name}/".startswith(o) or name == o for o in OWN)
        for name in packed
    )


def test_what_archiving_is_held_against_is_in_the_machine():
    assert "pgbackrest" in bench_layer().packages
