"""A former primary follows the new one, and what only it had is kept."""

import subprocess
import time
from pathlib import Path

import pytest

from postgresql import (
    archive,
    clone,
    cluster,
    commands,
    gate,
    observe,
    postmaster,
    promotion,
    recovery,
    rewind,
    roles,
    seal,
    slots,
    sql,
    terms,
)
from postgresql.errors import NotReachable, ServerRefused
from postgresql.layout import Layout
from postgresql.recovery import Upstream
from postgresql.rewind import RewindState
from postgresql.synchronous import Setting
from tests.functional.lab import (
    ADDRESS,
    OPERATOR_PASSWORD,
    PASSWORD,
    REPLICATOR,
    Lab,
    ask,
    until,
    value,
)
from tests.functional.mounts import mounted
from tests.functional.writer import make_table


def upstream_of(primary: Layout) -> Upstream:
    with sql.local(primary) as conn:
        slots.ensure(conn, ["lab_0"])
    return Upstream(ADDRESS, REPLICATOR, PASSWORD, "lab_0", "lab_0", primary.port)


def has_diverged(layout: Layout, primary: Layout) -> bool:
    with sql.remote(ADDRESS, roles.OPERATOR, OPERATOR_PASSWORD, port=primary.port) as conn:
        return rewind.diverged(conn, layout)


def ended(layout: Layout) -> RewindState:
    until(lambda: rewind.state(layout).phase in ("finished", "failed", "postponed"), 60)
    return rewind.state(layout)


def numbers(layout: Layout) -> list[object]:
    return [n for (n,) in ask(layout, "SELECT n FROM public.written ORDER BY n")]


def part(primary: Layout, standby: Layout) -> None:
    """The standby takes over in term 2 while the primary goes on: 2 is there, 3 is here."""
    assert seal.seal(standby)
    ask(primary, "INSERT INTO public.written VALUES (2)")
    assert promotion.promote(standby, 2, Setting(serial=2))
    ask(standby, "INSERT INTO public.written VALUES (3)")


@pytest.fixture
def pair(lab: Lab) -> tuple[Layout, Layout]:
    """The former primary, and the new one."""
    primary = lab.primary()
    gate.close(primary)
    with sql.local(primary) as conn:
        terms.begin(conn, 1)
    make_table(primary)
    ask(primary, "INSERT INTO public.written VALUES (1)")
    return primary, lab.standby(primary)


def test_a_former_primary_is_rewound_and_what_it_alone_had_is_kept(
    pair: tuple[Layout, Layout], tmp_path: Path
):
    former, primary = pair
    part(former, primary)
    assert seal.seal(former)
    assert has_diverged(former, primary)
    told = tmp_path / "told"
    upstream = upstream_of(primary)

    assert rewind.start(former, upstream, on_finish=["touch", str(told)])
    assert not rewind.start(former, upstream, on_finish=["touch", str(told)])
    state = ended(former)

    assert state.phase == "finished", state.error
    until(told.exists)
    assert not postmaster.is_running(former) and former.standby_signal.exists()
    assert cluster.start_mode(former) == "auto"
    assert rewind.forget(former) and rewind.state(former).phase == "absent"
    gate.start_as_standby(former)
    until(lambda: ask(former, "SELECT 1 FROM pg_stat_wal_receiver WHERE status = 'streaming'"))
    until(lambda: numbers(former) == [1, 3])
    assert not has_diverged(former, primary)
    assert ask(former, "SELECT 1 FROM pg_replication_slots") == []

    assert state.kept is not None and state.kept.owner() == "postgres"
    readme = (state.kept / "README").read_text()
    (command,) = [line.strip() for line in readme.splitlines() if "pg_waldump" in line]
    shown = subprocess.run(command.split(), capture_output=True, text=True, check=False).stdout
    assert "rmgr: Heap" in shown and "INSERT" in shown and "COMMIT" in shown


def test_a_killed_former_primary_is_rewound(pair: tuple[Layout, Layout]):
    former, primary = pair
    part(former, primary)
    postmaster.stop(former, "immediate")
    gate.start_as_standby(former)
    assert has_diverged(former, primary)

    rewind.start(former, upstream_of(primary))
    state = ended(former)

    assert state.phase == "finished", state.error
    gate.start_as_standby(former)
    until(lambda: numbers(former) == [1, 3])


