"""Connections that a hook keeps, on a real server."""

import time

import pytest

from postgresql import postmaster, sql
from postgresql.errors import NotReachable, QueryRefused, Silent
from postgresql.layout import Layout
from tests.functional.lab import ADDRESS, Lab, frozen

PID = "SELECT pg_backend_pid()"


def pid(layout: Layout) -> int:
    with sql.local(layout) as conn:
        return sql.row(conn, PID)[0]


def test_a_connection_is_kept_within_the_block_and_closed_with_it(primary: Layout):
    with sql.keeping():
        first = pid(primary)
        assert pid(primary) == first
        with sql.keeping():
            assert pid(primary) == first
        assert pid(primary) == first
    alone = pid(primary)
    assert alone != first
    with sql.local(primary) as conn:
        query = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY (%s) AND pid <> %s"
        assert sql.row(conn, query, [[first, alone], conn.info.backend_pid]) == (0,)


def test_each_caller_has_the_bound_that_it_asked_for(primary: Layout):
    with sql.keeping():
        for seconds in (7, 3):
            with sql.local(primary, timeout_s=seconds) as conn:
                assert sql.row(conn, "SHOW statement_timeout") == (f"{seconds}s",)


def test_a_refused_statement_does_not_spoil_it(primary: Layout):
    with sql.keeping():
        first = pid(primary)
        with pytest.raises(QueryRefused), sql.local(primary) as conn:
            sql.rows(conn, "SELECT nothing FROM nowhere")
        assert pid(primary) == first


def test_a_session_that_the_server_ended_is_replaced(primary: Layout):
    with sql.keeping():
        first = pid(primary)
        with sql.local(primary, database="template1") as other:
            sql.rows(other, "SELECT pg_terminate_backend(%s, 5000)", [first])
        assert pid(primary) != first


def test_a_server_that_stopped_is_not_reachable_and_one_that_came_back_is(lab: Lab):
    layout = lab.created()
    postmaster.start(layout)
    with sql.keeping():
        first = pid(layout)
        postmaster.stop(layout)
        with pytest.raises(NotReachable):
            pid(layout)
        postmaster.start(layout)
        assert pid(layout) != first


def test_a_server_that_stands_still_holds_up_nobody(primary: Layout):
    """It keeps no timeout of a statement, and the kernel takes connections for it."""
    with sql.keeping(gives_up=True):
        first = pid(primary)
        with frozen(primary):
            with (
                pytest.raises(QueryRefused, match="did not answer within 3"),
                sql.local(primary, timeout_s=0.5) as conn,
            ):
                sql.row(conn, PID)
            with pytest.raises(NotReachable, match="did not answer within 2 s"):
                sql.remote(ADDRESS, "nobody", "", port=primary.port, timeout_s=0.5).__enter__()

            # What was waited for in vain is not waited for again.
            began = time.monotonic()
            with pytest.raises(Silent, match="a moment ago"):
                pid(primary)
            assert not postmaster.start(primary)
            assert time.monotonic() - began < 1
    assert pid(primary) != first


def test_one_that_is_doubted_has_two_seconds_for_a_statement(primary: Layout):
    assert not sql.is_doubted()
    with sql.keeping(doubts=True):
        assert sql.is_doubted()
        for _ in range(2):
            with (
                pytest.raises(QueryRefused, match="statement timeout"),
                sql.local(primary, timeout_s=60) as conn,
            ):
                sql.row(conn, "SELECT pg_sleep(60)")
    assert not sql.is_doubted()


def test_a_connection_is_not_waited_for_either(primary: Layout):
    with frozen(primary), pytest.raises(Silent, match="did not answer within 2 s"):
        sql.local(primary, timeout_s=0.5).__enter__()


def test_who_goes_on_asking_is_answered_once_the_server_goes_on(primary: Layout):
    with sql.keeping():
        with frozen(primary), pytest.raises(Silent):
            sql.local(primary, timeout_s=0.5).__enter__()
        assert pid(primary)
