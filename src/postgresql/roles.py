"""The charm's roles and its schema in the database postgres.

Passwords reach the server as SCRAM verifiers only, made on this side, so that neither its log
nor pg_stat_statements can hold one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

import psycopg2
from psycopg2 import sql as compose
from psycopg2.extensions import encrypt_password

from postgresql import functions, sql, terms
from postgresql.errors import QueryRefused
from postgresql.sql import Connection

# PostgreSQL keeps names that begin with pg_ for itself.
OPERATOR = "hot_standby"
"""Role with which units look into each other; owner of the charm's schema; no superuser."""
SCHEMA = "hot_standby"
"""The charm's schema in the database postgres."""

# Comments by which the charm knows its own roles.
_REPLICATION_MARK = "replication role of pg-hot-standby"
_OPERATOR_MARK = "pg-hot-standby looks into other units with it"

# pg_monitor lets a standby ask how large a base backup will be.
_REPLICATION = ("LOGIN REPLICATION", ("pg_monitor",))
_OPERATOR = ("LOGIN", ("pg_monitor", "pg_read_all_data"))

# What pg_rewind reads from its source by, and what tells where to take a log back to. Source:
# PostgreSQL's manual, pg_rewind, "When executing pg_rewind using an online cluster as source".
_REPLICATION_FUNCTIONS = (
    "pg_catalog.pg_ls_dir(text, boolean, boolean)",
    "pg_catalog.pg_stat_file(text, boolean)",
    "pg_catalog.pg_read_binary_file(text)",
    "pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean)",
    f"{SCHEMA}.history()",
)

_TABLES = {
    "term": """
        CREATE TABLE hot_standby.term (
            term bigint PRIMARY KEY,
            timeline integer NOT NULL,
            lsn pg_lsn NOT NULL,
            since timestamptz NOT NULL DEFAULT clock_timestamp(),
            kind text,
            former text,
            missing bigint,
            before timestamptz,
            opened timestamptz,
            at_risk boolean
        )""",
    "farewell": """
        CREATE TABLE hot_standby.farewell (
            term bigint PRIMARY KEY,
            since timestamptz NOT NULL DEFAULT clock_timestamp()
        )""",
    "token": """
        CREATE TABLE hot_standby.token (
            token text PRIMARY KEY,
            written timestamptz NOT NULL DEFAULT clock_timestamp()
        )""",
}
# Of hot_standby.term, where an earlier build of the charm has made it.
_LATER_COLUMNS = """
    ALTER TABLE hot_standby.term
        ADD COLUMN IF NOT EXISTS kind text,
        ADD COLUMN IF NOT EXISTS former text,
        ADD COLUMN IF NOT EXISTS missing bigint,
        ADD COLUMN IF NOT EXISTS before timestamptz,
        ADD COLUMN IF NOT EXISTS opened timestamptz,
        ADD COLUMN IF NOT EXISTS at_risk boolean
"""


def ensure(
    conn: Connection, replication_user: str, replication_password: str, operator_password: str
) -> bool:
    """Make both roles, their rights and the schema what they should be; on a primary only.

    The schema holds three tables. `term(term bigint, timeline int, lsn pg_lsn, since timestamptz,
    kind text, former text, missing bigint, before timestamptz, opened timestamptz, at_risk
    boolean)` has a row for each primary that has started a term, as terms.Told has it;
    `farewell(term bigint, since timestamptz)` one for each that has left in its term; and
    `token(token text, written timestamptz)` is what replication is verified by.

    Args:
        conn: As superuser, to the database postgres.
        replication_user: Role that standbys connect as.
        replication_password: Its password.
        operator_password: Of the role OPERATOR.

    Returns:
        Whether anything changed.

    Raises:
        QueryRefused: In the server's words, without a password; or a role of that name is
            there that the charm did not make.
    """
    _keep_out_of_log(conn)
    changed = _ensure_role(conn, OPERATOR, operator_password, *_OPERATOR, _OPERATOR_MARK)
    changed |= _ensure_role(
        conn, replication_user, replication_password, *_REPLICATION, _REPLICATION_MARK
    )
    changed = _ensure_schema(conn) or changed
    return _ensure_rights(conn, replication_user) or changed


def drop(conn: Connection, user: str) -> bool:
    """Drop a replication role of the charm's, ending its connections first.

    Returns:
        Whether it was there.

    Raises:
        QueryRefused: It owns something, or is none of the charm's replication roles.
    """
    if not _exists(conn, user):
        return False
    if user not in replication_roles(conn):
        raise QueryRefused(f"drop role {user}", "the charm did not make it as replication role")
    # So that nothing connects again between the end of its sessions and that of the role.
    _execute(conn, "ALTER ROLE {} NOLOGIN", user)
    sql.rows(
        conn,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s",
        [user],
    )
    for group in _REPLICATION[1]:
        _execute(conn, "REVOKE {} FROM {}", group, user)
    for function in _REPLICATION_FUNCTIONS:
        if _may_execute(conn, user, function):
            _execute(conn, f"REVOKE ALL ON FUNCTION {function} FROM {{}}", user)
    _execute(conn, f"REVOKE ALL ON SCHEMA {SCHEMA} FROM {{}}", user)
    _execute(conn, "DROP ROLE {}", user)
    return True


