"""What the sentinel makes of what it sees, and how it wakes the charm."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from postgresql.layout import Layout
from sentinel import events
from sentinel.courier import Courier
from sentinel.deeds import Deeds
from sentinel.events import Look, between

PRIMARY = Look(
    running=True, session=70, in_recovery=False, standbys=(("pg_1", "streaming", "async", 71),)
)
STANDBY = Look(
    running=True, session=80, in_recovery=True, streaming=True, receiver=81, caught_up=True
)
LOST = dataclasses.replace(
    STANDBY, streaming=False, receiver=0, caught_up=False, lost="no route to host"
)
APART = dataclasses.replace(STANDBY, streaming=False, receiver=0, caught_up=False, apart=7)


class TestBetween:
    @pytest.mark.parametrize(
        ("before", "changes", "expected"),
        [
            (STANDBY, {}, ()),
            (PRIMARY, {}, ()),
            (
                STANDBY,
                {"running": False, "streaming": False, "caught_up": False},
                (events.SERVER_STOPPED,),
            ),
            (Look(), {"running": True}, (events.SERVER_STARTED,)),
            (Look(unrest=7), {"unrest": 8}, (events.STILL_DOWN,)),
            (Look(unrest=7), {"unrest": 0, "running": True}, (events.SERVER_STARTED,)),
            (PRIMARY, {"running": False, "standbys": (), "unrest": 8}, (events.SERVER_STOPPED,)),
            (
                STANDBY,
                {"streaming": False, "receiver": 0, "caught_up": False},
                (events.FOLLOWING_CHANGED,),
            ),
            (APART, {"apart": 8}, (events.STILL_APART,)),
            (
                dataclasses.replace(STANDBY, streaming=False, receiver=0),
                {"streaming": True, "receiver": 82},
                (events.FOLLOWING_CHANGED,),
            ),
            # What was down between two looks, a hook may have seen in that moment.
            (STANDBY, {"receiver": 82}, (events.FOLLOWING_CHANGED,)),
            (STANDBY, {"session": 90}, (events.SERVER_STARTED,)),
            (
                PRIMARY,
                {"standbys": (("pg_1", "streaming", "async", 72),)},
                (events.STANDBYS_CHANGED,),
            ),
            (
                dataclasses.replace(STANDBY, caught_up=False),
                {"caught_up": True},
                (events.STANDBY_CAUGHT_UP,),
            ),
            (STANDBY, {"lost": "no route to host"}, (events.PRIMARY_UNREACHABLE,)),
            (LOST, {"lost": "connection refused"}, ()),
            (LOST, {"lost_long": True}, (events.PRIMARY_UNREACHABLE,)),
            (LOST, {"lost": ""}, (events.PRIMARY_BACK,)),
            (PRIMARY, {"unwell": "no space left"}, (events.PROBE_FAILED,)),
            (
                dataclasses.replace(PRIMARY, unwell="no space left"),
                {"unwell": ""},
                (events.PROBE_ANSWERED,),
            ),
            (PRIMARY, {"ailing": "/data is full"}, (events.PROBE_FAILED,)),
            (
                dataclasses.replace(PRIMARY, ailing="/data is full"),
                {"unwell": "no space left"},
                (),
            ),
            (
                dataclasses.replace(PRIMARY, ailing="/data is full"),
                {"ailing": ""},
                (events.PROBE_ANSWERED,),
            ),
            (LOST, {"electing": True}, ()),
            (LOST, {"electing": True, "settled": True}, (events.REPLAYED,)),
            (LOST, {"settled": True}, ()),
            (STANDBY, {"promoted": 7, "gated": 0}, (events.PROMOTED,)),
            (STANDBY, {"gated": 7}, (events.SERVER_GATED,)),
            (dataclasses.replace(STANDBY, gated=7), {"gated": 8}, (events.SERVER_GATED,)),
            (STANDBY, {"apart": 7}, ()),
            (dataclasses.replace(STANDBY, apart=7), {"apart": 8}, (events.STILL_APART,)),
            (dataclasses.replace(STANDBY, apart=7), {"apart": 0}, ()),
            (PRIMARY, {"lost_slots": ("pg_1",)}, (events.SLOT_LOST,)),
            (dataclasses.replace(PRIMARY, lost_slots=("pg_1",)), {"lost_slots": ()}, ()),
            (Look(), {"rewind": "running"}, ()),
            (Look(rewind="running"), {"rewind": "finished"}, (events.REWIND_FINISHED,)),
            (Look(rewind="running"), {"rewind": "failed"}, (events.REWIND_FAILED,)),
            (Look(rewind="running"), {"rewind": "postponed"}, (events.REWIND_FAILED,)),
            (Look(rewind="postponed"), {"rewind": "failed"}, ()),
            (PRIMARY, {"standbys": ()}, (events.STANDBYS_CHANGED,)),
            (PRIMARY, {"archive_failing": True}, (events.ARCHIVE_FAILING,)),
            (
                dataclasses.replace(PRIMARY, archive_failing=True),
                {"archive_failing": False},
                (events.ARCHIVE_RECOVERED,),
            ),
            (
                dataclasses.replace(PRIMARY, archive_failing=True),
                {"archive_failing": False, "archive_failures": 3},
                (events.ARCHIVE_RECOVERED,),
            ),
            (PRIMARY, {"archive_failures": 3}, (events.ARCHIVE_RECOVERED,)),
            (
                dataclasses.replace(PRIMARY, archive_failing=True),
                {"archive_failures": 3},
                (),
            ),
            (
                PRIMARY,
                {"archive_carried": True},
                (events.ARCHIVE_MOVED,),
            ),
            (Look(), {"clone": "running"}, (events.CLONE_PROGRESSED,)),
            (Look(clone="running"), {"clone_step": 3}, (events.CLONE_PROGRESSED,)),
            (Look(clone="running"), {"clone": "finished"}, (events.CLONE_FINISHED,)),
            (Look(clone="running"), {"clone": "failed"}, (events.CLONE_FAILED,)),
        ],
    )
    def test_a_change_has_its_event_and_nothing_else_has(
        self, before: Look, changes: dict[str, Any], expected: tuple[str, ...]
    ) -> None:
        assert between(before, dataclasses.replace(before, **changes)) == expected

    @pytest.mark.parametrize("look", [PRIMARY, STANDBY, Look(), Look(unrest=3)])
    def test_a_first_look_at_a_machine_at_peace_wakes_nobody(self, look: Look) -> None:
        assert between(None, look) == ()

    def test_a_first_look_tells_what_ended_while_nobody_looked(self) -> None:
        assert between(None, Look(clone="finished")) == (events.CLONE_FINISHED,)
        assert between(None, Look(rewind="failed")) == (events.REWIND_FAILED,)
        assert between(None, dataclasses.replace(LOST, gated=3)) == (
            events.SERVER_GATED,
            events.PRIMARY_UNREACHABLE,
        )
        assert between(None, dataclasses.replace(PRIMARY, archive_failing=True)) == (
            events.ARCHIVE_FAILING,
        )

    def test_every_event_that_is_named_is_one_of_the_charms(self) -> None:
        named = {value for name, value in vars(events).items() if name.isupper() and name != "ALL"}
        assert named == set(events.ALL)


class FakeHook:
    """A hook under way, as Popen shows it."""

    def __init__(self) -> None:
        self.code: int | None = None

    def poll(self) -> int | None:
        return self.code


class TestCourier:
    def setup_method(self) -> None:
        self.now = 100.0
        self.raised: list[list[str]] = []
        self.hooks: list[FakeHook] = []

        def start(command: list[str]) -> Any:
            self.raised.append(command)
            self.hooks.append(FakeHook())
            return self.hooks[-1]

        self.courier = Courier("pg/1", Path("/charm"), start, clock=lambda: self.now)

    def test_raises_an_event_through_the_units_agent(self) -> None:
        self.courier.take([events.CLONE_FINISHED])
        self.courier.work()
        assert self.raised == [
            ["juju-exec", "pg/1", "JUJU_DISPATCH_PATH=hooks/clone_finished /charm/dispatch"]
        ]

    def test_one_hook_at_a_time_and_one_for_all_that_waited(self) -> None:
        self.courier.take([events.SERVER_STARTED])
        self.courier.work()
        self.courier.take([events.PRIMARY_BACK])
        self.courier.take([events.ARCHIVE_FAILING])
        self.courier.work()
        assert len(self.raised) == 1
        self.hooks[0].code = 0
        self.courier.work()
        assert len(self.raised) == 2
        self.hooks[1].code = 0
        self.courier.work()
        assert self.courier.idle

    def test_an_event_keeps_while_the_agent_is_away(self) -> None:
        self.courier.take([events.SERVER_STOPPED])
        self.courier.work()
        self.hooks[0].code = 1
        self.courier.work()
        assert len(self.raised) == 1
        self.now += 5
        self.courier.work()
        assert self.raised[1] == self.raised[0]

    def test_an_event_keeps_while_the_agents_program_is_away(self) -> None:
        def start(command: list[str]) -> Any:
            self.raised.append(command)
            if len(self.raised) == 1:
                raise FileNotFoundError(command[0])
            return FakeHook()

        courier = Courier("pg/1", Path("/charm"), start, clock=lambda: self.now)
        courier.take([events.SERVER_STOPPED])
        courier.work()
        courier.work()
        assert len(self.raised) == 1 and not courier.idle
        self.now += 5
        courier.work()
        assert self.raised[1] == self.raised[0]


class TestDeeds:
    def test_one_that_cannot_be_begun_is_tried_again(self) -> None:
        # While the charm is refreshed its Python is away.
        now = 100.0
        begun: list[str] = []

        def start(command: Sequence[str]) -> Any:
            begun.append(command[3])
            if len(begun) == 1:
                raise FileNotFoundError(command[0])
            return FakeHook()

        deeds = Deeds(Layout(16), Path("/mandate"), start, lambda: now)
        deeds.want("succeed", "authority")
        deeds.want("succeed", "authority")
        assert begun == ["succeed"] and not deeds.is_busy
        now += 1
        deeds.want("succeed", "authority")
        assert begun == ["succeed", "succeed"] and deeds.is_busy
