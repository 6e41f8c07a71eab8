"""WAL on a disk of its own, which lies beside the data directory and goes with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from postgresql import (
    clone,
    cluster,
    gate,
    postmaster,
    promotion,
    recovery,
    rewind,
    seal,
    sql,
    terms,
)
from postgresql.layout import WAL_DISK, Layout
from postgresql.synchronous import Setting
from tests.functional.lab import Lab, ask, until
from tests.functional.mounts import mounted, unmount
from tests.functional.writer import make_table


@pytest.fixture
def disk() -> Iterator[Path]:
    with mounted(WAL_DISK, "size=1g") as path:
        yield path


def wal_of(layout: Layout) -> Path:
    """Where the WAL of a server lies, which must be the disk."""
    place = layout.wal_directory.readlink()
    assert place.parent == WAL_DISK / str(layout.major)
    assert place.owner() == "postgres"
    assert any(len(one.name) == 24 for one in place.iterdir())
    return place


def directories(layout: Layout) -> set[Path]:
    return set((WAL_DISK / str(layout.major)).glob(f"{layout.name}.*"))


def clone_anew(lab: Lab, primary: Layout, standby: Layout) -> None:
    upstream = lab.upstream(primary)
    clone.start(standby, upstream)
    until(lambda: clone.state(standby).phase == "finished", 60)
    found = cluster.state(primary)
    clone.adopt(standby, found.cluster_id, found.system_id)
    # What served till now was cut off, to tell where its log ends.
    recovery.ensure(standby, upstream)
    postmaster.start(standby)


def test_a_cluster_and_its_copies_have_their_wal_there(disk: Path, lab: Lab):
    primary = lab.primary()
    standby = lab.standby(primary)
    first = wal_of(standby)
    assert wal_of(primary) != first
    ask(primary, "CREATE TABLE public.t AS SELECT 7 AS n")
    until(lambda: ask(standby, "SELECT to_regclass('public.t')") != [(None,)])

    clone_anew(lab, primary, standby)

    second = wal_of(standby)
    (aside,) = cluster.aside(standby.data_directory)
    assert (aside / "pg_wal").readlink() == first
    assert directories(standby) == {first, second}

    clone_anew(lab, primary, standby)

    # With what is set aside no more its WAL is gone, too.
    assert directories(standby) == {second, wal_of(standby)}
    assert directories(primary) == {wal_of(primary)}
    until(lambda: ask(primary, "SELECT state FROM pg_stat_replication") == [("streaming",)])


def test_a_copy_that_is_called_off_leaves_nothing_there(disk: Path, lab: Lab):
    primary = lab.primary()
    standby = lab.layout()
    clone.start(standby, lab.upstream(primary))
    until(lambda: directories(standby))

    clone.forget(standby)

    assert directories(standby) == set()
    assert directories(primary) == {wal_of(primary)}


def test_a_rewind_leaves_it_there(disk: Path, lab: Lab):
    former = lab.primary()
    gate.close(former)
    with sql.local(former) as conn:
        terms.begin(conn, 1)
    make_table(former)
    primary = lab.standby(former)
    before = wal_of(former)
    assert seal.seal(primary)
    ask(former, "INSERT INTO public.written VALUES (2)")
    assert promotion.promote(primary, 2, Setting(serial=2))
    ask(primary, "INSERT INTO public.written VALUES (3)")
    assert seal.seal(former)

    rewind.start(former, lab.upstream(primary, "lab/0"))
    until(lambda: rewind.state(former).phase in ("finished", "failed", "postponed"), 60)

    assert rewind.state(former).phase == "finished", rewind.state(former).error
    assert wal_of(former) == before
    assert postmaster.start(former)
    until(lambda: ask(former, "SELECT n FROM public.written") == [(3,)])


def test_a_disk_that_is_not_mounted_is_passed_over(disk: Path, lab: Lab):
    unmount(disk)

    layout = lab.created()

    assert layout.wal_directory.is_dir() and not layout.wal_directory.is_symlink()
    assert list(disk.iterdir()) == []


def test_the_wal_of_a_data_directory_that_is_not_there_is_kept(disk: Path, lab: Lab):
    layout = lab.created()
    before = wal_of(layout)
    # As where the disk of the data is not mounted.
    layout.data_directory.rename(layout.data_directory.with_name(f"{layout.name}.elsewhere"))

    cluster.create(layout, "lab")

    assert directories(layout) == {before, wal_of(layout)}
