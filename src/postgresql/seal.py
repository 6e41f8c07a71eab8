"""A unit made deaf to every primary, so that what it says of its log stays true."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from pathlib import Path

from postgresql import gate, postmaster, processes, recovery
from postgresql.errors import ServerRefused
from postgresql.layout import Layout

_POLL_S = 0.02
_TITLE = re.compile(rb"postgres: (?:.*: )?walreceiver\b")


def ensure(layout: Layout) -> None:
    """Have a server that runs and is deaf to every primary; see `seal`.

    Raises:
        ServerRefused: A primary does not stop, the server does not start, or its walreceiver
            does not end.
    """
    deaf = seal(layout)
    gate.start_as_standby(layout)
    if not deaf:
        raise ServerRefused(
            "cut the connection to the former primary",
            "its walreceiver does not end",
            "the next hook tries again",
        )


def seal(layout: Layout, timeout_s: float = 10) -> bool:
    """Cut the connection to whatever primary the server follows, and see it gone.

    A server that runs as a primary is stopped and comes back as a standby of nobody; one that is
    stopped will, when it is started.

    Returns:
        Whether it is deaf now: then nothing is received, hence acknowledged, before
        `recovery.ensure` names a primary.

    Raises:
        ServerRefused: A primary does not stop, or does not start as a standby.
    """
    deadline = time.monotonic() + timeout_s
    # Also takes the password away. The process that starts a walreceiver may be late to read
    # its configuration, but what it starts from now on gets no connection.
    recovery.ensure(layout, None)
    if gate.is_primary(layout):
        gate.start_as_standby(layout)
    while receivers := _receivers(layout):
        # The process that would end it does so between two records, and may be held up by a
        # query for half a minute.
        for pid in receivers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _receivers(layout: Layout) -> list[int]:
    """The server's walreceivers, those included that have no connection yet."""
    parent = postmaster.running_pid(layout)
    if parent is None:
        return []
    return [
        int(process.name)
        for process in Path("/proc").glob("[0-9]*")
        if _is_receiver(process, parent)
    ]


def _is_receiver(process: Path, parent: int) -> bool:
    try:
        if processes.stat(process.name)[1:2] != [str(parent)]:
            return False
        return _TITLE.match((process / "cmdline").read_bytes()) is not None
    except (FileNotFoundError, ProcessLookupError):
        return False
