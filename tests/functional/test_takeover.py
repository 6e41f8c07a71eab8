"""What is in the way of a takeover, told by real servers."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

import psycopg2
import pytest

from postgresql import slots, sql, takeover
from postgresql.layout import Layout
from postgresql.verify import Endpoint
from tests.functional.lab import ADDRESS, OPERATOR_PASSWORD, Lab, ask, frozen


@pytest.fixture(scope="module")
def pair(shared_lab: Lab) -> tuple[Layout, Layout]:
    primary = shared_lab.primary()
    return primary, shared_lab.standby(primary)


def ends(pair: tuple[Layout, Layout]) -> tuple[Endpoint, list[Endpoint]]:
    first, second = (
        Endpoint(unit, ADDRESS, slot, slot, OPERATOR_PASSWORD, layout.port)
        for unit, slot, layout in zip(("lab/0", "lab/1"), ("lab_0", "lab_1"), pair, strict=True)
    )
    return first, [second]


@contextmanager
def watched(layout: Layout) -> Generator[None, None, None]:
    """Asked once a second, as by its sentinel."""
    ended = threading.Event()
    connection = psycopg2.connect(
        host=str(layout.socket_directory),
        port=layout.port,
        user="postgres",
        dbname="postgres",
        application_name=sql.SENTINEL_NAME,
    )
    connection.autocommit = True

    def look() -> None:
        with connection.cursor() as cursor:
            while True:
                cursor.execute("SELECT 1")
                if ended.wait(1):
                    return

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        connection.close()


@contextmanager
def in_order(pair: tuple[Layout, Layout]) -> Generator[None, None, None]:
    with ExitStack() as stack:
        for layout in pair:
            stack.enter_context(watched(layout))
        with sql.local(pair[1]) as connection:
            slots.ensure_on_standby(connection, ["lab_0"])
        yield


def told(pair: tuple[Layout, Layout]) -> list[str]:
    return [str(one) for one in takeover.problems(*ends(pair))]


def test_a_pair_in_order_has_no_problem(pair: tuple[Layout, Layout]) -> None:
    with in_order(pair):
        assert told(pair) == []


def test_a_server_that_no_sentinel_looks_at_is_named(pair: tuple[Layout, Layout]) -> None:
    with in_order(pair):
        pass

    words = "no sentinel looks at its server; see there: journalctl -u pg-hot-standby-sentinel"
    assert told(pair) == [f"lab/0: {words}", f"lab/1: {words}"]


def test_replay_that_is_paused_is_named(pair: tuple[Layout, Layout]) -> None:
    with in_order(pair):
        ask(pair[1], "SELECT pg_wal_replay_pause()")
        try:
            paused = "lab/1: its replay is paused; there: SELECT pg_wal_replay_resume()"
            assert told(pair) == [paused]
        finally:
            ask(pair[1], "SELECT pg_wal_replay_resume()")


def test_a_missing_slot_for_those_who_would_follow_is_named(pair: tuple[Layout, Layout]) -> None:
    with in_order(pair):
        ask(pair[1], "SELECT pg_drop_replication_slot('lab_0')")
        assert told(pair) == ["lab/1: has no slot lab_0 for those who would follow it"]


def test_a_server_that_does_not_answer_is_verifys_to_tell(pair: tuple[Layout, Layout]) -> None:
    with in_order(pair), frozen(pair[1]):
        assert takeover.problems(*ends(pair), timeout_s=1) == ()
