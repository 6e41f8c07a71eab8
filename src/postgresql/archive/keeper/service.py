"""The service that carries WAL over, with patience, and tells systemd how far it is."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Sequence

from . import carry
from .main import NAME

STUCK = "stuck: "
"""Begins systemd's status text while files cannot be carried over."""
_PATIENCE_S = 10
_LONGEST_S = 300


def carry_all(directory: str, claim: str, sources: Sequence[carry.Source]) -> None:
    """Carry over what the older directories hold, with patience where one is stuck."""
    notify("READY=1")
    left: set[carry.Source] = set()
    pause = _PATIENCE_S
    while True:
        problems: list[str] = []
        for source in sources:
            if source in left:
                continue
            try:
                carry.carry(source, directory, claim, lambda text: notify(f"STATUS={text}"))
                left.add(source)
            except carry.Stuck as error:
                problems.append(str(error))
        if not problems:
            return
        print(f"{NAME}: {'; '.join(problems)}", file=sys.stderr, flush=True)
        notify(f"STATUS={STUCK}{'; '.join(problems)}")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_S)


def notify(text: str) -> None:
    """Tell systemd, if it has started this process (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(
                text.encode(errors="surrogateescape"),
                "\0" + address[1:] if address.startswith("@") else address,
            )
