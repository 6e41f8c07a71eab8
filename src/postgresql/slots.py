"""One physical replication slot for each standby."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable

from postgresql import sql
from postgresql.errors import QueryRefused
from postgresql.sql import Connection

# Columns in the order of Slot's attributes.
_QUERY = """
SELECT slot_name, active, coalesce(wal_status, ''),
       coalesce(pg_wal_lsn_diff(
           CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()
                ELSE pg_current_wal_lsn() END, restart_lsn), 0)::bigint
  FROM pg_replication_slots
 WHERE slot_type = 'physical' AND NOT temporary
 ORDER BY 1
"""


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
    """The slot and application_name of a unit.

    A slot's name has only lower-case letters, digits and underscores.

    >>> slot_name("pg/1"), slot_name("my-db/0")
    ('pg_1', 'my_db_0')
    """
    return re.sub(r"[^a-z0-9_]", "_", unit.lower())


def ensure(conn: Connection, names: Iterable[str]) -> tuple[str, ...]:
    """Make the slots that are missing, and those anew whose WAL is lost, as they are of no use.

    A new slot holds no WAL back until its standby has connected for the first time.

    Returns:
        The slots made.

    Raises:
        QueryRefused: In the server's words.
    """
    return _ensure(conn, names, lambda slot: slot.wal_status != "lost")


def ensure_on_standby(conn: Connection, names: Iterable[str]) -> tuple[str, ...]:
    """Make on a standby the slots that it needs once it is the primary, and hold no WAL by them.

    Those that do, from a time as the primary, are made anew: nobody moves them on here, and they
    would fill the disk.

    Returns:
        The slots made.

    Raises:
        QueryRefused: In the server's words.
    """
    # One in use follows its standby.
    return _ensure(conn, names, lambda slot: slot.active or not slot.wal_status)


def _ensure(
    conn: Connection, names: Iterable[str], is_right: Callable[[Slot], bool]
) -> tuple[str, ...]:
    present = {slot.name: slot for slot in slots(conn)}
    made: list[str] = []
    for name in names:
        slot = present.get(name)
        if slot is not None and is_right(slot):
            continue
        if slot is not None:
            drop(conn, name)
        sql.rows(conn, "SELECT pg_create_physical_replication_slot(%s)", [name])
        made.append(name)
    return tuple(made)


def drop(conn: Connection, name: str) -> bool:
    """Drop a slot, ending the walsender that uses it.

    Returns:
        Whether it was there.

    Raises:
        QueryRefused: A walsender took it again and again.
    """
    # A standby that still runs connects again at once; its next try comes a second or more
    # after the one that is ended here.
    for _ in range(5):
        if not sql.rows(conn, "SELECT 1 FROM pg_replication_slots WHERE slot_name = %s", [name]):
            return False
        sql.rows(
            conn,
            """
            SELECT pg_terminate_backend(active_pid, 2000) FROM pg_replication_slots
             WHERE slot_name = %s AND active_pid IS NOT NULL
            """,
            [name],
        )
        dropped = sql.rows(
            conn,
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
            " WHERE slot_name = %s AND NOT active",
            [name],
        )
        if dropped:
            return True
    raise QueryRefused(f"drop the slot {name}", "a standby uses it", "stop that standby first")


def slots(conn: Connection) -> tuple[Slot, ...]:
    """The lasting physical slots, by name."""
    return tuple(Slot(*row) for row in sql.rows(conn, _QUERY))
