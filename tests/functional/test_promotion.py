"""A standby is sealed, says where its log ends, and becomes the primary of a term."""

import contextlib
import time

import pytest

from postgresql import (
    gate,
    logend,
    observe,
    postmaster,
    promotion,
    recovery,
    roles,
    seal,
    slots,
    sql,
    synchronous,
    terms,
)
from postgresql.errors import NotReachable
from postgresql.layout import Layout
from postgresql.recovery import Upstream
from postgresql.synchronous import HOLD, Setting
from postgresql.terms import Reached
from sentinel.look import Observer
from tests.functional.lab import (
    ADDRESS,
    OPERATOR_PASSWORD,
    PASSWORD,
    REPLICATOR,
    Lab,
    ask,
    log_of,
    stopped,
    until,
    value,
)
from tests.functional.writer import Writer, make_table, waiting

ONE = Setting(serial=5, members=("lab_1",), quorum=1)


def begin(layout: Layout, term: int) -> Reached:
    with sql.local(layout) as conn:
        return terms.begin(conn, term)


def reached(layout: Layout) -> Reached | None:
    with sql.local(layout) as conn:
        return terms.reached(conn)


def end(layout: Layout) -> logend.LogEnd:
    found = logend.look(layout)
    assert found is not None
    return found


def lsn(layout: Layout) -> int:
    found = value(layout, "SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint")
    assert isinstance(found, int)
    return found


