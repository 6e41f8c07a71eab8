"""Which machines archive into a directory, and for which cluster.

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

from . import durable, wal

CLAIM = "pg_hot_standby.claim."
LEAVING = "pg_hot_standby.leaving."
"""What a claim is renamed to, once all that the directory holds is proved to lie elsewhere."""
_KEY = "system_identifier"


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
            if key.strip() == _KEY:
                return value.strip()
    return ""


def others(directory: str, claim: str) -> list[str]:
    """The claims of other machines, sorted.

    Raises:
        OSError: The directory cannot be read.
    """
    return sorted(
        name[len(CLAIM) :]
        for name in os.listdir(directory)
        if name.startswith(CLAIM) and name != CLAIM + claim
    )


def make(directory: str, claim: str, system_id: str) -> None:
    """Claim a directory, and prove by doing it that files can be archived there.

    Raises:
        Foreign: It has a claim, or WAL, of another cluster; nothing was written.
        OSError: It cannot be written, linked or fsynced; the claim is not left.
    """
    for name in os.listdir(directory):
        file = os.path.join(directory, name)
        if name.startswith((CLAIM, LEAVING)) and (found := read(file)) != system_id:
            raise Foreign(directory, found or "unknown")
    for name in reversed(wal.archived_files(directory)):
        if wal.SEGMENT.fullmatch(name):
            found = wal.origin(os.path.join(directory, name))
            if found is not None and found.system_id != system_id:
                raise Foreign(directory, found.system_id)
            break
    mark = path(directory, claim)
    fresh = not os.path.lexists(mark)
    try:
        if fresh:
            _write(mark, system_id)
        proof = f"{durable.TEMPORARY}.proof.{claim}"
        durable.put(mark, directory, proof, claim)
        durable.put(mark, directory, proof, claim)
        os.unlink(os.path.join(directory, proof))
        durable.fsync(directory)
    except OSError:
        if fresh and os.path.lexists(mark):
            os.unlink(mark)
        raise
    # Coming back to a directory that was being left.
    leaving = os.path.join(directory, LEAVING + claim)
    if os.path.lexists(leaving):
        os.unlink(leaving)


def system_id_of(data_directory: str) -> str:
    """The system identifier of a data directory, from the first field of its control file.

    Raises:
        OSError: It cannot be read.
    """
    with open(os.path.join(data_directory, "global", "pg_control"), "rb") as file:
        return str(struct.unpack("=Q", file.read(8))[0])


def mount_point(directory: str) -> str:
    """Where the file system that holds a path is mounted; the path need not exist.

    A bind mount of the same file system is not told from its surroundings.
    """
    here = os.path.realpath(directory)
    while not os.path.lexists(here):
        here = os.path.dirname(here)
    while not os.path.ismount(here):
        here = os.path.dirname(here)
    return here


def _write(mark: str, system_id: str) -> None:
    text = (
        "# WAL of a PostgreSQL cluster is archived here. Do not delete this file: without it\n"
        "# nothing more is archived.\n"
        f"{_KEY} = {system_id}\n"
    )
    handle = os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    try:
        os.write(handle, text.encode())
        os.fsync(handle)
    finally:
        os.close(handle)
