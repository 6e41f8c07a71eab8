"""A connection to this machine's server that is kept, and never waited for longer than said.

A timeout is the server's to keep; a server that is frozen keeps none. So nothing here blocks: the
connection is worked on as far as it goes, and given up when its time is over.
"""

from __future__ import annotations

import contextlib
import select
import time
from typing import Any

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ

from postgresql.layout import Layout
from postgresql.sql import SENTINEL_NAME, Row, words

# Of a server that is on its way up or down: FATAL messages of postmaster.c.
_ON_ITS_WAY = "the database system is "


class NoAnswer(Exception):
    """The server has not answered.

    Attributes:
        reason: in its words, or libpq's.
        on_its_way: it said that it is starting up or shutting down.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.on_its_way = _ON_ITS_WAY in reason


class Line:
    """The connection, as the superuser postgres over the Unix socket."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._connection: Any = None

    def ask(self, query: str, timeout_s: float = 2.0) -> list[Row]:
        """Runs a query; connects first where there is no connection.

        Args:
            query: one that returns rows.
            timeout_s: how long to wait for it, connecting included.

        Raises:
            NoAnswer: there is none in time, or it is an error.
        """
        deadline = time.monotonic() + timeout_s
        is_new = self._connection is None
        try:
            return self._ask(query, deadline)
        except psycopg2.OperationalError as error:
            self.hang_up()
            if is_new:
                raise NoAnswer(words(error)) from None
        except psycopg2.Error as error:
            self.hang_up()
            raise NoAnswer(words(error)) from None
        except NoAnswer:
            self.hang_up()
            raise
        # The connection ended since the last time; that says nothing of the server now.
        return self.ask(query, max(0.0, deadline - time.monotonic()))

    def hang_up(self) -> None:
        """Gives the connection up."""
        if self._connection is not None:
            with contextlib.suppress(psycopg2.Error):
                self._connection.close()
            self._connection = None

    def _ask(self, query: str, deadline: float) -> list[Row]:
        connection = self._connection or self._connect()
        self._wait(deadline)
        with connection.cursor() as cursor:
            cursor.execute(query)
            self._wait(deadline)
            return cursor.fetchall()

    def _connect(self) -> Any:
        self._connection = psycopg2.connect(
            host=str(self._layout.socket_directory),
            port=self._layout.port,
            user="postgres",
            dbname="postgres",
            application_name=SENTINEL_NAME,
            # What an operator sets for all sessions must not bind this one. The server ends by
            # itself what nobody waits for any more.
            options=(
                "-c statement_timeout=5s -c lock_timeout=0 -c idle_session_timeout=0"
                " -c datestyle=ISO -c search_path=pg_catalog"
            ),
            async_=True,
        )
        return self._connection

    def _wait(self, deadline: float) -> None:
        while (state := self._connection.poll()) != POLL_OK:
            left = deadline - time.monotonic()
            if left <= 0:
                raise NoAnswer("the server does not answer")
            waited = [self._connection.fileno()]
            select.select(
                waited if state == POLL_READ else [],
                [] if state == POLL_READ else waited,
                [],
                left,
            )
