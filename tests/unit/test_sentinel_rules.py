"""When the sentinel takes a primary for lost, stops its server, and lets it come back."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import threading
from collections.abc import Generator

import pytest

from postgresql.probe import Verdict
from sentinel import comeback, fence
from sentinel.contact import Attempt, Contact, Knocker, reaches_any
from sentinel.disk import Disk
from sentinel.look import has_caught_up
from sentinel.mandate import Authority, Mandate
from sentinel.probing import Probing, Target
from sentinel.pulse import Heartbeat, Pulse

OK = Verdict(True)
REFUSED = Verdict(False, reason="connection refused")
STARTING = Verdict(False, busy=True, reason="the database system is starting up")

PRIMARY = Mandate("pg/0", 5, 3, primary=True, members=("pg_1", "pg_2"), quorum=1)
ALONE = dataclasses.replace(PRIMARY, members=(), quorum=0, alone=True)
BY_CHOICE = dataclasses.replace(ALONE, alone=False)
STANDBY = Mandate("pg/0", 5, 3, primary=False, upstream="10.0.0.1")
SUCCESSOR = dataclasses.replace(STANDBY, authority=Authority(4, ("pg_1",), 1, 5, 3))


class TestPulse:
    def turns(self, pulse: Pulse, count: int, verdict: Verdict | None) -> Heartbeat:
        beat = Heartbeat()
        for _ in range(count):
            beat = pulse.turn(1.0, verdict)
        return beat

    def test_six_silent_seconds_make_it_lost_and_one_success_brings_it_back(self) -> None:
        pulse = Pulse()
        pulse.turn(1.0, OK)
        assert not self.turns(pulse, 5, REFUSED).lost
        assert pulse.turn(1.0, REFUSED) == Heartbeat("connection refused", 6.0)
        assert pulse.turn(1.0, None).lost == "connection refused"
        assert pulse.turn(1.0, OK) == Heartbeat()
        assert not self.turns(pulse, 5, REFUSED).lost

    def test_no_answer_at_all_counts_as_well(self) -> None:
        assert self.turns(Pulse(), 6, None).lost == "it has not answered"

    def test_one_that_says_it_is_starting_has_a_minute(self) -> None:
        pulse = Pulse()
        assert not self.turns(pulse, 59, STARTING).lost
        assert pulse.turn(1.0, STARTING).lost == STARTING.reason

    def test_a_restart_is_no_loss_however_long_its_checkpoint(self) -> None:
        pulse = Pulse()
        assert not self.turns(pulse, 20, STARTING).lost
        assert not self.turns(pulse, 5, REFUSED).lost
        assert not self.turns(pulse, 20, STARTING).lost
        assert self.turns(pulse, 6, REFUSED).lost

    def test_a_machine_that_stood_still_heard_nothing_itself(self) -> None:
        pulse = Pulse()
        pulse.turn(1.0, OK)
        assert not pulse.turn(3600.0, None).lost
        assert not pulse.turn(1.0, REFUSED).lost

    def test_it_is_lost_for_long_only_after_an_isolated_primary_has_stopped(self) -> None:
        pulse = Pulse()
        assert not self.turns(pulse, 29, REFUSED).lost_long
        assert pulse.turn(1.0, REFUSED).lost_long
        assert not pulse.turn(1.0, OK).lost_long


class FakeDisk:
    """One that says what it is told to, or hangs."""

    def __init__(self) -> None:
        self.wrong = ""
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.looked = threading.Event()

    def look(self) -> str:
        self.goes_on.wait()
        self.looked.set()
        return self.wrong

    def looked_at(self) -> None:
        """Waits for one that has begun and ended since."""
        for _ in range(2):
            self.looked.clear()
            assert self.looked.wait(5)


class TestDisk:
    def turns(self, disk: Disk, begin: float, count: int) -> str:
        found = ""
        for second in range(count):
            found = disk.turn(begin + second)
        return found

    def test_one_that_is_full_for_a_moment_is_not_told_of(self) -> None:
        fake = FakeDisk()
        disk = Disk(fake.look, period_s=0.001)
        assert disk.turn(0) == ""
        fake.wrong = "/data is full"
        fake.looked_at()
        assert self.turns(disk, 1, 5) == ""
        assert disk.turn(6) == "/data is full"
        fake.wrong = ""
        fake.looked_at()
        assert disk.turn(7) == ""
        disk.rest()

    def test_one_that_hangs_hangs_nobody_who_asks(self) -> None:
        fake = FakeDisk()
        fake.goes_on.clear()
        disk = Disk(fake.look, period_s=0.001)
        assert self.turns(disk, 0, 6) == ""
        assert self.turns(disk, 6, 2) == "it takes no write; see dmesg"
        fake.goes_on.set()
        fake.looked_at()
        assert disk.turn(8) == ""
        disk.rest()

    def test_a_machine_that_stood_still_has_looked_at_nothing_meanwhile(self) -> None:
        fake = FakeDisk()
        fake.goes_on.clear()
        disk = Disk(fake.look, period_s=0.001)
        assert disk.turn(0) == "" and disk.turn(3600) == ""
        assert disk.rest() == ""
        # Another term, another life.
        assert self.turns(disk, 3601, 6) == ""
        disk.rest()
        fake.goes_on.set()


class FakeProber:
    """Gives what it is told to, and waits until it is."""

    def __init__(self, verdicts: list[Verdict]) -> None:
        self.verdicts = verdicts
        self.asked = threading.Semaphore(0)
        self.closed = threading.Event()

    def probe(self, timeout_s: float) -> Verdict:
        verdict = self.verdicts.pop(0) if len(self.verdicts) > 1 else self.verdicts[0]
        self.asked.release()
        return verdict

    def close(self) -> None:
        self.closed.set()


class HungProber:
    """Never answers until it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def probe(self, timeout_s: float) -> Verdict:
        self.let_go.wait(30)
        return OK

    def close(self) -> None:
        pass


class TestProbing:
    OWN = Target("", 5432, "", 3)

    def test_the_best_answer_since_the_last_turn_is_heard(self) -> None:
        prober = FakeProber([REFUSED, OK, STARTING, REFUSED])
        probing = Probing(lambda _: prober, period_s=0.001)
        assert probing.heard() is None
        assert probing.turn_to(self.OWN)
        for _ in range(5):
            assert prober.asked.acquire(timeout=10)
        assert probing.heard() == OK
        probing.turn_to(None)
        assert prober.closed.wait(10)
        assert probing.heard() is None

    def test_it_stays_with_its_target_until_that_is_another(self) -> None:
        made: list[Target] = []
        probing = Probing(lambda target: made.append(target) or FakeProber([OK]), 0.001)
        assert probing.turn_to(self.OWN)
        assert not probing.turn_to(Target("", 5432, "", 3))
        assert probing.turn_to(dataclasses.replace(self.OWN, term=4))
        assert probing.turn_to(None)
        assert not probing.turn_to(None)

    def test_a_write_that_hangs_holds_up_nobody(self) -> None:
        hung = HungProber()
        well = FakeProber([OK])
        probers = {3: hung, 4: well}
        probing = Probing(lambda target: probers[target.term], 0.001)
        probing.turn_to(self.OWN)
        assert probing.heard() is None
        probing.turn_to(dataclasses.replace(self.OWN, term=4))
        assert well.asked.acquire(timeout=10) and well.asked.acquire(timeout=10)
        assert probing.heard() == OK
        hung.let_go.set()
        probing.turn_to(None)

    def test_a_password_shows_nowhere(self) -> None:
        assert "secret" not in repr(Target("10.0.0.1", 5432, "secret", 3))


