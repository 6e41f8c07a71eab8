"""Which machine archives into a directory, and for which cluster: read from its marks.

A claim is a file in the directory, one for each machine, with the cluster's system identifier.
It does three things. A directory with another cluster's claim is never used. WAL is never put
where the claim is missing: if the file system that holds the archive is not mounted, what lies
underneath looks like an empty directory, and WAL written there would be hidden as soon as the
mount is back. And of several machines that share a directory, the last one to leave clears it.
"""

from __future__ import annotations

import errno
import os
import struct

CLAIM = "pg_hot_standby.claim."
LEAVING = "pg_hot_standby.leaving."
"""What a claim is renamed to, once all that the directory holds is proved to lie elsewhere."""
KEY = "system_identifier"


class Unclaimed(OSError):
    """The directory does not have this machine's claim."""

    def __init__(self, directory: str):
        super().__init__(
            errno.ENOENT,
            "is not marked as this server's archive: its file system is not mounted, or it was"
            " emptied",
            directory,
        )


class Foreign(OSError):
    """The directory is the archive of another cluster."""

    def __init__(self, path: str, system_id: str):
        super().__init__(
            errno.EEXIST, f"belongs to the cluster with system identifier {system_id}", path
        )


def path(directory: str, claim: str) -> str:
    """The claim's file."""
    return os.path.join(directory, CLAIM + claim)


def require(directory: str, claim: str, system_id: str) -> None:
    """See that this machine has claimed the directory.

    Raises:
        Unclaimed: It has not.
        Foreign: For another cluster.
        OSError: The directory is missing or cannot be read.
    """
    try:
        found = read(path(directory, claim))
    except FileNotFoundError:
        os.stat(directory)
        raise Unclaimed(directory) from None
    if found != system_id:
        raise Foreign(directory, found)


def read(file: str) -> str:
    """The system identifier in a claim.

    Raises:
        OSError: It cannot be read.
    """
    with open(file) as lines:
        for line in lines:
            key, _, value = line.partition("=")
            if key.strip() == KEY:
                return value.strip()
    return ""


def system_id_of(data_directory: str) -> str:
    """The system identifier of a data directory, from the first field of its control file.

    Raises:
        OSError: It cannot be read.
    """
    with open(os.path.join(data_directory, "global", "pg_control"), "rb") as file:
        return str(struct.unpack("=Q", file.read(8))[0])


def words(error: OSError) -> str:
    """An error of the file system as "/path: reason"."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason
