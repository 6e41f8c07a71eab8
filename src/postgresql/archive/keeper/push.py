"""archive_command. Runs once for each segment, so that it imports little."""

from __future__ import annotations

import os

from . import durable, marks


def push(path: str, directory: str, claim: str) -> None:
    """Archive one file of the server's; runs in the data directory.

    Raises:
        OSError: It is not archived.
    """
    system_id = marks.system_id_of(".")
    marks.require(directory, claim, system_id)
    durable.put(path, directory, os.path.basename(path), claim)
    # The directory may have been left meanwhile; then the file has to go to the next one.
    marks.require(directory, claim, system_id)
