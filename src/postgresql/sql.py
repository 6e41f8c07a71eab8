"""Connections to PostgreSQL, local as superuser and to other servers, with errors made plain."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from postgresql.layout import Layout

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

APPLICATION_NAME = "pg-hot-standby"


@contextlib.contextmanager
def local(
    layout: Layout, database: str = "postgres", timeout_s: float = 10
) -> Iterator[Connection]:
    """A connection as the superuser postgres over the Unix socket; autocommit, closed at the end.

    Args:
        layout: The cluster.
        database: Its database.
        timeout_s: Bound of every statement.

    Raises:
        NotReachable: No connection, in libpq's or the server's words.
        QueryRefused: A statement in the body failed.
    """
    raise NotImplementedError
    yield


@contextlib.contextmanager
def remote(
    address: str,
    role: str,
    password: str,
    database: str = "postgres",
    port: int = 5432,
    timeout_s: float = 10,
) -> Iterator[Connection]:
    """A connection to another server; autocommit, closed at the end.

    Args:
        address: IPv4 or IPv6 address.
        role: Role to log in as.
        password: Its password; shows up in no error.
        database: Database there.
        port: TCP port there.
        timeout_s: Bound of connecting and of every statement.

    Raises:
        NotReachable: No connection, in libpq's or the server's words.
        QueryRefused: A statement in the body failed.
    """
    raise NotImplementedError
    yield
