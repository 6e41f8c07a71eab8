"""The start gate: whatever starts a server brings it up as a standby, except the charm's own hand.

A primary keeps standby.signal in its data directory and follows nobody (recovery.py). So one that
is started by the boot, by systemd, by pg_ctlcluster or by itself after the crash of a process
replays its log and then waits, and whether it may accept writes is decided by somebody who knows.
A former primary that came back by itself could show, and let clients build on, what nobody else
has ever acknowledged.
"""

from __future__ import annotations

import contextlib
from typing import Literal

from postgresql import cluster, files, postmaster, sql
from postgresql.errors import NotReachable, QueryRefused, ServerRefused
from postgresql.layout import Layout

_Mode = Literal["fast", "immediate"]
_STOPS: tuple[tuple[_Mode, float], ...] = (("fast", 6.0), ("immediate", 2.0))
"""How a server is ended that must be, and for how many seconds each way is tried."""
_START_S = 10.0
"""What takes longer goes on by itself, and the sentinel tells when the server answers."""


def is_primary(layout: Layout) -> bool:
    """Whether the server runs and is no standby; False where it accepts no connection."""
    if not postmaster.is_running(layout):
        return False
    try:
        with sql.local(layout) as conn:
            (in_recovery,) = sql.row(conn, "SELECT pg_is_in_recovery()")
    except (NotReachable, QueryRefused):
        # A primary with its connections used up says so much in its files.
        return postmaster.is_in_production(layout)
    return not in_recovery


def start_as_primary(layout: Layout) -> bool:
    """Have the server run read-write, on the timeline that its log ends in, and the gate closed.

    One that runs as a standby is restarted. It is for a server that was the primary and stopped;
    a standby is promoted (promotion.py).

    Returns:
        Whether anything had to be done. It may still be at its crash recovery.

    Raises:
        ServerRefused: It does not start; the gate is closed.
    """
    if is_primary(layout):
        return close(layout)
    if _is_becoming_primary(layout):
        postmaster.start(layout, _START_S)
        close(layout)
        return True
    if postmaster.is_running(layout):
        _stop(layout)
    before = cluster.state(layout).control_state

    def close_early() -> None:
        # Only the very beginning of a start reads the file. It comes back before a recovery of
        # minutes has ended, so that a power cut finds it there.
        now = cluster.state(layout).control_state
        if now == "in crash recovery" and now != before:
            close(layout)

    try:
        # Not brought to the disk: the shorter it is gone there, the better.
        layout.standby_signal.unlink(missing_ok=True)
        postmaster.start(layout, _START_S, meanwhile=close_early)
    finally:
        close(layout)
    return True


def start_as_standby(layout: Layout, *, depose: bool = True) -> bool:
    """Have the server run as a standby of whomever the configuration names; a primary: of nobody.

    A primary that runs is stopped first: its clients get an error and no answer to a commit that
    waits.

    Args:
        layout: The cluster.
        depose: False: a server that runs goes on as what it is, also as a primary.

    Returns:
        Whether anything had to be done.

    Raises:
        ServerRefused: It neither stops nor starts.
    """
    changed = close(layout)
    if depose and is_primary(layout):
        _stop(layout)
    if postmaster.is_running(layout):
        return changed
    postmaster.start(layout, _START_S)
    return True


def start(layout: Layout, as_primary: bool) -> None:
    """Start the server as what it is to be.

    Raises:
        ServerRefused: It does not start.
    """
    if as_primary:
        start_as_primary(layout)
    else:
        start_as_standby(layout)


def close(layout: Layout) -> bool:
    """Have the next start of the server be one as a standby.

    Returns:
        Whether it was open.
    """
    return files.write(layout.standby_signal, "", mode=0o600)


def _is_becoming_primary(layout: Layout) -> bool:
    """Whether it is at the recovery of a start with the gate open.

    Taken for one may also be a server that restarted by itself after the crash of a process;
    it is found a standby once it has come up.
    """
    if postmaster.status(layout) != "starting":
        return False
    lock = (files.read(layout.data_directory / "postmaster.pid") or "").splitlines()
    try:
        closed = layout.standby_signal.stat().st_ctime
    except FileNotFoundError:
        return True
    return len(lock) > 2 and closed > int(lock[2])


def _stop(layout: Layout) -> None:
    if postmaster.is_silent(layout):
        # Frozen, perhaps: then it heeds no other signal.
        postmaster.kill(layout)
        return
    # A clean end spares the next start its recovery; but a checkpoint may take long, or its disk
    # not answer at all, and this may be the leader's machine, for which an election waits.
    for mode, wait_s in _STOPS[1:] if sql.is_doubted() else _STOPS:
        with contextlib.suppress(ServerRefused):
            postmaster.stop(layout, mode, wait_s=wait_s)
            return
    postmaster.kill(layout)
