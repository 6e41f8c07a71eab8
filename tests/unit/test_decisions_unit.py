"""What a unit does by the record it read: each rule, and what would be lost without it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from decisions.facts import Machine, View
from decisions.member import member, phase
from decisions.steps import (
    AdoptClone,
    Archive,
    BeginTerm,
    Configure,
    Create,
    DropRole,
    DropSlot,
    Instruct,
    MakeRoles,
    MakeSlots,
    Open,
    OpenTo,
    Promote,
    Refuse,
    Seal,
    Start,
    StartClone,
    StartRewind,
    Synchronise,
    Upstream,
    Wait,
)
from decisions.unit import mismatch, steps
from state.member import Admission, Member, Phase
from state.messages import Promise
from state.record import Record

RECORD = Record(serial=2, term=1, primary="pg/0", cluster_id="c1", system_id="7")
FOUNDING = dataclasses.replace(RECORD, serial=1, system_id="")
MACHINE = Machine(address="10.0.0.1", architecture="amd64", os="ubuntu 24.04", major=16)
SERVING = dataclasses.replace(
    MACHINE,
    cluster_id="c1",
    has_data=True,
    system_id="7",
    running=True,
    in_recovery=False,
    timeline=1,
    replication_roles=("replicator",),
    reached=1,
)
FOLLOWING = dataclasses.replace(
    SERVING,
    standby_signal=True,
    in_recovery=True,
    upstream="10.0.0.1",
    upstream_role="replicator",
)
PRIMARY = Member(
    unit="pg/0",
    address="10.0.0.1",
    architecture="amd64",
    os="ubuntu 24.04",
    major=16,
    phase=Phase.primary,
    system_id="7",
    timeline=1,
    parameters={"max_connections": 100},
    admits=Admission("replicator", {"pg/1": "10.0.0.2"}),
)
STANDBY = Member(
    unit="pg/1",
    address="10.0.0.2",
    phase=Phase.standby,
    follows="pg/0",
    follows_as="replicator",
    parameters={"max_connections": 80},
)
UPSTREAM = Upstream("pg/0", "10.0.0.1", "replicator")


def view(**changes: Any) -> View:
    """A primary with one standby, with changes."""
    settled = View(
        me="pg/0",
        leader=True,
        record=RECORD,
        members={"pg/0": PRIMARY, "pg/1": STANDBY},
        machine=SERVING,
        replication_role="replicator",
        credentials=True,
    )
    return dataclasses.replace(settled, **changes)


def standby_view(**changes: Any) -> View:
    return view(
        **{"me": "pg/1", "leader": False, "machine": dataclasses.replace(FOLLOWING), **changes}
    )


def kinds(of: View) -> list[type]:
    """The steps' kinds; that the sentinel is instructed first goes for all of them."""
    taken = [type(step) for step in steps(of)]
    if taken[0] is Instruct:
        return taken[1:]
    assert Instruct not in taken
    return taken


def only(of: View, kind: type) -> Any:
    found = [step for step in steps(of) if isinstance(step, kind)]
    assert len(found) == 1, found
    return found[0]


class TestNobodyActsBeforeTheRecordIsCommitted:
    def test_without_a_record_everyone_waits(self) -> None:
        assert kinds(view(record=None)) == [Wait]

    def test_without_the_passwords_everyone_waits(self) -> None:
        assert kinds(view(credentials=False)) == [Wait]
        assert kinds(standby_view(credentials=False)) == [Wait]

    def test_leadership_alone_makes_no_primary(self) -> None:
        assert Create not in kinds(standby_view(leader=True, machine=MACHINE))


