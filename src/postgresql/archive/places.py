"""The archive directory in force and the older ones that still hold WAL.

Kept where PostgreSQL keeps its own side of it, in the charm's file in conf.d, so that the two
change as one.
"""

from __future__ import annotations

import dataclasses
import json
import secrets
import socket
from pathlib import Path

from postgresql import conffile, files, templates
from postgresql.archive import paths
from postgresql.archive.keeper.carry import Source
from postgresql.layout import Layout

PREFIX = "pg_hot_standby.archive_"


@dataclasses.dataclass(frozen=True)
class Places:
    """Where WAL is archived, and where it was before.

    Attributes:
        directory: The archive directory; None: none has been set yet.
        mount_point: Of the file system that holds it.
        claim: What this machine's claims on directories are called.
        older: Directories that hold WAL of this machine's still, newest first.
    """

    directory: Path | None
    mount_point: str
    claim: str
    older: tuple[Source, ...] = ()

    @property
    def all(self) -> tuple[Source, ...]:
        """The directory in force, and then the older ones."""
        if self.directory is None:
            return self.older
        return (Source(str(self.directory), self.mount_point), *self.older)


def read(layout: Layout) -> Places:
    """The places that the charm's file in conf.d names."""
    text = files.read(layout.archive_conf_file)
    values = conffile.values(text) if text else {}
    directory = values.get(PREFIX + "directory", "")
    return Places(
        directory=Path(directory) if directory else None,
        mount_point=values.get(PREFIX + "mount_point", ""),
        claim=values.get(PREFIX + "claim", "") or f"{socket.gethostname()}.{secrets.token_hex(4)}",
        older=tuple(Source(*pair) for pair in json.loads(values.get(PREFIX + "older", "[]"))),
    )


def text(places: Places) -> str:
    """The charm's file in conf.d for these places.

    Raises:
        ValueError: There is no directory.
    """
    if places.directory is None:
        raise ValueError("no archive directory")
    older = json.dumps(
        [[one.directory, one.mount_point] for one in places.older], ensure_ascii=False
    )
    directories = [Path(one.directory) for one in places.all]
    return templates.render(
        "archive.conf.j2",
        archive_command=conffile.quote(paths.archive_command(places.directory, places.claim)),
        restore_command=conffile.quote(paths.restore_command(directories)),
        directory=conffile.quote(places.directory),
        claim=conffile.quote(places.claim),
        mount_point=conffile.quote(places.mount_point),
        older=conffile.quote(older),
    )
