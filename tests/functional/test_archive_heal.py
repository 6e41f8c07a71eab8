"""An archive that fails says why, and works again by itself once the reason is gone."""

import contextlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from postgresql import archive, postmaster
from postgresql.archive import places, program
from postgresql.archive.keeper import marks
from postgresql.layout import Layout
from tests.functional.clusters import (
    ARCHIVES,
    ask,
    in_force,
    layout,
    move_to,
    primary,
    standby,
    wait_for,
    write_segments,
)
from tests.functional.mounts import mounted, unmount

HOME = ARCHIVES / "aheal"


@pytest.fixture(scope="module")
def server() -> Iterator[Layout]:
    with primary("aheal", 5751) as one:
        yield one


@pytest.fixture
def place(server: Layout) -> Iterator[Path]:
    place = Path("/srv/heals")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    yield place
    if in_force(server) != str(HOME):
        move_to(server, str(HOME))
    shutil.rmtree(place, ignore_errors=True)


def wait_until_failing(server: Layout) -> archive.Archiver:
    failed = ask(server, "SELECT failed_count FROM pg_stat_archiver")
    write_segments(server, 1)
    wait_for(
        lambda: ask(server, "SELECT failed_count FROM pg_stat_archiver") != failed,
        "the server to fail to archive",
    )
    state = archive.state(server)
    assert state.failing
    assert state.waiting >= 1
    return state


def wait_until_healed(server: Layout, path: Path) -> None:
    """A reconcile is what comes, be it the hook that the sentinel raises or update-status."""
    archive.ensure(server, str(path))
    wait_for(lambda: archive.state(server).waiting == 0, "everything to be archived")
    state = archive.state(server)
    assert not state.failing, state.failure
    assert state.newest_there


def test_a_working_archive(server: Layout):
    (last,) = write_segments(server, 1)
    wait_for(lambda: archive.state(server).last_wal == last, "the segment to be archived")
    state = archive.state(server)
    assert state.directory == HOME
    assert (state.failing, state.failure, state.failed_count) == (False, "", 0)
    assert (state.newest_finished, state.newest_there) == (last, True)
    assert state.last_age_s is not None
    assert state.last_age_s < 30
    assert state.free_bytes
    assert state.moving is None


def test_a_directory_that_disappears_and_comes_back(server: Layout):
    HOME.rename(HOME.with_name("away"))
    try:
        # Seen before the server has anything to archive.
        assert "No such file or directory" in archive.state(server).failure
        state = wait_until_failing(server)
        assert str(HOME) in state.failure
        assert not state.newest_there
    finally:
        HOME.with_name("away").rename(HOME)
    wait_until_healed(server, HOME)
    assert archive.chain(HOME).unbroken


def test_a_file_system_that_does_not_answer_is_waited_for_once(server: Layout, place: Path):
    """A server of files that is away holds up no other hook, nor the way to another directory."""
    now = places.read(server)
    claim = Path(marks.path(str(HOME), now.claim))
    kept = claim.read_text()
    claim.unlink()
    # Whoever opens it waits for somebody who writes.
    os.mkfifo(claim, 0o644)
    try:
        with pytest.raises(program.Failed, match="did not answer"):
            program.look(server, now, patience_s=1)
        waiting = Path(f"/run/pg-hot-standby/archive-{server.major}-{server.name}")
        first = waiting.read_text()
        assert "did not answer" in archive.state(server).failure
        archive.ensure(server, str(place))
        assert in_force(server) == str(place)
        assert waiting.read_text() == first, "another one waited, too"
    finally:
        with claim.open("w"):
            claim.unlink()
        claim.write_text(kept)
        shutil.chown(claim, "postgres", "postgres")
    wait_for(lambda: not archive.state(server).failure, "the one that waits to be through")
    wait_until_healed(server, place)
    move_to(server, str(place))
    assert archive.chain(place).unbroken


def test_the_server_heals_by_itself_too(server: Layout):
    """Without a hook; the archiver tries again within a minute."""
    HOME.rename(HOME.with_name("away"))
    try:
        wait_until_failing(server)
    finally:
        HOME.with_name("away").rename(HOME)
    wait_for(lambda: not archive.state(server).failing, "the archiver's next try", timeout_s=75)
    assert archive.chain(HOME).unbroken


def test_a_directory_that_was_deleted_is_made_again_with_what_the_server_has(server: Layout):
    write_segments(server, 2)
    wait_for(lambda: archive.state(server).newest_there, "segments to be archived")
    before = {one.name for one in HOME.iterdir()}
    shutil.rmtree(HOME)
    wait_until_failing(server)
    wait_until_healed(server, HOME)
    kept = {one.name for one in (server.wal_directory).iterdir()} & before
    assert kept
    wait_for(lambda: kept <= {one.name for one in HOME.iterdir()}, "what pg_wal has")
    assert archive.chain(HOME).unbroken


