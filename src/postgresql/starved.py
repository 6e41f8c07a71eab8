"""A standby that can never catch up by itself: the WAL that it needs next is nowhere any more.

Its slot was lost, and neither its archive nor its primary has what comes next. Only a new base
backup helps. It is taken without a person only where the log that it takes the place of holds
nothing that the primary's does not, and ever more rarely where it is needed again and again.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Sequence
from typing import Any, cast

from postgresql import files, logend, rewind, serverlog, sql
from postgresql.layout import NOTES, Layout
from postgresql.sql import Connection

# The walreceiver's words; what other servers are told by this one reads otherwise. Between two of
# them the archive was asked: see WaitForWALToBecomeAvailable in xlogrecovery.c.
_REFUSED = re.compile(
    r"could not receive data from WAL stream: ERROR:\s+"
    r"requested WAL segment ([0-9A-F]{24}) has already been removed"
)
# One comes each second (wal_retrieve_retry_interval). An archive that is mounted a little after
# the server has begun makes a copy needless.
_TRIES = 10
_DAY_S = 24 * 3600
_FIRST_S = 900
_GROWTH = 4


def wanted(layout: Layout) -> str:
    """The WAL file that the primary was asked for again and again, and has no more.

    Returns:
        Its name; "" if there is none, or it was not asked for often enough to be sure.
    """
    lines = serverlog.tail(layout.log_file)
    last = [found[1] for line in lines if (found := _REFUSED.search(line))][-_TRIES:]
    return last[0] if len(last) == _TRIES and len(set(last)) == 1 else ""


def is_certain(conn: Connection, layout: Layout, file: str) -> bool:
    """Whether this standby waits for that file, nobody has it, and its own log is all elsewhere.

    Args:
        conn: To the primary, as a role that may call hot_standby.history() and pg_ls_waldir().
        layout: This cluster.
        file: As `wanted` gave it.

    Returns:
        Also False where one of the two does not tell.

    Raises:
        NotReachable: This server accepts no connections.
        QueryRefused: One of the two does not answer.
    """
    end = logend.look(layout)
    # What is received and not replayed yet may be a part of what is asked for.
    if end is None or not end.replayed or file[8:] not in _next_files(end):
        return False
    # In this order: a primary that goes on has ever more.
    there = sql.rows(conn, "SELECT 1 FROM pg_ls_waldir() WHERE substr(name, 9) = %s", [file[8:]])
    return not there and rewind.is_part(conn, layout)


def _next_files(end: logend.LogEnd) -> tuple[str, str]:
    """Where the next record lies; one that is cut at the end of a file goes on in the next."""
    return (
        logend.segment_name(end.lsn, end.segment_size),
        logend.segment_name(end.lsn + end.segment_size, end.segment_size),
    )


def note(layout: Layout) -> None:
    """Note that a base backup is begun for that reason.

    Raises:
        FileRefused: It cannot be noted.
    """
    now = time.time()
    files.make_directory(NOTES, owner="root")
    text = json.dumps([*lately(_begun(layout), now), now])
    files.write(NOTES / _name(layout), text, owner="root", mode=0o600)


def patience_s(layout: Layout) -> int:
    """Seconds until one may be begun for that reason again by itself; 0: now."""
    now = time.time()
    return wait_s(lately(_begun(layout), now), now)


def lately(begun: Iterable[float], now: float) -> list[float]:
    """Those of the last 24 hours, oldest first; what a clock that was wrong has left is dropped.

    >>> lately([100.0, 90_000.0, 200_000.0], 90_010.0)
    [90000.0]
    """
    return sorted(when for when in begun if now - _DAY_S < when <= now)


def wait_s(begun: Sequence[float], now: float) -> int:
    """Seconds until the next, by when the others of the last 24 hours were begun.

    The first may be at once. Each has the next one wait four times as long, from a quarter of an
    hour on: a standby that is copied and falls behind again and again does not profit by it, and
    burdens its primary.

    >>> [wait_s(begun, 1000.0) for begun in ((), (1000.0,), (100.0,), (0.0, 900.0))]
    [0, 900, 0, 3500]
    """
    if not begun:
        return 0
    wait = min(_DAY_S, _FIRST_S * _GROWTH ** (len(begun) - 1))
    return max(0, round(begun[-1] + wait - now))


def _begun(layout: Layout) -> list[float]:
    raw: Any = json.loads(files.read(NOTES / _name(layout)) or "[]")
    return cast("list[float]", raw)


def _name(layout: Layout) -> str:
    return f"starved-{layout.major}-{layout.name}.json"
