"""What is made of a look at the machine."""

from __future__ import annotations

import dataclasses
import socket
import time

import pytest

from decisions.facts import Machine, View
from observation import answers, is_following, silent
from postgresql.observe import Server
from state.member import Member, Phase
from state.messages import Ballot, Lost
from state.record import Record

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


def test_a_host_that_listens_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert answers("127.0.0.1", server.getsockname()[1])


def test_one_that_refuses_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not answers("127.0.0.1", port)


def test_one_that_keeps_silent_does_not_and_is_not_waited_for() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        # It takes no more than its queue holds, and says nothing to who comes then.
        waiting = [socket.socket() for _ in range(8)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(server.getsockname())
        began = time.monotonic()
        assert not answers("127.0.0.1", server.getsockname()[1])
        assert time.monotonic() - began < 2
        for one in waiting:
            one.close()


def test_the_silent_are_those_who_have_given_no_ballot_and_take_no_connection() -> None:
    record = Record(
        4,
        3,
        None,
        "c1",
        asynchronous=True,
        previous_primary="pg/0",
        previous_term=2,
    )
    lost = Lost(2, "no answer")
    members = (
        Member("pg/0", address="127.0.0.2", lost=lost),
        Member("pg/1", address="127.0.0.3", lost=lost),
        Member("pg/2", address="127.0.0.4", lost=lost),
        Member("pg/3", address="127.0.0.5", lost=lost, ballot=Ballot(3, 2, 1000)),
        Member("pg/4", address="127.0.0.6", lost=lost),
        Member("pg/5", lost=lost),
        Member("pg/6", address="127.0.0.7"),
    )
    known = {one.unit: one for one in members}
    with socket.create_server(("127.0.0.6", 0)) as server:
        view = View("pg/1", True, record, known, Machine(), None, True)
        assert silent(view, server.getsockname()[1]) == ("pg/2", "pg/5")
