"""Whether a server's commits reach its disk, told by a deadline whatever hangs."""

import contextlib
import socket
import time
from collections.abc import Callable

import psycopg2
import pytest

from postgresql import gate, postmaster, probe, roles, synchronous
from postgresql.layout import Layout
from postgresql.probe import Prober, Verdict
from postgresql.synchronous import HOLD, Setting
from tests.functional.lab import (
    ADDRESS,
    OPERATOR_PASSWORD,
    Lab,
    ask,
    frozen,
    stopped,
    until,
    value,
)

TIMEOUT_S = 0.6
OK = Verdict(True)


def local(layout: Layout) -> Prober:
    return Prober.local(layout)


def remote(layout: Layout) -> Prober:
    return Prober.remote(ADDRESS, OPERATOR_PASSWORD, layout.port)


either = pytest.mark.parametrize("of", [local, remote])


@pytest.fixture(scope="module")
def primary(shared_lab: Lab) -> Layout:
    return shared_lab.primary()


def timed(prober: Prober) -> Verdict:
    began = time.monotonic()
    verdict = prober.probe(TIMEOUT_S)
    assert time.monotonic() - began < TIMEOUT_S + 0.3
    return verdict


@either
def test_a_server_that_commits_is_ok(primary: Layout, of: Callable[[Layout], Prober]):
    before = value(primary, "SELECT pg_current_wal_flush_lsn()")
    with contextlib.closing(of(primary)) as prober:
        assert timed(prober) == OK
        assert timed(prober) == OK

    assert value(primary, "SELECT pg_current_wal_flush_lsn() > %s::pg_lsn", before) is True


@either
def test_a_server_that_hangs_is_told_by_the_deadline(
    primary: Layout, of: Callable[[Layout], Prober]
):
    with contextlib.closing(of(primary)) as fresh, contextlib.closing(of(primary)) as kept:
        assert timed(kept) == OK
        with frozen(primary):
            for prober in (kept, fresh):
                verdict = timed(prober)
                assert not verdict.ok and not verdict.busy
                assert verdict.reason == "no answer within 0.6 s"

        assert timed(kept) == OK
        assert timed(fresh) == OK


@either
def test_a_commit_that_does_not_reach_the_disk_is_told(
    primary: Layout, of: Callable[[Layout], Prober]
):
    with contextlib.closing(of(primary)) as prober:
        assert timed(prober) == OK
        (pid,) = ask(
            primary,
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'pg-hot-standby-probe'",
        )[0]
        assert isinstance(pid, int)
        with stopped(pid):
            assert not timed(prober).ok


@either
def test_a_hold_does_not_make_a_server_look_dead(primary: Layout, of: Callable[[Layout], Prober]):
    synchronous.ensure(primary, HOLD)
    try:
        assert synchronous.in_force(primary, HOLD)
        with contextlib.closing(of(primary)) as prober:
            assert timed(prober) == OK
    finally:
        synchronous.ensure(primary, Setting())


def test_a_server_with_too_many_clients_is_alive(lab: Lab):
    primary = lab.primary()
    with contextlib.ExitStack() as taken:
        with pytest.raises(psycopg2.OperationalError):
            for _ in range(200):
                conn = psycopg2.connect(
                    host=ADDRESS,
                    port=primary.port,
                    user=roles.OPERATOR,
                    password=OPERATOR_PASSWORD,
                    dbname="postgres",
                )
                taken.callback(conn.close)

        verdict = probe.remote(ADDRESS, OPERATOR_PASSWORD, TIMEOUT_S, primary.port)

        assert verdict.ok and "connection" in verdict.reason
        assert probe.local(primary, TIMEOUT_S) == OK


def test_a_connection_from_before_a_restart_is_made_anew(lab: Lab):
    primary = lab.primary()
    with contextlib.closing(Prober.local(primary)) as prober:
        assert timed(prober) == OK
        postmaster.stop(primary)
        gone = timed(prober)
        assert not gone.ok and not gone.busy and gone.reason
        gate.start_as_primary(primary)

        assert timed(prober) == OK


def test_a_server_that_starts_is_busy(lab: Lab):
    primary = lab.primary()
    ask(
        primary,
        "CREATE TABLE public.big AS SELECT repeat('x', 500) FROM generate_series(1, 400000) g",
    )
    postmaster.stop(primary, "immediate")
    postmaster.start(primary, wait_s=0)
    seen: list[Verdict] = []
    with contextlib.closing(Prober.local(primary)) as prober:
        until(lambda: seen.append(prober.probe(TIMEOUT_S)) or seen[-1].ok)

    assert any(verdict.busy for verdict in seen), seen


def test_a_standby_says_that_it_is_none_to_write_on(lab: Lab):
    primary = lab.primary()
    gate.start_as_standby(primary)

    verdict = probe.local(primary, TIMEOUT_S)

    assert not verdict.ok and verdict.busy and "recovery" in verdict.reason


def test_a_port_that_nobody_listens_on_is_told_at_once():
    verdict = probe.remote(ADDRESS, OPERATOR_PASSWORD, TIMEOUT_S, 5999)

    assert not verdict.ok and "refused" in verdict.reason


def test_a_machine_that_says_nothing_is_given_up_by_the_deadline():
    with socket.socket() as deaf:
        deaf.bind((ADDRESS, 0))
        deaf.listen()
        began = time.monotonic()

        verdict = probe.remote(ADDRESS, OPERATOR_PASSWORD, TIMEOUT_S, deaf.getsockname()[1])

    assert not verdict.ok and time.monotonic() - began < TIMEOUT_S + 0.3


def test_a_server_where_the_charm_has_not_been_is_alive(lab: Lab):
    primary = lab.primary()
    ask(primary, "DROP FUNCTION hot_standby.probe()")

    verdict = probe.remote(ADDRESS, OPERATOR_PASSWORD, TIMEOUT_S, primary.port)

    assert verdict.ok and "probe" in verdict.reason


def test_a_wrong_password_is_no_answer_and_shows_nowhere(primary: Layout):
    verdict = probe.remote(ADDRESS, "wr0ng-one", TIMEOUT_S, primary.port)

    assert not verdict.ok and verdict.busy
    assert "password authentication failed" in verdict.reason
    assert "wr0ng-one" not in repr(verdict)
