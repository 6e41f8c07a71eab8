"""A function that runs as postgres, in a process that can be given up."""

import os
import pwd
import signal
import time
from pathlib import Path

import pytest

from postgresql import commands, forked
from tests.functional.lab import until

POSTGRES = pwd.getpwnam("postgres")


def test_it_has_the_rights_of_postgres_and_no_others():
    def who() -> object:
        return [os.getresuid(), os.getresgid(), sorted(os.getgroups())]

    assert forked.as_postgres(who, 10) == [
        [POSTGRES.pw_uid] * 3,
        [POSTGRES.pw_gid] * 3,
        sorted(commands.postgres_groups()),
    ]


def test_it_holds_nothing_that_the_caller_has_open(tmp_path: Path):
    with (tmp_path / "open").open("w") as held:

        def still_open() -> object:
            try:
                os.fstat(held.fileno())
            except OSError:
                return str(Path("/proc/self/fd/1").readlink())
            return "open"

        assert forked.as_postgres(still_open, 10) == "/dev/null"


def test_what_the_file_system_says_is_told():
    with pytest.raises(forked.Failed, match="/nowhere: No such file or directory"):
        forked.as_postgres(lambda: Path("/nowhere").stat().st_size, 10)


def test_a_mistake_is_no_failure_of_the_file_system():
    with pytest.raises(RuntimeError, match="division by zero"):
        forked.as_postgres(lambda: 1 / 0, 10)


def test_a_process_that_dies_is_told():
    with pytest.raises(RuntimeError, match="wait status 9"):
        forked.as_postgres(lambda: os.kill(os.getpid(), 9), 10)


def test_one_that_hangs_is_given_up_and_known_until_it_ends(tmp_path: Path):
    note = tmp_path / "pid"
    note.touch()
    os.chown(note, POSTGRES.pw_uid, -1)
    for above in (tmp_path, *tmp_path.parents[:3]):
        above.chmod(0o755)

    def hang() -> object:
        note.write_text(str(os.getpid()))
        while True:
            time.sleep(60)

    with pytest.raises(forked.TimedOut) as late:
        forked.as_postgres(hang, 0.5)
    hanging = late.value.process
    pid = int(note.read_text())
    assert hanging.split()[0] == str(pid)
    assert forked.is_alive(hanging)
    assert not forked.is_alive(f"{pid} 1"), "another one with its number"
    os.kill(pid, signal.SIGKILL)
    until(lambda: not forked.is_alive(hanging))
    os.waitpid(pid, 0)
    assert not forked.is_alive(hanging)
