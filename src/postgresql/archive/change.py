"""The steps from one archive directory to another, while the server runs."""

from __future__ import annotations

from collections.abc import Sequence

from postgresql.changes import Change
from postgresql.layout import Layout


def ensure(
    layout: Layout, path: str, on_finish: Sequence[str] = (), may_restart: bool = True
) -> Change:
    """Have this server archive to `path`, and everything it archived before come there too.

    To be called in every reconcile, once the data directory exists: before the first start
    too, as archive_mode takes a start. What it does, each step only where it is needed:

    1. proves the directory as postgres (made, marked with the system identifier, written,
       fsynced, linked, space); a bad one changes nothing;
    2. archives to it, and looks for WAL in it first and in the older directories next, by a
       reload;
    3. on a primary, finishes a segment and sees it in the new directory;
    4. has pg-hot-standby-archive-move.service carry over what the older directories hold,
       beside the hooks; it goes on after an interruption, and with every call until done;
    5. leaves an older directory once nothing of the archive is in it any more;
    6. has the server archive again what it takes for archived and what the archive lacks (a
       file system was away or came back empty, WAL came with a base backup).

    Args:
        layout: The cluster; its server may be stopped, then files alone are written.
        path: Option archive-path as the operator gave it.
        on_finish: Command that the move service runs as root when it ends, well or not, with
            the result ("success" or systemd's word) as last argument.
        may_restart: Whether a server that was started without archiving may be restarted.

    Raises:
        ArchiveRefused: The directory cannot be the archive; the former one is in force still.
        SettingRefused: The server does not take the settings; the former ones are in force.
    """
    raise NotImplementedError
