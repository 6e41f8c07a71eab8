"""What the tests of the machine layer share."""

import subprocess
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from localjuju.host import paths

MACHINE = Path(__file__).resolve().parents[3] / "localjuju/bin/machine"


def until(condition: Callable[[], object], timeout: float = 20) -> None:
    """Wait for a condition that nothing announces."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


def cli(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    """Run localjuju/bin/machine."""
    return subprocess.run([MACHINE, *arguments], capture_output=True, text=True, **options)


def traces(needle: str) -> list[str]:
    """Whatever on this host carries a name: processes, links, mounts, cgroups, tables, loops."""
    found = [
        line
        for argv in (
            ["ip", "-oneline", "link"],
            ["nft", "list", "tables"],
            ["losetup", "--list", "--noheadings", "-O", "BACK-FILE"],
            ["find", "/sys/fs/cgroup", "-name", f"*{needle}*"],
            ["find", str(paths.home()), "-name", f"*{needle}*"],
        )
        for line in subprocess.run(argv, capture_output=True, text=True).stdout.splitlines()
        if needle in line
    ]
    found += [line for line in Path("/proc/mounts").read_text().splitlines() if needle in line]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended meanwhile
            continue
        if needle in command:
            found.append(command)
    return found


class Talk:
    """A process with which a test talks line by line."""

    def __init__(self, argv: Sequence[str | Path], **options) -> None:
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            **options,
        )

    def line(self) -> str:
        """What it says next, "" when it has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def say(self, text: str) -> str:
        """Tell it something and return its answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n")
        return self.line()


@contextmanager
def talk(argv: Sequence[str | Path], **options) -> Generator[Talk]:
    """Run a process for the time of the block; its input ends with it."""
    talking = Talk(argv, **options)
    with talking.process:
        yield talking
