"""One physical replication slot for each standby."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812


@dataclasses.dataclass(frozen=True)
class Slot:
    """A physical slot.

    Attributes:
        name: Its name.
        active: A walsender uses it.
        wal_status: "reserved", "extended", "unreserved" or "lost"; "" before its first use.
        retained_bytes: WAL that it holds back.
    """

    name: str
    active: bool
    wal_status: str
    retained_bytes: int


def slot_name(unit: str) -> str:
    """The slot and application_name of a unit: pg/1 → pg_1, my-db/0 → my_db_0."""
    raise NotImplementedError


def ensure(conn: Connection, names: Iterable[str]) -> tuple[str, ...]:
    """Make the slots that are missing, and those anew whose WAL is lost, as they are of no use.

    Returns:
        The slots made.

    Raises:
        QueryRefused: In the server's words.
    """
    raise NotImplementedError


def drop(conn: Connection, name: str) -> bool:
    """Drop a slot, ending the walsender that uses it.

    Returns:
        Whether it was there.

    Raises:
        QueryRefused: In the server's words.
    """
    raise NotImplementedError


def slots(conn: Connection) -> tuple[Slot, ...]:
    """The lasting physical slots, by name."""
    raise NotImplementedError
