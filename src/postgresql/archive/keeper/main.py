"""The command line of the program: what PostgreSQL, systemd and the charm run.

    archive push PATH DIRECTORY CLAIM               archive_command, in the data directory
    archive claim DIRECTORY CLAIM SYSTEM_ID         prove a directory and mark it
    archive carry DIRECTORY CLAIM [OLDER MOUNT]...  bring over what older directories hold
    archive look DATA DIRECTORY CLAIM [OLDER MOUNT]...  how it stands, as JSON
    archive requeue DATA FILE...                    have the server archive these again

Exit status 1 for every failure: PostgreSQL takes more than 125 for a crash, does not count it as
a failure and restarts its archiver.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Sequence

from . import carry, claims, durable, look

NAME = "pg-hot-standby-archive"
"""Begins every line that the program writes into the server's log."""
_PATIENCE_S = 10
_LONGEST_S = 300


def main(arguments: Sequence[str]) -> int:
    """Runs the command line.

    Returns:
        The exit status.
    """
    try:
        command, *rest = arguments
        if command == "push":
            push(*rest)
        elif command == "claim":
            claims.make(*rest)
        elif command == "carry":
            directory, claim, *older = rest
            carry_all(directory, claim, _sources(older))
        elif command == "look":
            data, directory, claim, *older = rest
            os.chdir(data)
            print(json.dumps(look.look(directory, claim, _sources(older))))
        elif command == "requeue":
            os.chdir(rest[0])
            look.requeue(rest[1:])
        else:
            raise ValueError(command)
    except OSError as error:
        print(f"{NAME}: {carry.words(error)}", file=sys.stderr)
        return 1
    except (TypeError, ValueError):
        print(__doc__, file=sys.stderr)
        return 1
    return 0


def push(path: str, directory: str, claim: str) -> None:
    """Archive one file of the server's; runs in the data directory.

    Raises:
        OSError: It is not archived.
    """
    system_id = claims.system_id_of(".")
    claims.require(directory, claim, system_id)
    durable.put(path, directory, os.path.basename(path), claim)
    # The directory may have been left meanwhile; then the file has to go to the next one.
    claims.require(directory, claim, system_id)


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


def _sources(words: Sequence[str]) -> list[carry.Source]:
    pairs = zip(words[::2], words[1::2], strict=True)
    return [carry.Source(directory, mount_point) for directory, mount_point in pairs]


STUCK = "stuck: "
"""Begins systemd's status text while files cannot be carried over."""


def notify(text: str) -> None:
    """Tell systemd, if it has started this process (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(
                text.encode(errors="surrogateescape"),
                "\0" + address[1:] if address.startswith("@") else address,
            )
