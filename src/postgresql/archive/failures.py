"""Why archiving failed, in the words of the server's log."""

from __future__ import annotations

import re

from postgresql import serverlog
from postgresql.archive.keeper.main import NAME
from postgresql.layout import Layout

_OURS = re.compile(rf"^{re.escape(NAME)}: (.*)")
_SERVER = re.compile(r"(?:LOG|WARNING|FATAL):\s+((?:archive command|archiving) .*)")


def newest(layout: Layout) -> str:
    """The newest reason in the log's end; "" if there is none.

    The keeper's own words tell more than the server's, which stand after them: "archive command
    failed with exit code 1".
    """
    lines = serverlog.tail(layout.log_file)
    for pattern in (_OURS, _SERVER):
        for line in reversed(lines):
            if match := pattern.search(line):
                return match[1]
    return ""
