"""The command line of the program: what PostgreSQL, systemd and the charm run.

    archive push PATH DIRECTORY CLAIM                   archive_command, in the data directory
    archive claim DIRECTORY CLAIM SYSTEM_ID             prove a directory and mark it
    archive carry DIRECTORY CLAIM [OLDER MOUNT]...      bring over what older directories hold
    archive requeue DATA FILE...                        have the server archive these

Exit status 1 for every failure: PostgreSQL takes more than 125 for a crash, does not count it as
a failure and restarts its archiver.
"""

from __future__ import annotations

import os
import sys

from .marks import words

NAME = "pg-hot-standby-archive"
"""Begins every line that the program writes into the server's log."""


def main(arguments: list[str]) -> int:
    """Runs the command line.

    Returns:
        The exit status.
    """
    try:
        command, *rest = arguments
        if command == "push":
            from .push import push

            push(*rest)
        else:
            _other(command, rest)
    except OSError as error:
        print(f"{NAME}: {words(error)}", file=sys.stderr)
        return 1
    except (TypeError, ValueError):
        print(__doc__, file=sys.stderr)
        return 1
    return 0


def _other(command: str, rest: list[str]) -> None:
    from . import claims, look, service
    from .carry import Source

    def sources(pairs: list[str]) -> list[Source]:
        return [Source(*pair) for pair in zip(pairs[::2], pairs[1::2], strict=True)]

    if command == "claim":
        claims.make(*rest)
    elif command == "carry":
        directory, claim, *older = rest
        service.carry_all(directory, claim, sources(older))
    elif command == "requeue":
        os.chdir(rest[0])
        look.requeue(rest[1:])
    else:
        raise ValueError(command)
