"""One turn of the sentinel after another, on a machine of fakes."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from postgresql.layout import Layout
from postgresql.probe import Verdict
from sentinel import events, findings, unfinished
from sentinel.contact import Knocker
from sentinel.courier import Courier
from sentinel.deeds import Deeds
from sentinel.duties import Duties, target
from sentinel.events import Look
from sentinel.findings import Findings
from sentinel.mandate import Authority, Mandate
from sentinel.probing import Target

PRIMARY = Look(up=True, running=True, writable=True, in_recovery=False)
STANDBY = Look(up=True, running=True, in_recovery=True, streaming=True)
GATED = Look(up=True, running=True, in_recovery=True, deaf=True)
DOWN = Look()

IS_PRIMARY = Mandate(
    "pg/0",
    5,
    3,
    primary=True,
    members=("pg_1",),
    quorum=1,
    peers=("pg_1",),
    controllers=("10.0.0.9:17070",),
)
IS_ALONE = dataclasses.replace(IS_PRIMARY, members=(), quorum=0, alone=True)
IS_STANDBY = Mandate("pg/0", 5, 3, primary=False, upstream="10.0.0.1", password="secret")
AUTHORITY = Authority(4, ("pg_1",), 1, 5, 3)
IS_SUCCESSOR = dataclasses.replace(IS_STANDBY, authority=AUTHORITY)

OK = Verdict(True)
REFUSED = Verdict(False, reason="connection refused")


class FakeObserver:
    def __init__(self) -> None:
        self.seen = DOWN
        self.log_reaches = 0

    def look(self) -> Look:
        return self.seen

    def term(self) -> int:
        return self.log_reaches


class FakeProbing:
    """Answers at once, and the same until it is told to answer otherwise."""

    def __init__(self) -> None:
        self.verdict: Verdict | None = OK
        self.target: Target | None = None

    def turn_to(self, target: Target | None) -> bool:
        changed = target != self.target
        self.target = target
        return changed

    def heard(self) -> Verdict | None:
        return self.verdict


class FakeFence:
    def __init__(self) -> None:
        self.stops = 0

    def stop(self) -> bool:
        self.stops += 1
        return True


class FakeDisk:
    def __init__(self) -> None:
        self.wrong = ""
        self.rests = 0

    def turn(self, now: float) -> str:
        return self.wrong

    def rest(self) -> str:
        self.rests += 1
        return ""


class FakeChild:
    """A hook or a deed under way, as Popen shows it."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = command
        self.code: int | None = None

    def poll(self) -> int | None:
        return self.code


class Bench:
    """A sentinel among fakes, and a clock that is turned by hand."""

    def __init__(self, note: Path, resumed: bool = False) -> None:
        self.now = 1000.0
        self.note = note
        self.left = note.with_name("unfinished")
        self.observer = FakeObserver()
        self.mandate: Mandate | None = None
        self.probing = FakeProbing()
        self.fence = FakeFence()
        self.disk = FakeDisk()
        self.reachable = True
        self.knocked = threading.Semaphore(0)
        self.knocker = Knocker(self._reaches, lambda: self.now)
        self.hooks: list[FakeChild] = []
        self.deeds: list[FakeChild] = []
        self.courier = Courier("pg/0", Path("/charm"), self._hook, lambda: self.now)
        self.duties = Duties(
            self.observer,
            lambda: self.mandate,
            self.courier,
            self.probing,
            self.knocker,
            self.fence,
            Deeds(Layout(16), Path("/mandate"), self._deed, lambda: self.now),
            self.disk,
            note,
            self.left,
            resumed,
            lambda: self.now,
        )

    def turn(self, count: int = 1) -> float:
        wait_s = 0.0
        for _ in range(count):
            self.now += 1
            wait_s = self.duties.turn()
            # The tries of a controller are made in a thread; each turn sees the one before.
            thread = self.knocker._thread
            if thread is not None:
                thread.join(10)
            for hook in self.hooks:
                hook.code = 0
        return wait_s

    @property
    def raised(self) -> list[str]:
        return [
            hook.command[-1].split()[0].removeprefix("JUJU_DISPATCH_PATH=hooks/")
            for hook in self.hooks
        ]

    @property
    def done(self) -> list[str]:
        return [deed.command[3] for deed in self.deeds]

    @property
    def found(self) -> Findings:
        return findings.read(self.note)

    def _reaches(self, controllers: Sequence[str]) -> bool:
        self.knocked.release()
        return self.reachable

    def _hook(self, command: list[str]) -> Any:
        self.hooks.append(FakeChild(command))
        return self.hooks[-1]

    def _deed(self, command: Sequence[str]) -> Any:
        self.deeds.append(FakeChild(command))
        return self.deeds[-1]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "sentinel.json")


