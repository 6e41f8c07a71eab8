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
from reconcile import LeadershipTooOld, reconcile
from sentinel import events as wakeups
from state.member import Admission, Member, Phase
from state.record import Record
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
        assert machine.taken == []

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
        assert out.unit_status == testing.ActiveStatus("primary, alone: no standby holds a copy")

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


class TestGonePrimary:
    def test_says_so_and_keeps_the_data(self) -> None:
        machine = FakeMachine(dataclasses.replace(STANDBY_FACTS, upstream=""))
        ctx = context(machine, unit=1)
        peers = relation(RECORD)
        out = ctx.run(ctx.on.update_status(), state(peers, leader=True))
        assert isinstance(out.unit_status, testing.BlockedStatus)
        assert "pg/0 is gone" in out.unit_status.message
        assert isinstance(out.app_status, testing.BlockedStatus)
        assert {type(step) for step in machine.taken} == {steps.Start, steps.Wait}


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
    def test_the_status_tells_ports_and_version(self) -> None:
        ctx = context(FakeMachine(PRIMARY_FACTS))
        peers = relation(RECORD, mine=PRIMARY)
        out = ctx.run(ctx.on.update_status(), state(peers))
        assert out.opened_ports == {testing.TCPPort(5432)}
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
