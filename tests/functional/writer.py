"""A client that commits rows one after the other, and knows which of them were acknowledged."""

from __future__ import annotations

import threading
import time

import psycopg2

from postgresql.layout import Layout
from tests.functional.lab import ask


class Writer:
    """Inserts 1, 2, 3, … into public.written, each in a commit of its own, until it fails.

    Attributes:
        acknowledged: The number acknowledged last; 0: none.
        error: Why it ended; "" while it goes on.
    """

    def __init__(self, layout: Layout, first: int = 1):
        self._layout = layout
        self._next = first
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self.acknowledged = 0
        self.error = ""

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """No more rows; one that hangs goes on hanging."""
        self._end.set()
        self._thread.join(2)

    def hangs(self, for_s: float = 0.5) -> bool:
        """Whether its commit waits for a standby, and is not acknowledged for so long."""
        before = self.acknowledged
        deadline = time.monotonic() + for_s
        while time.monotonic() < deadline:
            if self.acknowledged != before:
                return False
            time.sleep(0.02)
        return self._thread.is_alive() and waiting(self._layout) > 0

    def _write(self) -> None:
        try:
            conn = psycopg2.connect(
                host=str(self._layout.socket_directory),
                port=self._layout.port,
                user="postgres",
                dbname="postgres",
            )
            conn.autocommit = True
            with conn.cursor() as cursor:
                while not self._end.is_set():
                    number = self._next
                    cursor.execute("INSERT INTO public.written VALUES (%s)", [number])
                    self.acknowledged = number
                    self._next += 1
            conn.close()
        except psycopg2.Error as error:
            self.error = str(error)


def make_table(layout: Layout) -> None:
    ask(layout, "CREATE TABLE public.written (n int)")


def waiting(layout: Layout) -> int:
    """How many sessions wait for an acknowledgement."""
    query = "SELECT count(*)::int FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    ((count,),) = ask(layout, query)
    assert isinstance(count, int)
    return count
