"""What the leader writes into the cluster record."""

from __future__ import annotations

import dataclasses

from decisions.facts import Machine, View
from decisions.record import next_record as decide
from state.member import Member
from state.record import Record

FOUNDING = Record(serial=1, term=1, primary="pg/0", cluster_id="c1")


def next_record(
    record: Record | None, me: str, members: dict[str, Member], cluster_id: str
) -> Record | None:
    view = View(
        me=me,
        leader=True,
        record=record,
        members=members,
        machine=Machine(),
        replication_role="replicator",
        credentials=True,
    )
    return decide(view, cluster_id)


def test_the_first_leader_founds_the_cluster_in_term_1() -> None:
    founded = next_record(None, "pg/2", {"pg/2": Member("pg/2")}, "fresh")
    assert founded == Record(serial=1, term=1, primary="pg/2", cluster_id="fresh")


def test_the_system_id_is_recorded_once_the_primary_tells_it() -> None:
    members = {"pg/0": Member("pg/0", system_id="7")}
    assert next_record(FOUNDING, "pg/1", members, "fresh") == dataclasses.replace(
        FOUNDING, serial=2, system_id="7"
    )


def test_a_founder_that_is_still_at_work_is_waited_for() -> None:
    assert next_record(FOUNDING, "pg/1", {"pg/0": Member("pg/0")}, "fresh") is None


def test_a_founder_that_left_before_it_had_data_is_replaced_in_a_new_term() -> None:
    replaced = next_record(FOUNDING, "pg/1", {"pg/1": Member("pg/1")}, "fresh")
    assert replaced == Record(serial=2, term=2, primary="pg/1", cluster_id="fresh")


def test_a_primary_with_data_is_never_replaced_unasked() -> None:
    settled = dataclasses.replace(FOUNDING, serial=2, system_id="7")
    assert next_record(settled, "pg/1", {"pg/1": Member("pg/1")}, "fresh") is None


def test_leadership_alone_changes_nothing() -> None:
    settled = dataclasses.replace(FOUNDING, serial=2, system_id="7")
    members = {"pg/0": Member("pg/0", system_id="7"), "pg/1": Member("pg/1")}
    assert next_record(settled, "pg/1", members, "fresh") is None
