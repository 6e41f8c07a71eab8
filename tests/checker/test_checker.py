"""The decisions, driven through everything that can go wrong.

More of the same: make walks N=100000
"""

from __future__ import annotations

import pytest

from tests.checker.exhaustive import explore
from tests.checker.hook import Rules
from tests.checker.moves import ALL, ROUNDS, Move, apply, round_of_hooks, settle
from tests.checker.mutations import MUTATIONS, NEVER_SAID, Mutation
from tests.checker.walks import follow, settled, shortened, walk
from tests.checker.world import World

RULES = Rules()
# How many moves are made in every order; with a successor there are more of them.
DEPTHS = {"a successor is named": 4, "the successor is ready": 4}
DEPTH = 5
WALKS = 700
# Most mutations are found within some ten.
PATIENCE = 1000

# What the pair is at when everything that can happen begins to happen.
BEGINNINGS: dict[str, tuple[Move, ...]] = {
    "at rest": (),
    "a successor is named": (("ask", "pg/0", "switchover", "pg/1"), ("hook", "pg/0", ALL, None)),
    "the successor is ready": (
        ("ask", "pg/0", "switchover", "pg/1"),
        ("hook", "pg/0", ALL, None),
        ("hook", "pg/1", ALL, None),
    ),
    "the last word is said": (
        ("ask", "pg/0", "switchover", "pg/1"),
        ("hook", "pg/0", ALL, None),
        ("hook", "pg/1", ALL, None),
        ("hook", "pg/0", ALL, None),
    ),
    "the primary is lost": (
        ("power off", "pg/0"),
        ("lease", "pg/1"),
        ("sentinel", "pg/1", ALL),
        ("sentinel", "pg/1", ALL),
    ),
    "an election is under way": (
        ("set", "pg/1", "alarm", True),
        ("lease", "pg/1"),
        ("sentinel", "pg/1", ALL),
        ("sentinel", "pg/1", ALL),
        ("hook", "pg/1", ALL, None),
    ),
    "another primary is named": (
        ("power off", "pg/0"),
        ("lease", "pg/1"),
        ("sentinel", "pg/1", ALL),
        ("sentinel", "pg/1", ALL),
        ("hook", "pg/1", ALL, None),
        ("hook", "pg/1", ALL, None),
    ),
    "the primary stands alone": (
        ("power off", "pg/1"),
        *(("hook", "pg/0", ALL, None),) * 3,
    ),
}

# Each of these once did not come to rest, or lost a commit.
ROWS: dict[str, tuple[int, tuple[Move, ...]]] = {
    "the successor leaves": (
        3,
        (
            ("ask", "pg/0", "switchover", "pg/1"),
            ("hook", "pg/0", ALL, None),
            ("expel", "pg/1"),
        ),
    ),
    "the successor is gone for good": (
        4,
        (
            ("ask", "pg/0", "switchover", "pg/3"),
            ("hook", "pg/0", ALL, None),
            ("gone", "pg/3"),
        ),
    ),
    "the only member of a setting that was never proved is gone": (
        3,
        (("power off", "pg/1"), ("hook", "pg/0", 11, None), ("gone", "pg/2")),
    ),
    "one that had lost the primary is gone before its ballot, without acknowledgements": (
        2,
        (
            ("set", "pg/1", "alarm", True),
            ("sentinel", "pg/1", ALL),
            ("wanted", 0),
            ("sentinel", "pg/1", ALL),
            ("sentinel", "pg/1", ALL),
            ("hook", "pg/0", ALL, ()),
            ("lease", "pg/1"),
            ("sentinel", "pg/1", ALL),
            ("hook", "pg/1", ALL, None),
            ("gone", "pg/1"),
        ),
    ),
    "the successor and the third unit leave before the primary has handed over": (
        3,
        (
            ("ask", "pg/1", "switchover", "pg/2"),
            ("hook", "pg/0", ALL, None),
            ("expel", "pg/1"),
            ("expel", "pg/2"),
        ),
    ),
    "the successor and the third unit are gone after the primary has handed over": (
        3,
        (
            ("ask", "pg/1", "switchover", "pg/2"),
            ("hook", "pg/0", ALL, None),
            ("hook", "pg/2", ALL, None),
            ("hook", "pg/0", ALL, None),
            ("gone", "pg/1"),
            ("expel", "pg/2"),
        ),
    ),
    "a successor that has taken over is stopped, and everybody else leaves": (
        3,
        (
            ("ask", "pg/0", "switchover", "pg/1"),
            ("hook", "pg/0", ALL, None),
            ("hook", "pg/1", ALL, None),
            ("hook", "pg/0", ALL, None),
            ("sentinel", "pg/1", ALL),
            ("server dies", "pg/1"),
            ("expel", "pg/2"),
            ("expel", "pg/0"),
        ),
    ),
    "a new primary leaves in the middle of its last word": (
        3,
        (
            ("ask", "pg/0", "switchover", "pg/1"),
            ("hook", "pg/0", ALL, None),
            ("hook", "pg/1", ALL, None),
            ("hook", "pg/0", ALL, None),
            ("sentinel", "pg/1", ALL),
            ("receive", "pg/0", None),
            ("hook", "pg/1", ALL, None),
            ("hook", "pg/0", ALL, None),
            ("remove", "pg/1", 1),
        ),
    ),
    "a primary is removed by force, and its machine runs on": (
        4,
        (("backend dies", "pg/0"), ("expel", "pg/0")),
    ),
    "a standby that is cloned anew has less than it had acknowledged": (
        2,
        (
            ("reinit", "pg/1"),
            ("job", "pg/1", "done"),
            ("commit", "pg/0"),
            ("receive", "pg/1", None),
            ("hook", "pg/1", 3, None),
            ("gone", "pg/0"),
        ),
    ),
}


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_whatever_happens_to_two_units(beginning: str) -> None:
    world = _at(2, BEGINNINGS[beginning])
    states, found = explore(world, DEPTHS.get(beginning, DEPTH), RULES, every=20)
    assert found is None, found
    assert states > 500