def test_one_that_was_told_to_follow_meanwhile_streams_and_has_diverged_all_the_same(
    pair: tuple[Layout, Layout],
):
    former, primary = pair
    part(former, primary)
    postmaster.stop(former, "immediate")
    recovery.ensure(former, upstream_of(primary))
    gate.start_as_standby(former)
    # The timeline that both have is sent to its end, from the beginning of the segment on.
    until(lambda: ask(former, "SELECT 1 FROM pg_stat_wal_receiver"))

    assert has_diverged(former, primary)
    assert observe.observe(former).timeline < observe.observe(primary).timeline
    rewind.start(former, upstream_of(primary))

    state = ended(former)
    assert state.phase == "finished", state.error
    gate.start_as_standby(former)
    until(lambda: numbers(former) == [1, 3])


def test_a_former_primary_that_wrote_nothing_more_has_not_diverged(
    pair: tuple[Layout, Layout],
):
    former, primary = pair
    ask(former, "SELECT pg_switch_wal()")
    here = value(former, "SELECT pg_current_wal_flush_lsn()")
    until(lambda: value(primary, "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", here))
    postmaster.stop(former, "immediate")
    assert seal.seal(former)
    gate.start_as_standby(former)
    assert not has_diverged(former, primary), "the other one is no primary yet"
    assert seal.seal(primary)
    assert promotion.promote(primary, 2, Setting(serial=2))

    assert not has_diverged(former, primary)
    recovery.ensure(former, upstream_of(primary))
    ask(primary, "INSERT INTO public.written VALUES (3)")
    until(lambda: numbers(former) == [1, 3])
    assert not has_diverged(former, primary)


def test_two_of_one_timeline_number_have_diverged(pair: tuple[Layout, Layout]):
    former, primary = pair
    assert seal.seal(primary)
    ask(former, "INSERT INTO public.written VALUES (2)")
    assert promotion.promote(primary, 2, Setting(serial=2))
    # It was elected at last, for another term, and did not know of the other's timeline.
    assert seal.seal(former)
    assert promotion.promote(former, 3, Setting(serial=3))
    for one in pair:
        assert value(one, "SELECT pg_walfile_name(pg_current_wal_lsn()) LIKE '00000002%%'") is True
    assert seal.seal(former)

    assert has_diverged(former, primary)


def test_wal_that_waits_is_archived_before_it_is_taken_away(
    pair: tuple[Layout, Layout], tmp_path: Path
):
    former, primary = pair
    directory = Path("/srv/rewound-archive")
    try:
        archive.ensure(former, str(directory))
        assert seal.seal(primary)
        claim = next(directory.glob("pg_hot_standby.claim.*"))
        hidden = claim.with_name("hidden")
        claim.rename(hidden)
        name = value(former, "SELECT pg_walfile_name(pg_current_wal_lsn())")
        ask(former, "INSERT INTO public.written VALUES (2)")
        ask(former, "SELECT pg_switch_wal()")
        ready = former.wal_directory / "archive_status" / f"{name}.ready"
        assert seal.seal(former)
        assert promotion.promote(primary, 2, Setting(serial=2))
        assert ready.exists()

        rewind.start(former, upstream_of(primary))
        failed = ended(former)
        assert failed.phase == "postponed" and "is not archived" in failed.error, failed
        assert not failed.spoiled and cluster.start_mode(former) == "auto"

        hidden.rename(claim)
        gate.start_as_standby(former)
        upstream = upstream_of(primary)
        assert not rewind.start(former, upstream), "it has patience"
        until(lambda: rewind.start(former, upstream))
        state = ended(former)
        assert (state.phase, state.attempt) == ("finished", 2), state.error
        assert (directory / str(name)).exists()
    finally:
        subprocess.run(["rm", "-rf", directory], check=True)


def test_a_rewind_without_room_for_what_it_keeps_has_touched_nothing(
    pair: tuple[Layout, Layout],
):
    former, primary = pair
    part(former, primary)
    assert seal.seal(former)
    full = former.data_directory.with_name(f"{former.name}.unacknowledged.partial")
    # Something that is no directory, and cannot be taken away.
    with mounted(full, "size=4k"):
        rewind.start(former, upstream_of(primary))
        state = ended(former)

    assert state.phase == "postponed" and "kept aside" in state.error
    assert not state.spoiled
    assert gate.start_as_standby(former)
    assert numbers(former) == [1, 2]


