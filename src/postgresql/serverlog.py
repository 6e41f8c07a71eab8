"""What in the server's log is worth quoting."""

from __future__ import annotations

import re
from pathlib import Path

TAIL = 256 * 1024
"""How much of the log's end is read, in bytes: a hook must not read a log of gigabytes."""

# With Debian's log_line_prefix '%m [%p] %q%u@%d ' only client sessions have user@database, and
# what they did wrong is not the server's trouble.
_SEVERE = re.compile(r"(?:^|\s)(PANIC|FATAL|ERROR):\s+(.*)")
_SESSION = re.compile(r"\]\s+\S*@\S*\s+(?:PANIC|FATAL|ERROR):")
# After any of these, what went before is over.
_MILESTONE = re.compile(
    r"LOG:\s+(starting PostgreSQL |started streaming WAL from primary"
    r"|database system is ready to accept )"
)
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d ")
PASSING = re.compile(
    r"the database system is (starting up|shutting down|not yet accepting)"
    r"|terminating walreceiver process due to administrator command"
)
"""What clients are told that come too early, or a walreceiver that was told to end: no trouble."""


def tail(path: Path, offset: int | None = None) -> list[str]:
    """Lines of the log's end, or those from a byte offset on; at most TAIL bytes either way."""
    try:
        with path.open("rb") as log:
            size = log.seek(0, 2)
            begin = max(0, size - TAIL)
            if offset is not None and offset <= size:
                begin = max(begin, offset)
            log.seek(begin)
            text = log.read(TAIL).decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    lines = text.splitlines()
    # The first line is cut in two unless the reading began where one does.
    return lines[1:] if begin and begin != offset else lines


def size(path: Path) -> int:
    """Where the log ends now, to read on from; 0 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def still_true(lines: list[str]) -> list[str]:
    """The lines from the last one on that says that the server has begun, or follows again."""
    for index in range(len(lines) - 1, -1, -1):
        if _MILESTONE.search(lines[index]):
            return lines[index:]
    return lines


def severe(lines: list[str], limit: int = 5) -> list[str]:
    """FATAL, PANIC and ERROR messages of the server's own processes, newest last.

    Repeated ones come once. A DETAIL or HINT is joined to its message.

    >>> severe(["2026-01-01 00:00:00.000 UTC [7] FATAL:  no slot", "x [8] a@b ERROR:  typo"])
    ['FATAL: no slot']
    """
    found: dict[str, None] = {}
    last = ""
    for line in lines:
        match = _SEVERE.search(line)
        if match and not _SESSION.search(line) and not PASSING.search(line):
            last = f"{match[1]}: {match[2]}"
            found.pop(last, None)
            found[last] = None
        elif last and (more := re.search(r"\s(DETAIL|HINT):\s+(.*)", line)):
            found.pop(last, None)
            last = f"{last} ({more[2].rstrip('.')})"
            found.pop(last, None)
            found[last] = None
        elif not match and not _STAMP.match(line):
            continue
        else:
            last = ""
    return list(found)[-limit:]
