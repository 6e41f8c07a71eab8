"""What is made of a look at the machine."""

from __future__ import annotations

import dataclasses

import pytest

from observation import is_following
from postgresql.observe import Server
from state.member import Member, Phase

STREAMING = Server(in_recovery=True, receiver_status="streaming", timeline=3)
PRIMARY = Member("pg/1", phase=Phase.primary, timeline=3)


@pytest.mark.parametrize(
    ("changes", "primary", "expected"),
    [
        ({}, PRIMARY, True),
        ({"receiver_status": ""}, PRIMARY, False),
        ({"receiver_status": "waiting"}, PRIMARY, False),
        # The end of the timeline before, which both have.
        ({"timeline": 2}, PRIMARY, False),
        # The primary has not told yet of the timeline that it has begun.
        ({"timeline": 4}, PRIMARY, True),
        ({}, dataclasses.replace(PRIMARY, timeline=None), True),
        ({}, None, True),
    ],
)
def test_whether_a_standby_receives_what_its_primary_writes_now(
    changes: dict[str, str | int], primary: Member | None, expected: bool
) -> None:
    assert is_following(dataclasses.replace(STREAMING, **changes), primary) is expected
