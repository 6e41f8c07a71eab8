"""The decisions of a unit's agent by themselves: what comes next, and for how long it leads."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import pytest

from localjuju.agent.backoff import Backoff, jittered
from localjuju.agent.leadership import Tracker
from localjuju.agent.link import LinkDown
from localjuju.agent.resolver import Circumstances, Operation, next_operation
from localjuju.agent.state import Hook, RelationState, UnitState
from localjuju.controller.clock import Timing

NOW = Circumstances(
    leads=False, rebooted=False, retry_due=False, status_due=False, commands=False, major=4
)


def _settled(**changes: Any) -> UnitState:
    settled = UnitState(
        installed=True,
        started=True,
        charm="local:probe-0",
        charm_modified=0,
        config_hash="c",
        address_hash="a",
    )
    return dataclasses.replace(settled, **changes)


def _goal(**changes: Any) -> dict[str, Any]:
    goal: dict[str, Any] = {
        "name": "probe/0",
        "life": "alive",
        "application_life": "alive",
        "charm": {"url": "local:probe-0", "sha256": "", "modified": 0, "forced": False},
        "config_hash": "c",
        "address_hash": "a",
        "leader": None,
        "resolved": "",
        "relations": {},
        "tasks": [],
        "secrets": {"changed": [], "rotate": [], "expired": [], "obsolete": []},
    }
    return {**goal, **changes}


def _relation(*, peer: bool = False, **changes: Any) -> dict[str, Any]:
    relation: dict[str, Any] = {
        "life": "alive",
        "endpoint": "cluster" if peer else "used",
        "role": "peer" if peer else "requirer",
        "remote_app": "probe" if peer else "other",
        "peer": peer,
        "members": {},
        "apps": {},
    }
    return {**relation, **changes}


def _hook(state: UnitState, goal: dict[str, Any], now: Circumstances = NOW) -> Hook:
    operation = next_operation(state, goal, now)
    assert operation is not None
    assert operation.hook is not None, operation
    return operation.hook


def _hooks(state: UnitState, goal: dict[str, Any], number: str) -> list[tuple[str, str]]:
    """Play a relation's hooks until there are no more."""
    played: list[tuple[str, str]] = []
    relation = state.relations[number]
    while (operation := next_operation(state, goal, NOW)) is not None:
        hook = operation.hook
        if operation.kind == "prepare-leave":
            relation.leaving = True
            continue
        assert hook is not None
        played.append((hook.kind, hook.remote_unit))
        match hook.kind:
            case "relation-departed":
                del relation.members[hook.remote_unit]
            case "relation-joined":
                relation.members[hook.remote_unit] = hook.version
                relation.changed_pending = hook.remote_unit
            case "relation-changed" if hook.remote_unit:
                relation.members[hook.remote_unit] = hook.version
                relation.changed_pending = ""
            case "relation-changed":
                relation.apps[hook.remote_app] = hook.version
            case _:
                return played
    return played


def test_nothing_is_to_be_done_when_all_is_as_it_should_be() -> None:
    assert next_operation(_settled(), _goal(), NOW) is None


def test_within_a_relation_departed_then_app_changed_then_joined_with_changed() -> None:
    known = RelationState("used", "other", False, created=True, members={"other/0": 1})
    goal = _goal(
        relations={"3": _relation(members={"other/1": 1, "other/2": 1}, apps={"other": 5})}
    )
    assert _hooks(_settled(relations={"3": known}), goal, "3") == [
        ("relation-departed", "other/0"),
        ("relation-changed", ""),
        ("relation-joined", "other/1"),
        ("relation-changed", "other/1"),
        ("relation-joined", "other/2"),
        ("relation-changed", "other/2"),
    ]


def test_a_dying_relation_is_departed_and_then_broken() -> None:
    known = RelationState("used", "other", False, created=True, members={"other/0": 1})
    goal = _goal(
        relations={"3": _relation(life="dying", members={"other/0": 2}, apps={"other": 5})}
    )
    assert _hooks(_settled(relations={"3": known}), goal, "3") == [
        ("relation-departed", "other/0"),
        ("relation-broken", ""),
    ]


def test_peers_come_after_the_others_though_they_were_there_first() -> None:
    relations = {
        "0": RelationState("cluster", "probe", True, created=True),
        "1": RelationState("used", "other", False, created=True),
    }
    goal = _goal(
        relations={
            "0": _relation(peer=True, members={"probe/1": 1}),
            "1": _relation(members={"other/0": 1}),
        }
    )
    assert _hook(_settled(relations=relations), goal).remote_unit == "other/0"


@pytest.mark.parametrize("peer", [True, False])
def test_an_app_bag_that_was_never_written_raises_nothing(peer: bool) -> None:
    known = RelationState("cluster", "probe", peer, created=True)
    goal = _goal(relations={"0": _relation(peer=peer, apps={"probe": 0})})
    assert next_operation(_settled(relations={"0": known}), goal, NOW) is None


def test_a_changed_that_must_follow_a_joined_comes_before_a_departed() -> None:
    known = RelationState(
        "used", "other", False, created=True, members={"other/0": 1}, changed_pending="other/0"
    )
    goal = _goal(relations={"3": _relation()})
    hook = _hook(_settled(relations={"3": known}), goal)
    assert (hook.kind, hook.remote_unit) == ("relation-changed", "other/0")


