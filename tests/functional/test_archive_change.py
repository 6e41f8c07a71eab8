"""The archive moves from one directory to another while the server writes."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from postgresql import archive, commands, conffile, postmaster, sql
from postgresql.archive import move
from postgresql.errors import ArchiveRefused, PostgresqlError
from postgresql.layout import Layout
from tests.functional.clusters import (
    ARCHIVES,
    ask,
    base_backup,
    in_force,
    move_to,
    primary,
    standby,
    wait_for,
    write_segments,
)
from tests.functional.mounts import mounted


@pytest.fixture
def server() -> Iterator[Layout]:
    with primary("amove", 5741) as one:
        yield one


@pytest.fixture
def place() -> Iterator[Path]:
    place = Path("/srv/moves")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    yield place
    shutil.rmtree(place, ignore_errors=True)


def wal_files(directory: Path) -> list[str]:
    return sorted(one.name for one in directory.iterdir() if one.name[0] in "0123456789ABCDEF")


class Writer:
    """A client that commits a row, and another one, and finishes a segment now and then."""

    def __init__(self, server: Layout):
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self.committed = 0
        self.error: PostgresqlError | None = None

    def __enter__(self) -> "Writer":
        ask(self._server, "CREATE TABLE public.row (n bigint)")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        assert self.error is None

    def wait(self, more: int) -> None:
        goal = self.committed + more
        wait_for(lambda: self.committed >= goal or self.error, f"{more} rows more")

    def _write(self) -> None:
        try:
            with sql.local(self._server) as conn:
                while not self._stop.is_set():
                    sql.rows(conn, "INSERT INTO public.row VALUES (%s)", [self.committed + 1])
                    self.committed += 1
                    # Faster than that, and the archive outgrows the disks of these tests.
                    self._stop.wait(0.005)
                    if self.committed % 30 == 0:
                        sql.rows(conn, "SELECT pg_switch_wal()")
        except PostgresqlError as error:
            self.error = error


def recover(backup: Path, server: Layout, command: str) -> int:
    """Recovers a base backup to the end of the archive; how many rows it has then."""
    (backup / "recovery.signal").touch()
    (backup / "postgresql.conf").write_text(
        f"port = 5749\nunix_socket_directories = '{backup}'\nlisten_addresses = ''\n"
        "archive_mode = off\n"
        f"restore_command = {conffile.quote(command)}\n"
    )
    (backup / "pg_hba.conf").write_text("local all all trust\n")
    (backup / "pg_ident.conf").write_text("")
    for one in backup.glob("*.conf"):
        shutil.chown(one, "postgres", "postgres")
    control = [server.programs / "pg_ctl", "-D", backup, "-l", backup / "log", "-w", "-t", "60"]
    started = commands.run([*control, "start"], as_postgres=True)
    try:
        log = (backup / "log").read_text()
        assert started.returncode == 0, log
        psql = ["psql", "-h", backup, "-p", "5749", "-U", "postgres", "-At", "-c"]

        def asked(query: str) -> str:
            return commands.run([*psql, query], as_postgres=True).stdout.strip()

        wait_for(lambda: asked("SELECT pg_is_in_recovery()") == "f", "the recovery to end")
        rows, highest = asked("SELECT count(*), max(n) FROM public.row").split("|")
        assert rows == highest
        return int(rows)
    finally:
        commands.run([*control, "-m", "immediate", "stop"], as_postgres=True)


@pytest.mark.parametrize("across", [False, True], ids=["same-fs", "other-fs"])
def test_a_base_backup_from_before_is_recovered_through_to_rows_written_after(
    server: Layout, place: Path, across: bool
):
    old, new = ARCHIVES / "amove", place / "disk" / "it's the new one"
    backup = place / "backup"
    place.chmod(0o755)
    if across:
        with mounted(place / "disk", "size=2g"):
            prove(server, old, new, backup)
    else:
        prove(server, old, new, backup)


def prove(server: Layout, old: Path, new: Path, backup: Path) -> None:
    started = ask(server, "SELECT pg_postmaster_start_time()")
    backup.mkdir(mode=0o700)
    shutil.chown(backup, "postgres", "postgres")
    with Writer(server) as writer:
        writer.wait(20)
        base_backup(server, backup, "--wal-method=none")
        writer.wait(60)
        move_to(server, str(new))
        writer.wait(60)
    (last,) = write_segments(server, 1)
    wait_for((new / last).exists, "the last segment in the new directory")
    assert ask(server, "SELECT pg_postmaster_start_time()") == started, "it was restarted"
    assert ask(server, "SELECT failed_count FROM pg_stat_archiver") == 0
    assert archive.chain(new).unbroken
    assert archive.chain(new).first.endswith("00000001")
    assert wal_files(old) == []
    old.rename(old.with_name("away"))
    try:
        command = str(ask(server, "SELECT current_setting('restore_command')"))
        assert str(old) not in command
        assert recover(backup, server, command) == writer.committed
    finally:
        old.with_name("away").rename(old)


def test_the_operator_is_told_what_is_on_its_way(server: Layout, place: Path):
    write_segments(server, 3)
    old = ARCHIVES / "amove"
    wait_for(lambda: len(wal_files(old)) >= 3, "segments")
    with mounted(place / "disk", "size=2g"):
        # So that the move stands still: the same name with other contents.
        blocked = place / "disk" / "archive"
        blocked.mkdir()
        shutil.chown(blocked, "postgres", "postgres")
        first = wal_files(old)[0]
        torn = blocked / first
        content = bytearray((old / first).read_bytes())
        content[-1] ^= 1
        torn.write_bytes(content)
        shutil.chown(torn, "postgres", "postgres")
        archive.ensure(server, str(blocked))
        wait_for(lambda: moving(server).problem, "the move to say what stops it")
        state = moving(server)
        assert state.running
        assert f"{torn}: already exists with other contents" in str(state)
        assert str(state).startswith(f"archive: {state.files} files on their way from {old}, ")
        assert not archive.is_carried(server)
        assert wal_files(old)[0] == first
        torn.unlink()
        # The next call does not wait for the service's patience to end.
        subprocess.run(["systemctl", "restart", move.SERVICE], check=True)
        wait_for(lambda: archive.is_carried(server), "the move to be through")
        move_to(server, str(blocked))
        assert archive.chain(blocked).unbroken
        assert not archive.is_carried(server)
        move_to(server, str(old))


def moving(server: Layout) -> archive.Move:
    found = archive.state(server).moving
    assert found is not None
    return found


def test_a_directory_that_turns_out_bad_is_gone_back_from(server: Layout, place: Path):
    """The proof as postgres went well, and then the server itself cannot archive there."""
    old = ARCHIVES / "amove"
    write_segments(server, 2)
    wait_for(lambda: len(wal_files(old)) >= 2, "segments")
    trap = place / "trap"
    trap.mkdir()
    ask(server, "SELECT pg_logical_emit_message(true, 'test', 'so that a segment has begun')")
    taken = trap / str(ask(server, "SELECT pg_walfile_name(pg_current_wal_lsn())"))
    content = bytearray((old / wal_files(old)[-1]).read_bytes())
    content[-1] ^= 1
    taken.write_bytes(content)
    for one in (trap, taken):
        shutil.chown(one, "postgres", "postgres")
    with pytest.raises(ArchiveRefused, match="already exists with other contents"):
        archive.ensure(server, str(trap))
    assert in_force(server) == str(old)
    wait_for(lambda: (old / taken.name).exists(), "the segment to come to the old directory")
    taken.unlink()
    move_to(server, str(old))
    assert archive.chain(old).unbroken
    assert not archive.state(server).failing


def test_several_changes_while_the_first_is_under_way_and_back_again(server: Layout, place: Path):
    home = ARCHIVES / "amove"
    with mounted(place / "disk", "size=2g"), Writer(server) as writer:
        writer.wait(120)
        for path in (place / "disk" / "a", place / "b", place / "disk" / "a", home, place / "c"):
            archive.ensure(server, str(path))
        writer.wait(40)
        move_to(server, str(place / "c"))
        assert archive.chain(place / "c").unbroken
        assert archive.chain(place / "c").first.endswith("00000001")
        for path in (place / "disk" / "a", place / "b", home):
            assert wal_files(path) == []
        move_to(server, str(home))


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_move_that_is_cut_off_goes_on(server: Layout, place: Path, how: str):
    old = ARCHIVES / "amove"
    write_segments(server, 6)
    wait_for(lambda: len(wal_files(old)) >= 6, "segments")
    with mounted(place / "disk", "size=2g"):
        new = place / "disk" / "new"
        archive.ensure(server, str(new))
        wait_for(lambda: len(wal_files(new)) >= 2, "the move to have begun")
        if how == "kill":
            subprocess.run(["systemctl", "kill", "--signal=KILL", move.SERVICE], check=False)
        else:
            subprocess.run(["systemctl", "stop", move.SERVICE], check=True)
        assert set(wal_files(old)) | set(wal_files(new)) >= {f"{1:08X}{0:08X}{1:08X}"}
        move_to(server, str(new))
        assert archive.chain(new).unbroken
        assert wal_files(old) == []
        move_to(server, str(old))


def test_the_command_given_runs_once_it_is_done(server: Layout, place: Path):
    write_segments(server, 1)
    told = place / "told me"
    script = 'printf %s "$*" > "$0"'
    archive.ensure(server, str(place / "new"), ["/bin/sh", "-c", script, str(told), "100% $x"])
    wait_for(told.exists, "the command to run")
    wait_for(lambda: told.read_text() == "100% $x success", "its arguments")
    assert told.owner() == "root"


def test_an_idle_server_changes_too(server: Layout, place: Path):
    write_segments(server, 1)
    ask(server, "SELECT pg_switch_wal()")
    move_to(server, str(place / "one"))
    move_to(server, str(place / "two"))
    assert archive.chain(place / "two").unbroken


def test_twice_changes_nothing(server: Layout, place: Path):
    move_to(server, str(place / "new"))
    before = ask(server, "SELECT pg_conf_load_time()")
    assert not archive.ensure(server, str(place / "new"))
    assert ask(server, "SELECT pg_conf_load_time()") == before


def test_one_directory_under_two_names_stays_whole(server: Layout, place: Path):
    write_segments(server, 2)
    home = ARCHIVES / "amove"
    wait_for(lambda: len(wal_files(home)) >= 2, "segments")
    (place / "alias").symlink_to(home)
    move_to(server, str(place / "alias"))
    assert archive.chain(home).unbroken
    assert len(wal_files(home)) >= 2
    move_to(server, str(home))
    assert len(wal_files(home)) >= 2


def test_a_standby_moves_its_own_and_both_may_share_one(server: Layout, place: Path):
    with standby(server, "amove2", 5742) as second:
        write_segments(server, 3)
        shared = place / "shared"
        for one in (server, second):
            move_to(one, str(shared))
        (last,) = write_segments(server, 1)
        for one in (server, second):
            wait_for(lambda one=one: archived(one, last), "both to have archived one segment")
            assert ask(one, "SELECT failed_count FROM pg_stat_archiver") == 0
        assert archive.chain(shared).unbroken
        # The first to leave leaves everything to the other.
        move_to(server, str(ARCHIVES / "amove"))
        assert last in wal_files(shared)
        assert last in wal_files(ARCHIVES / "amove")
        move_to(second, str(ARCHIVES / "amove2"))
        assert wal_files(shared) == []
        assert last in wal_files(ARCHIVES / "amove2")
        for name in ("amove", "amove2"):
            assert archive.chain(ARCHIVES / name).unbroken


def archived(server: Layout, name: str) -> bool:
    return str(ask(server, "SELECT last_archived_wal FROM pg_stat_archiver")) >= name


def test_a_stopped_server_starts_with_the_new_directory(server: Layout, place: Path):
    write_segments(server, 2)
    postmaster.stop(server)
    move_to(server, str(place / "new"))
    postmaster.start(server)
    write_segments(server, 1)
    wait_for(lambda: archive.state(server).newest_there, "a segment in the new directory")
    assert archive.chain(place / "new").unbroken