class TestPrimary:
    def test_an_empty_machine_founds_the_cluster(self) -> None:
        taken = kinds(view(record=FOUNDING, machine=MACHINE))
        assert taken[:4] == [Create, Configure, Archive, Open]

    def test_a_founding_that_was_interrupted_goes_on(self) -> None:
        half = dataclasses.replace(MACHINE, has_data=True, cluster_id="c1", system_id="7")
        assert kinds(view(record=FOUNDING, machine=half))[:3] == [Configure, Archive, Start]

    def test_a_settled_primary_keeps_everything_in_order(self) -> None:
        assert kinds(view()) == [
            Configure,
            MakeRoles,
            BeginTerm,
            Synchronise,
            OpenTo,
            MakeSlots,
            Archive,
        ]

    def test_no_archive_holds_up_what_clients_wait_for(self) -> None:
        """Its file system may not answer, for as long as it likes."""
        unwell = dataclasses.replace(SERVING, unwell="no answer within 3 s")
        assert Archive not in kinds(view(machine=unwell))
        lost = dataclasses.replace(FOLLOWING, lost="no answer within 3 s")
        assert Archive not in kinds(standby_view(machine=lost))
        record = dataclasses.replace(RECORD, term=2, candidates=("pg/1",), quorum=1)
        promoted = kinds(view(record=record, machine=FOLLOWING))
        assert promoted.index(Archive) > promoted.index(Synchronise)

    @pytest.mark.parametrize("record", [RECORD, FOUNDING])
    def test_a_strangers_data_directory_is_left_alone(self, record: Record) -> None:
        stranger = dataclasses.replace(SERVING, cluster_id="other")
        assert kinds(view(record=record, machine=stranger)) == [Refuse]

    def test_a_data_directory_of_another_system_is_left_alone(self) -> None:
        stranger = dataclasses.replace(SERVING, system_id="8")
        assert kinds(view(machine=stranger)) == [Refuse]

    def test_a_primary_that_lost_its_data_does_not_begin_anew(self) -> None:
        assert kinds(view(machine=MACHINE)) == [Refuse]

    def test_one_that_the_gate_has_kept_shut_is_opened(self) -> None:
        assert kinds(view(machine=FOLLOWING))[0] is Open

    def test_one_that_is_down_is_started_as_a_standby_and_looked_at(self) -> None:
        down = dataclasses.replace(SERVING, running=False, in_recovery=None, reached=0)
        assert kinds(view(machine=down)) == [Configure, Archive, Start]

    def test_one_that_is_new_in_its_term_is_promoted_before_anything_else(self) -> None:
        record = dataclasses.replace(RECORD, term=2, candidates=("pg/1",), quorum=1)
        first = steps(view(record=record, machine=FOLLOWING))[1]
        assert first == Promote(2, Promise(2, ("pg/1",), 1))

    def test_lets_in_those_who_have_told_their_address(self) -> None:
        members = {"pg/0": PRIMARY, "pg/1": STANDBY, "pg/2": Member("pg/2")}
        assert only(view(members=members), OpenTo).peers == {"pg/1": "10.0.0.2"}

    def test_has_a_slot_for_every_other_unit(self) -> None:
        members = {"pg/0": PRIMARY, "pg/1": STANDBY, "pg/2": Member("pg/2")}
        assert only(view(members=members), MakeSlots).units == ("pg/1", "pg/2")

    def test_drops_the_slot_of_a_unit_that_left_and_no_other(self) -> None:
        machine = dataclasses.replace(SERVING, slots=("pg_1", "pg_4", "debezium"))
        assert only(view(machine=machine), DropSlot).slot == "pg_4"

    def test_waits_with_a_raise_until_the_standbys_have_made_it(self) -> None:
        assert only(view(), Configure).ceilings == {"max_connections": 80}

    def test_a_standby_that_clones_holds_no_raise_up(self) -> None:
        cloning = dataclasses.replace(STANDBY, phase=Phase.cloning)
        members = {"pg/0": PRIMARY, "pg/1": cloning}
        assert only(view(members=members), Configure).ceilings == {}


class TestReplicationRoleChange:
    def test_both_roles_are_let_in_while_a_standby_uses_the_old_one(self) -> None:
        changing = view(replication_role="streamer")
        assert only(changing, OpenTo).roles == ("replicator", "streamer")
        assert DropRole not in kinds(changing)

    def test_the_old_role_goes_once_every_standby_uses_the_new_one(self) -> None:
        machine = dataclasses.replace(SERVING, replication_roles=("replicator", "streamer"))
        moved = dataclasses.replace(STANDBY, follows_as="streamer")
        changed = view(
            replication_role="streamer",
            machine=machine,
            members={"pg/0": PRIMARY, "pg/1": moved},
        )
        assert only(changed, DropRole).role == "replicator"

    def test_a_bad_name_keeps_the_role_in_use(self) -> None:
        assert only(view(replication_role=None), MakeRoles).replication_role == "replicator"

    def test_a_bad_name_at_first_deploy_is_refused(self) -> None:
        fresh = view(
            replication_role=None,
            record=FOUNDING,
            machine=MACHINE,
            members={"pg/0": Member("pg/0")},
        )
        assert kinds(fresh) == [Refuse]