def test_a_mount_that_is_away_is_not_archived_under(server: Layout, place: Path):
    disk = place / "disk"
    with mounted(disk, "size=2g"):
        move_to(server, str(disk))
        count = len(list(disk.iterdir()))
        # Kept mounted elsewhere, as a disk keeps what is on it.
        with mounted(place / "aside"):
            unmount(place / "aside")
            bind(disk, place / "aside")
            unmount(disk)
            # Worse than usual: what lies underneath is writable for postgres.
            shutil.chown(disk, "postgres", "postgres")
            state = wait_until_failing(server)
            assert "its file system is not mounted" in state.failure
            archive.ensure(server, str(disk))
            assert archive.state(server).failing
            assert list(disk.iterdir()) == []
            bind(place / "aside", disk)
            assert len(list(disk.iterdir())) == count
            wait_until_healed(server, disk)
            assert archive.chain(disk).unbroken
            move_to(server, str(HOME))


def bind(what: Path, where: Path) -> None:
    subprocess.run(["mount", "--bind", str(what), str(where)], check=True)


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(b"\0" * (1 << 20))


def test_a_disk_that_fills_up(server: Layout, place: Path):
    with mounted(place / "disk", "size=2g"):
        move_to(server, str(place / "disk"))
        fill(place / "disk" / "ballast")
        state = wait_until_failing(server)
        assert "No space left on device" in state.failure
        assert str(place / "disk") in state.failure
        assert state.free_bytes is not None
        assert state.free_bytes < 16 << 20
        # Tries that failed leave nothing behind that would take up what becomes free.
        assert not [one for one in (place / "disk").iterdir() if "archtemp" in one.name]
        (place / "disk" / "ballast").unlink()
        wait_until_healed(server, place / "disk")
        assert archive.chain(place / "disk").unbroken
        move_to(server, str(HOME))


def test_a_file_that_was_tampered_with_is_not_overwritten(server: Layout):
    ask(server, "SELECT pg_logical_emit_message(true, 'test', 'so that a segment has begun')")
    taken = HOME / str(ask(server, "SELECT pg_walfile_name(pg_current_wal_lsn())"))
    taken.write_bytes(b"not WAL")
    state = wait_until_failing(server)
    assert f"{taken}: already exists with other contents" in state.failure
    assert taken.read_bytes() == b"not WAL"
    taken.unlink()
    wait_until_healed(server, HOME)


def test_a_standby_archives_what_came_with_its_base_backup(server: Layout):
    stop = threading.Event()
    marks = Path(layout("aheal2", 5752).wal_directory / "archive_status")

    def write() -> None:
        """Until a whole segment has come with the base backup."""
        while not stop.is_set() and not list(marks.glob("*.done")):
            write_segments(server, 1)

    writer = threading.Thread(target=write)
    writer.start()
    with contextlib.ExitStack() as stack:
        try:
            second = stack.enter_context(standby(server, "aheal2", 5752))
        finally:
            stop.set()
            writer.join()
        wait_for(lambda: archive.state(second).waiting == 0, "them to be archived")
        done = [one.name.removesuffix(".done") for one in marks.glob("*.done")]
        assert done
        assert set(done) <= {one.name for one in (ARCHIVES / "aheal2").iterdir()}
        (last,) = write_segments(server, 1)
        wait_for((ARCHIVES / "aheal2" / last).exists, "the next segment")
        # The segment in which the base backup ended may have no mark; it has to come as well.
        archive.ensure(second, str(ARCHIVES / "aheal2"))
        wait_for(lambda: archive.chain(ARCHIVES / "aheal2").unbroken, "an unbroken chain")


def test_a_promoted_standby_archives_its_new_timeline(server: Layout):
    with standby(server, "aheal3", 5753) as third:
        write_segments(server, 1)
        ask(server, "SELECT pg_logical_emit_message(true, 'test', 'so that a segment has begun')")
        lsn = ask(server, "SELECT pg_current_wal_flush_lsn()")
        received = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
        wait_for(lambda: ask(third, received, lsn), "the standby to have received it")
        ask(third, "SELECT pg_promote()")
        (last,) = write_segments(third, 1)
        mine = ARCHIVES / "aheal3"
        wait_for((mine / last).exists, "a segment of the new timeline")
        assert last.startswith("00000002")
        assert (mine / "00000002.history").exists()
        assert list(mine.glob("*.partial"))
        assert archive.chain(mine).unbroken
        move_to(third, "/srv/heals-promoted")
        moved = Path("/srv/heals-promoted")
        assert (moved / "00000002.history").exists()
        assert list(moved.glob("*.partial"))
        assert archive.chain(moved).unbroken
        shutil.rmtree(moved)


def test_a_stopped_server_is_looked_at_too(server: Layout):
    postmaster.stop(server)
    state = archive.state(server)
    assert (state.directory, state.failing) == (HOME, False)
    postmaster.start(server)


def test_a_look_takes_a_moment(server: Layout):
    times: list[float] = []
    for _ in range(5):
        began = time.monotonic()
        archive.state(server)
        times.append(time.monotonic() - began)
    assert min(times) < 0.5
