"""The charm's answers to Juju's events, on a machine that exists in memory."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml
from ops import testing

from charm import PgHotStandbyCharm
from decisions import steps
from decisions.facts import Machine as Facts
from postgresql.clone import CloneState
from postgresql.observe import Server
from postgresql.terms import Told
from reconcile import LeadershipTooOld, reconcile
from sentinel import events as wakeups
from state.member import Admission, Member, Phase
from state.messages import Promise
from state.record import Record, Takeover
from surroundings import Surroundings
from tests.unit.fakes import FakeMachine

ROOT = Path(__file__).parents[2]
DECLARED: dict[str, Any] = {
    name: yaml.safe_load((ROOT / file).read_text())
    for name, file in (
        ("meta", "metadata.yaml"),
        ("actions", "actions.yaml"),
        ("config", "config.yaml"),
    )
}
RECORD = Record(serial=2, term=1, primary="pg/0", cluster_id="c1", system_id="7001")
SECRET = testing.Secret(
    {"replication-password": "r" * 32, "operator-password": "o" * 32},
    label="replication-credentials",
    owner="app",
)
PRIMARY_FACTS = Facts(
    architecture="x86_64",
    os="Ubuntu 24.04",
    major=16,
    cluster_id="c1",
    has_data=True,
    system_id="7001",
    running=True,
    in_recovery=False,
    timeline=1,
    replication_roles=("replicator",),
)
STANDBY_FACTS = dataclasses.replace(
    PRIMARY_FACTS,
    standby_signal=True,
    in_recovery=True,
    upstream="192.0.2.10",
    upstream_role="replicator",
)
PRIMARY = Member(
    "pg/0",
    address="192.0.2.10",
    architecture="x86_64",
    os="Ubuntu 24.04",
    major=16,
    phase=Phase.primary,
    system_id="7001",
    timeline=1,
    admits=Admission("replicator", {"pg/1": "192.0.2.0"}),
)


def context(machine: FakeMachine, unit: int = 0) -> testing.Context[Any]:
    class OnFake(PgHotStandbyCharm):
        pass

    OnFake.machine = machine
    return testing.Context(OnFake, **DECLARED, app_name="pg", unit_id=unit)


def relation(
    record: Record | None = RECORD,
    *members: Member,
    mine: Member | None = None,
) -> testing.PeerRelation:
    shared = {"record": record.to_json(), "credentials": SECRET.id} if record else {}
    return testing.PeerRelation(
        "cluster",
        local_app_data=shared,
        local_unit_data={k: v for k, v in (mine or Member("pg/9")).to_bag().items() if v},
        peers_data={
            int(member.unit.split("/")[1]): {k: v for k, v in member.to_bag().items() if v}
            for member in members
        },
    )


def state(peers: testing.PeerRelation | None, **changes: Any) -> testing.State:
    values: dict[str, Any] = {
        "relations": {peers} if peers else set(),
        "secrets": {SECRET} if peers and peers.local_app_data else set(),
        **changes,
    }
    return testing.State(**values)


class TestFirstDeploy:
    def test_installing_waits_for_the_cluster(self) -> None:
        machine = FakeMachine()
        ctx = context(machine)
        out = ctx.run(ctx.on.install(), state(None))
        assert machine.calls == ["install"]
        assert out.unit_status == testing.WaitingStatus(
            "for the first leader to found the cluster"
        )

    def test_a_failed_installation_says_why_and_is_tried_again(self) -> None:
        machine = FakeMachine()
        machine.install_error = "Unable to locate package"
        ctx = context(machine)
        out = ctx.run(ctx.on.install(), state(None))
        assert isinstance(out.unit_status, testing.BlockedStatus)
        assert "Unable to locate package" in out.unit_status.message
        machine.install_error = ""
        out = ctx.run(ctx.on.update_status(), out)
        assert isinstance(out.unit_status, testing.WaitingStatus)

    def test_the_leader_commits_record_and_secret_before_anything_is_done(self) -> None:
        machine = FakeMachine()
        ctx = context(machine)
        peers = relation(None)
        out = ctx.run(ctx.on.leader_elected(), state(peers, leader=True))
        shared = out.get_relation(peers.id).local_app_data
        record = Record.from_json(shared["record"])
        assert (record.term, record.primary, record.quorum) == (1, "pg/0", 0)
        assert shared["credentials"] == next(iter(out.secrets)).id
        assert machine.taken == [steps.Wait("for the first leader to found the cluster")]

    def test_the_passwords_are_long_and_differ_and_stand_in_no_bag(self) -> None:
        ctx = context(FakeMachine())
        peers = relation(None)
        out = ctx.run(ctx.on.leader_elected(), state(peers, leader=True))
        content = next(iter(out.secrets)).tracked_content
        assert len(set(content.values())) == 2
        assert min(map(len, content.values())) >= 32
        shared = str(out.get_relation(peers.id))
        assert not any(password in shared for password in content.values())

    def test_the_next_hook_founds_the_cluster_by_the_committed_record(self) -> None:
        machine = FakeMachine()
        ctx = context(machine)
        peers = relation(dataclasses.replace(RECORD, system_id=""))
        out = ctx.run(ctx.on.config_changed(), state(peers, leader=True))
        assert machine.facts.has_data
        assert machine.facts.running
        bag = out.get_relation(peers.id).local_unit_data
        assert (bag["phase"], bag["system-id"]) == ("primary", "7001")
        assert out.unit_status == testing.ActiveStatus(
            "primary alone: no standby to take over; add a unit"
        )

    def test_the_leader_records_the_system_id_that_the_primary_tells(self) -> None:
        ctx = context(FakeMachine(PRIMARY_FACTS))
        peers = relation(dataclasses.replace(RECORD, system_id=""), mine=PRIMARY)
        out = ctx.run(ctx.on.update_status(), state(peers, leader=True))
        shared = out.get_relation(peers.id).local_app_data
        assert Record.from_json(shared["record"]) == dataclasses.replace(RECORD, serial=3)


class TestStandby:
    def test_tells_its_address_and_waits_to_be_let_in(self) -> None:
        machine = FakeMachine()
        ctx = context(machine, unit=1)
        peers = relation(RECORD, dataclasses.replace(PRIMARY, admits=None))
        out = ctx.run(ctx.on.relation_created(peers), state(peers))
        assert out.get_relation(peers.id).local_unit_data["address"]
        assert out.unit_status == testing.WaitingStatus("for pg/0 to let this unit in")

    def test_clones_follows_and_serves(self) -> None:
        machine = FakeMachine()
        ctx = context(machine, unit=1)
        peers = relation(RECORD, PRIMARY)
        out = ctx.run(ctx.on.relation_changed(peers, remote_unit=0), state(peers))
        assert isinstance(out.unit_status, testing.MaintenanceStatus)
        assert "cloning from pg/0" in out.unit_status.message
        machine.clone = CloneState("finished")
        out = ctx.run(ctx.on.update_status(), out)
        assert machine.facts.standby_signal
        assert out.unit_status == testing.ActiveStatus("standby of pg/0, 0 B behind")
        bag = out.get_relation(peers.id).local_unit_data
        assert (bag["phase"], bag["follows"]) == ("standby", "pg/0")

    def test_leaves_its_data_when_it_is_not_the_leader_and_not_the_primary(self) -> None:
        machine = FakeMachine(STANDBY_FACTS)
        ctx = context(machine, unit=1)
        peers = relation(RECORD, PRIMARY)
        ctx.run(ctx.on.leader_elected(), state(peers, leader=True))
        assert not any(
            isinstance(step, (steps.Create, steps.StartClone)) for step in machine.taken
        )


class TestDeparture:
    def test_a_unit_that_leaves_touches_nothing_while_the_others_go(self) -> None:
        machine = FakeMachine(STANDBY_FACTS)
        ctx = context(machine, unit=1)
        peers = relation(RECORD, PRIMARY)
        event = ctx.on.relation_departed(peers, remote_unit=0, departing_unit=1)
        ctx.run(event, state(peers))
        assert machine.taken == []

    def test_one_that_stays_drops_the_place_of_the_one_that_left(self) -> None:
        machine = FakeMachine(dataclasses.replace(PRIMARY_FACTS, slots=("pg_1", "other")))
        ctx = context(machine)
        peers = relation(RECORD, mine=PRIMARY)
        event = ctx.on.relation_departed(peers, remote_unit=1, departing_unit=1)
        ctx.run(event, state(peers))
        assert steps.DropSlot("pg_1") in machine.taken

    def test_stop_and_remove_keep_the_data(self) -> None:
        machine = FakeMachine(STANDBY_FACTS)
        ctx = context(machine, unit=1)
        out = ctx.run(ctx.on.stop(), state(None))
        ctx.run(ctx.on.remove(), out)
        assert machine.calls == ["stop", "clean_up"]
        assert machine.taken == []

    def test_nothing_is_begun_any_more_by_what_comes_after(self) -> None:
        machine = FakeMachine(STANDBY_FACTS)
        ctx = context(machine, unit=1)
        peers = relation(RECORD, PRIMARY)
        ctx.run(ctx.on.relation_departed(peers, remote_unit=0, departing_unit=1), state(peers))
        machine.calls.clear()
        ctx.run(ctx.on.update_status(), state(peers))
        ctx.run(ctx.on.stop(), state(peers))
        for event in (ctx.on.update_status(), ctx.on.config_changed(), ctx.on.upgrade_charm()):
            ctx.run(event, state(peers))
        assert machine.taken == []
        assert machine.calls == ["stop"]

    def test_what_one_of_the_same_name_noted_does_not_bind_a_unit_that_is_new(self) -> None:
        machine = FakeMachine()
        machine.retire("pg/1")
        ctx = context(machine, unit=1)
        ctx.run(ctx.on.install(), state(None))
        assert machine.calls == ["install"]


class TestGonePrimary:
    def test_says_so_and_keeps_the_data(self) -> None:
        machine = FakeMachine(dataclasses.replace(STANDBY_FACTS, upstream=""))
        ctx = context(machine, unit=1)
        peers = relation(RECORD)
        out = ctx.run(ctx.on.update_status(), state(peers, leader=True))
        assert isinstance(out.unit_status, testing.BlockedStatus)
        assert "pg/0 is gone" in out.unit_status.message
        assert isinstance(out.app_status, testing.BlockedStatus)
        assert {type(step) for step in machine.taken} == {steps.Instruct, steps.Start, steps.Wait}


class TestTakeover:
    SYNCHRONOUS = dataclasses.replace(RECORD, candidates=("pg/1",), quorum=1)
    LONELY = dataclasses.replace(STANDBY_FACTS, upstream="", lost="timeout", reached=1)

    def test_a_standby_that_leads_goes_from_a_lost_primary_to_being_one_in_three_hooks(
        self,
    ) -> None:
        machine = FakeMachine(self.LONELY)
        ctx = context(machine, unit=1)
        peers = relation(self.SYNCHRONOUS, PRIMARY)

        def shared(state: testing.State) -> Record:
            bag = state.get_relation(peers.id).local_app_data
            return Record.from_json(bag["record"])

        out = ctx.run(ctx.on.update_status(), state(peers, leader=True))
        assert (shared(out).term, shared(out).primary) == (2, None)
        assert steps.Seal() not in machine.taken, "the record is not committed yet"
        out = ctx.run(ctx.on.relation_changed(out.get_relation(peers.id)), out)
        assert steps.Seal() in machine.taken
        assert (shared(out).term, shared(out).primary) == (2, "pg/1")
        assert machine.facts.in_recovery, "the record is not committed yet"
        assert machine.archive_looks == 0, "its file system may be away, and the others wait"
        machine.facts = dataclasses.replace(machine.facts, lost="")
        out = ctx.run(ctx.on.relation_changed(out.get_relation(peers.id)), out)
        assert (machine.facts.in_recovery, machine.facts.reached) == (False, 2)
        assert machine.archive_looks == 1
        assert out.unit_status.name == "active"

    def test_a_former_primary_that_finds_another_named_is_sealed(self) -> None:
        machine = FakeMachine(PRIMARY_FACTS)
        ctx = context(machine)
        record = dataclasses.replace(RECORD, serial=9, term=3, primary="pg/1")
        peers = relation(record, Member("pg/1", address="192.0.2.11", phase=Phase.primary))
        ctx.run(ctx.on.start(), state(peers))
        assert steps.Seal() in machine.taken
        assert machine.facts.in_recovery

    def test_a_successor_is_given_its_authority_and_a_primary_hands_over(self) -> None:
        record = dataclasses.replace(
            self.SYNCHRONOUS,
            successor="pg/1",
            successor_candidates=("pg/0",),
            successor_quorum=1,
        )
        machine = FakeMachine(STANDBY_FACTS)
        ctx = context(machine, unit=1)
        peers = relation(record, PRIMARY)
        out = ctx.run(ctx.on.relation_changed(peers), state(peers))
        (instruction,) = {one for one in machine.taken if isinstance(one, steps.Instruct)}
        assert instruction.authority == steps.Authority(1, Promise(2, ("pg/0",), 1))
        assert not instruction.writable
        bag = out.get_relation(peers.id).local_unit_data
        assert bag["ready"] == str(record.serial)
        machine = FakeMachine(PRIMARY_FACTS)
        ctx = context(machine)
        standby = Member(
            "pg/1",
            address="192.0.2.11",
            phase=Phase.standby,
            admits=Admission("replicator", {"pg/0": "192.0.2.0"}),
            ready=record.serial,
        )
        peers = relation(record, standby, mine=PRIMARY)
        ctx.run(ctx.on.relation_changed(peers), state(peers))
        kinds = [type(step) for step in machine.taken]
        # Whom it will follow is written while it still takes writes.
        before = [steps.Instruct, steps.Checkpoint, steps.Configure]
        assert kinds[:4] == [*before, steps.HandOver]
        assert machine.facts.upstream == "192.0.2.11"

    def test_a_switchover_that_is_asked_of_another_unit_reaches_the_leader_by_its_bag(
        self,
    ) -> None:
        streaming = dataclasses.replace(PRIMARY_FACTS, streaming=("pg/1",))
        mine = dataclasses.replace(PRIMARY, streaming=("pg/1",))
        standby = Member("pg/1", phase=Phase.standby, follows="pg/0", timeline=1)
        ctx = context(FakeMachine(streaming))
        peers = relation(self.SYNCHRONOUS, standby, mine=mine)
        with pytest.raises(testing.ActionFailed, match="pg/7"):
            ctx.run(ctx.on.action("switchover", {"to": "pg/7"}), state(peers))

    @pytest.mark.parametrize("told_by_the_log", [True, False])
    def test_one_that_is_done_already_says_how_it_went(self, told_by_the_log: bool) -> None:
        machine = FakeMachine(PRIMARY_FACTS)
        record = dataclasses.replace(self.SYNCHRONOUS, takeover=Takeover("switchover", "pg/1"))
        how = ("switchover", "pg/1", 0) if told_by_the_log else ("", "", None)
        machine.told = Told(record.term, 2, 1770000000.0, *how, 1769999999.5, 1770000000.25)
        ctx = context(machine)
        peers = relation(record, Member("pg/1", phase=Phase.standby), mine=PRIMARY)
        ctx.run(ctx.on.action("switchover", {"to": "pg/0"}), state(peers))
        results = ctx.action_results or {}
        assert results["result"] == "pg/0 is the primary already"
        assert results["last-change.kind"] == "switchover"
        assert results["last-change.from"] == "pg/1"
        assert results["last-change.timeline"] == "2"
        assert results["last-change.write-gap-ms"] == "750"
        assert "last-change.lost" not in results

    def test_force_wants_the_name_of_the_unit(self) -> None:
        ctx = context(FakeMachine(self.LONELY), unit=1)
        peers = relation(RECORD, PRIMARY)
        with pytest.raises(testing.ActionFailed, match="confirm=pg/1"):
            ctx.run(ctx.on.action("force-promote", {"confirm": "pg/0"}), state(peers))

    def test_force_on_the_leader_is_recorded_at_once(self) -> None:
        ctx = context(FakeMachine(self.LONELY), unit=1)
        peers = relation(RECORD, dataclasses.replace(PRIMARY, phase=Phase.waiting))
        out = ctx.run(
            ctx.on.action("force-promote", {"confirm": "pg/1"}), state(peers, leader=True)
        )
        record = Record.from_json(out.get_relation(peers.id).local_app_data["record"])
        assert (record.term, record.primary, record.quorum) == (2, "pg/1", 0)
        lost = (ctx.action_results or {})["lost"]
        assert lost.startswith("what pg/0 wrote and pg/1 has not received")

    def test_force_on_another_unit_reaches_the_leader_by_its_bag(self) -> None:
        ctx = context(FakeMachine(self.LONELY), unit=1)
        peers = relation(RECORD, dataclasses.replace(PRIMARY, phase=Phase.waiting))
        out = ctx.run(ctx.on.action("force-promote", {"confirm": "pg/1"}), state(peers))
        assert "force" in out.get_relation(peers.id).local_unit_data["request"]


class TestConfig:
    @pytest.mark.parametrize(
        ("option", "value"),
        [("max-connections", 1), ("replication-user", "Not Right"), ("archive-path", "")],
    )
    def test_a_bad_value_blocks_with_option_and_reason_and_the_server_goes_on(
        self, option: str, value: Any
    ) -> None:
        machine = FakeMachine(PRIMARY_FACTS)
        ctx = context(machine)
        peers = relation(RECORD, mine=PRIMARY)
        out = ctx.run(ctx.on.config_changed(), state(peers, config={option: value}))
        assert isinstance(out.unit_status, testing.BlockedStatus)
        assert option in out.unit_status.message
        assert machine.facts.running


class TestEverything:
    @pytest.mark.parametrize("event", ["install", "start", "upgrade_charm"])
    def test_the_port_is_open_from_the_first_hook_on(self, event: str) -> None:
        ctx = context(FakeMachine(PRIMARY_FACTS))
        peers = relation(RECORD, mine=PRIMARY)
        out = ctx.run(getattr(ctx.on, event)(), state(peers))
        assert out.opened_ports == {testing.TCPPort(5432)}

    def test_juju_is_told_the_version_once(self) -> None:
        machine = FakeMachine(dataclasses.replace(PRIMARY_FACTS, version="16.4"))
        machine.server = Server(version="16.4")
        ctx = context(machine)
        out = ctx.run(ctx.on.update_status(), state(relation(RECORD, mine=PRIMARY)))
        assert out.workload_version == "16.4"
        # Told anew only where the unit's own bag names another.
        again = ctx.run(ctx.on.update_status(), dataclasses.replace(out, workload_version=""))
        assert again.workload_version == ""

    def test_a_server_that_does_not_run_has_the_version_that_is_installed(self) -> None:
        machine = FakeMachine()
        ctx = context(machine)
        out = ctx.run(ctx.on.install(), state(None))
        assert out.workload_version == "16.4"

    def test_a_refresh_has_the_sentinel_run_the_new_code(self) -> None:
        machine = FakeMachine(PRIMARY_FACTS)
        ctx = context(machine)
        ctx.run(ctx.on.upgrade_charm(), state(relation(RECORD, mine=PRIMARY)))
        assert "renew_watch" in machine.calls

    @pytest.mark.parametrize("name", wakeups.ALL)
    def test_every_event_of_the_sentinel_is_one_of_the_charm(self, name: str) -> None:
        assert hasattr(PgHotStandbyCharm.on, name)

    def test_a_second_hook_changes_nothing(self) -> None:
        machine = FakeMachine(PRIMARY_FACTS)
        ctx = context(machine)
        peers = relation(RECORD, mine=PRIMARY)
        first = ctx.run(ctx.on.update_status(), state(peers))
        second = ctx.run(ctx.on.update_status(), first)
        assert second.get_relation(peers.id) == first.get_relation(peers.id)


class TestCredentials:
    def test_new_passwords_are_followed_by_the_hook_that_tells_of_them(self) -> None:
        new = {"replication-password": "n" * 32, "operator-password": "o" * 32}
        secret = dataclasses.replace(SECRET, latest_content=new, owner=None)
        peers = relation(RECORD, mine=PRIMARY)
        ctx = context(FakeMachine(PRIMARY_FACTS))
        before = state(peers, secrets={secret})
        with ctx(ctx.on.update_status(), before) as manager:
            pinned = Surroundings.read(manager.charm).credentials
            manager.run()
        assert pinned and pinned.replication_password == "r" * 32
        out = ctx.run(ctx.on.secret_changed(secret), before)
        with ctx(ctx.on.update_status(), out) as manager:
            followed = Surroundings.read(manager.charm).credentials
            manager.run()
        assert followed and followed.replication_password == "n" * 32


class TestUnbrokenLeadership:
    def test_a_hook_that_took_too_long_writes_nothing(self) -> None:
        machine = FakeMachine()
        ctx = context(machine)
        peers = relation(None)
        with ctx(ctx.on.leader_elected(), state(peers, leader=True)) as manager:
            ticks = iter([100.0, 126.0])
            with pytest.raises(LeadershipTooOld):
                reconcile(manager.charm, machine, clock=lambda: next(ticks))
            out = manager.run()
        # The hook itself, which was quick, has written the one record that there is.
        shared = out.get_relation(peers.id).local_app_data
        assert Record.from_json(shared["record"]).serial == 1
        assert len(list(out.secrets)) == 1


@pytest.mark.parametrize(
    ("asked", "facts", "told"),
    [
        (0, PRIMARY_FACTS, "not streaming"),
        (1, dataclasses.replace(STANDBY_FACTS, upstream=""), "not streaming"),
        (1, STANDBY_FACTS, "streaming"),
        (2, STANDBY_FACTS, "streaming"),
    ],
)
def test_the_cluster_status_says_of_a_standby_what_the_unit_that_is_asked_can_know(
    asked: int, facts: Facts, told: str
) -> None:
    follower = Member("pg/1", address="192.0.2.11", phase=Phase.standby, follows="pg/0")
    known = [member for member in (PRIMARY, follower) if member.unit != f"pg/{asked}"]
    mine = dataclasses.replace(PRIMARY if asked == 0 else follower, unit=f"pg/{asked}")
    there = context(FakeMachine(facts), asked)
    there.run(there.on.action("get-cluster-status"), state(relation(RECORD, *known, mine=mine)))
    assert there.action_results
    assert there.action_results["member.pg-1.state"] == told
    lag = there.action_results.get("member.pg-1.lag-bytes")
    assert lag == ("0" if (asked, told) == (1, "streaming") else None)