class TestContact:
    def mark(self, number: int) -> frozenset[tuple[str, str]]:
        return frozenset({("pg_1", f"77 {number}")})

    def test_a_standby_that_goes_on_sending_is_contact(self) -> None:
        contact = Contact(100.0)
        for second in range(60):
            contact.turn(100.0 + second, self.mark(second), None)
        assert not contact.is_quiet
        assert not contact.isolated

    def test_a_connection_that_only_looks_alive_is_none(self) -> None:
        contact = Contact(100.0)
        contact.turn(100.0, self.mark(1), None)
        contact.turn(103.0, self.mark(1), None)
        assert contact.is_quiet
        contact.turn(119.0, self.mark(1), Attempt(117.0, False))
        assert not contact.isolated
        contact.turn(120.0, self.mark(1), Attempt(118.0, False))
        assert contact.isolated
        contact.turn(121.0, self.mark(2), Attempt(119.0, False))
        assert not contact.isolated

    def test_a_controller_is_contact_too(self) -> None:
        contact = Contact(100.0)
        contact.turn(130.0, frozenset(), Attempt(129.0, True))
        assert not contact.isolated
        contact.turn(148.0, frozenset(), Attempt(147.0, False))
        assert not contact.isolated
        contact.turn(149.0, frozenset(), Attempt(148.0, False))
        assert contact.isolated

    def test_nothing_is_said_without_a_fresh_try(self) -> None:
        """Of a machine that stood still: whom it tried before may be there now."""
        contact = Contact(100.0)
        contact.turn(101.0, frozenset(), Attempt(100.0, False))
        contact.turn(500.0, frozenset(), Attempt(100.0, False))
        assert not contact.isolated
        assert contact.unreachable_s is None
        contact.turn(502.0, frozenset(), Attempt(500.0, False))
        assert contact.isolated

    def test_how_long_controllers_were_tried_in_vain(self) -> None:
        contact = Contact(100.0)
        contact.turn(100.0, frozenset(), None)
        assert contact.unreachable_s is None
        contact.turn(900.0, frozenset(), Attempt(899.0, False))
        assert contact.unreachable_s == 1.0
        contact.turn(905.0, frozenset(), Attempt(904.0, False))
        assert contact.unreachable_s == 6.0
        contact.turn(906.0, frozenset(), Attempt(905.0, True))
        assert contact.unreachable_s is None


class TestKnocker:
    def test_it_tries_once_a_second_and_never_two_at_a_time(self) -> None:
        now = 100.0
        begun = threading.Semaphore(0)
        answer = threading.Event()

        def reaches(_: object) -> bool:
            begun.release()
            return answer.wait(10)

        knocker = Knocker(reaches, lambda: now)
        knocker.knock(["10.0.0.9:17070"])
        assert begun.acquire(timeout=10)
        now = 105.0
        knocker.knock(["10.0.0.9:17070"])
        assert knocker.last is None
        answer.set()
        wait_until(lambda: knocker.last == Attempt(100.0, True))
        knocker.knock(["10.0.0.9:17070"])
        wait_until(lambda: knocker.last == Attempt(105.0, True))
        knocker.knock(["10.0.0.9:17070"])
        assert begun.acquire(timeout=10)
        assert not begun.acquire(blocking=False)


class TestReaches:
    def test_one_that_answers_is_enough(self) -> None:
        with listening() as port, refusing() as closed:
            assert reaches_any([f"127.0.0.1:{closed}", f"127.0.0.1:{port}"])
            assert not reaches_any([f"127.0.0.1:{closed}"])

    def test_names_are_tried_where_there_are_no_addresses(self) -> None:
        with listening() as port, refusing() as closed:
            assert reaches_any([f"localhost:{port}"])
            assert not reaches_any([f"127.0.0.1:{closed}", f"localhost:{port}"])

    @pytest.mark.parametrize("controllers", [[], [""], ["nonsense"], ["no.such.name.invalid:1"]])
    def test_what_cannot_be_tried_is_not_reached(self, controllers: list[str]) -> None:
        assert not reaches_any(controllers)

    def test_one_that_is_silent_takes_no_longer_than_it_may(self) -> None:
        # A documentation network (RFC 5737), and a queue that takes nobody: one of them is silent
        # whatever the network here does with the other.
        with full() as port:
            assert not reaches_any([f"127.0.0.1:{port}", "192.0.2.1:17070"], timeout_s=0.2)