def replication_roles(conn: Connection) -> tuple[str, ...]:
    """The charm's replication roles (known by their comment), sorted."""
    return tuple(
        name
        for (name,) in sql.rows(
            conn,
            "SELECT rolname FROM pg_roles WHERE shobj_description(oid, 'pg_authid') = %s"
            " ORDER BY 1",
            [_REPLICATION_MARK],
        )
    )


def matches(password: str, verifier: str | None) -> bool:
    """Whether a SCRAM verifier was made of this password, without asking the server to log in.

    Source: RFC 5803, whose form pg_authid.rolpassword has.
    """
    found = re.fullmatch(r"SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)", verifier or "")
    if found is None:
        return False
    salted = hashlib.pbkdf2_hmac(
        "sha256", password.encode(), base64.b64decode(found[2]), int(found[1])
    )
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return hmac.compare_digest(hashlib.sha256(client_key).digest(), base64.b64decode(found[3]))


def _ensure_role(
    conn: Connection,
    name: str,
    password: str,
    attributes: str,
    groups: tuple[str, ...],
    mark: str,
) -> bool:
    changed = False
    if not _exists(conn, name):
        # One transaction: a role without its mark would be taken for a stranger's.
        _execute(
            conn, f"CREATE ROLE {{}} {attributes}; COMMENT ON ROLE {{}} IS '{mark}'", name, name
        )
        changed = True
    elif not _is_marked(conn, name, mark):
        raise QueryRefused(
            f"make the role {name}",
            "a role of that name exists already, and the charm did not make it",
            "rename that role"
            + (", or choose another replication-user" if name != OPERATOR else ""),
        )
    verifier, can_login = sql.row(
        conn, "SELECT rolpassword, rolcanlogin FROM pg_authid WHERE rolname = %s", [name]
    )
    if not can_login:
        _execute(conn, "ALTER ROLE {} LOGIN", name)
        changed = True
    if not matches(password, verifier):
        try:
            made = encrypt_password(password, name, conn, "scram-sha-256")
        except psycopg2.Error as error:
            raise QueryRefused(f"set the password of {name}", sql.words(error)) from None
        statement = compose.SQL("ALTER ROLE {} PASSWORD {}").format(
            compose.Identifier(name), compose.Literal(made)
        )
        with conn.cursor() as cursor:
            cursor.execute(statement)
        changed = True
    for group in groups:
        (member,) = sql.row(conn, "SELECT pg_has_role(%s, %s, 'member')", [name, group])
        if not member:
            _execute(conn, "GRANT {} TO {}", group, name)
            changed = True
    return changed


def _ensure_schema(conn: Connection) -> bool:
    (schema,) = sql.row(conn, "SELECT to_regnamespace(%s) IS NOT NULL", [SCHEMA])
    if not schema:
        _execute(conn, "CREATE SCHEMA {} AUTHORIZATION {}", SCHEMA, OPERATOR)
    changed = not schema
    for table, definition in _TABLES.items():
        (there,) = sql.row(conn, "SELECT to_regclass(%s) IS NOT NULL", [f"{SCHEMA}.{table}"])
        if not there:
            with conn.cursor() as cursor:
                # Made and given away at once: an interruption between leaves neither.
                cursor.execute(f"{definition}; ALTER TABLE {SCHEMA}.{table} OWNER TO {OPERATOR}")
            changed = True
    if not terms.tells_more(conn):
        _execute(conn, _LATER_COLUMNS)
        changed = True
    return functions.ensure(conn, SCHEMA, OPERATOR) or changed


def _ensure_rights(conn: Connection, replication_user: str) -> bool:
    """Let standbys rewind themselves by this server as their source."""
    (has,) = sql.row(
        conn, "SELECT has_schema_privilege(%s, %s, 'USAGE')", [replication_user, SCHEMA]
    )
    if not has:
        _execute(conn, f"GRANT USAGE ON SCHEMA {SCHEMA} TO {{}}", replication_user)
    missing = [
        function
        for function in _REPLICATION_FUNCTIONS
        if not _may_execute(conn, replication_user, function)
    ]
    for function in missing:
        _execute(conn, f"GRANT EXECUTE ON FUNCTION {function} TO {{}}", replication_user)
    return bool(missing) or not has


def _may_execute(conn: Connection, role: str, function: str) -> bool:
    # NULL where there is no such function.
    (may,) = sql.row(
        conn,
        "SELECT coalesce(has_function_privilege(%s, to_regprocedure(%s), 'EXECUTE'), false)",
        [role, function],
    )
    return may


def _exists(conn: Connection, role: str) -> bool:
    return bool(sql.rows(conn, "SELECT 1 FROM pg_roles WHERE rolname = %s", [role]))


def _is_marked(conn: Connection, role: str, mark: str) -> bool:
    (marked,) = sql.row(
        conn,
        "SELECT shobj_description(to_regrole(quote_ident(%s)), 'pg_authid') = %s",
        [role, mark],
    )
    return bool(marked)


def _execute(conn: Connection, statement: str, *names: str) -> None:
    with conn.cursor() as cursor:
        cursor.execute(
            compose.SQL(statement).format(*(compose.Identifier(name) for name in names))
        )


def _keep_out_of_log(conn: Connection) -> None:
    """Verifiers are no passwords, but no reader of a log needs them either."""
    for setting, value in (
        ("log_statement", "none"),
        ("log_min_duration_statement", "-1"),
        ("log_min_error_statement", "panic"),
        ("pg_stat_statements.track_utility", "off"),
    ):
        sql.rows(conn, "SELECT set_config(%s, %s, false)", [setting, value])
