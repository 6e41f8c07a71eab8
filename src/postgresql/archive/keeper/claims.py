"""A directory claimed, and proved by it; see marks.py for what claims are."""

from __future__ import annotations

import os

from . import durable, wal
from .marks import CLAIM, KEY, LEAVING, Foreign, path, read
from .names import is_segment


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
        if is_segment(name):
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
        f"{KEY} = {system_id}\n"
    )
    handle = os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    try:
        os.write(handle, text.encode())
        os.fsync(handle)
    finally:
        os.close(handle)