class TestFence:
    @pytest.mark.parametrize(
        ("writable", "mandate", "isolated", "expected"),
        [
            (True, None, True, ""),
            (True, PRIMARY, False, ""),
            (True, PRIMARY, True, "for 20 s neither"),
            (True, dataclasses.replace(PRIMARY, final=True), False, ""),
            (True, dataclasses.replace(PRIMARY, final=True), True, "for 20 s neither"),
            (True, ALONE, True, ""),
            (True, BY_CHOICE, False, ""),
            (True, BY_CHOICE, True, "for 20 s neither"),
            (True, STANDBY, False, "the cluster record of term 3"),
            (True, dataclasses.replace(STANDBY, alone=True), True, "the cluster record of term 3"),
            (True, SUCCESSOR, False, ""),
            (True, SUCCESSOR, True, "for 20 s neither"),
            (True, dataclasses.replace(SUCCESSOR, alone=True), True, "for 20 s neither"),
            (False, STANDBY, True, ""),
        ],
    )
    def test_what_may_not_write_is_stopped(
        self, writable: bool, mandate: Mandate | None, isolated: bool, expected: str
    ) -> None:
        found = fence.reason(writable, mandate, isolated)
        assert found.startswith(expected) and bool(found) == bool(expected)


class TestComeback:
    @pytest.mark.parametrize(
        ("mandate", "unreachable_s", "up", "gated", "connected", "expected"),
        [
            (PRIMARY, 10.0, True, True, {"pg_1"}, "open"),
            (PRIMARY, 10.0, True, True, {"pg_1", "pg_2"}, "open"),
            (PRIMARY, 10.0, True, True, {"pg_3"}, None),
            (PRIMARY, 10.0, True, True, set[str](), None),
            (dataclasses.replace(PRIMARY, quorum=2), 10.0, True, True, {"pg_1"}, None),
            # A hook knows more, and can be had.
            (PRIMARY, None, True, True, {"pg_1"}, None),
            (PRIMARY, 9.0, True, True, {"pg_1"}, None),
            # It is no standby of nobody: it follows somebody, or accepts writes already.
            (PRIMARY, 10.0, True, False, {"pg_1"}, None),
            (PRIMARY, 10.0, False, False, set[str](), "stand"),
            (PRIMARY, None, False, False, set[str](), None),
            (ALONE, 10.0, True, True, set[str](), "open"),
            (BY_CHOICE, 10.0, True, True, {"pg_1"}, None),
            (dataclasses.replace(PRIMARY, final=True), 10.0, True, True, {"pg_1"}, None),
            (dataclasses.replace(PRIMARY, final=True), 10.0, False, False, {"pg_1"}, None),
            (STANDBY, 10.0, True, True, {"pg_1"}, None),
            (STANDBY, 10.0, False, False, {"pg_1"}, None),
            (None, 10.0, False, False, {"pg_1"}, None),
        ],
    )
    def test_the_way_back(
        self,
        mandate: Mandate | None,
        unreachable_s: float | None,
        up: bool,
        gated: bool,
        connected: set[str],
        expected: str | None,
    ) -> None:
        reached = mandate.term if mandate else 0
        assert comeback.way(mandate, unreachable_s, up, gated, reached, connected) == expected

    def test_one_that_has_not_begun_its_term_is_promoted_by_a_hook(self) -> None:
        reached = PRIMARY.term - 1
        assert comeback.way(PRIMARY, 10.0, True, True, reached, {"pg_1"}) is None
        assert comeback.way(PRIMARY, 10.0, True, True, 0, {"pg_1"}) is None


@pytest.mark.parametrize(
    ("before", "behind", "expected"),
    [
        (False, None, False),
        (False, 1, False),
        (False, 0, True),
        (True, 10_000_000, True),
        (True, 100_000_000, False),
        (True, None, False),
    ],
)
def test_a_standby_that_has_caught_up_may_be_a_little_behind(
    before: bool, behind: int | None, expected: bool
) -> None:
    assert has_caught_up(before, behind) == expected


def wait_until(condition: object) -> None:
    assert callable(condition)
    waiting = threading.Event()
    for _ in range(1000):
        if condition():
            return
        waiting.wait(0.01)
    raise AssertionError("it did not come")


@contextlib.contextmanager
def listening() -> Generator[int, None, None]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextlib.contextmanager
def refusing() -> Generator[int, None, None]:
    """A port that nobody listens on, and nobody else can take."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@contextlib.contextmanager
def full() -> Generator[int, None, None]:
    """A port whose queue is full, so that it answers no more."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as server,
        contextlib.ExitStack() as all_,
    ):
        port = server.getsockname()[1]
        for _ in range(4):
            one = all_.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        yield port