class TestProbe:
    @pytest.mark.parametrize(
        ("seen", "mandate", "expected"),
        [
            (PRIMARY, IS_PRIMARY, Target("", 5432, "", 3)),
            (STANDBY, IS_STANDBY, Target("10.0.0.1", 5432, "secret", 3)),
            # Its own server says nothing of the primary's.
            (DOWN, IS_STANDBY, Target("10.0.0.1", 5432, "secret", 3)),
            (GATED, IS_PRIMARY, None),
            (STANDBY, dataclasses.replace(IS_STANDBY, upstream=""), None),
            (STANDBY, dataclasses.replace(IS_STANDBY, password=""), None),
            (PRIMARY, None, None),
        ],
    )
    def test_whom_it_probes(
        self, seen: Look, mandate: Mandate | None, expected: Target | None
    ) -> None:
        assert target(seen, mandate) == expected

    def test_a_lost_primary_is_told_of_with_what_the_hook_will_read(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_STANDBY, STANDBY
        bench.turn(3)
        bench.probing.verdict = REFUSED
        bench.turn(5)
        assert bench.raised == [] and not bench.found.lost
        bench.turn()
        assert bench.raised == [events.PRIMARY_UNREACHABLE]
        assert (bench.found.term, bench.found.lost) == (3, "connection refused")
        assert bench.found.since > 0 and not bench.found.lost_long and not bench.found.unwell
        bench.turn(24)
        assert bench.raised == [events.PRIMARY_UNREACHABLE] * 2 and bench.found.lost_long
        bench.probing.verdict = OK
        bench.turn()
        assert bench.raised[2:] == [events.PRIMARY_BACK]
        assert bench.found == Findings(term=3)

    def test_what_a_primary_told_last_is_there_for_the_election(self, bench: Bench) -> None:
        bench.mandate = IS_STANDBY
        bench.observer.seen = dataclasses.replace(STANDBY, told=(4096, 70))
        bench.turn()
        assert (bench.found.heard, bench.found.heard_at, bench.found.heard_term) == (4096, 70, 3)
        bench.observer.seen = dataclasses.replace(STANDBY, told=(5096, 71))
        bench.turn()
        bench.probing.verdict = REFUSED
        # Its walreceiver ends, and the unit turns to the record of the election.
        bench.observer.seen = dataclasses.replace(STANDBY, streaming=False)
        bench.turn(7)
        bench.mandate = dataclasses.replace(IS_STANDBY, term=4, upstream="", sealed=4)
        bench.turn(3)
        found = bench.found
        assert (found.heard, found.heard_at, found.heard_term) == (5096, 71, 3)

    def test_the_next_terms_primary_has_a_life_of_its_own(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_STANDBY, STANDBY
        bench.probing.verdict = REFUSED
        bench.turn(10)
        assert bench.found.lost
        bench.mandate = dataclasses.replace(IS_STANDBY, term=4, upstream="10.0.0.2")
        bench.turn()
        assert not bench.found.lost and bench.found.term == 4
        bench.turn(5)
        assert not bench.found.lost
        bench.turn()
        assert bench.found.lost

    def test_a_primary_whose_disk_hangs_says_so_of_itself(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_PRIMARY, PRIMARY
        bench.turn()
        bench.probing.verdict = None
        bench.turn(6)
        assert bench.raised == [events.PROBE_FAILED]
        assert bench.found.unwell and not bench.found.lost
        bench.probing.verdict = OK
        bench.turn()
        assert bench.raised[1:] == [events.PROBE_ANSWERED] and not bench.found.unwell

    def test_one_whose_data_disk_alone_ails_says_that(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_PRIMARY, PRIMARY
        bench.turn()
        bench.disk.wrong = "/data is full"
        bench.turn()
        assert bench.raised == [events.PROBE_FAILED]
        assert bench.found.ailing == "/data is full" and not bench.found.unwell
        # A standby's is no matter.
        bench.observer.seen = STANDBY
        bench.turn()
        assert not bench.found.ailing and bench.disk.rests == 1


class TestResumed:
    def test_one_that_watches_again_has_a_hook_look_once(self, tmp_path: Path) -> None:
        # A standby may have come back while nobody looked; now as then it streams.
        bench = Bench(tmp_path / "sentinel.json", resumed=True)
        bench.mandate, bench.observer.seen = IS_PRIMARY, PRIMARY
        bench.turn(30)
        assert bench.raised == [events.WATCH_RESUMED]

    def test_the_first_one_leaves_that_to_the_hook_that_has_started_it(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_PRIMARY, PRIMARY
        bench.turn(30)
        assert bench.raised == []

    def test_what_it_sees_itself_stands_for_what_it_may_have_missed(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path / "sentinel.json", resumed=True)
        bench.mandate, bench.observer.seen = IS_PRIMARY, GATED
        bench.turn(3)
        assert bench.raised == [events.SERVER_GATED]


class TestUnfinished:
    def test_a_step_that_failed_is_tried_again_until_it_does_not(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_PRIMARY, PRIMARY
        bench.turn(60)
        assert bench.raised == []
        unfinished.note(left=True, path=bench.left)
        bench.turn(46)
        assert bench.raised == [events.UNFINISHED] * 3
        unfinished.note(left=False, path=bench.left)
        bench.turn(60)
        assert bench.raised[3:] == []

    def test_where_it_cannot_be_noted_the_hook_goes_on(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        unfinished.note(left=True, path=tmp_path / "file" / "unfinished")
        assert not unfinished.is_noted(tmp_path / "file" / "unfinished")


class TestApart:
    def test_a_standby_that_does_not_stream_is_looked_at_again_and_again(
        self, bench: Bench
    ) -> None:
        bench.mandate, bench.observer.seen = IS_STANDBY, STANDBY
        bench.turn(60)
        assert bench.raised == []
        bench.observer.seen = dataclasses.replace(STANDBY, streaming=False)
        bench.turn(46)
        assert bench.raised == [events.FOLLOWING_CHANGED] + [events.STILL_APART] * 3
        bench.observer.seen = STANDBY
        bench.turn(60)
        assert bench.raised[4:] == [events.FOLLOWING_CHANGED]

    @pytest.mark.parametrize(
        ("changes", "mandate"),
        [
            ({"clone": "running"}, IS_STANDBY),
            ({"rewind": "running"}, IS_STANDBY),
            ({}, dataclasses.replace(IS_STANDBY, upstream="")),
            ({"in_recovery": None}, IS_STANDBY),
            ({}, None),
        ],
    )
    def test_not_where_that_is_as_it_should_be(
        self, bench: Bench, changes: dict[str, Any], mandate: Mandate | None
    ) -> None:
        bench.mandate = mandate
        bench.observer.seen = dataclasses.replace(STANDBY, streaming=False, **changes)
        bench.turn(60)
        assert events.STILL_APART not in bench.raised

    def test_nor_of_a_primary_that_is_lost(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_STANDBY, STANDBY
        bench.probing.verdict = REFUSED
        bench.turn(10)
        bench.observer.seen = dataclasses.replace(STANDBY, streaming=False)
        bench.turn(60)
        assert events.STILL_APART not in bench.raised


class TestFence:
    def test_a_primary_that_the_record_does_not_name_is_stopped_in_this_turn(
        self, bench: Bench
    ) -> None:
        bench.mandate, bench.observer.seen = IS_PRIMARY, PRIMARY
        bench.turn()
        assert not bench.fence.stops
        bench.mandate = IS_STANDBY
        bench.turn()
        assert bench.fence.stops == 1
        assert "does not let this unit accept writes" in bench.found.stopped
        bench.turn()
        assert bench.fence.stops == 2
        bench.observer.seen = DOWN
        bench.turn()
        assert bench.fence.stops == 2 and bench.found.stopped
        bench.observer.seen = STANDBY
        bench.turn()
        assert not bench.found.stopped

    def test_without_a_mandate_nothing_is_stopped(self, bench: Bench) -> None:
        bench.observer.seen = PRIMARY
        bench.reachable = False
        bench.turn(60)
        assert not bench.fence.stops and not bench.deeds

    def test_an_isolated_primary_is_stopped_after_twenty_seconds(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_PRIMARY, PRIMARY
        bench.reachable = False
        bench.turn(19)
        assert not bench.fence.stops
        bench.turn(2)
        assert bench.fence.stops and "could be reached" in bench.found.stopped

    def test_no_controller_is_tried_while_a_standby_sends(self, bench: Bench) -> None:
        bench.mandate = IS_PRIMARY
        bench.reachable = False
        for number in range(60):
            heard = frozenset({("pg_1", f"77 {number}")})
            bench.observer.seen = dataclasses.replace(PRIMARY, heard=heard)
            bench.turn()
        assert not bench.fence.stops
        assert not bench.knocked.acquire(blocking=False)

    def test_a_strangers_connection_is_no_contact(self, bench: Bench) -> None:
        bench.mandate = IS_PRIMARY
        bench.reachable = False
        for number in range(25):
            heard = frozenset({("pg_receivewal", f"77 {number}")})
            bench.observer.seen = dataclasses.replace(PRIMARY, heard=heard)
            bench.turn()
        assert bench.fence.stops

    def test_a_primary_that_reaches_a_controller_goes_on(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_PRIMARY, PRIMARY
        bench.turn(60)
        assert not bench.fence.stops

    def test_one_that_stands_alone_by_right_goes_on_and_tries_nobody(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_ALONE, PRIMARY
        bench.reachable = False
        bench.turn(60)
        assert not bench.fence.stops
        assert not bench.knocked.acquire(blocking=False)

    def test_a_machine_that_stood_still_asks_before_it_stops(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_PRIMARY, PRIMARY
        bench.turn(3)
        bench.now += 3600
        bench.turn()
        assert not bench.fence.stops
        bench.turn()
        assert not bench.fence.stops
        bench.reachable = False
        bench.now += 3600
        bench.turn(2)
        assert bench.fence.stops


class TestComeback:
    def test_while_a_hook_can_be_had_it_is_a_hooks_business(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_PRIMARY, GATED
        bench.turn()
        assert bench.raised == [events.SERVER_GATED]
        bench.turn(15)
        assert 2 <= len(bench.raised) <= 3 and set(bench.raised) == {events.SERVER_GATED}
        assert not bench.deeds

    def test_without_one_it_opens_when_enough_have_come_back(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_PRIMARY, GATED
        bench.reachable = False
        bench.observer.log_reaches = IS_PRIMARY.term
        bench.turn(30)
        assert not bench.deeds
        bench.observer.seen = dataclasses.replace(
            GATED, standbys=(("pg_1", "streaming", "async"), ("pg_9", "streaming", "async"))
        )
        bench.turn()
        assert bench.done == ["open"]
        assert {"--major=16", "--mandate=/mandate"} <= set(bench.deeds[0].command)
        bench.turn(5)
        assert bench.done == ["open"]

    def test_one_that_is_still_copying_has_not_come_back(self, bench: Bench) -> None:
        bench.mandate, bench.reachable = IS_PRIMARY, False
        bench.observer.log_reaches = IS_PRIMARY.term
        bench.observer.seen = dataclasses.replace(GATED, standbys=(("pg_1", "startup", "async"),))
        bench.turn(30)
        assert not bench.deeds

    def test_one_that_is_down_is_started_and_not_opened(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_PRIMARY, DOWN
        bench.reachable = False
        bench.turn(9)
        assert not bench.deeds
        bench.turn(3)
        assert bench.done == ["stand"]
        bench.deeds[0].code = 1
        bench.turn(14)
        assert bench.done == ["stand"]
        bench.turn(3)
        assert bench.done == ["stand", "stand"]

    def test_an_isolated_primary_that_was_stopped_comes_back_as_a_standby(
        self, bench: Bench
    ) -> None:
        bench.mandate, bench.observer.seen = IS_PRIMARY, PRIMARY
        bench.reachable = False
        bench.turn(22)
        bench.observer.seen = DOWN
        bench.turn()
        assert bench.done == ["stand"]


class TestSuccession:
    def test_a_successor_is_made_ready_and_hurries(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_SUCCESSOR, STANDBY
        assert bench.turn() < 0.5
        assert bench.done == ["succeed"]

    def test_its_promotion_is_told_of_once_its_log_says_so(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_SUCCESSOR, STANDBY
        bench.turn()
        bench.observer.seen, bench.observer.log_reaches = PRIMARY, 3
        bench.turn()
        assert not bench.found.promoted and not bench.fence.stops
        bench.observer.log_reaches = 4
        bench.deeds[0].code = 0
        assert bench.turn() == 1.0
        assert bench.found.promoted == 4
        assert bench.raised[-1] == events.PROMOTED
        bench.turn(5)
        assert bench.done == ["succeed"]

    def test_hooks_wait_while_it_is_at_work_but_not_for_long(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_SUCCESSOR, STANDBY
        bench.turn()
        before = len(bench.raised)
        bench.observer.seen = dataclasses.replace(STANDBY, streaming=False)
        bench.turn()
        assert len(bench.raised) == before
        # The primary has died without a last word.
        bench.turn()
        assert bench.raised[before:] == [events.FOLLOWING_CHANGED]

    def test_a_hook_runs_as_soon_as_it_is_done(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_SUCCESSOR, STANDBY
        bench.turn()
        bench.observer.seen, bench.observer.log_reaches = PRIMARY, 4
        bench.turn()
        assert bench.found.promoted == 4 and events.PROMOTED not in bench.raised
        bench.deeds[0].code = 0
        bench.turn()
        assert bench.raised[-1] == events.PROMOTED

    def test_what_failed_is_tried_again(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_SUCCESSOR, STANDBY
        bench.turn()
        bench.deeds[0].code = 1
        bench.turn(3)
        assert bench.done == ["succeed", "succeed"]

    def test_another_authority_is_another_promotion(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_SUCCESSOR, STANDBY
        bench.turn()
        bench.deeds[0].code = 0
        bench.mandate = dataclasses.replace(
            IS_SUCCESSOR, authority=dataclasses.replace(AUTHORITY, serial=9)
        )
        bench.turn(3)
        assert bench.done == ["succeed", "succeed"]

    def test_a_promoted_successor_whose_authority_is_void_is_stopped(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_SUCCESSOR, PRIMARY
        bench.observer.log_reaches = 4
        bench.turn()
        assert not bench.fence.stops
        bench.mandate = Mandate("pg/0", 6, 5, primary=False, sealed=5)
        bench.turn()
        assert bench.fence.stops == 1


class TestNote:
    def test_it_is_written_only_when_something_is_new(self, bench: Bench) -> None:
        bench.mandate, bench.observer.seen = IS_STANDBY, STANDBY
        bench.turn()
        written = bench.note.stat().st_ino
        bench.turn(10)
        assert bench.note.stat().st_ino == written

    def test_one_that_cannot_be_written_stops_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        bench = Bench(tmp_path / "file" / "sentinel.json")
        bench.mandate, bench.observer.seen = IS_STANDBY, PRIMARY
        bench.turn(2)
        assert bench.fence.stops == 2

    def test_an_election_is_told_of_when_all_is_replayed(self, bench: Bench) -> None:
        bench.mandate = dataclasses.replace(IS_STANDBY, upstream="", sealed=3)
        bench.observer.seen = GATED
        bench.turn(3)
        assert bench.raised == []
        bench.observer.seen = dataclasses.replace(GATED, settled=True)
        bench.turn()
        assert bench.raised == [events.REPLAYED]

    def test_what_is_down_is_tried_again_now_and_then(self, bench: Bench) -> None:
        bench.observer.seen = DOWN
        bench.turn(2)
        assert bench.raised == []
        bench.observer.seen = dataclasses.replace(DOWN, clone="running")
        bench.turn()
        assert bench.raised == [events.CLONE_PROGRESSED]
