"""Proof that standbys follow, on a primary and two standbys that are real."""

import contextlib
import dataclasses
import signal
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from postgresql import postmaster, sql
from postgresql.layout import Layout
from postgresql.verify import Endpoint, verify
from tests.functional.clusters import (
    ARCHIVES,
    ask,
    endpoint,
    primary,
    standby,
    streams,
    wait_for,
    write_segments,
)


@dataclasses.dataclass
class Trio:
    first: Layout
    second: Layout
    third: Layout

    @property
    def ends(self) -> tuple[Endpoint, list[Endpoint]]:
        return endpoint(self.first), [endpoint(self.second), endpoint(self.third)]


@pytest.fixture(scope="module")
def trio() -> Iterator[Trio]:
    with (
        primary("vone", 5711) as first,
        standby(first, "vtwo", 5712) as second,
        standby(first, "vthree", 5713) as third,
    ):
        yield Trio(first, second, third)


def reasons(report_problems: object) -> str:
    return "\n".join(map(str, report_problems))  # pyright: ignore


def test_two_standbys_that_follow_are_proved_in_a_moment(trio: Trio):
    write_segments(trio.first, 1)
    # The best of several: what else runs on the host is not to be measured.
    best = min((verify(*trio.ends, timeout_s=10) for _ in range(10)), key=lambda one: one.took_ms)
    assert best.proved, reasons(best.problems)
    assert best.took_ms < 300
    assert (best.primary, best.timeline) == ("vone/0", 1)
    assert best.primary_archive is not None
    assert best.primary_archive.directory == str(ARCHIVES / "vone")
    assert best.primary_archive.newest_there
    assert best.primary_archive.last_age_s is not None
    for report, name in zip(best.standbys, ("vtwo", "vthree"), strict=True):
        assert report.unit == f"{name}/0"
        assert (report.state, report.sync_state, report.timeline) == ("streaming", "async", 1)
        assert report.visible_ms is not None
        assert report.visible_ms < 200
        assert (report.slot, report.wal_status) == (name, "reserved")
        assert report.replay_lag_bytes is not None
        assert report.archive is not None
        assert report.archive.directory == str(ARCHIVES / name)
        assert report.archive.newest_there


def test_old_rows_are_cleaned_up_and_young_ones_kept(trio: Trio):
    ask(trio.first, "TRUNCATE hot_standby.token")
    ask(
        trio.first,
        "INSERT INTO hot_standby.token VALUES ('old', now() - interval '2 hours'),"
        " ('young', now() - interval '1 minute')",
    )
    assert verify(*trio.ends).proved
    assert ask(trio.first, "SELECT count(*) FROM hot_standby.token") == 2
    assert ask(trio.first, "SELECT count(*) FROM hot_standby.token WHERE token = 'old'") == 0


def test_no_synchronous_standby_is_waited_for(trio: Trio):
    """A quorum that is lost hangs commits; the proof has to tell of it, not to hang with them."""
    ask(trio.first, "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (nobody)'")
    ask(trio.first, "SELECT pg_reload_conf()")
    try:
        assert verify(*trio.ends, timeout_s=5).took_ms < 2000
    finally:
        ask(trio.first, "ALTER SYSTEM RESET synchronous_standby_names")
        ask(trio.first, "SELECT pg_reload_conf()")


def test_a_standby_whose_replay_lags_is_named_with_how_far(trio: Trio):
    ask(trio.second, "SELECT pg_wal_replay_pause()")
    try:
        report = verify(*trio.ends, timeout_s=1)
    finally:
        ask(trio.second, "SELECT pg_wal_replay_resume()")
    assert [problem.unit for problem in report.problems] == ["vtwo/0"]
    assert "did not show the row within 1 s" in report.problems[0].reason
    assert "behind; its replay is paused: SELECT pg_wal_replay_resume() there" in (
        report.problems[0].reason
    )
    assert report.standbys[1].visible_ms is not None


@contextlib.contextmanager
def stopped(one: Layout, of: Layout) -> Generator[None, None, None]:
    postmaster.stop(one)
    try:
        yield
    finally:
        postmaster.start(one)
        wait_for(lambda: streams(of, one.name), "the standby to stream again")


def test_a_standby_that_is_down_is_named(trio: Trio):
    with stopped(trio.third, trio.first):
        report = verify(*trio.ends, timeout_s=3)
    assert {problem.unit for problem in report.problems} == {"vthree/0"}
    assert "refused" in reasons(report.problems)
    assert report.took_ms < 1500


def test_a_primary_that_is_down_is_named_and_its_standbys_are_not_blamed(trio: Trio):
    postmaster.stop(trio.first)
    try:
        report = verify(*trio.ends, timeout_s=3)
    finally:
        postmaster.start(trio.first)
        for name in ("vtwo", "vthree"):
            wait_for(lambda name=name: streams(trio.first, name), "standbys to stream again")
    assert [problem.unit for problem in report.problems] == ["vone/0"]
    assert report.timeline is None


