"""The program that archives and carries over: on real files, without a server."""

import contextlib
import multiprocessing
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from postgresql import templates
from postgresql.archive.keeper import carry, claims, durable, look, main, marks, push, wal

SIZE = 1 << 20
SYSTEM = "7000000000000000001"


def name(number: int, timeline: int = 1) -> str:
    return f"{timeline:08X}00000000{number:08X}"


def segment(number: int, system_id: str = SYSTEM, timeline: int = 1) -> bytes:
    header = struct.pack(
        "=HHIQIIQII", 0xD110, 2, timeline, number * SIZE, 0, 0, int(system_id), SIZE, 8192
    )
    return header + bytes([number % 251]) * (SIZE - len(header))


def fill(directory: Path, *numbers: int, timeline: int = 1) -> None:
    for number in numbers:
        (directory / name(number, timeline)).write_bytes(segment(number, timeline=timeline))


def names(directory: Path) -> list[str]:
    return sorted(one.name for one in directory.iterdir())


def files(directory: Path) -> list[str]:
    return wal.archived_files(directory)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return claimed(tmp_path / "old")


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return claimed(tmp_path / "new")


def claimed(directory: Path, claim: str = "me") -> Path:
    directory.mkdir(exist_ok=True)
    claims.make(str(directory), claim, SYSTEM)
    return directory


def source(directory: Path) -> carry.Source:
    return carry.Source(str(directory), claims.mount_point(str(directory)))


def wait_for_the_server(data: Path, *numbers: int) -> None:
    """A server that runs and means to archive these."""
    (data / "postmaster.pid").write_text(f"77\n{data}\n1700000000\n5432\n")
    for number in numbers:
        (data / "pg_wal" / "archive_status" / f"{name(number)}.ready").touch()


def launched(home: Path, *words: object) -> str:
    """What the launcher has Python do; "" where it answers itself."""
    (home / "run.py").write_text("import sys; print(*sys.argv[1:])")
    launcher = templates.render(
        "archive.sh.j2", directory=home, notes=push.NOTES, claim_prefix=marks.CLAIM
    )
    (home / "archive").write_text(launcher)
    done = subprocess.run(
        ["sh", home / "archive", *map(str, words)], capture_output=True, text=True, check=True
    )
    return done.stdout