def test_a_rewind_that_fails_half_way_leaves_nothing_that_starts_until_it_is_cloned(
    pair: tuple[Layout, Layout],
):
    former, primary = pair
    part(former, primary)
    assert seal.seal(former)
    upstream = upstream_of(primary)
    # pg_rewind has no right to read the source's files any more.
    ask(
        primary,
        "REVOKE ALL ON FUNCTION pg_read_binary_file(text, bigint, bigint, boolean) FROM"
        f" {REPLICATOR}",
    )

    rewind.start(former, upstream)
    state = ended(former)

    assert state.phase == "failed" and state.spoiled
    assert "permission denied" in state.error, state.error
    assert state.kept is not None and list(state.kept.glob("0*"))
    with pytest.raises(ServerRefused):
        postmaster.start(former)
    result = commands.run(["pg_ctlcluster", str(former.major), former.name, "start"])
    assert result.returncode and "disabled" in result.stderr
    with pytest.raises(ServerRefused, match="clone the standby anew"):
        rewind.start(former, upstream)
    # Nor does the job itself set to it twice, whoever starts it.
    subprocess.run(["systemctl", "start", former.rewind_service], check=True)
    until(lambda: rewind.state(former).error == "it was interrupted half-way")
    assert rewind.state(former).phase == "failed" and rewind.state(former).spoiled

    clone.start(former, upstream)
    until(lambda: clone.state(former).phase == "finished", 60)
    clone.adopt(former, "lab", cluster.state(primary).system_id)
    recovery.ensure(former, upstream)
    gate.start_as_standby(former)
    until(lambda: numbers(former) == [1, 3])
    assert rewind.state(former).phase == "absent"


def test_a_rewind_that_failed_before_it_began_to_write_has_touched_nothing(
    pair: tuple[Layout, Layout],
):
    former, primary = pair
    part(former, primary)
    assert seal.seal(former)
    upstream = upstream_of(primary)
    # The first thing that pg_rewind asks of its source.
    ask(primary, "ALTER SYSTEM SET full_page_writes = off")
    ask(primary, "SELECT pg_reload_conf()")

    rewind.start(former, upstream)
    state = ended(former)

    assert state.phase == "postponed" and "full_page_writes" in state.error, state
    assert not state.spoiled and state.kept is None and state.next_try_s > 0
    assert not list(former.data_directory.parent.glob(f"{former.name}.unacknowledged*"))
    assert cluster.start_mode(former) == "auto"
    gate.start_as_standby(former)
    assert numbers(former) == [1, 2]
    ask(primary, "ALTER SYSTEM RESET full_page_writes")
    ask(primary, "SELECT pg_reload_conf()")
    until(lambda: rewind.start(former, upstream))
    assert ended(former).phase == "finished"
    gate.start_as_standby(former)
    until(lambda: numbers(former) == [1, 3])


def test_a_rewind_waits_for_a_primary_that_is_away(pair: tuple[Layout, Layout]):
    former, primary = pair
    part(former, primary)
    assert seal.seal(former)
    upstream = upstream_of(primary)
    rewind.start(former, upstream)
    ended(former)
    rewind.forget(former)
    postmaster.stop(primary, "immediate")

    with pytest.raises(NotReachable):
        rewind.start(former, upstream)

    assert rewind.state(former).phase == "absent"


def test_a_rewind_that_was_killed_while_it_waited_is_begun_anew(pair: tuple[Layout, Layout]):
    former, primary = pair
    part(former, primary)
    assert seal.seal(former)
    upstream = upstream_of(primary)
    # It waits for a right that it needs for its first question.
    ask(primary, "REVOKE EXECUTE ON FUNCTION pg_control_checkpoint() FROM PUBLIC")
    rewind.start(former, upstream)
    time.sleep(0.5)
    assert rewind.state(former).phase == "running" and postmaster.is_accepting(former)

    subprocess.run(["systemctl", "kill", "--signal=SIGKILL", former.rewind_service], check=True)

    until(lambda: rewind.state(former).phase == "absent")
    ask(primary, "GRANT EXECUTE ON FUNCTION pg_control_checkpoint() TO PUBLIC")
    assert rewind.start(former, upstream)
    assert ended(former).phase == "finished"


def test_a_replication_role_that_may_rewind_can_be_dropped(lab: Lab):
    primary = lab.primary()

    with sql.local(primary) as conn:
        assert roles.drop(conn, REPLICATOR)
        assert roles.ensure(conn, REPLICATOR, PASSWORD, OPERATOR_PASSWORD)
        assert not roles.ensure(conn, REPLICATOR, PASSWORD, OPERATOR_PASSWORD)
