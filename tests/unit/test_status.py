"""The status line: true, and saying what to do."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from decisions.facts import Machine, View
from outcome import Found, Outcome
from postgresql.archive import Archiver
from postgresql.clone import CloneState
from postgresql.observe import Server, Standby
from postgresql.rewind import RewindState
from state.member import Member, Phase
from state.options import Problem
from state.record import Record, Takeover
from status import Line, of_application, of_unit

RECORD = Record(serial=2, term=1, primary="pg/0", cluster_id="c1", system_id="7")
SERVING = Machine(has_data=True, cluster_id="c1", system_id="7", running=True, in_recovery=False)
STREAMING = Standby("pg_1", "10.0.0.2", "streaming", "async", 0, 0, 0, 0, None, None, None)


def found(me: str, others: list[Member], server: Server, **changes: Any) -> Found:
    view = View(
        me=me,
        leader=True,
        record=RECORD,
        members={member.unit: member for member in [Member(me), *others]},
        machine=SERVING,
        replication_role="replicator",
        credentials=True,
    )
    whole = Found(view, server, CloneState("absent"))
    return dataclasses.replace(whole, **changes)


def primary(*standbys: Standby, others: list[Member] | None = None, **changes: Any) -> Found:
    server = Server(has_data=True, running=True, accepting=True, standbys=standbys)
    return found("pg/0", others or [], server, **changes)


def standby(**server: Any) -> Found:
    whole = Server(has_data=True, running=True, accepting=True, in_recovery=True)
    told = [Member("pg/0", phase=Phase.primary)]
    return found("pg/1", told, dataclasses.replace(whole, **server))


def asking(wanted: int, whole: Found, quorum: int = 0) -> Found:
    """The same where the operator asks for so many, and the record has so many."""
    record = dataclasses.replace(RECORD, quorum=quorum)
    view = dataclasses.replace(whole.view, wanted_quorum=wanted, record=record)
    return dataclasses.replace(whole, view=view)


class TestElection:
    @pytest.mark.parametrize(
        ("cramped", "level", "text"),
        [
            ("", "waiting", "no primary: electing, 0 of 1 ballots; bring back pg/0 or pg/1"),
            (
                "/wal has 0 B free, and needs 32.0 MB",
                "blocked",
                (
                    "no room to take over: /wal has 0 B free, and needs 32.0 MB, make room; "
                    "no primary: electing, 0 of 1 ballots; bring back pg/0 or pg/1"
                ),
            ),
        ],
    )
    def test_one_with_a_full_disk_asks_for_room(self, cramped: str, level: str, text: str) -> None:
        whole = standby()
        record = dataclasses.replace(
            RECORD, primary=None, previous_primary="pg/0", candidates=("pg/1",), quorum=1
        )
        machine = dataclasses.replace(whole.view.machine, cramped=cramped)
        view = dataclasses.replace(whole.view, record=record, machine=machine)
        line = of_unit(Outcome(dataclasses.replace(whole, view=view)))
        assert (line.level, line.text) == (level, text)


class TestPrimary:
    def test_alone(self) -> None:
        line = of_unit(Outcome(primary()))
        assert (line.level, line.text) == (
            "active",
            "primary alone: no standby to take over; add a unit",
        )

    def test_counts_those_that_stream(self) -> None:
        line = of_unit(Outcome(primary(STREAMING, others=[Member("pg/1", phase=Phase.standby)])))
        assert (line.level, line.text) == ("active", "primary, 1 of 1 standbys streaming")

    def test_names_those_that_do_not(self) -> None:
        others = [Member("pg/1", phase=Phase.cloning), Member("pg/2", phase=Phase.standby)]
        assert of_unit(Outcome(primary(others=others))).text == (
            "primary, 0 of 2 standbys streaming: pg/1 is cloning, pg/2 does not stream"
        )

    def test_says_what_it_may_lack_until_the_former_one_is_back(self) -> None:
        record = dataclasses.replace(
            RECORD, takeover=Takeover("election", "pg/1", True, 4096, 1770000000)
        )

        def shown(*standbys: Standby) -> str:
            one = primary(*standbys, others=[Member("pg/1", phase=Phase.waiting)])
            view = dataclasses.replace(one.view, record=record)
            return of_unit(Outcome(dataclasses.replace(one, view=view))).text

        assert shown() == (
            "primary, 0 of 1 standbys streaming: pg/1 is not ready; 4096 bytes that pg/1 had by "
            "2026-02-02 02:40:00 UTC may be missing, and what it wrote after"
        )
        assert shown(STREAMING) == "primary, 1 of 1 standbys streaming"

    def test_that_commits_wait_for_nobody_is_told_first(self) -> None:
        """With what to do, unless that is being done already."""
        away, cloning = Member("pg/1", phase=Phase.standby), Member("pg/1", phase=Phase.cloning)
        # The machine of a former primary that is dead tells no more that it is none.
        for other in (away, Member("pg/1", phase=Phase.primary)):
            alone = of_unit(Outcome(asking(1, primary(others=[other]))))
            assert (alone.level, alone.text) == (
                "active",
                "primary alone: no standby to take over; add or repair pg/1",
            )
        assert of_unit(Outcome(asking(1, primary(others=[cloning])))).text == (
            "primary, no standby to take over yet; 0 of 1 standbys streaming: pg/1 is cloning"
        )
        assert of_unit(Outcome(asking(1, primary(STREAMING, others=[away])))).text == (
            "primary, no standby to take over yet; 1 of 1 standbys streaming"
        )

    def test_a_wish_for_more_than_there_are_is_told(self) -> None:
        others = [Member("pg/1", phase=Phase.standby)]
        one = asking(2, primary(STREAMING, others=others), quorum=1)
        line = of_unit(Outcome(one))
        assert (line.level, line.text) == (
            "active",
            "primary, 1 of 1 standbys streaming, commits wait for 1, not 2",
        )

    def test_a_server_that_stopped_is_quoted(self) -> None:
        stopped = Server(has_data=True, log_errors=("FATAL: no space left on device",))
        line = of_unit(Outcome(found("pg/0", [], stopped)))
        assert (line.level, line.text) == (
            "blocked",
            "PostgreSQL does not run: FATAL: no space left on device",
        )


class TestStandby:
    def test_streaming(self) -> None:
        line = of_unit(Outcome(standby(receiver_status="streaming")))
        assert (line.level, line.text) == ("active", "standby of pg/0, 0 B behind")

    def test_that_lost_its_primary_is_not_called_active(self) -> None:
        line = of_unit(Outcome(standby(log_errors=("could not connect to the primary server",))))
        assert line.level == "waiting"
        assert "not streaming" in line.text
        assert "could not connect" in line.text

    def test_whose_primary_is_lost_says_so_first(self) -> None:
        one = asking(1, standby(last_message_age_s=8), quorum=1)
        machine = dataclasses.replace(SERVING, in_recovery=True, lost="no answer within 3 s")
        one = dataclasses.replace(one, view=dataclasses.replace(one.view, machine=machine))
        line = of_unit(Outcome(one))
        assert (line.level, line.text) == (
            "waiting",
            "pg/0 takes no write: no answer within 3 s; not streaming for 8 s",
        )
        line = of_unit(Outcome(asking(1, one)))
        assert line.level == "blocked"
        assert line.text == (
            "pg/0 is lost and stood alone; bring it back, or lose what only it had: "
            "juju run pg/1 force-promote confirm=pg/1 (no answer within 3 s)"
        )

    def starved(self, copying: CloneState, patience_s: int = 0) -> str:
        error = "requested WAL segment 000000010000000000000003 has already been removed"
        lost = standby(log_errors=(error,))
        machine = dataclasses.replace(SERVING, starved=True, patience_s=patience_s)
        view = dataclasses.replace(lost.view, machine=machine)
        line = of_unit(Outcome(dataclasses.replace(lost, view=view, clone=copying)))
        return f"{line.level}: {line.text}"

    def test_that_can_never_catch_up_is_cloned_anew_by_itself(self) -> None:
        assert self.starved(CloneState("absent")) == ("waiting: the WAL it needs is gone")
        assert self.starved(CloneState("running"), 900) == (
            "maintenance: the WAL it needs is gone; cloning from pg/0: waiting for its checkpoint"
        )

    def test_a_copy_that_goes_on_failing_asks_for_a_person_also_beside_old_data(self) -> None:
        failing = CloneState("running", attempt=3, error="no route to host", next_try_s=20)
        assert self.starved(failing, 900).startswith(
            "blocked: the WAL it needs is gone; cloning from pg/0 failed"
        )

    def test_that_fell_behind_again_says_when_it_is_cloned_and_what_to_do(self) -> None:
        shown = self.starved(CloneState("absent"), 1800)
        assert shown.startswith("blocked: the WAL it needs is gone again")
        assert "cloned anew in 30 min" in shown
        assert "juju run pg/1 reinit-standby confirm=pg/1" in shown

    @pytest.mark.parametrize(("attempt", "level"), [(1, "waiting"), (3, "blocked")])
    def test_a_rewind_that_is_tried_again_says_why_and_when(
        self, attempt: int, level: str
    ) -> None:
        apart = standby()
        machine = dataclasses.replace(SERVING, diverged=True, rewind="postponed")
        view = dataclasses.replace(apart.view, machine=machine)
        job = RewindState("postponed", "no route to host", attempt=attempt, next_try_s=60)
        line = of_unit(Outcome(dataclasses.replace(apart, view=view, rewind=job)))
        assert f"{line.level}: {line.text}" == (
            f"{level}: rewinding to the log of pg/0 failed (try {attempt}, again in 1 min): "
            "no route to host"
        )

    def test_one_that_only_fears_so_quotes_the_server(self) -> None:
        error = "requested WAL segment 000000010000000000000003 has already been removed"
        line = of_unit(Outcome(standby(log_errors=(error,))))
        assert line.level == "waiting"
        assert error in line.text


class TestCloning:
    def clone(self, **changes: Any) -> str:
        empty = standby()
        view = dataclasses.replace(empty.view, machine=Machine(clone="running"))
        state = dataclasses.replace(CloneState("running"), **changes)
        cloning = dataclasses.replace(empty, view=view, server=Server(), clone=state)
        line = of_unit(Outcome(cloning))
        return f"{line.level}: {line.text}"

    def test_shows_percent_sizes_and_rate(self) -> None:
        gib = 1024**3
        shown = self.clone(
            percent=43,
            copied_bytes=int(1.2 * gib),
            total_bytes=int(2.8 * gib),
            bytes_per_second=100 * 1024**2,
        )
        assert shown == "maintenance: cloning from pg/0: 43 %, 1.2 of 2.8 GB, 100.0 MB/s"

    def test_leaves_out_a_rate_that_it_cannot_tell_yet(self) -> None:
        shown = self.clone(percent=99, copied_bytes=2**20, total_bytes=2**20)
        assert shown == "maintenance: cloning from pg/0: 99 %, 1.0 of 1.0 MB"

    def test_quotes_a_failure_and_says_when_it_is_tried_again(self) -> None:
        shown = self.clone(error="could not connect", attempt=1, next_try_s=30)
        assert shown == (
            "waiting: cloning from pg/0 failed (try 1, again in 30 s): could not connect"
        )

    def test_asks_for_a_person_when_it_goes_on_failing(self) -> None:
        assert self.clone(error="x", attempt=3, next_try_s=60).startswith("blocked")


class TestWhatIsWrongGoesFirst:
    NAMES = ("synchronous_standby_names", "the charm sets it: it follows the units that stream")

    def test_a_setting_by_which_the_charm_is_overruled(self) -> None:
        overruled = standby(overridden=(self.NAMES,))
        line = of_unit(Outcome(overruled, failures=("cannot do a thing: it is so",)))
        assert f"{line.level}: {line.text}" == (
            "blocked: ALTER SYSTEM has set synchronous_standby_names: the charm sets it: it "
            "follows the units that stream; undo it on the machine of pg/1: sudo -u postgres psql "
            '-c "ALTER SYSTEM RESET synchronous_standby_names" -c "SELECT pg_reload_conf()"'
        )

    def test_several_are_undone_by_one_command(self) -> None:
        text = of_unit(Outcome(standby(overridden=(self.NAMES, ("fsync", "x"))))).text
        assert "synchronous_standby_names (so is fsync): the charm sets it" in text
        assert '-c "ALTER SYSTEM RESET fsync" -c "SELECT pg_reload_conf()"' in text

    def test_a_strangers_settings_are_nobodys_business(self) -> None:
        overruled = standby(overridden=(self.NAMES,))
        machine = dataclasses.replace(SERVING, cluster_id="other")
        view = dataclasses.replace(overruled.view, machine=machine)
        line = of_unit(Outcome(dataclasses.replace(overruled, view=view)))
        assert "ALTER SYSTEM" not in line.text

    def test_a_refused_option(self) -> None:
        problem = Problem("max-connections", 1, "must be from 10 to 262143")
        line = of_unit(Outcome(primary(), problems=(problem,)))
        assert line.level == "blocked"
        assert line.text == (
            "config max-connections='1': must be from 10 to 262143; "
            "the last good value stays in force"
        )

    def test_an_archive_that_fails(self) -> None:
        archive = Archiver(failing=True, failure="/archive: No space left", waiting=3)
        line = of_unit(Outcome(primary(), archive=archive))
        assert (line.level, line.text) == (
            "blocked",
            "/archive: No space left; 3 WAL files wait for it",
        )


class TestApplication:
    def test_counts_the_standbys(self) -> None:
        others = [Member("pg/1", phase=Phase.standby, follows="pg/0"), Member("pg/2")]
        view = primary(others=others)
        serving = Member("pg/0", phase=Phase.primary, streaming=("pg/1",))
        told = {**view.view.members, "pg/0": serving}
        whole = dataclasses.replace(view, view=dataclasses.replace(view.view, members=told))
        line = of_application(Outcome(whole))
        assert (line.level, line.text) == ("waiting", "primary pg/0, 1 of 2 standbys streaming")

    def test_a_primary_that_nobody_can_replace_is_not_called_active(self) -> None:
        away = Member("pg/1", phase=Phase.standby)
        follows = dataclasses.replace(away, follows="pg/0")
        alone = "primary pg/0 alone: no standby to take over; add or repair pg/1"
        for other, streaming, text in (
            (away, (), alone),
            # Its machine died, and nobody has taken back what it told last.
            (follows, (), alone),
            (
                follows,
                ("pg/1",),
                "primary pg/0, no standby to take over yet; 1 of 1 standbys streaming",
            ),
        ):
            one = asking(1, primary(others=[other]))
            serving = Member("pg/0", phase=Phase.primary, streaming=streaming)
            told = {"pg/0": serving, "pg/1": other}
            whole = dataclasses.replace(one, view=dataclasses.replace(one.view, members=told))
            line = of_application(Outcome(whole))
            assert (line.level, line.text) == ("waiting", text)


def test_a_primary_whose_disk_ails_says_so_and_what_to_do() -> None:
    whole = primary(others=[])
    machine = dataclasses.replace(whole.view.machine, ailing="/data is full; make room")
    view = dataclasses.replace(whole.view, machine=machine)
    line = of_unit(Outcome(dataclasses.replace(whole, view=view)))
    assert line.level == "blocked"
    assert line.text.startswith("the primary's disk: /data is full; make room; primary")


class TestHandingOver:
    HANDING = Record(
        6,
        1,
        "pg/0",
        "c1",
        candidates=("pg/1", "pg/2"),
        quorum=1,
        successor="pg/2",
        successor_candidates=("pg/0", "pg/1"),
        successor_quorum=1,
    )

    def said(self, *left: str, **changes: Any) -> list[Line]:
        machine = dataclasses.replace(SERVING, in_recovery=True, **changes)
        one = standby()
        view = dataclasses.replace(
            one.view,
            me="pg/0",
            record=self.HANDING,
            machine=machine,
            members={unit: Member(unit, phase=Phase.standby) for unit in ("pg/0", *left)},
        )
        outcome = Outcome(dataclasses.replace(one, view=view))
        return [of_unit(outcome), of_application(outcome)]

    def test_is_said_by_unit_and_application(self) -> None:
        assert self.said("pg/2") == [Line("waiting", "pg/2 takes over from pg/0")] * 2

    def test_asks_for_a_person_where_the_successor_left_and_nobody_else_can_tell(self) -> None:
        text = (
            "pg/2 left as it took over; bring it back, or lose what only it had: "
            "juju run pg/0 force-promote confirm=pg/0"
        )
        assert self.said() == [Line("blocked", text)] * 2
        assert self.said("pg/1") == [Line("waiting", "pg/2 takes over from pg/0")] * 2

    def test_and_where_it_is_lost(self) -> None:
        lost = self.said("pg/2", lost="no answer within 3 s", lost_long=True)
        text = (
            "pg/2 does not take over; bring it back, or lose what only it had: "
            "juju run pg/0 force-promote confirm=pg/0 (no answer within 3 s)"
        )
        assert lost == [Line("blocked", text)] * 2


class TestWidth:
    """`juju status` shows 120 characters, and what it is about stands in the first 40."""

    def test_what_to_do_is_not_cut_off(self) -> None:
        gone = standby()
        members = {"pg/1": Member("pg/1")}
        gone = dataclasses.replace(gone, view=dataclasses.replace(gone.view, members=members))
        line = of_unit(Outcome(gone))
        assert line.level == "blocked"
        assert line.text.startswith("pg/0 is gone and stood alone; bring it b")
        assert line.text.endswith("juju run pg/1 force-promote confirm=pg/1")
        assert len(line.text) <= 120


class TestAnyText:
    def test_is_one_line_that_does_nothing_to_a_terminal(self) -> None:
        line = of_unit(Outcome(primary(), failures=("a\n\x1b[31mb\u202ec\u2028 é",)))
        assert line.text == r"a\n\x1b[31mb\u202ec\u2028 é"

    def test_is_cut_in_its_middle(self) -> None:
        line = of_unit(Outcome(primary(), refused=f"begin {'x' * 10000} end"))
        assert line.text.startswith("begin xxx")
        assert line.text.endswith("xxx end")
        assert len(line.text) < 600