def receivers(layout: Layout) -> list[tuple[object, ...]]:
    return ask(layout, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walreceiver'")


def follow(layout: Layout, primary: Layout, unit: str = "lab/1") -> None:
    name = slots.slot_name(unit)
    with sql.local(primary) as conn:
        slots.ensure(conn, [name])
    upstream = Upstream(ADDRESS, REPLICATOR, PASSWORD, name, name, primary.port)
    recovery.ensure(layout, upstream)


@pytest.fixture
def pair(lab: Lab) -> tuple[Layout, Layout]:
    primary = lab.primary()
    gate.close(primary)
    begin(primary, 1)
    make_table(primary)
    return primary, lab.standby(primary)


def test_a_term_begins_once(lab: Lab):
    primary = lab.primary()
    assert reached(primary) is None
    before = lsn(primary)

    found = begin(primary, 3)

    assert found.term == 3 and found.timeline == 1 and before <= found.lsn <= lsn(primary)
    assert begin(primary, 3) == found == reached(primary)
    newer = begin(primary, 4)
    with sql.local(primary) as conn:
        assert terms.history(conn) == (newer, found)


def test_a_log_that_knows_of_no_terms_says_so(lab: Lab):
    layout = lab.created()
    postmaster.start(layout)

    with sql.local(layout) as conn:
        assert terms.reached(conn) is None
        assert terms.history(conn) == ()
        assert terms.farewell_of(conn) == 0


def test_a_sealed_standby_hears_nothing_more(pair: tuple[Layout, Layout]):
    primary, standby = pair
    synchronous.ensure(primary, ONE)
    assert synchronous.proved(primary, ONE)
    with Writer(primary) as writer:
        until(lambda: writer.acknowledged > 20)

        assert seal.seal(standby)

        assert receivers(standby) == []
        last = writer.acknowledged
        assert writer.hangs()
        assert writer.acknowledged - last <= 1, "one answer may have been on its way"
        until(lambda: end(standby).replayed)
        (most,) = ask(standby, "SELECT max(n) FROM public.written")
        assert isinstance(most[0], int) and most[0] >= writer.acknowledged
    assert seal.seal(standby)
    assert not standby.passfile.exists()


def test_a_seal_does_not_wait_for_a_replay_that_is_held_up(pair: tuple[Layout, Layout]):
    primary, standby = pair
    ask(standby, "SELECT pg_wal_replay_pause()")
    until(lambda: value(standby, "SELECT pg_get_wal_replay_pause_state()") == "paused")
    ask(primary, "INSERT INTO public.written VALUES (1)")
    flushed = lsn(primary)
    until(lambda: end(standby).lsn >= flushed)

    assert seal.seal(standby)

    assert receivers(standby) == []
    assert not end(standby).replayed
    ask(standby, "SELECT pg_wal_replay_resume()")
    until(lambda: end(standby).replayed)
    assert end(standby).lsn == flushed


def test_a_standby_that_waits_to_connect_again_is_sealed(pair: tuple[Layout, Layout]):
    primary, standby = pair
    postmaster.stop(primary, "immediate")
    until(lambda: receivers(standby) == [])

    assert seal.seal(standby)

    gate.start_as_primary(primary)
    ask(primary, "INSERT INTO public.written VALUES (1)")
    # Longer than it waits between two attempts.
    time.sleep(2.5)
    assert receivers(standby) == []
    assert ask(primary, "SELECT 1 FROM pg_stat_replication") == []


def test_a_walreceiver_that_does_not_end_leaves_it_unsealed(pair: tuple[Layout, Layout]):
    _, standby = pair
    ((pid,),) = receivers(standby)
    assert isinstance(pid, int)

    with stopped(pid):
        assert not seal.seal(standby, 0.5)

    assert seal.seal(standby)


def test_a_primary_is_sealed_by_becoming_a_standby_of_nobody(pair: tuple[Layout, Layout]):
    primary, _ = pair
    ask(primary, "INSERT INTO public.written VALUES (7)")

    assert seal.seal(primary)

    assert ask(primary, "SELECT pg_is_in_recovery(), n FROM public.written") == [(True, 7)]
    assert end(primary).replayed and end(primary).reached == 1
    assert seal.seal(primary)


def test_a_killed_primary_is_sealed_while_it_is_stopped(pair: tuple[Layout, Layout]):
    primary, _ = pair
    ask(primary, "INSERT INTO public.written VALUES (7)")
    flushed = lsn(primary)
    postmaster.stop(primary, "immediate")

    assert seal.seal(primary)

    assert logend.look(primary) is None
    assert gate.start_as_standby(primary)
    assert end(primary).replayed and end(primary).lsn >= flushed


def test_a_standby_with_no_room_for_another_session_is_sealed(pair: tuple[Layout, Layout]):
    _, standby = pair
    with contextlib.ExitStack() as taken:
        with pytest.raises(NotReachable):
            for _ in range(200):
                taken.enter_context(sql.local(standby))

        assert seal.seal(standby)


def test_the_end_of_a_log_is_that_of_its_last_record(pair: tuple[Layout, Layout]):
    primary, standby = pair
    ask(primary, "INSERT INTO public.written VALUES (1)")
    flushed = lsn(primary)

    until(lambda: end(standby).lsn == flushed)

    assert end(standby) == logend.LogEnd(
        flushed,
        reached=1,
        replayed=True,
        farewell=0,
        final=0,
        timeline=1,
        segment_size=16 << 20,
    )
    assert logend.look(primary) is None


def test_the_end_of_a_log_is_found_at_the_border_of_a_segment(pair: tuple[Layout, Layout]):
    primary, standby = pair
    ask(primary, "SELECT pg_switch_wal()")
    border = value(primary, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")
    assert isinstance(border, int)

    # What is received and not yet replayed counts for the end, too.
    until(lambda: (seen := end(standby)).replayed and seen.lsn >= border - border % (16 << 20))

    began = time.monotonic()
    assert end(standby).final == 0
    # The next segment is not there, and is not waited for: the last word of a term begins one.
    assert time.monotonic() - began < 2


def test_a_record_that_was_cut_off_half_way_is_not_waited_for(pair: tuple[Layout, Layout]):
    primary, standby = pair
    ((pid,),) = ask(primary, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walsender'")
    assert isinstance(pid, int)
    # Several megabytes in one record, of which the standby gets what was sent at once.
    ask(primary, "SELECT pg_logical_emit_message(false, 'test', repeat('x', 40000000))")
    seal.seal(standby)

    until(lambda: end(standby).replayed)

    query = "SELECT pg_last_wal_receive_lsn() >= pg_last_wal_replay_lsn()"
    assert value(standby, query) is True


def test_a_promoted_standby_begins_its_term_and_has_the_gate_closed(pair: tuple[Layout, Layout]):
    primary, standby = pair
    postmaster.stop(primary, "immediate")
    assert seal.seal(standby)

    assert promotion.promote(standby, 2, Setting(serial=6))

    found = reached(standby)
    assert found is not None and (found.term, found.timeline) == (2, 2)
    assert gate.is_primary(standby) and standby.standby_signal.exists()
    assert recovery.follows(standby) is None
    assert synchronous.read(standby) == Setting(serial=6)
    until(lambda: value(standby, "SELECT timeline_id FROM pg_control_checkpoint()") == 2)
    assert promotion.promote(standby, 2, Setting(serial=6))
    assert reached(standby) == found


def test_nothing_is_acknowledged_before_a_member_has_the_new_term(pair: tuple[Layout, Layout]):
    primary, standby = pair
    setting = Setting(serial=6, members=("lab_0",), quorum=1)
    assert seal.seal(primary)
    assert seal.seal(standby)

    assert not promotion.promote(standby, 2, setting, timeout_s=1)

    assert gate.is_primary(standby) and standby.standby_signal.exists()
    assert synchronous.read(standby) == HOLD
    with Writer(standby) as writer:
        assert writer.hangs()
        assert not promotion.promote(standby, 2, setting, timeout_s=0.5)
        assert writer.acknowledged == 0

        follow(primary, standby, "lab/0")

        assert promotion.promote(standby, 2, setting)
        until(lambda: writer.acknowledged > 3)
    assert synchronous.read(standby) == setting
    until(lambda: (found := reached(primary)) is not None and found.term == 2)


def test_a_promotion_that_was_interrupted_goes_on(pair: tuple[Layout, Layout]):
    primary, standby = pair
    postmaster.stop(primary, "immediate")
    assert seal.seal(standby)
    synchronous.ensure(standby, HOLD)
    ask(standby, "SELECT pg_promote()")
    assert not standby.standby_signal.exists()
    with Writer(standby) as writer:
        assert writer.hangs()

        assert promotion.promote(standby, 2, Setting(serial=6))

        until(lambda: writer.acknowledged > 3)
    assert standby.standby_signal.exists()
    found = reached(standby)
    assert found is not None and found.term == 2


def test_a_promoted_server_that_is_killed_comes_back_as_a_standby(pair: tuple[Layout, Layout]):
    primary, standby = pair
    assert seal.seal(standby)
    assert promotion.promote(standby, 2, Setting(serial=6))
    ask(standby, "INSERT INTO public.written VALUES (2)")
    postmaster.stop(standby, "immediate")

    postmaster.start(standby)

    assert ask(standby, "SELECT pg_is_in_recovery(), n FROM public.written") == [(True, 2)]
    assert receivers(standby) == [] and gate.is_primary(primary)
    assert end(standby).reached == 2 and end(standby).replayed
    gate.start_as_primary(standby)
    assert promotion.promote(standby, 2, Setting(serial=6))
    assert waiting(standby) == 0


def test_a_primary_of_no_term_yet_begins_one_where_it_is(lab: Lab):
    primary = lab.primary()

    assert promotion.promote(primary, 1, Setting(serial=1))

    found = reached(primary)
    assert found is not None and (found.term, found.timeline) == (1, 1)
    assert primary.standby_signal.exists()
    assert "selected new timeline" not in log_of(primary)


def test_a_log_tells_how_its_last_term_began(lab: Lab):
    primary = lab.primary()
    begin(primary, 1)
    make_table(primary)
    standby = lab.standby(primary)
    ask(primary, "INSERT INTO public.written VALUES (1)")
    until(lambda: value(standby, "SELECT count(*) FROM public.written") == 1)
    postmaster.stop(primary, "immediate")
    assert seal.seal(standby)

    assert promotion.promote(standby, 2, Setting(serial=2))

    with sql.local(standby) as conn:
        told = terms.last(conn)
        assert told is not None and (told.term, told.timeline, told.kind) == (2, 2, "")
        assert told.before is not None and told.opened is not None
        assert told.before < told.since < told.opened
        assert told.gap_s == told.opened - told.before
        assert terms.explain(conn, 2, "election", "lab/0", 4096, True)
        assert not terms.explain(conn, 2, "election", "lab/0", None, True)
        again = terms.last(conn)
    assert again is not None
    assert (again.kind, again.former, again.missing) == ("election", "lab/0", 4096)
    assert value(standby, "SELECT at_risk FROM hot_standby.term WHERE term = 2") is True
    # A later call changes nothing of when it began.
    assert promotion.promote(standby, 2, Setting(serial=2))
    with sql.local(standby) as conn:
        assert terms.last(conn) == again


def test_a_table_of_an_earlier_build_is_filled_as_far_as_it_goes(lab: Lab):
    primary = lab.primary()
    columns = ("kind", "former", "missing", "before", "opened", "at_risk")
    dropped = ", ".join(f"DROP COLUMN {column}" for column in columns)
    ask(primary, f"ALTER TABLE hot_standby.term {dropped}")
    begin(primary, 1)
    standby = lab.standby(primary)
    assert seal.seal(standby)

    assert promotion.promote(standby, 2, Setting(serial=2))

    with sql.local(standby) as conn:
        told = terms.last(conn)
        assert told is not None and told.term == 2 and told.before is None
        assert not terms.explain(conn, 2, "election", "lab/0", None, True)
        assert roles.ensure(conn, REPLICATOR, PASSWORD, OPERATOR_PASSWORD)
        assert not roles.ensure(conn, REPLICATOR, PASSWORD, OPERATOR_PASSWORD)
        assert terms.explain(conn, 2, "election", "lab/0", None, True)
        told = terms.last(conn)
    assert told is not None
    assert (told.former, told.missing) == ("lab/0", None)


def test_a_standby_knows_how_much_its_primary_has(lab: Lab):
    primary = lab.primary()
    standby = lab.standby(primary)
    observer = Observer(standby)
    ask(primary, "SELECT pg_logical_emit_message(true, 'test', 'x')")
    has = lsn(primary)

    until(lambda: observer.look().told[0] >= has)

    assert abs(observer.look().told[1] - time.time()) < 30
    assert Observer(primary).look().told == (0, 0)
    assert seal.seal(standby)
    assert observer.look().told == (0, 0)


def test_who_overrules_what_commits_wait_for_keeps_a_promotion_from_beginning(lab: Lab):
    primary = lab.primary()
    begin(primary, 1)
    standby = lab.standby(primary)
    assert observe.observe(standby).overridden == ()
    # The first is what would be harmful; the second nobody minds.
    ask(standby, "ALTER SYSTEM SET synchronous_standby_names = ''")
    ask(standby, "ALTER SYSTEM SET work_mem = '8MB'")
    ask(standby, "SELECT pg_reload_conf()")
    assert seal.seal(standby)

    assert not promotion.promote(standby, 2, Setting(serial=2))

    assert value(standby, "SELECT pg_is_in_recovery()") is True
    ((name, _),) = observe.observe(standby).overridden
    assert name == "synchronous_standby_names"
    ask(standby, f"ALTER SYSTEM RESET {name}")
    ask(standby, "SELECT pg_reload_conf()")
    assert observe.observe(standby).overridden == ()
    assert promotion.promote(standby, 2, Setting(serial=2))