class TestStandby:
    def test_waits_until_the_primary_lets_it_in(self) -> None:
        closed = dataclasses.replace(PRIMARY, admits=None)
        members = {"pg/0": closed, "pg/1": STANDBY}
        assert kinds(standby_view(machine=MACHINE, members=members)) == [Wait]

    def test_clones_once_it_is_let_in(self) -> None:
        assert steps(standby_view(machine=MACHINE))[1:] == (StartClone(UPSTREAM),)

    def test_sets_a_strangers_data_directory_aside_by_cloning(self) -> None:
        stranger = dataclasses.replace(SERVING, cluster_id="other")
        assert steps(standby_view(machine=stranger))[1:] == (StartClone(UPSTREAM),)

    @pytest.mark.parametrize("running", [True, False])
    def test_what_was_a_primary_of_this_cluster_is_sealed_before_anything_else(
        self, running: bool
    ) -> None:
        former = dataclasses.replace(
            SERVING, running=running, in_recovery=False if running else None
        )
        assert kinds(standby_view(machine=former)) == [Seal]

    def test_a_log_that_went_its_own_way_is_rewound(self) -> None:
        former = dataclasses.replace(FOLLOWING, upstream="", diverged=True)
        assert steps(standby_view(machine=former))[1:] == (StartRewind(UPSTREAM),)

    def test_what_cannot_be_rewound_is_cloned_anew(self) -> None:
        former = dataclasses.replace(FOLLOWING, upstream="", diverged=True, rewind="failed")
        assert steps(standby_view(machine=former))[1:] == (StartClone(UPSTREAM),)

    def test_what_could_not_be_rewound_and_is_untouched_waits_and_is_not_replaced(self) -> None:
        former = dataclasses.replace(FOLLOWING, upstream="", diverged=True, rewind="postponed")
        assert kinds(standby_view(machine=former)) == [Wait]
        stopped = dataclasses.replace(former, running=False, in_recovery=None, diverged=False)
        assert StartClone not in kinds(standby_view(machine=stopped))
        assert Start in kinds(standby_view(machine=stopped))

    def test_takes_over_a_finished_clone_and_follows(self) -> None:
        finished = dataclasses.replace(MACHINE, clone="finished")
        taken = steps(standby_view(machine=finished))[1:]
        assert taken[0] == AdoptClone("c1", "7")
        assert [type(step) for step in taken[1:]] == [
            Configure,
            Archive,
            Start,
            OpenTo,
            MakeSlots,
        ]

    def test_serves_its_old_data_while_it_is_cloned_anew(self) -> None:
        cloning = dataclasses.replace(FOLLOWING, clone="running")
        assert kinds(standby_view(machine=cloning)) == [
            StartClone,
            Configure,
            Archive,
            Start,
            OpenTo,
            MakeSlots,
        ]

    @pytest.mark.parametrize(
        ("machine", "primary", "record"),
        [
            ({"patience_s": 60}, {}, {}),
            ({"lost": "no route to host"}, {}, {}),
            ({"clone": "running"}, {}, {}),
            ({}, {"phase": Phase.standby}, {}),
            ({}, {"term": 0}, {}),
            ({}, {"admits": None}, {}),
            ({}, {"architecture": "arm64"}, {}),
            ({}, {}, {"successor": "pg/2"}),
        ],
    )
    def test_what_can_never_catch_up_is_cloned_anew_only_where_nothing_speaks_against_it(
        self, machine: dict[str, Any], primary: dict[str, Any], record: dict[str, Any]
    ) -> None:
        starved = dataclasses.replace(FOLLOWING, upstream="", starved=True)
        serving = dataclasses.replace(PRIMARY, term=1)

        def last(**changes: dict[str, Any]) -> Any:
            machine, primary = changes.get("machine", {}), changes.get("primary", {})
            members = {"pg/0": dataclasses.replace(serving, **primary), "pg/1": STANDBY}
            return steps(
                standby_view(
                    machine=dataclasses.replace(starved, **machine),
                    members=members,
                    record=dataclasses.replace(RECORD, **changes.get("record", {})),
                )
            )[-1]

        assert last() == StartClone(UPSTREAM, starved=True)
        assert not isinstance(last(machine=machine, primary=primary, record=record), StartClone)

    def test_a_settled_standby_keeps_everything_in_order(self) -> None:
        assert kinds(standby_view()) == [Configure, Archive, Start, OpenTo, MakeSlots]

    def test_slots_of_a_standby_hold_nothing_back(self) -> None:
        assert only(standby_view(), MakeSlots) == MakeSlots(("pg/0",), idle=True)

    def test_follows_with_the_role_that_the_primary_admits(self) -> None:
        admits = Admission("streamer", {"pg/1": "10.0.0.2"})
        members = {"pg/0": dataclasses.replace(PRIMARY, admits=admits), "pg/1": STANDBY}
        upstream = only(standby_view(members=members), Configure).upstream
        assert upstream == Upstream("pg/0", "10.0.0.1", "streamer")

    def test_goes_no_lower_than_its_primary(self) -> None:
        assert only(standby_view(), Configure).floors == {"max_connections": 100}

    def test_keeps_running_when_the_primary_has_left(self) -> None:
        members = {"pg/1": STANDBY}
        assert kinds(standby_view(members=members)) == [Start, Wait]

    def test_clones_nothing_when_the_primary_has_left(self) -> None:
        members = {"pg/1": STANDBY}
        assert kinds(standby_view(machine=MACHINE, members=members)) == [Wait]


