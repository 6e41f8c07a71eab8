"""Which directories a running server's archive is moved to, and which are refused."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from postgresql import archive
from postgresql.errors import ArchiveRefused
from postgresql.layout import Layout
from tests.commandlines import as_the_server_runs
from tests.functional.clusters import (
    ARCHIVES,
    ask,
    in_force,
    move_to,
    primary,
    wait_for,
    write_segments,
)
from tests.functional.mounts import mounted

HOME = ARCHIVES / "adir"


@pytest.fixture(scope="module")
def server() -> Iterator[Layout]:
    with primary("adir", 5721) as one:
        yield one


@pytest.fixture
def place(server: Layout) -> Iterator[Path]:
    place = Path("/srv/place")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o755)
    yield place
    if in_force(server) != str(HOME):
        move_to(server, str(HOME))
    shutil.rmtree(place, ignore_errors=True)


def names(directory: Path) -> list[str]:
    return sorted(one.name for one in directory.iterdir())


def refused(server: Layout, path: object) -> str:
    """The reason; and nothing about the archive has changed."""
    before = in_force(server)
    text = server.archive_conf_file.read_text()
    with pytest.raises(ArchiveRefused) as error:
        archive.ensure(server, str(path))
    assert in_force(server) == before
    assert server.archive_conf_file.read_text() == text
    state = archive.state(server)
    assert (str(state.directory), state.failing) == (before, False)
    return error.value.why


ODD = (
    "with space",
    """it's "quoted\"""",
    "100% %p%f",
    "$HOME",
    "a;touch gotcha",
    "$(touch gotcha)",
    "back\\slash",
    "Ärchiv-档案",
    "-rf",
    "x" * 200,
)


def test_odd_names_work_to_the_end(server: Layout, place: Path):
    for name in ODD:
        odd = place / name
        move_to(server, str(odd))
        (segment,) = write_segments(server, 1)
        wait_for((odd / segment).exists, f"a segment in {odd}")
        # What a recovery would run, as the server has it in force.
        command = str(ask(server, "SELECT current_setting('restore_command')"))
        line = as_the_server_runs(command, segment, "got")
        subprocess.run(["/bin/sh", "-c", line], cwd=place, check=True)
        assert (place / "got").read_bytes() == (odd / segment).read_bytes()
        assert archive.chain(odd).unbroken
    assert names(place) == sorted({"got", *ODD})


def test_missing_directories_are_made(server: Layout, place: Path):
    move_to(server, str(place / "deep" / "er" / "archive"))
    for directory, owner, mode in (
        ("deep", "root", 0o755),
        ("deep/er", "root", 0o755),
        ("deep/er/archive", "postgres", 0o700),
    ):
        assert (place / directory).owner() == owner
        assert (place / directory).stat().st_mode & 0o777 == mode
    move_to(server, str(HOME))


def test_a_fresh_mount_of_roots_is_given_to_postgres(server: Layout, place: Path):
    with mounted(place / "disk", "size=2g"):
        (place / "disk" / "lost+found").mkdir()
        move_to(server, str(place / "disk"))
        assert (place / "disk").owner() == "postgres"
        move_to(server, str(HOME))


def test_other_peoples_files_stay(server: Layout, place: Path):
    place.chmod(0o777)
    (place / "letter.txt").write_text("dear")
    move_to(server, str(place))
    move_to(server, str(HOME))
    assert names(place) == ["letter.txt"]


class TestRefused:
    def test_the_data_directory_and_what_is_in_it(self, server: Layout, place: Path):
        assert "PostgreSQL's own directory" in refused(server, server.data_directory)
        assert "PostgreSQL's own directory" in refused(server, server.data_directory / "archive")
        (place / "link").symlink_to(server.data_directory)
        assert "PostgreSQL's own directory" in refused(server, place / "link" / "archive")
        assert "data directory" in refused(server, server.data_directory.parent)
        assert not (server.data_directory / "archive").exists()

    def test_a_tablespace(self, server: Layout, place: Path):
        directory = place / "PG_15_202209061" / "archive"
        assert "PostgreSQL's own directory" in refused(server, directory)
        assert not directory.parent.exists()

    def test_a_system_directory_behind_a_link(self, server: Layout, place: Path):
        (place / "link").symlink_to("/etc")
        assert "/etc is a directory of the system" in refused(server, place / "link" / "archive")
        assert not Path("/etc/archive").exists()

    def test_a_relative_path(self, server: Layout):
        assert "not an absolute path" in refused(server, "archive")

    def test_a_file(self, server: Layout, place: Path):
        (place / "file").write_text("content")
        assert f"{place}/file is a file, not a directory" in refused(server, place / "file")
        assert f"{place}/file is a file, not a directory" in refused(
            server, place / "file" / "archive"
        )
        assert (place / "file").read_text() == "content"

    def test_a_link_to_nowhere(self, server: Layout, place: Path):
        (place / "link").symlink_to(place / "nowhere" / "archive")
        archive.check_path(str(place / "link"))
        with contextlib.suppress(ArchiveRefused):
            move_to(server, str(place / "link"))
            move_to(server, str(HOME))

    def test_a_read_only_file_system(self, server: Layout, place: Path):
        with mounted(place / "disk", "ro"):
            assert "Read-only file system" in refused(server, place / "disk")
            assert "Read-only file system" in refused(server, place / "disk" / "archive")

    def test_a_full_file_system(self, server: Layout, place: Path):
        with mounted(place / "disk", "size=20m"):
            reason = refused(server, place / "disk" / "archive")
            assert "20.0 MB are free there, and" in reason
            assert names(place / "disk") == []

    def test_a_file_system_too_small_for_what_has_to_come_over(self, server: Layout, place: Path):
        write_segments(server, 3)
        wait_for(lambda: archive.state(server).newest_there, "the segments to be archived")
        with mounted(place / "disk", "size=64m"):
            assert "64.0 MB are free there, and" in refused(server, place / "disk")

    def test_a_directory_that_postgres_may_not_write(self, server: Layout, place: Path):
        (place / "secrets").mkdir(mode=0o700)
        (place / "secrets" / "key").write_text("key")
        reason = refused(server, place / "secrets")
        assert "Permission denied" in reason
        assert (place / "secrets").owner() == "root"

    def test_a_directory_that_postgres_cannot_reach(self, server: Layout, place: Path):
        (place / "closed").mkdir(mode=0o700)
        assert "Permission denied" in refused(server, place / "closed" / "archive")
        assert names(place / "closed") == []

    def test_the_archive_of_another_cluster(self, server: Layout):
        with primary("astranger", 5722) as other:
            write_segments(other, 1)
            wait_for(lambda: archive.state(other).newest_there, "a segment to be archived")
            before = names(ARCHIVES / "astranger")
            reason = refused(server, ARCHIVES / "astranger")
            assert "belongs to the cluster with system identifier" in reason
            assert names(ARCHIVES / "astranger") == before
            for mark in (ARCHIVES / "astranger").glob("pg_hot_standby.*"):
                mark.unlink()
            # Its WAL alone gives it away, too.
            assert "belongs to the cluster with system" in refused(server, ARCHIVES / "astranger")


def test_a_refused_path_does_not_stop_a_move_that_is_under_way(server: Layout, place: Path):
    archive.ensure(server, str(place / "new"))
    with pytest.raises(ArchiveRefused):
        archive.ensure(server, "relative")

    def arrived() -> bool:
        with contextlib.suppress(ArchiveRefused):
            archive.ensure(server, "relative")
        return archive.state(server).moving is None

    wait_for(arrived, "the move to end")
    assert in_force(server) == str(place / "new")
    move_to(server, str(HOME))
