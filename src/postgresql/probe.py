"""Whether commits reach the disk of a server: a small one is made, by a deadline.

That a server takes connections says nothing of its disk, and what hangs may hang in the kernel,
where no timeout of the server's own reaches. So the connection does not block, and is thrown
away when time is up.
"""

from __future__ import annotations

import dataclasses
import select
import time
from typing import Any, cast

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ, POLL_WRITE
from psycopg2.extensions import connection as Connection  # noqa: N812

from postgresql import sql
from postgresql.layout import Layout
from postgresql.roles import OPERATOR

_PROBE = "SELECT hot_standby.probe()"
# The superuser can do it on a server of an older build, too.
_LOCAL_PROBE = "SELECT pg_logical_emit_message(true, 'pg-hot-standby', 'probe')"

_BUSY = (
    "the database system is starting up",
    "the database system is shutting down",
    "the database system is in recovery mode",
    "the database system is not yet accepting connections",
    # A primary that something else than the charm has started, until the charm opens it; or one
    # that is about to be promoted. "cannot assign TransactionIds during recovery", and the like.
    "during recovery",
    "recovery is in progress",
    # It lives, and does not know this unit yet, or its new address.
    "no pg_hba.conf entry",
    "authentication failed",
)
_CROWDED = (
    "sorry, too many clients already",
    "remaining connection slots are reserved",
    "too many connections for",
    "number of requested standby connections exceeds",
)
# undefined_function, invalid_schema_name: the charm has not made it there yet.
_UNKNOWN = ("42883", "3F000")


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What came of a probe.

    Attributes:
        ok: The commit was made; or the server has so many clients that it took no more.
        busy: It lives and does not take it yet, or no longer: it starts or stops, is still a
            standby, or does not let this unit in.
        reason: Why it is not ok, or not quite; "" otherwise.
    """

    ok: bool
    busy: bool = False
    reason: str = ""


class Late(Exception):
    """The server did not answer by the deadline."""


class Prober:
    """Probes one server, over a connection that is kept from one time to the next."""

    def __init__(self, parameters: dict[str, object], statement: str = _PROBE):
        """Connects to nothing yet.

        Args:
            parameters: libpq's, of the connection.
            statement: That makes the commit.
        """
        self._parameters = parameters
        self._statement = statement
        self._conn: Connection | None = None

    @classmethod
    def local(cls, layout: Layout) -> Prober:
        """One of the server on this machine."""
        return cls(
            {"host": str(layout.socket_directory), "port": layout.port, "user": "postgres"},
            _LOCAL_PROBE,
        )

    @classmethod
    def remote(cls, address: str, password: str, port: int = 5432) -> Prober:
        """One of the server at an address.

        Args:
            address: IPv4 or IPv6 address: a name might have to be looked up for longer than
                the deadline.
            password: Of the role OPERATOR.
            port: TCP port there.
        """
        return cls({"host": address, "port": port, "user": OPERATOR, "password": password})

    def probe(self, timeout_s: float) -> Verdict:
        """Make a commit.

        Args:
            timeout_s: It does not take longer.
        """
        deadline = time.monotonic() + timeout_s
        kept = self._conn is not None
        verdict = self._try(deadline, timeout_s)
        if not verdict.ok and kept and self._conn is None and time.monotonic() < deadline:
            # The server may have been restarted since the connection was made.
            verdict = self._try(deadline, timeout_s)
        return verdict

    def close(self) -> None:
        """Give the connection up."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None

    def _try(self, deadline: float, timeout_s: float) -> Verdict:
        try:
            if self._conn is None:
                self._conn = self._connect()
                _wait(self._conn, deadline)
            with self._conn.cursor() as cursor:
                cursor.execute(self._statement)
                _wait(self._conn, deadline)
        except Late:
            self.close()
            return Verdict(False, reason=f"no answer within {timeout_s:g} s")
        except psycopg2.Error as error:
            self.close()
            return _verdict(error)
        return Verdict(True)

    def _connect(self) -> Connection:
        return psycopg2.connect(
            "",
            async_=True,
            dbname="postgres",
            application_name=f"{sql.APPLICATION_NAME}-probe",
            # A look for a ticket of Kerberos would block.
            gssencmode="disable",
            options=(
                "-c synchronous_commit=local -c default_transaction_read_only=off"
                " -c idle_session_timeout=0 -c search_path=pg_catalog"
            ),
            **cast("dict[str, Any]", self._parameters),
        )


def local(layout: Layout, timeout_s: float) -> Verdict:
    """Probe the server on this machine once."""
    return _once(Prober.local(layout), timeout_s)


def remote(address: str, password: str, timeout_s: float, port: int = 5432) -> Verdict:
    """Probe the server at an address once, as the role OPERATOR."""
    return _once(Prober.remote(address, password, port), timeout_s)


def _once(prober: Prober, timeout_s: float) -> Verdict:
    try:
        return prober.probe(timeout_s)
    finally:
        prober.close()


def _wait(conn: Connection, deadline: float) -> None:
    """Wait for what is under way on the connection.

    Raises:
        Late: It is not done by the deadline.
    """
    while (state := conn.poll()) != POLL_OK:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Late
        select.select(
            [conn] if state == POLL_READ else [], [conn] if state == POLL_WRITE else [], [], left
        )


def _verdict(error: psycopg2.Error) -> Verdict:
    words = sql.words(error)
    if any(text in words for text in _BUSY):
        return Verdict(False, busy=True, reason=words)
    # A server that says so is alive, and its disk lets those who are in it commit.
    crowded = any(text in words for text in _CROWDED)
    return Verdict(crowded or error.pgcode in _UNKNOWN, reason=words)