def test_the_last_failure_is_waited_for_before_anything_else() -> None:
    state = _settled(kind="run-hook", hook=Hook("start"), config_hash="other")
    assert next_operation(state, _goal(), NOW) is None
    due = dataclasses.replace(NOW, retry_due=True)
    assert next_operation(state, _goal(), due) == Operation("hook", Hook("start"))


def test_secrets_actions_and_commands_come_before_config_changed() -> None:
    state = _settled(config_hash="other")
    secret = {"id": "s", "label": None, "revision": 2}
    goal = _goal(
        secrets={"changed": [secret], "rotate": [], "expired": [], "obsolete": []},
        tasks=[{"id": "7", "abort": False}],
    )
    waiting = dataclasses.replace(NOW, commands=True)
    assert _hook(state, goal, waiting).kind == "secret-changed"
    state.secrets_changed = {"s": 2}
    assert next_operation(state, goal, waiting) == Operation("action", action="7")
    goal["tasks"] = []
    assert next_operation(state, goal, waiting) == Operation("command")
    assert _hook(state, goal).kind == "config-changed"


def test_an_action_and_leader_elected_wait_for_a_hook_that_must_follow() -> None:
    state = _settled(started=False, kind="run-hook", step="queued", hook=Hook("start"))
    goal = _goal(tasks=[{"id": "7", "abort": False}])
    leading = dataclasses.replace(NOW, leads=True)
    assert next_operation(state, goal, leading) == Operation("hook", Hook("start"))


def test_a_dying_unit_raises_no_leader_or_secret_hooks() -> None:
    secret = {"id": "s", "label": None, "revision": 2}
    secrets = {"changed": [secret], "rotate": [], "expired": [], "obsolete": []}
    leading = dataclasses.replace(NOW, leads=True)
    assert _hook(_settled(), _goal(life="dying", secrets=secrets), leading).kind == "stop"
    operation = next_operation(_settled(leader=True), _goal(life="dying"), leading)
    assert operation == Operation("resign-leadership")


def test_a_unit_that_never_installed_dies_without_a_hook() -> None:
    assert next_operation(UnitState(), _goal(life="dying"), NOW) == Operation("dead")


def test_update_status_runs_if_nothing_else_does() -> None:
    due = dataclasses.replace(NOW, status_due=True)
    assert _hook(_settled(), _goal(), due).kind == "update-status"
    assert _hook(_settled(config_hash="other"), _goal(), due).kind == "config-changed"
    assert _hook(_settled(started=False), _goal(config_hash="d"), due).kind == "config-changed"


def test_update_status_varies_by_a_fifth() -> None:
    seen = [jittered(300) for _ in range(2000)]
    assert 240 <= min(seen) < 250
    assert 350 < max(seen) <= 360


def test_failed_hooks_wait_5_s_at_first_and_5_min_at_last() -> None:
    assert (Timing().retry_min_s, Timing().retry_max_s) == (5.0, 300.0)


def _waits(tries: int) -> list[float]:
    backoff = Backoff()
    return [backoff.next(5, 300) for _ in range(tries)]


def test_the_waits_of_a_failed_hook_double_and_vary_by_a_fifth() -> None:
    for number, expected in enumerate((5, 10, 20, 40, 80, 160, 300, 300), 1):
        seen = [_waits(number)[-1] for _ in range(500)]
        assert 0.8 * expected <= min(seen) < 0.85 * expected
        assert 1.15 * expected < max(seen) <= 1.2 * expected


def test_a_hook_that_ends_well_makes_the_next_wait_short_again() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.next(5, 300)
    backoff.reset()
    assert backoff.next(5, 300) <= 6


class _Link:
    """A controller that grants or denies claims, or cannot be reached."""

    def __init__(self, renew_s: float) -> None:
        self.up = threading.Event()
        self.welcome = {"timing": {"renew_s": renew_s}}
        self.grants: bool | None = True
        self.claims = 0

    def call(self, method: str, **params: Any) -> bool:
        assert (method, params) == ("claim", {"unit": "probe/0"})
        self.claims += 1
        if self.grants is None:
            raise LinkDown
        return self.grants


def _tracker(link: _Link) -> Tracker:
    return Tracker("probe/0", link, lambda: None)  # pyright: ignore[reportArgumentType]


def test_is_leader_holds_for_as_long_as_it_guarantees_without_asking_again() -> None:
    link = _Link(renew_s=30)
    tracker = _tracker(link)
    tracker._refresh()
    link.grants = None
    assert tracker.is_leader()
    assert link.claims == 1


def test_is_leader_asks_again_when_its_guarantee_is_over() -> None:
    link = _Link(renew_s=0.0)
    tracker = _tracker(link)
    tracker._refresh()
    link.grants = False
    assert not tracker.is_leader()
    assert link.claims == 2


def test_is_leader_fails_when_it_cannot_be_guaranteed() -> None:
    link = _Link(renew_s=0.0)
    tracker = _tracker(link)
    tracker._refresh()
    link.grants = None
    with pytest.raises(LinkDown):
        tracker.is_leader()
