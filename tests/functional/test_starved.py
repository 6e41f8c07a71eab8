"""A standby whose WAL is gone is known for sure, and a copy brings it back."""

from __future__ import annotations

import shutil
from pathlib import Path

from postgresql import (
    archive,
    clone,
    cluster,
    gate,
    postmaster,
    promotion,
    recovery,
    seal,
    slots,
    sql,
    starved,
    terms,
)
from postgresql.layout import NOTES, Layout
from postgresql.recovery import Upstream
from postgresql.synchronous import Setting
from tests.functional.lab import ADDRESS, OPERATOR_PASSWORD, Lab, ask, until, value
from tests.functional.writer import make_table

NOTE = NOTES / "starved-{}-{}.json"


def pair(lab: Lab) -> tuple[Layout, Layout, Upstream]:
    primary = lab.primary()
    for setting in ("wal_keep_size = 0", "max_slot_wal_keep_size = '16MB'"):
        ask(primary, f"ALTER SYSTEM SET {setting}")
    ask(primary, "SELECT pg_reload_conf()")
    with sql.local(primary) as conn:
        terms.begin(conn, 1)
    make_table(primary)
    standby = lab.standby(primary)
    return primary, standby, lab.upstream(primary)


def remove_wal(primary: Layout, to: Path | None = None) -> None:
    """Has the primary write so much that what a slot kept is removed; makes the slot anew.

    Args:
        primary: It.
        to: An archive that is given each finished segment.
    """
    for number in range(6):
        ask(primary, "INSERT INTO public.written VALUES (%s)", 100 + number)
        name = str(value(primary, "SELECT pg_walfile_name(pg_switch_wal())"))
        if to is not None:
            shutil.copy2(primary.wal_directory / name, to / name)
            shutil.chown(to / name, "postgres", "postgres")
    ask(primary, "CHECKPOINT")
    with sql.local(primary) as conn:
        until(lambda: all(slot.wal_status in ("lost", "") for slot in slots.slots(conn)))
        slots.ensure(conn, ["lab_1"])


def is_certain(primary: Layout, standby: Layout, file: str) -> bool:
    with sql.remote(ADDRESS, "hot_standby", OPERATOR_PASSWORD, port=primary.port) as conn:
        return starved.is_certain(conn, standby, file)


def refused(standby: Layout) -> str:
    return until(lambda: starved.wanted(standby), 60)


def numbers(layout: Layout) -> list[object]:
    return [n for (n,) in ask(layout, "SELECT n FROM public.written ORDER BY n")]


def test_a_standby_whose_slot_was_lost_is_copied_through_the_slot_and_follows(lab: Lab):
    primary, standby, upstream = pair(lab)
    assert starved.wanted(standby) == ""
    postmaster.stop(standby)
    remove_wal(primary)
    gate.start_as_standby(standby)

    file = refused(standby)

    assert is_certain(primary, standby, file)
    assert not is_certain(primary, standby, f"{file[:8]}{'F' * 16}"), "it waits for another one"
    assert clone.start(standby, upstream, idle=True)
    until(lambda: clone.state(standby).phase == "finished", 60)
    # What comes after the copy is kept for it, by the slot alone.
    assert value(primary, "SELECT restart_lsn IS NOT NULL FROM pg_replication_slots") is True
    clone.adopt(standby, "lab", cluster.state(primary).system_id)
    recovery.ensure(standby, upstream)
    gate.start_as_standby(standby)
    until(lambda: numbers(standby) == numbers(primary))
    assert not is_certain(primary, standby, file)


def test_a_log_that_goes_beyond_the_primarys_is_not_given_up(lab: Lab):
    primary, standby, upstream = pair(lab)
    # Both take over, from the same log: what was flushed here may be acknowledged somewhere.
    assert seal.seal(standby)
    assert promotion.promote(standby, 2, Setting(serial=2))
    ask(standby, "INSERT INTO public.written VALUES (2)")
    postmaster.stop(standby)
    remove_wal(primary)
    recovery.ensure(standby, upstream)
    gate.start_as_standby(standby)
    end = value(standby, "SELECT pg_last_wal_replay_lsn()")
    file = str(value(primary, "SELECT pg_walfile_name(%s::pg_lsn)", end))

    assert not (primary.wal_directory / file).exists()
    assert not is_certain(primary, standby, file)


def test_what_an_archive_has_is_caught_up_from_there(lab: Lab):
    directory = Path("/srv/starved-archive")
    primary, standby, _ = pair(lab)
    try:
        archive.ensure(standby, str(directory))
        postmaster.stop(standby)
        remove_wal(primary, directory)
        gate.start_as_standby(standby)

        until(lambda: numbers(standby) == numbers(primary), 60)
        assert starved.wanted(standby) == ""
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def test_how_often_it_was_needed_is_remembered(lab: Lab):
    standby = lab.layout()
    note = Path(str(NOTE).format(standby.major, standby.name))
    try:
        assert starved.patience_s(standby) == 0
        starved.note(standby)
        assert 890 <= starved.patience_s(standby) <= 900
        starved.note(standby)
        assert 3590 <= starved.patience_s(standby) <= 3600
    finally:
        note.unlink(missing_ok=True)
