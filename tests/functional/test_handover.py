"""A primary that leaves says so, and a standby knows when it has everything."""

from pathlib import Path

import pytest

from postgresql import (
    cluster,
    gate,
    handover,
    logend,
    postmaster,
    promotion,
    recovery,
    seal,
    slots,
    sql,
    terms,
)
from postgresql.errors import ServerRefused
from postgresql.layout import Layout
from postgresql.recovery import Upstream
from postgresql.synchronous import Setting
from tests.functional.lab import (
    ADDRESS,
    PASSWORD,
    REPLICATOR,
    Lab,
    ask,
    pid_of,
    stopped,
    until,
    value,
)
from tests.functional.mounts import DISK, fill, mounted, move_wal, moved
from tests.functional.writer import Writer, make_table


def final(layout: Layout) -> int:
    end = logend.look(layout)
    assert end is not None
    return end.final


def timeline(layout: Layout) -> object:
    return value(layout, "SELECT max(received_tli) FROM pg_stat_wal_receiver")


@pytest.fixture
def pair(lab: Lab) -> tuple[Layout, Layout]:
    primary = lab.primary()
    gate.close(primary)
    with sql.local(primary) as conn:
        terms.begin(conn, 4)
    make_table(primary)
    return primary, lab.standby(primary)


def test_a_standby_has_everything_when_its_log_ends_in_the_farewell(
    pair: tuple[Layout, Layout],
):
    primary, standby = pair
    assert final(standby) == 0
    with Writer(primary) as writer:
        until(lambda: writer.acknowledged > 50)

        handover.hand_over(primary, 4)

        until(lambda: final(standby) == 4)
        until(lambda: writer.error)
    (most,) = ask(standby, "SELECT max(n) FROM public.written")
    assert isinstance(most[0], int) and most[0] >= writer.acknowledged
    assert not postmaster.is_running(primary) and primary.standby_signal.exists()
    handover.hand_over(primary, 4)


def test_a_server_that_a_full_disk_ends_at_the_checkpoint_comes_back_without_a_last_word(
    lab: Lab, tmp_path: Path
):
    primary = lab.primary()
    with sql.local(primary) as conn:
        terms.begin(conn, 4)
    standby = lab.standby(primary)
    postmaster.stop(primary)
    data = primary.data_directory
    with mounted(tmp_path / "wal", DISK) as wal, moved(data, tmp_path / "data"):
        move_wal(primary, wal)
        gate.start_as_primary(primary)
        until(lambda: value(primary, "SELECT count(*) FROM pg_stat_replication") == 1)
        fill(data / "ballast")

        with pytest.raises(ServerRefused):
            handover.checkpoint(primary, 20)

        until(lambda: logend.look(primary))
        end = logend.look(primary)
        assert end is not None
        assert (end.reached, end.farewell) == (4, 0)
        assert final(standby) == 0


def test_a_restart_for_a_setting_is_no_farewell(pair: tuple[Layout, Layout]):
    primary, standby = pair
    postmaster.stop(primary)
    until(lambda: cluster.state(primary).control_state == "shut down")
    ends = [logend.look(standby)]
    until(lambda: ends.append(logend.look(standby)) or ends[-1] == ends[-2])

    assert final(standby) == 0


def test_a_farewell_without_a_clean_end_is_none(pair: tuple[Layout, Layout]):
    primary, standby = pair
    with sql.local(primary) as conn:
        terms.farewell(conn, 4)
        assert terms.farewell_of(conn) == 4
    until(lambda: value(standby, "SELECT max(term) FROM hot_standby.farewell") == 4)
    postmaster.stop(primary, "immediate")

    assert final(standby) == 0
    with pytest.raises(ServerRefused, match="did not end cleanly"):
        handover.hand_over(primary, 4)
    gate.start_as_standby(primary)
    with pytest.raises(ServerRefused, match="is a standby"):
        handover.hand_over(primary, 4)


