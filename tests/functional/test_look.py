"""What the sentinel sees of real servers, and what it makes of two looks."""

from __future__ import annotations

from postgresql import gate, postmaster
from postgresql.layout import Layout
from sentinel import events
from sentinel.events import between
from sentinel.look import Observer
from tests.functional.lab import Lab, ask, frozen, until, value

RECEIVER = "SELECT pid FROM pg_stat_wal_receiver WHERE status = 'streaming'"
SENDER = "SELECT pid FROM pg_stat_replication WHERE state = 'streaming'"


def pair(lab: Lab) -> tuple[Layout, Layout]:
    primary = lab.primary()
    standby = lab.standby(primary)
    until(lambda: ask(standby, RECEIVER) and ask(primary, SENDER))
    return primary, standby


def test_two_looks_at_a_pair_at_peace_are_the_same(lab: Lab) -> None:
    for layout in pair(lab):
        observer = Observer(layout)
        until(lambda observer=observer: between(observer.look(), observer.look()) == ())


def test_a_connection_that_was_away_between_two_looks_is_told_of(lab: Lab) -> None:
    primary, standby = pair(lab)
    sending, following = Observer(primary), Observer(standby)
    before = sending.look(), following.look()
    assert before[1].streaming
    former = value(standby, RECEIVER)

    ask(primary, "SELECT pg_terminate_backend(%s)", value(primary, SENDER))
    until(lambda: ask(standby, RECEIVER) not in ([], [(former,)]))

    assert events.FOLLOWING_CHANGED in between(before[1], following.look())
    assert events.STANDBYS_CHANGED in between(before[0], sending.look())


def test_a_server_that_was_away_between_two_looks_is_told_of(lab: Lab) -> None:
    primary = lab.primary()
    observer = Observer(primary)
    before = observer.look()

    postmaster.stop(primary)
    postmaster.start(primary)

    assert between(before, observer.look()) == (events.SERVER_STARTED,)


def test_a_server_that_does_not_answer_is_a_primary_only_if_it_takes_writes(lab: Lab) -> None:
    for layout, writable in zip(pair(lab), (True, False), strict=True):
        observer = Observer(layout)
        with frozen(layout):
            seen = observer.look()
            assert (seen.up, seen.running, seen.writable) == (True, False, writable)
        assert gate.is_primary(layout) is writable
