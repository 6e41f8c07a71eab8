"""The charm's functions in the database postgres, by which units look into each other."""

from __future__ import annotations

import hashlib

from postgresql import sql, templates
from postgresql.sql import Connection

_TEMPLATE = "functions.sql.j2"


def ensure(conn: Connection, schema: str, operator: str) -> bool:
    """Make the functions what this build of the charm has; on a primary only.

    Args:
        conn: As superuser, to the database postgres.
        schema: Of the charm's; must exist.
        operator: Role that may call them; must exist.

    Returns:
        Whether they were made anew.

    Raises:
        QueryRefused: In the server's words.
    """
    plain = templates.render(_TEMPLATE, schema=schema, operator=operator, digest="")
    digest = hashlib.sha256(plain.encode()).hexdigest()
    (present,) = sql.row(
        conn,
        "SELECT obj_description(to_regprocedure(%s), 'pg_proc')",
        [f"{schema}.archive()"],
    )
    if present == digest:
        return False
    with conn.cursor() as cursor:
        cursor.execute(
            templates.render(_TEMPLATE, schema=schema, operator=operator, digest=digest)
        )
    return True
