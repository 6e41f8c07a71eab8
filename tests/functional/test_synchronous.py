"""Whose acknowledgement a commit waits for, and when that is proved."""

from collections.abc import Generator

import pytest

from postgresql import conffile, files, postmaster, sql, synchronous
from postgresql.layout import Layout
from postgresql.synchronous import HOLD, Setting
from tests.functional.lab import Lab, ask, pid_of, stopped, until, value
from tests.functional.writer import Writer, make_table, waiting

ONE = Setting(serial=3, members=("lab_1",), quorum=1)


@pytest.fixture(scope="module")
def pair(shared_lab: Lab) -> tuple[Layout, Layout]:
    primary = shared_lab.primary()
    make_table(primary)
    return primary, shared_lab.standby(primary)


@pytest.fixture(autouse=True)
def asynchronous(pair: tuple[Layout, Layout]) -> Generator[None, None, None]:
    yield
    synchronous.ensure(pair[0], Setting())


def test_what_was_never_written_is_asynchronous(lab: Lab):
    assert synchronous.read(lab.layout()) == Setting()


@pytest.mark.parametrize(
    "setting", [ONE, Setting(7, ("a", "lab_1", "z"), 2), Setting(serial=4), HOLD]
)
def test_a_setting_is_written_once_and_read_again(pair: tuple[Layout, Layout], setting: Setting):
    primary, _ = pair

    assert synchronous.ensure(primary, setting)
    assert not synchronous.ensure(primary, setting)

    assert synchronous.read(primary) == setting
    assert synchronous.in_force(primary, setting)


def test_it_is_read_while_the_server_is_stopped(lab: Lab):
    layout = lab.created()
    synchronous.ensure(layout, ONE)

    assert synchronous.read(layout) == ONE
    assert not synchronous.in_force(layout, ONE, 0.1)
    assert not synchronous.proved(layout, ONE, 0.1)


def test_it_is_proved_when_the_member_has_what_was_committed(pair: tuple[Layout, Layout]):
    primary, _ = pair
    synchronous.ensure(primary, ONE)

    assert synchronous.proved(primary, ONE)

    (state,) = ask(primary, "SELECT sync_state FROM pg_stat_replication")
    assert state == ("quorum",)


def test_asynchronous_is_proved_when_it_is_in_force(pair: tuple[Layout, Layout]):
    primary, _ = pair
    synchronous.ensure(primary, Setting(serial=9))

    assert synchronous.proved(primary, Setting(serial=9))
    assert not synchronous.proved(primary, Setting(serial=8))


def test_another_setting_than_the_one_in_force_is_not_proved(pair: tuple[Layout, Layout]):
    primary, _ = pair
    synchronous.ensure(primary, ONE)
    ask(primary, "ALTER SYSTEM SET synchronous_standby_names = ''")
    try:
        postmaster.reload(primary)
        assert not synchronous.proved(primary, ONE, 0.5)
    finally:
        ask(primary, "ALTER SYSTEM RESET synchronous_standby_names")
        postmaster.reload(primary)
    assert synchronous.proved(primary, ONE)


def test_it_is_not_proved_while_a_member_lags(pair: tuple[Layout, Layout]):
    primary, standby = pair
    synchronous.ensure(primary, ONE)
    assert synchronous.proved(primary, ONE)

    with stopped(pid_of(standby, "walreceiver")):
        assert not synchronous.proved(primary, ONE, 0.5)

    until(lambda: synchronous.proved(primary, ONE))


def test_it_is_not_proved_by_one_where_two_are_asked_for(pair: tuple[Layout, Layout]):
    primary, _ = pair
    two = Setting(members=("lab_1", "lab_2"), quorum=2)
    synchronous.ensure(primary, two)

    assert not synchronous.proved(primary, two, 0.5)


def test_it_is_not_in_force_before_the_checkpointer_has_read_it(pair: tuple[Layout, Layout]):
    primary, standby = pair
    receiver = pid_of(standby, "walreceiver")
    with stopped(pid_of(primary, "checkpointer")):
        synchronous.ensure(primary, ONE)

        assert not synchronous.in_force(primary, ONE, 0.3)
        assert not synchronous.proved(primary, ONE, 0.3)
        # What the proof is for: with nobody to acknowledge it, a commit is let through.
        with stopped(receiver), Writer(primary) as writer:
            until(lambda: writer.acknowledged > 3)

    assert synchronous.in_force(primary, ONE)
    with stopped(receiver), Writer(primary) as writer:
        assert writer.hangs()


def test_it_is_not_in_force_before_a_walsender_has_read_it(pair: tuple[Layout, Layout]):
    primary, _ = pair
    synchronous.ensure(primary, ONE)
    assert synchronous.in_force(primary, ONE)
    with stopped(pid_of(primary, "walsender")):
        synchronous.ensure(primary, HOLD)

        assert not synchronous.in_force(primary, HOLD, 0.5)

    assert synchronous.in_force(primary, HOLD)


def test_a_hold_lets_no_commit_be_acknowledged(pair: tuple[Layout, Layout]):
    primary, _ = pair
    synchronous.ensure(primary, HOLD)
    assert synchronous.in_force(primary, HOLD)

    with Writer(primary) as writer:
        assert writer.hangs()
        assert writer.acknowledged == 0

        synchronous.ensure(primary, ONE)
        until(lambda: writer.acknowledged > 3)
    assert waiting(primary) == 0


def test_the_charms_own_sessions_do_not_wait(pair: tuple[Layout, Layout]):
    primary, _ = pair
    synchronous.ensure(primary, HOLD)
    assert synchronous.in_force(primary, HOLD)

    with sql.local(primary) as conn:
        sql.rows(conn, "INSERT INTO public.written VALUES (0)")


def test_the_file_holds_what_the_server_reads(pair: tuple[Layout, Layout]):
    primary, _ = pair
    synchronous.ensure(primary, Setting(12, ("lab_1", "lab_2"), 1))

    written = conffile.values(files.read(primary.synchronous_conf_file) or "")

    assert written["synchronous_standby_names"] == 'ANY 1 ("lab_1", "lab_2")'
    assert value(primary, "SHOW synchronous_standby_names") == 'ANY 1 ("lab_1", "lab_2")'
    assert value(primary, "SHOW pg_hot_standby.synchronous_serial") == "12"
