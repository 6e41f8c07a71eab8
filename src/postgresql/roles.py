"""The charm's roles and its schema in the database postgres.

Passwords reach the server as SCRAM verifiers only, made on this side, so that neither its log
nor pg_stat_statements can hold one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

OPERATOR = "pg_hot_standby"
"""Role with which units look into each other; owner of the charm's schema; no superuser."""
SCHEMA = "pg_hot_standby"


def ensure(
    conn: Connection, replication_user: str, replication_password: str, operator_password: str
) -> bool:
    """Make both roles, their rights and the schema what they should be; on a primary only.

    The schema holds `term(term bigint, timeline int, lsn pg_lsn, since timestamptz)`, a row for
    each primary that has started a term, and `token(token text, written timestamptz)`, the rows
    by which replication is verified.

    Returns:
        Whether anything changed.

    Raises:
        QueryRefused: In the server's words, without a password.
    """
    raise NotImplementedError


def drop(conn: Connection, user: str) -> bool:
    """Drop a replication role of the charm's, ending its connections first.

    Returns:
        Whether it was there.

    Raises:
        QueryRefused: It owns something, or is none of the charm's replication roles.
    """
    raise NotImplementedError


def replication_roles(conn: Connection) -> tuple[str, ...]:
    """The charm's replication roles (known by their comment), sorted."""
    raise NotImplementedError
