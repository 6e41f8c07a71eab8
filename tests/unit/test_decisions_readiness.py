"""Whether a failover is possible now, and what to say where it is not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from decisions.facts import Machine, View
from decisions.readiness import unready
from state.member import Admission, Member, Phase
from state.record import Record

RECORD = Record(5, 2, "pg/0", "c1", "7", candidates=("pg/1",), quorum=1)
PRIMARY = Member("pg/0", address="10.0.0.1", phase=Phase.primary)
STANDBY = Member(
    "pg/1",
    address="10.0.0.2",
    phase=Phase.standby,
    admits=Admission("replicator", {"pg/0": "10.0.0.1"}),
)
HELD = {"pg/1": "quorum"}


def view(*members: Member, wanted: int = 1, **changes: Any) -> View:
    return View(
        me="pg/1",
        leader=False,
        record=dataclasses.replace(RECORD, **changes),
        members={one.unit: one for one in members or (PRIMARY, STANDBY)},
        machine=Machine(),
        replication_role=None,
        credentials=True,
        wanted_quorum=wanted,
    )


def test_a_pair_in_order_is_ready() -> None:
    assert unready(view(), HELD) == ()


def test_a_primary_whose_commits_wait_for_nobody_cannot_be_replaced() -> None:
    follows = dataclasses.replace(STANDBY, follows="pg/0")
    alone: dict[str, Any] = {"candidates": (), "quorum": 0}
    (reason,) = unready(view(PRIMARY, follows, **alone), {"pg/1": "async"})
    assert reason == "none could take over now: commits do not wait for any standby yet"
    (reason,) = unready(view(PRIMARY, STANDBY, **alone), {})
    assert reason == "primary alone: no standby to take over; add or repair pg/1"


def test_who_takes_the_risk_of_asynchronous_commits_has_a_failover() -> None:
    one = view(wanted=0, candidates=(), quorum=0, asynchronous=True)
    assert unready(one, {"pg/1": "async"}) == ()


@pytest.mark.parametrize("states", [{"pg/1": "async"}, {"pg/1": "potential"}, {}])
def test_a_server_that_waits_for_less_than_the_record_says_is_found(
    states: dict[str, str],
) -> None:
    (reason,) = unready(view(), states)
    assert reason == (
        "commits are to wait for 1 of pg/1, and the server counts 0 of them; "
        "see synchronous_standby_names on pg/0"
    )


def test_those_who_would_follow_are_to_be_let_in() -> None:
    third = Member("pg/2", address="10.0.0.3", phase=Phase.cloning)
    assert unready(view(PRIMARY, STANDBY, third), HELD) == ("pg/1 does not let pg/2 in yet",)
    moved = dataclasses.replace(PRIMARY, address="10.0.0.9")
    assert unready(view(moved, STANDBY), HELD) == ("pg/1 does not let pg/0 in yet",)
    silent = dataclasses.replace(STANDBY, admits=None)
    assert unready(view(PRIMARY, silent), HELD) == ("pg/1 does not let pg/0 in yet",)


def test_one_that_has_not_told_its_address_is_not_to_be_let_in_yet() -> None:
    assert unready(view(PRIMARY, STANDBY, Member("pg/2")), HELD) == ()


def test_a_hand_over_is_told_as_what_it_is() -> None:
    one = view(successor="pg/1", successor_candidates=("pg/0",), successor_quorum=1)
    assert unready(one, {}) == ("pg/1 is taking over from pg/0",)