class TestPut:
    def test_a_file_arrives_whole_and_nothing_else_with_it(self, tmp_path: Path):
        (tmp_path / "in").mkdir()
        (tmp_path / "segment").write_bytes(segment(1))
        assert durable.put(str(tmp_path / "segment"), str(tmp_path / "in"), "final", "me")
        assert (tmp_path / "in" / "final").read_bytes() == segment(1)
        assert names(tmp_path / "in") == ["final"]

    def test_an_identical_file_is_success(self, tmp_path: Path):
        (tmp_path / "in").mkdir()
        (tmp_path / "segment").write_bytes(segment(1))
        (tmp_path / "in" / "final").write_bytes(segment(1))
        assert not durable.put(str(tmp_path / "segment"), str(tmp_path / "in"), "final", "me")

    @pytest.mark.parametrize("there", [b"", segment(1)[:-1], segment(1) + b"x", segment(2)])
    def test_a_different_file_is_an_error_and_stays(self, tmp_path: Path, there: bytes):
        (tmp_path / "in").mkdir()
        (tmp_path / "segment").write_bytes(segment(1))
        (tmp_path / "in" / "final").write_bytes(there)
        with pytest.raises(durable.Different):
            durable.put(str(tmp_path / "segment"), str(tmp_path / "in"), "final", "me")
        assert (tmp_path / "in" / "final").read_bytes() == there
        assert names(tmp_path / "in") == ["final"]

    def test_what_a_crash_left_is_replaced(self, tmp_path: Path):
        (tmp_path / "in").mkdir()
        (tmp_path / "segment").write_bytes(segment(1))
        (tmp_path / "in" / "archtemp.final.me").write_bytes(b"torn" * SIZE)
        assert durable.put(str(tmp_path / "segment"), str(tmp_path / "in"), "final", "me")
        assert (tmp_path / "in" / "final").read_bytes() == segment(1)
        assert names(tmp_path / "in") == ["final"]

    def test_two_servers_cannot_overwrite_each_other(self, tmp_path: Path):
        """Both find the name free, and both copy; one links first, and the other one fails."""
        (tmp_path / "in").mkdir()
        context = multiprocessing.get_context("fork")
        barrier = context.Barrier(2)
        results = context.Queue()

        def one(number: int) -> None:
            (tmp_path / str(number)).write_bytes(segment(number))
            for attempt in range(40):
                barrier.wait(10)
                try:
                    durable.put(
                        str(tmp_path / str(number)),
                        str(tmp_path / "in"),
                        str(attempt),
                        str(number),
                    )
                    results.put((attempt, number, True))
                except durable.Different:
                    results.put((attempt, number, False))

        workers = [context.Process(target=one, args=[number]) for number in (1, 2)]
        for worker in workers:
            worker.start()
        outcomes = [results.get(timeout=20) for _ in range(80)]
        for worker in workers:
            worker.join(10)
        for attempt in range(40):
            winners = [number for at, number, won in outcomes if at == attempt and won]
            assert len(winners) == 1
            assert (tmp_path / "in" / str(attempt)).read_bytes() == segment(winners[0])

    @pytest.mark.parametrize("size", [0, 17, durable._PART, durable._PART + 17])
    @pytest.mark.parametrize("flags", [0, os.O_APPEND])
    def test_a_copy_is_whole_in_the_kernel_and_past_it(
        self, tmp_path: Path, size: int, flags: int
    ):
        """The kernel copies into no file that is opened for appending."""
        contents = os.urandom(size)
        (tmp_path / "segment").write_bytes(contents)
        copy = os.open(tmp_path / "copy", os.O_WRONLY | os.O_CREAT | flags, 0o600)
        with (tmp_path / "segment").open("rb") as original:
            assert durable._send(original.fileno(), copy) == (0 if flags else size)
            os.ftruncate(copy, 0)
            os.lseek(copy, 0, os.SEEK_SET)
            durable._copy(original, copy, "final")
        os.close(copy)
        assert (tmp_path / "copy").read_bytes() == contents

    def test_an_orphan_of_a_killed_server_is_not_written_over(self, tmp_path: Path):
        (tmp_path / "in").mkdir()
        (tmp_path / "segment").write_bytes(segment(1))
        orphan = durable._open_alone(str(tmp_path / "in" / "archtemp.final.me"))
        with pytest.raises(BlockingIOError):
            durable.put(str(tmp_path / "segment"), str(tmp_path / "in"), "final", "me")
        os.close(orphan)
        assert durable.put(str(tmp_path / "segment"), str(tmp_path / "in"), "final", "me")


