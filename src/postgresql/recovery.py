"""Whom this server follows: standby.signal, the passfile and primary_conninfo."""

from __future__ import annotations

import dataclasses

from postgresql.changes import Change
from postgresql.layout import Layout


@dataclasses.dataclass(frozen=True)
class Upstream:
    """The server that a standby follows.

    Attributes:
        host: IPv4 or IPv6 address.
        user: Replication role.
        password: Its password; written to the passfile only.
        slot: Replication slot on that server for this standby.
        application_name: How pg_stat_replication there shows this standby.
        port: TCP port.
    """

    host: str
    user: str
    password: str = dataclasses.field(repr=False)
    slot: str
    application_name: str
    port: int = 5432


def primary_conninfo(layout: Layout, upstream: Upstream) -> str:
    """The connection string, with the passfile in the place of the password."""
    raise NotImplementedError


def write_passfile(layout: Layout, upstream: Upstream) -> bool:
    """Make the passfile hold this upstream's password, for postgres' eyes only.

    Returns:
        Whether it changed.
    """
    raise NotImplementedError


def ensure(layout: Layout, upstream: Upstream | None) -> Change:
    """Make this server a standby of `upstream`; a running one changes over by a reload.

    standby.signal takes effect with the next start: a running primary goes on as one until then.

    Args:
        layout: The cluster.
        upstream: None: a standby of nobody, which cuts a running walreceiver off.

    Raises:
        SettingRefused: The server would not take the connection string.
    """
    raise NotImplementedError


def follows(layout: Layout) -> Upstream | None:
    """Whom the written configuration names (password left out); None: nobody."""
    raise NotImplementedError
