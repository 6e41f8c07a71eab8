"""A copy owes what the data that it replaced had flushed, and says nothing before it has that."""

from __future__ import annotations

import dataclasses

import pytest

from postgresql import clone, cluster, debt, postmaster, slots, sql, terms
from postgresql.layout import Layout
from postgresql.recovery import Upstream
from tests.functional.lab import ADDRESS, PASSWORD, REPLICATOR, Lab, until, value


def copied(primary: Layout, standby: Layout) -> None:
    """Has a base backup of the primary beside the standby's data, which goes on serving."""
    with sql.local(primary) as conn:
        slots.ensure(conn, ["lab_2"])
    upstream = Upstream(ADDRESS, REPLICATOR, PASSWORD, "lab_2", "lab_2", primary.port)
    clone.start(standby, dataclasses.replace(upstream))
    until(lambda: clone.state(standby).phase == "finished", 60)


def flushed_since(primary: Layout) -> int:
    """Commits something that every standby flushes; gives where that ended, in bytes."""
    lsn = value(primary, "SELECT pg_logical_emit_message(true, 'test', 'x') - '0/0'::pg_lsn")
    until(
        lambda: value(
            primary,
            "SELECT count(*) = 1 FROM pg_stat_replication"
            " WHERE application_name = 'lab_1' AND flush_lsn >= '0/0'::pg_lsn + %s::numeric"
            " AND replay_lsn >= '0/0'::pg_lsn + %s::numeric",
            lsn,
            lsn,
        )
    )
    return int(str(lsn))


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_what_was_flushed_before_a_copy_takes_over_is_owed(lab: Lab, running: bool):
    primary = lab.primary()
    standby = lab.standby(primary)
    copied(primary, standby)
    flushed = flushed_since(primary)
    if not running:
        postmaster.stop(standby)

    clone.adopt(standby, "lab", cluster.state(primary).system_id)

    assert not debt.is_paid(standby, 0, flushed - 1)
    # Where the log ended at most, a page's header or two behind what was flushed last.
    assert debt.is_paid(standby, 0, flushed + 2 * 8192)


def test_a_log_that_has_reached_a_later_term_owes_nothing(lab: Lab):
    primary = lab.primary()
    with sql.local(primary) as conn:
        terms.begin(conn, 1)
    standby = lab.standby(primary)
    copied(primary, standby)
    flushed_since(primary)

    clone.adopt(standby, "lab", cluster.state(primary).system_id)

    assert not debt.is_paid(standby, 1, 0)
    assert debt.is_paid(standby, 2, 0)


def test_data_of_another_cluster_leave_no_debt(lab: Lab):
    primary = lab.primary()
    stranger = lab.primary("another cluster")
    copied(primary, stranger)

    clone.adopt(stranger, "lab", cluster.state(primary).system_id)

    assert debt.is_paid(stranger, 0, 0)