class TestMismatch:
    @pytest.mark.parametrize(
        ("change", "mine", "theirs"),
        [
            ({"architecture": "arm64"}, "arm64", "amd64"),
            ({"os": "ubuntu 22.04"}, "ubuntu 22.04", "ubuntu 24.04"),
            ({"major": 14}, "14", "16"),
        ],
    )
    def test_an_unlike_machine_touches_nothing_and_names_both(
        self, change: dict[str, Any], mine: str, theirs: str
    ) -> None:
        unlike = dataclasses.replace(MACHINE, **change)
        refused = only(standby_view(machine=unlike), Refuse)
        assert mine in refused.reason
        assert theirs in refused.reason

    def test_a_standby_that_has_its_data_goes_on(self) -> None:
        upgraded = dataclasses.replace(FOLLOWING, os="ubuntu 26.04")
        assert Refuse not in kinds(standby_view(machine=upgraded))

    def test_what_the_primary_has_not_told_is_not_held_against_it(self) -> None:
        assert mismatch(standby_view(), Member("pg/0")) == ""


class TestWhatTheUnitTells:
    def test_a_primary_admits_whom_it_has_made_ready_for(self) -> None:
        told = member(view(), ("pg/1",), False, True)
        assert told.admits == Admission("replicator", {"pg/1": "10.0.0.2"})
        assert told.phase is Phase.primary

    def test_a_primary_that_is_not_ready_admits_nobody(self) -> None:
        assert member(view(), (), False, True).admits is None

    def test_a_standby_admits_the_others_for_the_day_it_is_primary_and_names_its_own(
        self,
    ) -> None:
        told = member(standby_view(), ("pg/0",), False, True)
        assert told.admits == Admission("replicator", {"pg/0": "10.0.0.1"})
        assert (told.follows, told.follows_as) == ("pg/0", "replicator")

    def test_a_strangers_system_id_is_not_told(self) -> None:
        stranger = dataclasses.replace(SERVING, cluster_id="other")
        assert member(standby_view(machine=stranger), (), False, True).system_id == ""

    @pytest.mark.parametrize(
        ("machine", "expected"),
        [
            (MACHINE, Phase.waiting),
            (dataclasses.replace(MACHINE, clone="running"), Phase.cloning),
            (dataclasses.replace(MACHINE, clone="failed"), Phase.cloning),
            (FOLLOWING, Phase.standby),
            (SERVING, Phase.primary),
            (dataclasses.replace(FOLLOWING, running=False), Phase.waiting),
        ],
    )
    def test_phase(self, machine: Machine, expected: Phase) -> None:
        assert phase(standby_view(machine=machine)) is expected