@pytest.mark.parametrize("count", [2, 3, 4])
def test_random_walks(count: int) -> None:
    for seed in range(WALKS):
        found = walk(seed, count, RULES)
        assert found is None, shortened(found, RULES)


@pytest.mark.parametrize("row", ROWS)
def test_what_was_found_once_holds(row: str) -> None:
    count, moves = ROWS[row]
    assert follow(count, 1, moves, RULES) == ""


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=list(MUTATIONS))
def test_finds_a_rule_that_is_broken(mutation: Mutation) -> None:
    assert any(walk(seed, 2 + seed % 3, mutation.rules, mutation.harm) for seed in range(PATIENCE))


def test_finds_that_a_last_word_counts_as_never_said() -> None:
    # No walk meets it: a successor acknowledges alone only where the primary it takes over from
    # stood alone, and the operator wants just then that no commit waits.
    alone = (("power off", "pg/1"), *(("hook", "pg/0", ALL, None),) * 3, ("boot", "pg/1"))
    back = (
        ("receive", "pg/1", None),
        ("hook", "pg/1", ALL, None),
        ("commit", "pg/0"),
        ("hook", "pg/0", ALL, None),
        ("receive", "pg/1", None),
    )
    handed_over = (
        ("wanted", 0),
        ("ask", "pg/0", "switchover", "pg/1"),
        ("hook", "pg/0", ALL, None),
        ("hook", "pg/1", ALL, None),
        ("hook", "pg/0", ALL, None),
        ("sentinel", "pg/1", ALL),
    )
    moves: tuple[Move, ...] = (*alone, *back, *handed_over, ("commit", "pg/1"), ("gone", "pg/1"))
    assert follow(2, 1, moves, RULES) == ""
    assert "missing on pg/0" in follow(2, 1, moves, NEVER_SAID)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_switchover_ends_with_the_one_that_was_asked_for(count: int) -> None:
    world = _at(count, (("ask", "pg/0", "switchover", "pg/1"),))
    assert settle(world, RULES) == ""
    assert world.record is not None
    assert (world.record.primary, world.record.term) == ("pg/1", 2)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_primary_that_is_gone_is_replaced(count: int) -> None:
    world = _at(count, (("commit", "pg/0"), ("receive", "pg/1", None), ("gone", "pg/0")))
    assert settle(world, RULES) == ""
    assert world.record is not None
    assert world.record.primary == "pg/1"


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("wanted", [0, 1])
@pytest.mark.parametrize("fault", ["full", "hung"])
def test_a_primary_whose_data_disk_is_at_fault_is_replaced(
    count: int, wanted: int, fault: str
) -> None:
    world = settled(count, wanted)
    for move in (("set", "pg/0", fault, True), ("commit", "pg/0")):
        apply(world, move, RULES)
    for _ in range(ROUNDS):
        round_of_hooks(world, RULES)
    assert world.record is not None
    assert world.record.primary not in (None, "pg/0")
    assert settle(world, RULES) == ""


@pytest.mark.parametrize("count", [2, 3])
def test_a_standby_whose_wal_is_gone_is_cloned_anew_and_counts_again(count: int) -> None:
    away = (("power off", "pg/1"), *(("hook", "pg/0", ALL, None),) * 3, ("commit", "pg/0"))
    world = _at(count, (*away, ("recycle", "pg/0"), ("boot", "pg/1")))
    assert world.starves(world.sites["pg/1"])
    assert settle(world, RULES) == ""
    assert world.sites["pg/1"].kept > 0


def test_a_primary_that_stood_alone_is_replaced_by_force_only() -> None:
    world = _at(2, (*BEGINNINGS["the primary stands alone"], ("gone", "pg/0")))
    assert settle(world, RULES) != ""
    apply(world, ("ask", "pg/1", "force", "pg/1"), RULES)
    assert settle(world, RULES) == ""


def test_a_primary_that_is_removed_hands_on_also_what_it_alone_had() -> None:
    world = _at(2, (*BEGINNINGS["the primary stands alone"], ("commit", "pg/0"), ("boot", "pg/1")))
    apply(world, ("receive", "pg/1", None), RULES)
    apply(world, ("remove", "pg/0", 2), RULES)
    assert settle(world, RULES) == ""
    assert world.record is not None
    assert world.record.primary == "pg/1"


def _at(count: int, moves: tuple[Move, ...]) -> World:
    world = settled(count)
    for move in moves:
        apply(world, move, RULES)
    return world
