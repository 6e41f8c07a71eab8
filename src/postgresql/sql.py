"""Connections to PostgreSQL, local as superuser and to other servers, with errors made plain.

A statement's timeout is the server's to keep. One that is frozen, or whose disk hangs, keeps none,
and libpq would wait with it for ever; so the waiting is bounded here as well. For connections that
are made elsewhere nothing changes.

And a hook asks in a dozen places. What it waited for in vain once, it does not wait for again: a
leader has half a minute to act in, and may be needed to have another unit elected.
"""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Generator, Sequence
from typing import Any, cast

import psycopg2
from psycopg2 import extensions
from psycopg2.extensions import connection as Connection  # noqa: N812

from postgresql.errors import NotReachable, QueryRefused, Silent
from postgresql.layout import Layout

APPLICATION_NAME = "pg-hot-standby"
SENTINEL_NAME = f"{APPLICATION_NAME}-sentinel"
"""By which the sentinel's own connection is known, on every server."""

_CONNECT_TIMEOUT_S = 5
_DOUBTING_S = 1.0
DOUBTED_STATEMENT_S = 2.0
"""What a server that is doubted has for a statement, where its caller says nothing else."""
_STATEMENT_S = 10.0
_GRACE_S = 3.0
"""What a server gets beyond a timeout, to say itself that it was too slow."""

Row = tuple[Any, ...]


class _NoAnswer(psycopg2.OperationalError):
    """The waiting for a server's answer has come to its end."""


class _Patient(Connection):
    """A connection that is given up when its server does not answer.

    Attributes:
        patience_s: how long each statement is waited for; at first, the connection.
    """

    def __init__(self, patience_s: float, *arguments: Any, **more: Any) -> None:
        self.patience_s = patience_s
        super().__init__(*arguments, **more)


def _wait(conn: Connection) -> None:
    """Waits for what libpq waits for; psycopg2 closes the connection if this raises.

    Source: https://www.psycopg.org/docs/advanced.html#support-for-coroutine-libraries
    """
    patience_s = conn.patience_s if isinstance(conn, _Patient) else None
    deadline = None if patience_s is None else time.monotonic() + patience_s
    while (state := conn.poll()) != extensions.POLL_OK:
        left_s = None if deadline is None else deadline - time.monotonic()
        if left_s is not None and left_s <= 0:
            raise _NoAnswer(f"it did not answer within {patience_s:g} s")
        reads, writes = ([conn], []) if state == extensions.POLL_READ else ([], [conn])
        select.select(reads, writes, [], left_s)


extensions.set_wait_callback(_wait)

_kept: dict[tuple[Layout, str], _Patient] | None = None
"""Within `keeping`: the local connections, by cluster and database; None outside."""
_silent: dict[Layout, str] | None = None
"""Within `keeping` that gives up: the servers that did not answer, and which runs of them."""
_doubts = False


@contextlib.contextmanager
def keeping(*, gives_up: bool = False, doubts: bool = False) -> Generator[None, None, None]:
    """Have `local` keep its connections for the next caller in the block, which may be nested.

    A hook asks a server in a dozen places. A connection costs the server a process of its own,
    which is most of what those places would cost. For one thread.

    Args:
        gives_up: Ask a server that did not answer in time no more until the end of the block.
            Not for a program that goes on asking until it does.
        doubts: There is reason to think that the server does not answer: wait but a moment for a
            connection, and hardly longer for a statement.
    """
    global _kept, _silent, _doubts
    if _kept is not None:
        yield
        return
    _kept = {}
    _silent = {} if gives_up else None
    _doubts = doubts
    try:
        yield
    finally:
        for conn in _kept.values():
            conn.close()
        _kept = _silent = None
        _doubts = False


def is_doubted() -> bool:
    """Whether this is within `keeping` that has reason to think that the server is silent."""
    return _doubts


@contextlib.contextmanager
def local(
    layout: Layout, database: str = "postgres", timeout_s: float | None = None, fresh: bool = False
) -> Generator[Connection, None, None]:
    """A connection as the superuser postgres over the Unix socket; autocommit.

    It is closed at the end, or kept within `keeping`.

    Args:
        layout: The cluster.
        database: Its database.
        timeout_s: Bound of every statement; None: 10 s, and less within `keeping` that doubts.
        fresh: A session that begins now, and is not kept.

    Raises:
        Silent: It does not answer at all, or has not in a block that gives up.
        NotReachable: No connection, in libpq's or the server's words.
        QueryRefused: A statement in the body failed.
    """
    whom = f"PostgreSQL {layout.label}"
    if _silent and layout in _silent and _silent[layout] == _process(layout):
        raise Silent(f"connect to {whom}", "it did not answer a moment ago")
    if timeout_s is None:
        timeout_s = DOUBTED_STATEMENT_S if _doubts else _STATEMENT_S
    connecting_s = _DOUBTING_S if _doubts else _patience_for(timeout_s)
    keep = _kept is not None and not fresh
    conn = _taken(layout, database) if keep else None
    if conn is None:
        try:
            conn = _connect(
                whom,
                timeout_s,
                patience_s=connecting_s,
                # A superuser runs nothing that others may have put into the schema public.
                more_options="-c search_path=pg_catalog",
                host=str(layout.socket_directory),
                port=layout.port,
                user="postgres",
                dbname=database,
            )
        except Silent:
            _note_silence(layout)
            raise
        if _kept is not None and keep:
            _kept[layout, database] = conn
    with _asking(whom, conn, keep):
        try:
            if keep:
                conn.patience_s = timeout_s + _grace_s()
                rows(conn, "SET statement_timeout = %s", [round(timeout_s * 1000)])
            yield conn
        except _NoAnswer:
            # Or another server's, which was asked meanwhile.
            if conn.closed:
                _note_silence(layout)
            raise


