"""What the kernel says of a unit's processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from postgresql.services import waiting_for_disk

# A process whose child shares its memory stands still until that ends, as one does whose disk
# gives no answer: vfork(2).
_STANDS_STILL = """
import ctypes
libc = ctypes.CDLL(None)
libc.vfork() or libc.pause()
"""
_PAUSES = "import signal; signal.pause()"


def state(process: subprocess.Popen[bytes]) -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def started(program: str, wanted: str) -> Generator[subprocess.Popen[bytes], None, None]:
    process = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    try:
        deadline = time.monotonic() + 20
        while state(process) != wanted:
            assert time.monotonic() < deadline, state(process)
            time.sleep(0.01)
        yield process
    finally:
        subprocess.run(["pkill", "-KILL", "-g", str(process.pid)], check=True)
        assert process.wait() == -signal.SIGKILL


@pytest.fixture
def hung() -> Generator[subprocess.Popen[bytes], None, None]:
    yield from started(_STANDS_STILL, "D")


@pytest.fixture
def idle() -> Generator[subprocess.Popen[bytes], None, None]:
    yield from started(_PAUSES, "S")


def unit_of(cgroups: Path, name: str, *processes: subprocess.Popen[bytes]) -> None:
    (cgroups / name).mkdir(parents=True, exist_ok=True)
    (cgroups / name / "cgroup.procs").write_text("".join(f"{one.pid}\n" for one in processes))


@pytest.mark.parametrize("name", ["a.service", r"system-a\x2db.slice/a-b@15-main.service"])
def test_a_unit_waits_for_its_disk_while_all_of_its_processes_do(
    hung: subprocess.Popen[bytes], idle: subprocess.Popen[bytes], tmp_path: Path, name: str
) -> None:
    unit = name.rpartition("/")[2]
    unit_of(tmp_path, name, hung)
    assert waiting_for_disk(unit, tmp_path) == {str(hung.pid)}
    unit_of(tmp_path, name, hung, idle)
    assert not waiting_for_disk(unit, tmp_path)
    unit_of(tmp_path, name, idle)
    assert not waiting_for_disk(unit, tmp_path)
    unit_of(tmp_path, name)
    assert not waiting_for_disk(unit, tmp_path)


def test_one_that_is_not_there_waits_for_nothing(tmp_path: Path) -> None:
    assert not waiting_for_disk("a.service", tmp_path)
