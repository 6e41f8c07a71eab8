"""Who may connect: pg_hba.conf and pg_ident.conf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from postgresql.layout import Layout

IDENT_MAP = "pg_hot_standby"
"""Lets the operating system's root and postgres be the server's postgres over the socket."""


def ensure(layout: Layout, roles: Sequence[str], peers: Mapping[str, str]) -> bool:
    """One line for each peer address with exactly these roles, next to the local lines.

    What an operator wrote below the charm's part of the file is kept as it is. A running server
    reloads when the file changed.

    Args:
        layout: The cluster.
        roles: Roles that peers connect as, on every database and for replication.
        peers: Unit to IPv4 or IPv6 address (no network, no host name).

    Returns:
        Whether anything changed.

    Raises:
        ServerRefused: The server refuses the file, with line and its words; the former file is
            back in its place.
        ValueError: An address that is not one.
    """
    raise NotImplementedError