def test_a_checkpoint_that_takes_long_is_not_waited_for_in_one_go(pair: tuple[Layout, Layout]):
    primary, standby = pair
    with stopped(pid_of(primary, "checkpointer")):
        with pytest.raises(ServerRefused, match=r"its checkpoint: .* timeout; it is tried again"):
            handover.checkpoint(primary, patience_s=1)
        ask(primary, "INSERT INTO public.written VALUES (0)")
        assert final(standby) == 0

    handover.checkpoint(primary)
    handover.hand_over(primary, 4)

    until(lambda: final(standby) == 4)


def test_an_end_that_takes_long_is_not_waited_for_in_one_go(pair: tuple[Layout, Layout]):
    primary, standby = pair
    with stopped(pid_of(primary, "checkpointer")):
        for _ in range(2):
            with pytest.raises(ServerRefused, match="still there after 1 s"):
                handover.hand_over(primary, 4, patience_s=1)

    handover.hand_over(primary, 4)

    until(lambda: final(standby) == 4)


def test_one_that_was_started_again_after_it_is_stopped_once_more(pair: tuple[Layout, Layout]):
    primary, _ = pair
    handover.hand_over(primary, 4)
    postmaster.start(primary)
    assert value(primary, "SELECT pg_is_in_recovery()") is True

    handover.hand_over(primary, 4)

    assert not postmaster.is_running(primary)


def test_a_standby_hands_nothing_over(pair: tuple[Layout, Layout]):
    _, standby = pair

    with pytest.raises(ServerRefused, match="is a standby"):
        handover.hand_over(standby, 4)

    assert postmaster.is_accepting(standby)


def test_the_former_primary_follows_its_successor_without_a_rewind(
    pair: tuple[Layout, Layout],
):
    primary, standby = pair
    with Writer(primary) as writer:
        until(lambda: writer.acknowledged > 50)
        handover.hand_over(primary, 4)
        until(lambda: final(standby) == 4)
    assert promotion.promote(standby, 5, Setting(serial=9))
    ask(standby, "INSERT INTO public.written VALUES (0)")
    with sql.local(standby) as conn:
        slots.ensure(conn, ["lab_0"])
    upstream = Upstream(ADDRESS, REPLICATOR, PASSWORD, "lab_0", "lab_0", standby.port)
    recovery.ensure(primary, upstream)

    gate.start_as_standby(primary)

    until(lambda: ask(primary, "SELECT 1 FROM public.written WHERE n = 0"))
    assert timeline(primary) == 2
    (most,) = ask(primary, "SELECT max(n) FROM public.written")
    assert isinstance(most[0], int) and most[0] >= writer.acknowledged


def test_a_farewell_is_seen_behind_a_full_segment(pair: tuple[Layout, Layout]):
    primary, standby = pair
    # The shutdown checkpoint then begins one.
    ask(primary, "SELECT pg_switch_wal()")

    handover.hand_over(primary, 4)

    until(lambda: final(standby) == 4)
    assert seal.seal(standby)
    assert final(standby) == 4


def test_a_standby_that_hangs_does_not_hold_the_end_up_for_long(pair: tuple[Layout, Layout]):
    primary, standby = pair
    with stopped(pid_of(standby, "walreceiver")):
        handover.hand_over(primary, 4)
        assert cluster.state(primary).control_state == "shut down"
        assert final(standby) == 0


def test_slots_of_a_standby_hold_nothing(pair: tuple[Layout, Layout]):
    primary, standby = pair
    with sql.local(standby) as conn:
        assert slots.ensure_on_standby(conn, ["lab_0", "lab_2"]) == ("lab_0", "lab_2")
        assert slots.ensure_on_standby(conn, ["lab_0", "lab_2"]) == ()
        assert {slot.retained_bytes for slot in slots.slots(conn)} == {0}
    held = "SELECT restart_lsn IS NOT NULL FROM pg_replication_slots"
    until(lambda: ask(primary, held) == [(True,)])
    # It would come back to its slot.
    postmaster.stop(standby)
    seal.seal(primary)

    with sql.local(primary) as conn:
        assert slots.ensure_on_standby(conn, ["lab_1"]) == ("lab_1",)

    (slot,) = ask(primary, "SELECT restart_lsn IS NULL FROM pg_replication_slots")
    assert slot == (True,)