def test_a_machine_that_hangs_does_not_hold_up_the_answer(trio: Trio):
    postmaster = int((trio.second.data_directory / "postmaster.pid").read_text().split()[0])
    pids = [postmaster, *children(postmaster)]
    for pid in pids:
        send(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        report = verify(*trio.ends, timeout_s=2)
        took = time.monotonic() - began
    finally:
        for pid in pids:
            send(pid, signal.SIGCONT)
    assert took < 3
    assert {problem.unit for problem in report.problems} == {"vtwo/0"}
    assert report.standbys[1].visible_ms is not None


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def send(pid: int, what: signal.Signals) -> None:
    import os

    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, what)


def test_a_standby_without_its_slot_is_named(trio: Trio):
    first, ends = trio.ends
    ends[1] = dataclasses.replace(ends[1], slot="nowhere")
    report = verify(first, ends)
    assert reasons(report.problems) == "vthree/0: has no replication slot on the primary"


def test_a_second_primary_is_no_standby(trio: Trio):
    with primary("vstray", 5719) as stray:
        first, ends = trio.ends
        report = verify(first, [*ends, endpoint(stray)], timeout_s=2)
    assert {problem.unit for problem in report.problems} == {"vstray/0"}
    assert "takes writes itself" in reasons(report.problems)


def test_a_standby_that_was_promoted_and_followed_is_on_another_timeline(trio: Trio):
    """A standby of a standby that was promoted: it follows, but not this primary."""
    with (
        standby(trio.first, "vfour", 5714) as fourth,
        standby(fourth, "vfive", 5715) as fifth,
    ):
        ask(fourth, "SELECT pg_promote()")
        wait_for(lambda: streams(fourth, "vfive"), "it to follow over to the new timeline")
        first, ends = trio.ends
        report = verify(first, [*ends, endpoint(fifth)], timeout_s=1)
        assert {problem.unit for problem in report.problems} == {"vfive/0"}
        assert "is on timeline 2, and the primary on 1" in reasons(report.problems)


def test_a_standby_asked_as_if_it_were_the_primary(trio: Trio):
    report = verify(endpoint(trio.second), [endpoint(trio.first)], timeout_s=1)
    assert "vtwo/0: is a standby itself and takes no writes" in reasons(report.problems)
    assert "vone/0: does not follow: it is no standby" in reasons(report.problems)


def test_a_unit_without_an_address_yet(trio: Trio):
    first, ends = trio.ends
    ends[1] = dataclasses.replace(ends[1], address="")
    assert "has no address" in reasons(verify(first, ends).problems)


def test_no_password_is_shown(trio: Trio):
    first, ends = trio.ends
    ends[0] = dataclasses.replace(ends[0], password="not the password")
    report = verify(first, ends, timeout_s=3)
    assert "password authentication failed" in reasons(report.problems)
    assert "not the password" not in repr(report) + repr(ends)


def test_an_archive_that_is_stuck_is_named(trio: Trio):
    away = ARCHIVES / "vtwo.away"
    (ARCHIVES / "vtwo").rename(away)
    try:
        write_segments(trio.first, 1)
        wait_for(
            lambda: ask(trio.second, "SELECT failed_count FROM pg_stat_archiver"),
            "archiving to fail",
        )
        report = verify(*trio.ends, timeout_s=1)
    finally:
        away.rename(ARCHIVES / "vtwo")
    assert {problem.unit for problem in report.problems} == {"vtwo/0"}
    assert f"archiving to {ARCHIVES}/vtwo fails" in reasons(report.problems)
    assert report.standbys[0].archive is not None
    assert not report.standbys[0].archive.newest_there
    ask(trio.second, "SELECT pg_reload_conf()")
    wait_for(lambda: verify(*trio.ends, timeout_s=1).proved, "the archive to heal")


def test_a_segment_that_was_deleted_from_the_archive_is_missed(trio: Trio):
    (name,) = write_segments(trio.first, 1)
    kept = ARCHIVES / "vone" / name
    wait_for(kept.exists, "the segment to be archived")
    kept.rename(ARCHIVES / "elsewhere")
    try:
        report = verify(*trio.ends, timeout_s=1)
        assert f"{name} is finished and not in {ARCHIVES}/vone" in reasons(report.problems)
        kept.write_bytes(b"half a segment")
        assert not verify(*trio.ends, timeout_s=1).proved
    finally:
        (ARCHIVES / "elsewhere").rename(kept)
    assert verify(*trio.ends).proved


def test_the_operator_role_can_read_no_files(trio: Trio):
    first, _ = trio.ends
    with (
        pytest.raises(Exception, match="permission denied"),
        sql.remote("127.0.0.1", "hot_standby", first.password, port=first.port) as conn,
    ):
        sql.rows(conn, "SELECT pg_stat_file('/etc/passwd')")