@contextlib.contextmanager
def remote(
    address: str,
    role: str,
    password: str,
    database: str = "postgres",
    port: int = 5432,
    timeout_s: float = 10,
) -> Generator[Connection, None, None]:
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
    whom = f"PostgreSQL at {address}"
    conn = _connect(
        whom,
        timeout_s,
        host=address,
        port=port,
        user=role,
        password=password,
        dbname=database,
        tcp_user_timeout=round(timeout_s * 1000),
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
    )
    with _asking(whom, conn):
        yield conn


def rows(conn: Connection, query: str, arguments: Sequence[object] | None = None) -> list[Row]:
    """All rows of a query; [] for a statement that returns none."""
    with conn.cursor() as cursor:
        cursor.execute(query, arguments)
        return cursor.fetchall() if cursor.description else []


def row(conn: Connection, query: str, arguments: Sequence[object] | None = None) -> Row:
    """The one row that a query always returns."""
    return rows(conn, query, arguments)[0]


def words(error: psycopg2.Error) -> str:
    """PostgreSQL's message with its DETAIL and HINT, on one line."""
    diagnostics = error.diag
    if diagnostics.message_primary:
        more = [diagnostics.message_detail, diagnostics.message_hint]
        return " ".join([diagnostics.message_primary, *(f"({text})" for text in more if text)])
    # libpq says the same of each way that it tried, with TLS and without.
    lines = dict.fromkeys(line.strip() for line in str(error).splitlines() if line.strip())
    return "; ".join(lines) or type(error).__name__


def _taken(layout: Layout, database: str) -> _Patient | None:
    """A kept connection that the server has not ended since."""
    conn = _kept.get((layout, database)) if _kept is not None else None
    if conn is None or conn.closed:
        return None
    # Nobody waits for an answer on it: what there is to read is the server's farewell, or the
    # end that its death left. A notice would be taken for one, too, which costs a connection.
    readable, _, _ = select.select([conn], [], [], 0)
    if readable:
        conn.close()
        return None
    return conn


def _patience_for(timeout_s: float) -> float:
    return max(2.0, min(timeout_s, _CONNECT_TIMEOUT_S))


def _connect(
    whom: str,
    timeout_s: float,
    *,
    patience_s: float | None = None,
    more_options: str = "",
    **parameters: object,
) -> _Patient:
    connecting_s = _patience_for(timeout_s) if patience_s is None else patience_s

    def patient(*arguments: Any, **more: Any) -> _Patient:
        return _Patient(connecting_s, *arguments, **more)

    try:
        conn = psycopg2.connect(
            "",
            connection_factory=patient,
            application_name=APPLICATION_NAME,
            # What an operator sets for all sessions must not bind the charm's own. And a hook
            # must not hang where commits wait for standbys that are away: no timeout of the
            # server's ends that wait, and what the charm writes can be written again.
            options=(
                f"-c statement_timeout={round(timeout_s * 1000)} -c lock_timeout=0"
                " -c idle_session_timeout=0 -c default_transaction_read_only=off"
                f" -c synchronous_commit=local -c datestyle=ISO {more_options}"
            ),
            **cast("dict[str, Any]", parameters),
        )
        conn.autocommit = True
    except _NoAnswer as error:
        raise Silent(f"connect to {whom}", words(error)) from None
    except psycopg2.Error as error:
        raise NotReachable(f"connect to {whom}", words(error)) from None
    conn.patience_s = timeout_s + _grace_s()
    return conn


def _grace_s() -> float:
    return _DOUBTING_S if _doubts else _GRACE_S


def _note_silence(layout: Layout) -> None:
    if _silent is not None:
        _silent[layout] = _process(layout)


def _process(layout: Layout) -> str:
    """Which run of a server it is: what stands in its lock file."""
    try:
        return (layout.data_directory / "postmaster.pid").read_text()
    except OSError:
        return ""


@contextlib.contextmanager
def _asking(whom: str, conn: Connection, keep: bool = False) -> Generator[None, None, None]:
    try:
        yield
    except psycopg2.Error as error:
        # What the statement was may hold more than an operator should read in a status.
        raise QueryRefused(f"ask {whom}", words(error)) from None
    finally:
        if not keep:
            conn.close()