class TestClaims:
    def test_a_directory_of_another_cluster_is_refused_and_left_as_it_is(self, tmp_path: Path):
        claims.make(str(tmp_path), "other", "42")
        before = names(tmp_path)
        with pytest.raises(marks.Foreign, match="system identifier 42"):
            claims.make(str(tmp_path), "me", SYSTEM)
        assert names(tmp_path) == before

    def test_wal_of_another_cluster_without_a_mark_is_refused_too(self, tmp_path: Path):
        (tmp_path / name(1)).write_bytes(segment(1, system_id="42"))
        with pytest.raises(marks.Foreign, match="system identifier 42"):
            claims.make(str(tmp_path), "me", SYSTEM)
        assert names(tmp_path) == [name(1)]

    def test_wal_of_the_same_cluster_is_welcome(self, tmp_path: Path):
        fill(tmp_path, 1)
        claims.make(str(tmp_path), "me", SYSTEM)
        marks.require(str(tmp_path), "me", SYSTEM)

    def test_several_machines_share_a_directory(self, tmp_path: Path):
        claims.make(str(tmp_path), "me", SYSTEM)
        claims.make(str(tmp_path), "you", SYSTEM)
        assert claims.others(str(tmp_path), "me") == ["you"]

    def test_an_empty_directory_under_an_unmounted_archive_is_not_taken_for_it(
        self, tmp_path: Path
    ):
        with pytest.raises(marks.Unclaimed, match="not mounted"):
            marks.require(str(tmp_path), "me", SYSTEM)

    def test_a_missing_directory_is_called_missing(self, tmp_path: Path):
        with pytest.raises(FileNotFoundError):
            marks.require(str(tmp_path / "gone"), "me", SYSTEM)

    def test_a_directory_that_cannot_be_proved_keeps_no_mark(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        def no_links(*_: object) -> None:
            raise OSError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", no_links)
        with pytest.raises(OSError, match="not permitted"):
            claims.make(str(tmp_path), "me", SYSTEM)
        assert names(tmp_path) == []


class TestPush:
    @pytest.fixture
    def data(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        data = tmp_path / "data"
        (data / "global").mkdir(parents=True)
        (data / "pg_wal" / "archive_status").mkdir(parents=True)
        (data / "global" / "pg_control").write_bytes(struct.pack("=Q", int(SYSTEM)) + b"rest")
        fill(data / "pg_wal", 1, 2)
        monkeypatch.chdir(data)
        return data

    def test_a_segment_is_archived(self, data: Path, new: Path):
        assert main.main(["push", f"pg_wal/{name(1)}", str(new), "me"]) == 0
        assert files(new) == [name(1)]

    def test_a_failure_has_exit_code_1_and_says_why(
        self, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        assert main.main(["push", f"pg_wal/{name(1)}", str(tmp_path / "gone"), "me"]) == 1
        assert (
            capsys.readouterr().err
            == f"pg-hot-standby-archive: {tmp_path}/gone: No such file or directory\n"
        )

    def test_nothing_is_put_where_the_mark_is_missing(self, data: Path, tmp_path: Path):
        (tmp_path / "unmounted").mkdir()
        assert main.main(["push", f"pg_wal/{name(1)}", str(tmp_path / "unmounted"), "me"]) == 1
        assert names(tmp_path / "unmounted") == []

    def test_a_directory_that_is_left_meanwhile_does_not_count(
        self, data: Path, old: Path, monkeypatch: pytest.MonkeyPatch
    ):
        put = durable.put

        def left_meanwhile(*arguments: str) -> bool:
            (old / "pg_hot_standby.claim.me").rename(old / "pg_hot_standby.leaving.me")
            return put(*arguments)

        monkeypatch.setattr(durable, "put", left_meanwhile)
        assert main.main(["push", f"pg_wal/{name(1)}", str(old), "me"]) == 1

    def test_segments_that_wait_are_archived_along_and_noted(self, data: Path, new: Path):
        fill(data / "pg_wal", 3, 4, 5)
        wait_for_the_server(data, 1, 2, 3)
        (data / "pg_wal" / "archive_status" / f"{name(4)}.done").touch()
        assert main.main(["push", f"pg_wal/{name(2)}", str(new), "me"]) == 0
        # Not what came before, what is not finished, or what is archived already.
        assert files(new) == [name(2), name(3)]
        assert (new / name(3)).read_bytes() == segment(3)
        assert names(data / push.NOTES) == [name(3)]
        note = (data / push.NOTES / name(3)).read_text()
        assert note == f"77 1700000000 me {new}\n"

    def test_as_many_are_archived_along_as_a_stop_can_wait_for(
        self, data: Path, new: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(push, "_AHEAD_BYTES", 3 * SIZE)
        fill(data / "pg_wal", 3, 4, 5)
        wait_for_the_server(data, 1, 2, 3, 4, 5)
        assert main.main(["push", f"pg_wal/{name(1)}", str(new), "me"]) == 0
        assert files(new) == [name(1), name(2), name(3)]

    def test_one_that_fails_is_told_when_it_is_asked_for(
        self, data: Path, new: Path, capsys: pytest.CaptureFixture[str]
    ):
        wait_for_the_server(data, 1, 2)
        (new / name(2)).write_bytes(b"other")
        assert main.main(["push", f"pg_wal/{name(1)}", str(new), "me"]) == 0
        assert not (data / push.NOTES).exists()
        assert capsys.readouterr().err == ""
        assert main.main(["push", f"pg_wal/{name(2)}", str(new), "me"]) == 1
        assert "already exists with other contents" in capsys.readouterr().err

    def test_one_that_fails_keeps_no_other_from_being_archived(self, data: Path, new: Path):
        wait_for_the_server(data, 1, 2)
        (new / name(1)).write_bytes(b"other")
        assert main.main(["push", f"pg_wal/{name(1)}", str(new), "me"]) == 1
        assert (new / name(2)).read_bytes() == segment(2)
        assert names(data / push.NOTES) == [name(2)]

    def test_nothing_is_noted_where_the_directory_is_left_meanwhile(
        self, data: Path, old: Path, monkeypatch: pytest.MonkeyPatch
    ):
        wait_for_the_server(data, 1, 2)
        put = durable.put

        def left_meanwhile(*arguments: str) -> bool:
            with contextlib.suppress(FileNotFoundError):
                (old / "pg_hot_standby.claim.me").rename(old / "pg_hot_standby.leaving.me")
            return put(*arguments)

        monkeypatch.setattr(durable, "put", left_meanwhile)
        assert main.main(["push", f"pg_wal/{name(1)}", str(old), "me"]) == 1
        assert not (data / push.NOTES).exists()

    def test_notes_of_files_that_were_asked_for_are_removed(self, data: Path, new: Path):
        wait_for_the_server(data, 1, 2)
        (data / push.NOTES).mkdir()
        for left_over in (name(9), f".{name(2)}"):
            (data / push.NOTES / left_over).touch()
        assert main.main(["push", f"pg_wal/{name(1)}", str(new), "me"]) == 0
        assert names(data / push.NOTES) == [name(2)]

    def test_a_note_that_cannot_be_made_fails_nothing(self, data: Path, new: Path):
        wait_for_the_server(data, 1, 2)
        (data / push.NOTES).touch()
        assert main.main(["push", f"pg_wal/{name(1)}", str(new), "me"]) == 0
        assert files(new) == [name(1), name(2)]

    @pytest.mark.parametrize(
        "otherwise",
        [
            "",
            "no note",
            "file deleted",
            "directory left",
            "another directory",
            "another claim",
            "another run of the server",
            "another start under the same number",
            "no server",
            "written since",
        ],
    )
    def test_the_launcher_takes_a_note_only_where_all_is_as_it_was(
        self, data: Path, new: Path, old: Path, tmp_path: Path, otherwise: str
    ):
        wait_for_the_server(data, 1, 2)
        assert main.main(["push", f"pg_wal/{name(1)}", str(new), "me"]) == 0
        directory, claim = new, "me"
        match otherwise:
            case "no note":
                (data / push.NOTES / name(2)).unlink()
            case "file deleted":
                (new / name(2)).unlink()
            case "directory left":
                (new / "pg_hot_standby.claim.me").rename(new / "pg_hot_standby.leaving.me")
            case "another directory":
                directory = old
                fill(old, 2)
            case "another claim":
                claim = "you"
                claimed(new, "you")
            case "another run of the server":
                (data / "postmaster.pid").write_text(f"78\n{data}\n1700000000\n")
            case "another start under the same number":
                (data / "postmaster.pid").write_text(f"77\n{data}\n1700000001\n")
            case "no server":
                (data / "postmaster.pid").unlink()
            case "written since":
                later = (data / push.NOTES / name(2)).stat().st_mtime_ns + 1
                os.utime(data / "pg_wal" / name(2), ns=(later, later))
            case _:
                pass
        assert launched(tmp_path, "push", f"pg_wal/{name(2)}", directory, claim) == (
            "" if not otherwise else f"push pg_wal/{name(2)} {directory} {claim}\n"
        )

    def test_the_launcher_runs_everything_else(self, data: Path, tmp_path: Path):
        assert launched(tmp_path, "claim", "/a b", "me", SYSTEM) == f"claim /a b me {SYSTEM}\n"

    def test_look_sees_what_is_ready_done_and_lacking(self, data: Path, new: Path, old: Path):
        status = data / "pg_wal" / "archive_status"
        fill(data / "pg_wal", 3, 4)
        for number, mark in ((1, "done"), (2, "done"), (3, "done"), (4, "ready")):
            (status / f"{name(number)}.{mark}").touch()
        fill(new, 1)
        fill(old, 3)
        facts = look.look(str(new), "me", [source(old)])
        assert facts["problem"] == ""
        assert facts["waiting"] == 1
        assert (facts["newest"], facts["newest_there"]) == (name(4), False)
        assert facts["lacking"] == [name(2)]
        assert facts["sources"][0]["files"] == 1
        assert facts["sources"][0]["size"] == SIZE
        look.requeue(facts["lacking"])
        assert sorted(file.name for file in status.glob("*.ready")) == [
            f"{name(2)}.ready",
            f"{name(4)}.ready",
        ]

    def test_a_segment_that_the_server_passed_over_is_lacking_too(self, data: Path, new: Path):
        """As after a base backup; what comes after the newest finished one is not finished."""
        fill(data / "pg_wal", 3, 4)
        (data / "pg_wal" / "archive_status" / f"{name(3)}.done").touch()
        fill(new, 3)
        facts = look.look(str(new), "me", [])
        assert facts["lacking"] == [name(1), name(2)]
        look.requeue(facts["lacking"])
        assert look.look(str(new), "me", [])["waiting"] == 2
        assert look.look(str(new), "me", [])["lacking"] == []

    def test_what_is_to_be_archived_anew_waits_from_then_on(self, data: Path, new: Path):
        mark = data / "pg_wal" / "archive_status" / f"{name(1)}.done"
        mark.touch()
        os.utime(mark, (1, 1))
        look.requeue([name(1)])
        facts = look.look(str(new), "me", [])
        assert facts["waiting"] == 1
        assert facts["waiting_s"] < 60

    def test_look_calls_nothing_lacking_while_a_directory_is_away(
        self, data: Path, new: Path, tmp_path: Path
    ):
        (data / "pg_wal" / "archive_status" / f"{name(1)}.done").touch()
        away = carry.Source(str(tmp_path / "away"), "/")
        facts = look.look(str(new), "me", [away])
        assert facts["lacking"] == []
        assert "No such file" in facts["sources"][0]["problem"]


class TestCarry:
    KINDS = (
        "00000002.history",
        f"{name(4)}.partial",
        f"{name(2)}.00000028.backup",
    )

    def test_everything_of_the_archive_is_carried_over_and_the_rest_left(
        self, old: Path, new: Path
    ):
        fill(old, 1, 2, 3)
        for kind in self.KINDS:
            (old / kind).write_text(kind)
        (old / "notes.txt").write_text("mine")
        (old / f"archtemp.{name(4)}.me").write_text("torn")
        fill(new, 4)
        carry.carry(source(old), str(new), "me")
        assert files(new) == sorted([name(1), name(2), name(3), name(4), *self.KINDS])
        assert names(old) == ["notes.txt"]
        assert wal.chain(new).unbroken
        assert carry.is_left(source(old), "me")

    def test_across_file_systems_it_copies(
        self, old: Path, new: Path, monkeypatch: pytest.MonkeyPatch
    ):
        link = os.link

        def no_link_across(one: str, other: str) -> None:
            if Path(one).parent != Path(other).parent:
                raise OSError(18, "Invalid cross-device link")
            link(one, other)

        monkeypatch.setattr(os, "link", no_link_across)
        fill(old, 1, 2, 3)
        carry.carry(source(old), str(new), "me")
        assert files(new) == [name(1), name(2), name(3)]
        assert (new / name(2)).read_bytes() == segment(2)
        assert files(old) == []

    @pytest.mark.parametrize("victim", ["link", "unlink", "rename", "fsync"])
    @pytest.mark.parametrize("across", [False, True])
    def test_it_may_be_killed_at_any_point(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, victim: str, across: bool
    ):
        """Dies before the nth call of a system call, for every n, and is started again."""

        class Killed(BaseException):
            pass

        real = {one: getattr(os, one) for one in ("link", "unlink", "rename", "fsync")}
        survived = 0
        for fatal in range(1, 200):
            old = claimed(tmp_path / f"old{fatal}")
            new = claimed(tmp_path / f"new{fatal}")
            (old / name(1)).write_bytes(b"one")
            (old / name(2)).write_bytes(b"two")
            (old / "00000001.history").write_text("")
            calls = 0

            def deadly(*arguments: str, fatal: int = fatal) -> None:
                nonlocal calls
                calls += 1
                if calls == fatal:
                    raise Killed
                crossing(*arguments)

            def crossing(*arguments: str) -> None:
                if (
                    victim == "link"
                    and across
                    and Path(arguments[0]).parent != Path(arguments[1]).parent
                ):
                    raise OSError(18, "Invalid cross-device link")
                real[victim](*arguments)

            monkeypatch.setattr(os, victim, deadly)
            try:
                carry.carry(source(old), str(new), "me")
                survived += 1
            except Killed:
                # At no time is a file in neither directory.
                for one in (name(1), name(2)):
                    assert (old / one).exists() or (new / one).exists()
            finally:
                monkeypatch.setattr(os, victim, real[victim])
            carry.carry(source(old), str(new), "me")
            assert [(new / one).read_bytes() for one in (name(1), name(2))] == [b"one", b"two"]
            assert names(old) == []
            assert not [one for one in names(new) if "archtemp" in one]
            if survived:
                return
        raise AssertionError("never came to its end")

    def test_a_file_that_differs_stops_it_and_both_stay(self, old: Path, new: Path):
        fill(old, 1, 2)
        (new / name(2)).write_bytes(b"other")
        with pytest.raises(carry.Stuck, match=f"{name(2)}: already exists with other contents"):
            carry.carry(source(old), str(new), "me")
        assert files(old) == [name(1), name(2)]
        assert (new / name(2)).read_bytes() == b"other"

    def test_a_hole_between_the_directories_keeps_the_old_one(self, old: Path, new: Path):
        fill(old, 1, 2)
        fill(new, 4)
        with pytest.raises(carry.Stuck, match=f"{name(3)} is missing"):
            carry.carry(source(old), str(new), "me")
        assert files(old) == [name(1), name(2)]
        fill(new, 3)
        carry.carry(source(old), str(new), "me")
        assert files(old) == []

    def test_a_hole_that_was_there_before_does_not(self, old: Path, new: Path):
        fill(old, 1, 4)
        fill(new, 5)
        carry.carry(source(old), str(new), "me")
        assert files(new) == [name(1), name(4), name(5)]

    def test_a_file_that_comes_late_is_carried_over_too(
        self, old: Path, new: Path, monkeypatch: pytest.MonkeyPatch
    ):
        fill(old, 1)
        rename = os.rename

        def late(one: str, other: str) -> None:
            fill(old, 2)
            rename(one, other)

        monkeypatch.setattr(os, "rename", late)
        carry.carry(source(old), str(new), "me")
        assert files(new) == [name(1), name(2)]
        assert files(old) == []

    def test_a_shared_directory_is_cleared_by_the_last_machine(self, tmp_path: Path):
        shared = claimed(claimed(tmp_path / "shared"), "you")
        mine, yours = claimed(tmp_path / "mine"), claimed(tmp_path / "yours", "you")
        fill(shared, 1, 2)
        carry.carry(source(shared), str(mine), "me")
        assert files(shared) == files(mine) == [name(1), name(2)]
        assert carry.is_left(source(shared), "me")
        carry.carry(source(shared), str(yours), "you")
        assert files(yours) == [name(1), name(2)]
        assert names(shared) == []

    def test_one_directory_under_two_names_is_not_cleared(self, old: Path, tmp_path: Path):
        fill(old, 1)
        (tmp_path / "alias").symlink_to(old)
        with pytest.raises(carry.Stuck, match="the same directory"):
            carry.carry(source(old), str(tmp_path / "alias"), "me")
        assert files(old) == [name(1)]

    def test_an_archive_that_is_not_mounted_is_waited_for(self, tmp_path: Path, new: Path):
        (tmp_path / "mount").mkdir()
        away = carry.Source(str(tmp_path / "mount"), str(tmp_path / "mount"))
        with pytest.raises(carry.Stuck, match="is away"):
            carry.carry(away, str(new), "me")
        gone = carry.Source(str(tmp_path / "gone"), "/")
        with pytest.raises(carry.Stuck, match="No such file"):
            carry.carry(gone, str(new), "me")

    def test_coming_back_to_a_directory_that_was_being_left(self, old: Path, new: Path):
        fill(old, 1, 2)
        (old / "pg_hot_standby.claim.me").rename(old / "pg_hot_standby.leaving.me")
        claims.make(str(old), "me", SYSTEM)
        carry.carry(source(new), str(old), "me")
        assert files(old) == [name(1), name(2)]
        assert not carry.is_left(source(old), "me")
        assert carry.is_left(source(new), "me")


class TestChain:
    def test_of_one_timeline(self, tmp_path: Path):
        fill(tmp_path, 1, 2, 3)
        assert wal.chain(tmp_path) == wal.Chain(name(1), name(3))

    def test_a_hole(self, tmp_path: Path):
        fill(tmp_path, 1, 4, 5, 7)
        assert wal.chain(tmp_path).gaps == (
            wal.Gap(name(2), name(3), 2),
            wal.Gap(name(6), name(6), 1),
        )

    def test_segments_roll_over_with_the_log_number(self):
        per_log = 0x1_0000_0000 // (16 << 20)
        last, first = f"{1:08X}{0:08X}{per_log - 1:08X}", f"{1:08X}{1:08X}{0:08X}"
        assert wal.linked([last, first], 16 << 20, {}).unbroken

    def test_nothing_at_all(self, tmp_path: Path):
        assert wal.chain(tmp_path) == wal.Chain()

    def test_a_timeline_begins_with_the_segment_in_which_it_branched_off(self, tmp_path: Path):
        fill(tmp_path, 1, 2)
        fill(tmp_path, 3, 4, timeline=2)
        (tmp_path / "00000002.history").write_text(f"1\t0/{3 * SIZE + 300:X}\tno reason\n")
        assert wal.chain(tmp_path).unbroken
        (tmp_path / name(2)).unlink()
        assert wal.chain(tmp_path).gaps == (wal.Gap(name(2), name(2), 1),)
        fill(tmp_path, 2)
        (tmp_path / name(3, 2)).unlink()
        assert wal.chain(tmp_path).gaps == (wal.Gap(name(3, 2), name(3, 2), 1),)

    def test_an_archive_may_begin_with_a_later_timeline(self, tmp_path: Path):
        fill(tmp_path, 9, 10, timeline=2)
        (tmp_path / "00000002.history").write_text(f"1\t0/{3 * SIZE:X}\tno reason\n")
        assert wal.chain(tmp_path).unbroken

    def test_wal_of_a_timeline_that_was_given_up_is_no_hole(self, tmp_path: Path):
        fill(tmp_path, 1, 2, 3, 4)
        fill(tmp_path, 3, 4, timeline=2)
        (tmp_path / "00000002.history").write_text(f"1\t0/{3 * SIZE + 300:X}\tno reason\n")
        assert wal.chain(tmp_path).unbroken


def test_to_archive_a_segment_takes_no_module_that_takes_long_to_import() -> None:
    # The server starts it for each; these double what the start takes, and more.
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import keeper.main, keeper.push;"
        "print(*sys.modules)"
    )
    home = Path(push.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-ISc", program, home], check=True, capture_output=True, text=True
    )
    loaded = set(done.stdout.split())
    assert "keeper.push" in loaded
    assert not loaded & {"re", "dataclasses", "inspect", "typing", "threading", "pathlib", "json"}
