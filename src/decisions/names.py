"""The names that units have inside PostgreSQL."""

from __future__ import annotations

import re

# PostgreSQL keeps 63 bytes of a slot's name; the number of the unit must be among them.
_LONGEST_APPLICATION = 52


def slot_of(unit: str) -> str:
    """Returns the slot of a unit; slots are named in a-z, 0-9 and _ only.

    >>> slot_of("pg/1")
    'pg_1'
    """
    application, number = unit.split("/")
    return f"{re.sub('[^a-z0-9]', '_', application)[:_LONGEST_APPLICATION]}_{number}"


def unit_of(slot: str, unit: str) -> str | None:
    """Returns the unit of the same application, present or gone, that a slot belongs to.

    >>> unit_of("my_db_7", "my-db/1"), unit_of("debezium", "my-db/1")
    ('my-db/7', None)
    """
    if not is_slot_of_application(slot, unit):
        return None
    return f"{unit.partition('/')[0]}/{slot.rpartition('_')[2]}"


def is_slot_of_application(slot: str, unit: str) -> bool:
    """Tells whether a slot belongs to a unit of the same application, present or gone.

    >>> is_slot_of_application("pg_7", "pg/1"), is_slot_of_application("debezium", "pg/1")
    (True, False)
    """
    prefix = slot_of(unit).rpartition("_")[0]
    return re.fullmatch(rf"{prefix}_[0-9]+", slot) is not None
