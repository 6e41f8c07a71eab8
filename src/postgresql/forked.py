"""A function run as postgres in a process that can be given up.

A fork of the hook, where `commands.run` starts a program: a Python that has all it needs already
answers in some milliseconds, and a new one takes fifty before it can begin.
"""

from __future__ import annotations

import json
import os
import pwd
import resource
import select
import time
from collections.abc import Callable
from typing import Any, NoReturn

from postgresql import commands, processes

_CHUNK = 1 << 16


class Failed(Exception):
    """The function raised OSError; says what, in the words of the file system."""


class TimedOut(Exception):
    """It did not end in time, and is left to itself.

    A process that hangs in a file system whose server is gone ends only when that comes back, and
    with it the reason why it hangs.

    Attributes:
        process: It, for `is_alive`.
    """

    def __init__(self, process: str) -> None:
        super().__init__(process)
        self.process = process


def is_alive(process: str) -> bool:
    """Whether a process that was left to itself still hangs; a file read."""
    return bool(process) and _identity(process.partition(" ")[0]) == process


def _identity(pid: int | str) -> str:
    """A process that no later one is taken for: its number, and when it began. "" if it ended."""
    told = processes.stat(pid)
    return "" if not told or told[0] in "ZX" else f"{pid} {told[19]}"


def as_postgres(work: Callable[[], object], timeout_s: float) -> Any:
    """Run a function as the operating system's postgres.

    Nothing that it changes in memory reaches the caller.

    Args:
        work: Returns what JSON can hold.
        timeout_s: After this it is left to itself.

    Returns:
        What the function returned, as JSON brings it back.

    Raises:
        Failed: It raised OSError.
        TimedOut: It took too long.
        RuntimeError: It ended otherwise, a mistake in it; says how.
    """
    account = pwd.getpwnam("postgres")
    groups = commands.postgres_groups()
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        _child(work, theirs, account, groups)
    os.close(theirs)
    try:
        said = _read(ours, time.monotonic() + timeout_s)
    finally:
        os.close(ours)
    if said is None:
        raise TimedOut(_identity(child))
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(said.decode(errors="replace") or f"wait status {status}")
    answer = json.loads(said)
    if "failure" in answer:
        raise Failed(answer["failure"])
    return answer["result"]


def _child(
    work: Callable[[], object], pipe: int, account: pwd.struct_passwd, groups: list[int]
) -> NoReturn:
    """Does the work and ends, without what the caller would do at its own end."""
    status = 1
    try:
        _keep_only(pipe)
        if os.geteuid() != account.pw_uid:
            os.setgroups(groups)
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
        try:
            answer = {"result": work()}
        except OSError as error:
            answer = {
                "failure": f"{error.filename}: {error.strerror}" if error.filename else str(error)
            }
        with os.fdopen(pipe, "w", encoding="utf-8") as end:
            json.dump(answer, end)
        status = 0
    except BaseException as error:  # noqa: BLE001 - told to the parent, which raises it
        os.write(pipe, repr(error).encode())
    finally:
        os._exit(status)


def _keep_only(pipe: int) -> None:
    """Lets go of what the caller has open.

    Whoever reads what the hook prints waits until the last one that could print has ended.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.closerange(3, pipe)
    os.closerange(pipe + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _read(pipe: int, deadline: float) -> bytes | None:
    """All that comes, until the other end is closed; None if it is not by then."""
    said = b""
    while True:
        ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return None
        chunk = os.read(pipe, _CHUNK)
        if not chunk:
            return said
        said += chunk
