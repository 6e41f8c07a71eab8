"""Who is primary next, and whose acknowledgement counts: each rule, and what it guards."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from decisions import election, quorum, switchover
from decisions.facts import Machine, View
from decisions.member import member as tell
from decisions.record import next_record
from decisions.steps import (
    Checkpoint,
    Configure,
    HandOver,
    Instruct,
    Open,
    Start,
    Synchronise,
    Upstream,
    Wait,
)
from decisions.unit import steps
from state.member import Admission, Member, Phase
from state.messages import Ballot, Lost, Promise, Promotion, Request
from state.record import LogPosition, Record, Takeover

RECORD = Record(
    serial=5,
    term=2,
    primary="pg/0",
    cluster_id="c1",
    system_id="7",
    candidates=("pg/1",),
    quorum=1,
)
PRIMARY = Member(
    "pg/0",
    address="10.0.0.1",
    phase=Phase.primary,
    system_id="7",
    timeline=2,
    term=2,
    streaming=("pg/1",),
    promise=Promise(5, ("pg/1",), 1),
)
STANDBY = Member("pg/1", phase=Phase.standby, system_id="7", timeline=2, follows="pg/0")
THIRD = dataclasses.replace(STANDBY, unit="pg/2")
SERVING = Machine(
    has_data=True, cluster_id="c1", system_id="7", running=True, in_recovery=False, reached=2
)
LOST = Lost(2, "timeout")


def view(*members: Member, me: str = "pg/1", record: Record = RECORD, **changes: Any) -> View:
    known = {one.unit: one for one in members or (PRIMARY, STANDBY)}
    settled = View(
        me=me,
        leader=True,
        record=record,
        members=known,
        machine=Machine(has_data=True, cluster_id="c1", system_id="7"),
        replication_role="replicator",
        credentials=True,
        wanted_quorum=1,
    )
    return dataclasses.replace(settled, **changes)


def changed(of: Any, **changes: Any) -> Any:
    return dataclasses.replace(of, **changes)


class TestSettingOfThePrimary:
    def test_is_the_records_where_all_follow(self) -> None:
        assert quorum.setting(RECORD, ("pg/1",), 1, Promise(0)) == Promise(5, ("pg/1",), 1)

    def test_waits_where_nobody_can_be_done_without(self) -> None:
        assert quorum.setting(RECORD, (), 1, Promise(0)) == Promise(5, ("pg/1",), 1)

    def test_tightens_before_the_record(self) -> None:
        alone = changed(RECORD, quorum=0)
        assert quorum.setting(alone, ("pg/1",), 1, Promise(0)) == Promise(5, ("pg/1",), 1)

    def test_leaves_one_that_does_not_follow_out_before_the_record(self) -> None:
        three = changed(RECORD, candidates=("pg/1", "pg/2"))
        assert quorum.setting(three, ("pg/2",), 1, Promise(0)) == Promise(5, ("pg/2",), 1)

    def test_counts_nobody_whom_the_record_does_not_name(self) -> None:
        assert quorum.setting(RECORD, ("pg/1", "pg/2"), 1, Promise(0)).members == ("pg/1",)

    def test_keeps_what_it_may_have_promised_under_this_serial(self) -> None:
        alone = changed(RECORD, quorum=0, candidates=("pg/1", "pg/2"))
        kept = Promise(5, ("pg/1",), 1)
        assert quorum.setting(alone, ("pg/2",), 1, kept) == kept
        assert quorum.setting(alone, (), 0, kept) == kept

    def test_loosens_under_the_next_serial(self) -> None:
        alone = changed(RECORD, serial=6, quorum=0)
        kept = Promise(5, ("pg/1",), 1)
        assert quorum.setting(alone, (), 1, kept) == Promise(6, (), 0)


class TestRelaxing:
    def test_a_standby_that_is_lost_holds_nothing_up_for_long(self) -> None:
        alone = changed(PRIMARY, streaming=())
        relaxed = next_record(view(alone, STANDBY, me="pg/0", machine=SERVING), "")
        assert relaxed == changed(RECORD, serial=6, quorum=0)

    def test_a_new_one_is_named_before_the_primary_counts_on_it(self) -> None:
        more = changed(PRIMARY, streaming=("pg/1", "pg/2"))
        relaxed = next_record(view(more, STANDBY, THIRD), "")
        assert relaxed == changed(RECORD, serial=6, candidates=("pg/1", "pg/2"))

    @pytest.mark.parametrize("change", [{"timeline": 1}, {"follows": ""}, {"follows": "pg/1"}])
    def test_one_that_does_not_follow_on_the_terms_timeline_is_not_named(
        self, change: dict[str, Any]
    ) -> None:
        more = changed(PRIMARY, streaming=("pg/1", "pg/2"))
        assert next_record(view(more, STANDBY, changed(THIRD, **change)), "") is None

    def test_a_candidate_whose_own_word_is_late_is_no_reason_to_relax(self) -> None:
        late = changed(STANDBY, follows="")
        assert next_record(view(PRIMARY, late), "") is None
        alone = changed(RECORD, quorum=0)
        assert next_record(view(PRIMARY, late, record=alone), "") == changed(RECORD, serial=6)

    def test_fewer_are_waited_for_when_the_operator_asks_for_fewer(self) -> None:
        relaxed = next_record(view(wanted_quorum=0), "")
        assert relaxed == changed(RECORD, serial=6, quorum=0, asynchronous=True)

    def test_a_promise_that_nobody_can_keep_is_given_back(self) -> None:
        alone = changed(RECORD, quorum=0)
        gone = changed(PRIMARY, streaming=())
        assert next_record(view(gone, STANDBY, record=alone), "") == changed(alone, serial=6)

    @pytest.mark.parametrize("change", [{"phase": Phase.waiting}, {"term": 1}])
    def test_a_unit_that_does_not_speak_as_primary_of_this_term_has_no_say(
        self, change: dict[str, Any]
    ) -> None:
        silent = changed(PRIMARY, streaming=(), **change)
        assert next_record(view(silent, STANDBY), "") is None


class TestTightening:
    def test_by_what_the_primary_promised(self) -> None:
        alone = changed(RECORD, quorum=0)
        assert next_record(view(record=alone), "") == changed(RECORD, serial=6)

    def test_not_by_a_promise_of_an_older_serial(self) -> None:
        alone = changed(RECORD, quorum=0)
        stale = changed(PRIMARY, promise=Promise(4, ("pg/1",), 1))
        assert next_record(view(stale, STANDBY, record=alone), "") is None

    def test_drops_whom_the_primary_does_without(self) -> None:
        three = changed(RECORD, candidates=("pg/1", "pg/2"))
        assert next_record(view(PRIMARY, STANDBY, record=three), "") == changed(RECORD, serial=6)

    def test_the_primary_tells_only_what_it_has_proved_under_this_record(self) -> None:
        serving = changed(SERVING, promise=Promise(5, ("pg/1",), 1))
        of = view(PRIMARY, STANDBY, me="pg/0", machine=serving)
        assert tell(of, (), True, True).promise == Promise(5, ("pg/1",), 1)
        silent = changed(PRIMARY, promise=None)
        of = view(silent, STANDBY, me="pg/0", machine=serving)
        assert tell(of, (), False, True).promise is None
        older = changed(serving, promise=Promise(4, ("pg/1",), 1))
        of = view(silent, STANDBY, me="pg/0", machine=older)
        assert tell(of, (), True, True).promise is None

    def test_what_was_told_is_not_taken_back_while_something_tighter_is_unproved(self) -> None:
        told = changed(PRIMARY, promise=Promise(5, ("pg/1", "pg/2"), 1))
        tighter = changed(SERVING, promise=Promise(5, ("pg/1",), 1))
        of = view(told, STANDBY, THIRD, me="pg/0", machine=tighter)
        assert tell(of, (), False, True).promise == Promise(5, ("pg/1", "pg/2"), 1)
        later = changed(RECORD, serial=6)
        assert tell(changed(of, record=later), (), False, True).promise is None

    def test_what_was_never_told_binds_nobody(self) -> None:
        alone = changed(RECORD, quorum=0, candidates=("pg/1", "pg/2"))
        silent = changed(PRIMARY, promise=None)
        untold = changed(
            SERVING,
            promise=Promise(5, ("pg/1",), 1),
            streaming=("pg/2",),
            replication_roles=("replicator",),
        )
        plan = steps(view(silent, STANDBY, me="pg/0", machine=untold, record=alone))
        assert Synchronise(Promise(5, ("pg/2",), 1), 2) in plan


class TestBeginningAnElection:
    def test_when_those_who_are_needed_have_lost_the_primary(self) -> None:
        begun = next_record(view(PRIMARY, changed(STANDBY, lost=LOST)), "")
        assert begun == changed(
            RECORD, serial=6, term=3, primary=None, previous_primary="pg/0", previous_term=2
        )

    def test_not_when_it_was_the_primary_of_another_term_that_was_lost(self) -> None:
        stale = changed(STANDBY, lost=Lost(1, "timeout"))
        assert next_record(view(PRIMARY, stale), "") is None

    def test_not_before_enough_can_be_heard_to_end_it(self) -> None:
        two = changed(RECORD, candidates=("pg/1", "pg/2"))
        both = changed(PRIMARY, streaming=("pg/1", "pg/2"), promise=None)
        lost = changed(STANDBY, lost=LOST)
        assert next_record(view(both, lost, THIRD, record=two), "") is None
        assert next_record(view(both, lost, changed(THIRD, lost=LOST), record=two), "") is not None

    def test_not_by_a_primary_that_works(self) -> None:
        lost = changed(STANDBY, lost=LOST)
        at_work = view(PRIMARY, lost, me="pg/0", machine=SERVING)
        assert election.begun(at_work) is None
        sick = changed(at_work, machine=changed(SERVING, unwell="disk full"))
        assert election.begun(sick) is not None

    def test_when_the_primary_has_no_room_and_those_who_are_needed_have(self) -> None:
        full = changed(PRIMARY, ailing="/data is full")
        runs = changed(view().machine, running=True, in_recovery=True)
        roomy = view(full, STANDBY, machine=runs)
        lost = tell(roomy, (), False, True).lost
        assert lost == Lost(2, "/data is full")
        leading = view(full, changed(STANDBY, lost=lost), me="pg/0")
        serving = changed(leading, machine=changed(SERVING, ailing="/data is full"))
        assert election.begun(serving) is not None
        # One that does not run may have stopped for want of room itself.
        for machine in (changed(runs, cramped="/data has 0 B free"), view().machine):
            assert tell(changed(roomy, machine=machine), (), False, True).lost is None
        # What a primary of another term told is old.
        old = view(changed(full, term=1), STANDBY, machine=runs)
        assert tell(old, (), False, True).lost is None
        # It may be that for which a switchover does not come to its end; but the primary itself
        # is not lost for that: whether anybody could go on, it does not know.
        handing = changed(RECORD, successor="pg/1")
        assert tell(changed(roomy, record=handing), (), False, True).lost == lost
        own = changed(roomy, me="pg/0", record=handing, machine=serving.machine)
        assert tell(own, (), False, True).lost is None

    def test_without_room_it_hands_over_where_no_commit_waits(self) -> None:
        careless = changed(RECORD, quorum=0, asynchronous=True)
        full = changed(PRIMARY, ailing="/data is full", streaming=("pg/1", "pg/2"), promise=None)
        roomy = changed(THIRD, lost=Lost(2, "/data is full"))

        def named(*members: Member, record: Record = careless) -> str | None:
            found = next_record(view(*members, record=record, wanted_quorum=0), "")
            assert found is None or found.primary == "pg/0"
            return found.successor if found else None

        both = changed(careless, candidates=("pg/1", "pg/2"))
        assert named(full, STANDBY, roomy, record=both) == "pg/2"
        # Not to one that is no candidate, that has no room either, or has lost another primary.
        assert named(full, STANDBY, roomy) is None
        assert named(full, STANDBY, THIRD, record=both) is None
        stale = changed(THIRD, lost=Lost(1, "timeout"))
        assert named(full, STANDBY, stale, record=both) is None
        # That it has not answered for a moment is no reason.
        assert named(changed(full, ailing=""), STANDBY, roomy, record=both) is None

    def test_only_a_primary_at_work_tells_what_is_wrong_with_its_disk(self) -> None:
        for changes, told in (({}, "/data is full"), ({"in_recovery": True}, "")):
            machine = changed(SERVING, ailing="/data is full", **changes)
            assert tell(view(me="pg/0", machine=machine), (), False, True).ailing == told

    def test_when_the_primary_has_left_the_relation(self) -> None:
        assert election.begun(view(changed(STANDBY, follows=""))) is not None
        # Removed by force, its machine may run on for ever.
        assert election.begun(view(changed(STANDBY, follows="pg/0"))) is not None

    def test_never_unasked_where_the_primary_stood_alone(self) -> None:
        alone = changed(RECORD, quorum=0)
        lost = changed(STANDBY, lost=LOST)
        assert next_record(view(PRIMARY, lost, record=alone), "") != election.begun(
            view(PRIMARY, lost)
        )
        assert election.begun(view(PRIMARY, lost, record=alone)) is None
        assert election.begun(view(changed(STANDBY, follows=""), record=alone)) is None

    def test_where_it_stood_alone_and_said_its_last_word(self) -> None:
        alone = changed(RECORD, quorum=0)
        said = changed(STANDBY, follows="", final=2)
        assert election.begun(view(said, record=alone)) is not None

    def test_where_no_commit_waits_only_after_an_isolated_primary_has_stopped(self) -> None:
        careless = changed(RECORD, quorum=0, asynchronous=True)
        short, long = changed(STANDBY, lost=LOST), changed(STANDBY, lost=changed(LOST, long=True))
        assert election.begun(view(PRIMARY, short, record=careless, wanted_quorum=0)) is None
        assert election.begun(view(PRIMARY, long, record=careless, wanted_quorum=0)) is not None

    def test_where_no_commit_waits_at_once_when_the_primary_itself_says_that_it_has_ended(
        self,
    ) -> None:
        careless = changed(RECORD, quorum=0, asynchronous=True)
        handing = changed(careless, successor="pg/1", successor_candidates=("pg/0",))
        down = changed(SERVING, running=False, in_recovery=None)
        ended = changed(SERVING, in_recovery=True, farewell=0)

        def begins(record: Record, machine: Machine, shut: str = "") -> bool:
            of = view(me="pg/0", record=record, machine=machine, wanted_quorum=0)
            told = tell(of, None, False, True, shut)
            return election.begun(changed(of, members={**of.members, "pg/0": told})) is not None

        assert begins(careless, down, "it does not start")
        assert begins(handing, ended)
        assert begins(handing, changed(ended, lost="no answer"))
        # That it does not hear of its successor is another thing: that one may have taken over.
        over = changed(SERVING, in_recovery=True, farewell=2, lost="no answer")
        assert not begins(handing, over)
        assert begins(handing, changed(over, lost_long=True))

    def test_goes_two_terms_on_where_a_successor_may_have_taken_the_next(self) -> None:
        handing = changed(
            RECORD, successor="pg/1", successor_candidates=("pg/0",), successor_quorum=1
        )
        begun = election.begun(view(PRIMARY, changed(STANDBY, lost=LOST), record=handing))
        assert begun is not None
        assert begun.term == 4

    def test_one_that_has_handed_over_ends_a_switchover_whose_successor_is_lost(self) -> None:
        handing = changed(
            RECORD, successor="pg/1", successor_candidates=("pg/0",), successor_quorum=1
        )
        former = changed(PRIMARY, phase=Phase.standby, lost=LOST)
        assert election.begun(view(former, STANDBY, me="pg/0", record=handing)) is not None


class TestNaming:
    ELECTION = changed(
        RECORD, serial=6, term=3, primary=None, previous_primary="pg/0", previous_term=2
    )

    def ballot(self, **changes: Any) -> Member:
        return changed(STANDBY, ballot=changed(Ballot(3, 2, 1000), **changes))

    def test_the_one_furthest_on(self) -> None:
        two = changed(self.ELECTION, candidates=("pg/1", "pg/2"))
        further = changed(THIRD, ballot=Ballot(3, 2, 2000))
        named = election.named(view(self.ballot(), further, record=two))
        assert named == changed(
            two,
            serial=7,
            primary="pg/2",
            candidates=("pg/1",),
            quorum=1,
            floor=LogPosition(2, 2000),
            previous_primary=None,
            previous_term=None,
            takeover=Takeover("election", "pg/0"),
        )

    def test_a_later_term_counts_for_more_than_a_longer_log(self) -> None:
        two = changed(self.ELECTION, candidates=("pg/1", "pg/2"))
        stale = changed(THIRD, ballot=Ballot(3, 1, 9000))
        named = election.named(view(self.ballot(), stale, record=two))
        assert named is not None
        assert named.primary == "pg/1"

    @pytest.mark.parametrize(("cramped", "gives"), [("", True), ("/wal has 0 B free", False)])
    def test_one_that_has_no_room_to_be_primary_gives_none(
        self, cramped: str, gives: bool
    ) -> None:
        sealed = changed(
            SERVING,
            in_recovery=True,
            standby_signal=True,
            deaf=True,
            log_end=1000,
            cramped=cramped,
        )
        told = tell(view(record=self.ELECTION, machine=sealed), None, False, True)
        assert (told.ballot is not None) is gives

    def test_only_ballots_of_this_term_count(self) -> None:
        assert election.named(view(self.ballot(term=2), record=self.ELECTION)) is None

    def test_only_with_enough_of_those_whose_acknowledgement_counted(self) -> None:
        two = changed(self.ELECTION, candidates=("pg/1", "pg/2"))
        assert election.named(view(self.ballot(), THIRD, record=two)) is None

    def test_only_with_one_that_has_all_that_was_acknowledged_before_the_lost_term(self) -> None:
        old = self.ballot(reached=1, lsn=900)
        floor = changed(self.ELECTION, floor=LogPosition(1, 1000))
        assert election.named(view(old, record=floor)) is None
        reaches = self.ballot(reached=1, lsn=1000)
        assert election.named(view(reaches, record=floor)) is not None

    def test_the_former_primary_covers_all_by_itself(self) -> None:
        alone = changed(self.ELECTION, quorum=0, candidates=("pg/1",))
        former = changed(PRIMARY, phase=Phase.standby, ballot=Ballot(3, 2, 500))
        assert election.named(view(self.ballot(), record=alone)) is None
        named = election.named(view(former, record=alone))
        assert named is not None
        assert named.primary == "pg/0"

    def test_a_last_word_covers_a_primary_that_stood_alone(self) -> None:
        alone = changed(self.ELECTION, quorum=0)
        assert election.named(view(self.ballot(final=2), record=alone)) is not None
        assert election.named(view(self.ballot(final=1), record=alone)) is None

    def test_a_successors_regime_must_be_covered_too(self) -> None:
        handing = changed(
            self.ELECTION,
            term=4,
            candidates=("pg/1", "pg/2"),
            quorum=2,
            successor="pg/1",
            successor_candidates=("pg/0", "pg/2"),
            successor_quorum=1,
        )
        third = changed(THIRD, ballot=Ballot(4, 2, 1000))
        assert election.named(view(third, record=handing)) is None
        first = changed(STANDBY, ballot=Ballot(4, 2, 1000))
        assert election.named(view(third, first, record=handing)) is not None
        former = changed(PRIMARY, ballot=Ballot(4, 2, 1000))
        assert election.named(view(third, former, record=handing)) is not None

    def test_where_no_commit_waits_all_who_have_lost_it_are_heard(self) -> None:
        careless = changed(self.ELECTION, quorum=0, candidates=(), asynchronous=True)
        silent = changed(THIRD, lost=LOST)
        assert election.named(view(self.ballot(), silent, record=careless)) is None
        assert election.named(view(self.ballot(), THIRD, record=careless)) is not None

    def test_but_for_those_whose_servers_are_gone(self) -> None:
        careless = changed(self.ELECTION, quorum=0, candidates=(), asynchronous=True)
        lost = [changed(THIRD, unit=unit, lost=LOST) for unit in ("pg/2", "pg/3")]
        machine = changed(view().machine, silent=("pg/2",))
        of = view(self.ballot(), *lost, record=careless, machine=machine)
        assert election.named(of) is None, "pg/3 is there, and may be further on"
        machine = changed(machine, silent=("pg/2", "pg/3"))
        assert election.named(changed(of, machine=machine)) is not None

    @pytest.mark.parametrize(
        ("ballots", "takeover"),
        [
            ((Ballot(3, 2, 1000),), Takeover("election", "pg/0", True)),
            (
                (Ballot(3, 2, 1000, heard=1700, heard_at=50),),
                Takeover("election", "pg/0", True, 700, 50),
            ),
            (
                (Ballot(3, 2, 1000, heard=900, heard_at=50), Ballot(3, 2, 800, 0, 1300, 40)),
                Takeover("election", "pg/0", True, 300, 50),
            ),
            (
                (Ballot(3, 2, 1000, heard=900, heard_at=50),),
                Takeover("election", "pg/0", True, 0, 50),
            ),
            ((Ballot(3, 2, 1000, final=2, heard=1700),), Takeover("election", "pg/0")),
        ],
    )
    def test_where_no_commit_waits_it_is_said_what_may_be_missing(
        self, ballots: tuple[Ballot, ...], takeover: Takeover
    ) -> None:
        careless = changed(self.ELECTION, quorum=0, candidates=(), asynchronous=True)
        voters = [
            changed(voter, ballot=ballot)
            for voter, ballot in zip((STANDBY, THIRD), ballots, strict=False)
        ]
        named = election.named(view(*voters, record=careless, wanted_quorum=0))
        assert named is not None
        assert (named.primary, named.takeover) == ("pg/1", takeover)

    def test_a_ballot_tells_what_was_heard_of_the_lost_primary(self) -> None:
        deaf = changed(SERVING, in_recovery=True, log_end=1000, deaf=True, heard=1700, heard_at=5)
        ballot = tell(view(record=self.ELECTION, machine=deaf), (), False, True).ballot
        assert ballot == Ballot(3, 2, 1000, heard=1700, heard_at=5)

    def test_a_ballot_is_given_by_none_that_may_still_hear_the_old_primary(self) -> None:
        deaf = changed(SERVING, in_recovery=True, log_end=1000, deaf=True)
        of = view(record=self.ELECTION, machine=deaf)
        assert tell(of, (), False, True).ballot == Ballot(3, 2, 1000)
        for change in ({"deaf": False}, {"log_end": None}, {"running": False}):
            assert (
                tell(changed(of, machine=changed(deaf, **change)), (), False, True).ballot is None
            )
        assert tell(changed(of, record=RECORD), (), False, True).ballot is None


class TestShut:
    DOWN = changed(SERVING, running=False, in_recovery=None)

    def told(self, record: Record = RECORD, machine: Machine = DOWN) -> Member:
        of = view(PRIMARY, STANDBY, me="pg/0", record=record, machine=machine)
        return tell(of, None, False, True, "cannot start PostgreSQL: No space left on device")

    def test_a_primary_that_cannot_be_opened_is_replaced_at_once(self) -> None:
        begun = election.begun(view(self.told(), STANDBY))
        assert begun is not None
        assert (begun.term, begun.primary) == (3, None)

    def test_not_where_nobody_could_go_on(self) -> None:
        alone = changed(RECORD, quorum=0)
        assert election.begun(view(self.told(alone), STANDBY, record=alone)) is None

    def test_nor_what_failed_on_the_way_to_one_that_is_open(self) -> None:
        assert self.told(machine=SERVING).lost is None


class TestSwitchover:
    ASKED = changed(STANDBY, request=Request("switchover", 5, "pg/1"))
    HANDING = changed(
        RECORD, serial=6, successor="pg/1", successor_candidates=("pg/0",), successor_quorum=1
    )

    def test_names_the_successor_and_what_it_begins_with(self) -> None:
        assert next_record(view(PRIMARY, self.ASKED), "") == self.HANDING

    def test_is_not_done_by_surprise_under_a_later_record(self) -> None:
        late = changed(RECORD, serial=6)
        kept = changed(PRIMARY, promise=Promise(6, ("pg/1",), 1))
        assert next_record(view(kept, self.ASKED, record=late), "") is None

    @pytest.mark.parametrize(
        ("members", "to", "reason"),
        [
            ((PRIMARY, STANDBY), "pg/0", "primary already"),
            ((PRIMARY, STANDBY), "pg/9", "no unit"),
            ((changed(PRIMARY, streaming=()), STANDBY), "pg/1", "stream"),
            ((changed(PRIMARY, phase=Phase.waiting), STANDBY), "pg/1", "not up"),
            ((changed(PRIMARY, streaming=("pg/1", "pg/2")), STANDBY, THIRD), "pg/2", "candidate"),
        ],
    )
    def test_is_refused_with_the_reason(
        self, members: tuple[Member, ...], to: str, reason: str
    ) -> None:
        assert reason in switchover.refusal(view(*members), to)

    def test_the_primary_goes_on_until_the_successor_needs_no_hook_any_more(self) -> None:
        unready = view(PRIMARY, STANDBY, me="pg/0", record=self.HANDING, machine=SERVING)
        assert HandOver not in [type(step) for step in steps(unready)]
        ready = view(
            PRIMARY,
            changed(STANDBY, ready=6),
            me="pg/0",
            record=self.HANDING,
            machine=SERVING,
        )
        # What it waits for, and what may fail, comes while it still takes writes.
        kinds = [type(step) for step in steps(ready)]
        assert kinds[:4] == [Instruct, Checkpoint, Configure, HandOver]
        assert steps(ready)[0] == steps(unready)[0], "the sentinel lets it end by itself"

    def test_one_whose_successor_is_never_ready_is_given_up(self) -> None:
        waits = changed(PRIMARY, lost=LOST)
        begun = election.begun(
            view(waits, STANDBY, me="pg/0", record=self.HANDING, machine=SERVING)
        )
        assert begun is not None
        assert begun.term == 4

    def test_one_that_has_handed_over_follows_the_successor(self) -> None:
        admits = Admission("replicator", {"pg/0": "10.0.0.1"})
        successor = changed(STANDBY, address="10.0.0.2", admits=admits)
        over = changed(SERVING, standby_signal=True, in_recovery=True, farewell=2, final=2)
        plan = steps(view(PRIMARY, successor, me="pg/0", record=self.HANDING, machine=over))
        (configure,) = (step for step in plan if isinstance(step, Configure))
        assert configure.upstream == Upstream("pg/1", "10.0.0.2", "replicator")

    ENDED = changed(SERVING, standby_signal=True, in_recovery=True, farewell=0)

    def test_one_that_ended_before_its_last_word_is_replaced_at_once(self) -> None:
        ended = view(PRIMARY, STANDBY, me="pg/0", record=self.HANDING, machine=self.ENDED)
        assert [type(step) for step in steps(ended)] == [Instruct, Wait], "it follows nobody"
        told = tell(ended, None, False, True)
        assert told.lost == Lost(2, "it ended before its last word", long=True, unsaid=True)
        begun = election.begun(view(told, STANDBY, record=self.HANDING))
        assert begun is not None
        assert begun.term == 4

    def test_one_that_cannot_hand_over_is_ended_where_no_commit_waits(self) -> None:
        careless = changed(self.HANDING, quorum=0, successor_quorum=0, asynchronous=True)
        hangs = changed(SERVING, ailing="it takes no write")

        def plan(record: Record, machine: Machine) -> tuple[Any, ...]:
            ready = changed(STANDBY, ready=6)
            return steps(view(PRIMARY, ready, me="pg/0", record=record, machine=machine))

        assert Checkpoint(or_end=True) in plan(careless, hangs)
        # Elsewhere the standbys have lost it, and nobody but them makes a commit safe.
        assert Checkpoint(or_end=False) in plan(self.HANDING, hangs)
        assert Checkpoint(or_end=False) in plan(careless, SERVING)
        # It says so until it runs again, and nothing is asked of its disk but a start.
        gone = changed(hangs, running=False, in_recovery=None)
        of = view(PRIMARY, STANDBY, me="pg/0", record=careless, machine=gone)
        # It may have been killed before it told so, and its disk hang still.
        assert [type(step) for step in plan(careless, gone)] == [Instruct, Start, Wait]
        told = tell(of, None, False, True, "its checkpoint: timeout")
        assert told.lost == Lost(2, "its checkpoint: timeout", long=True)
        again = changed(of, members={**of.members, "pg/0": told})
        assert tell(again, None, False, True).lost == told.lost
        back = changed(again, machine=changed(SERVING, in_recovery=True, farewell=2))
        assert tell(back, None, False, True).lost is None
        # That it had not heard of its successor for a moment is soon out of date.
        moment = changed(again, members={**of.members, "pg/0": changed(PRIMARY, lost=LOST)})
        assert tell(moment, None, False, True).lost is None
        assert election.begun(view(told, STANDBY, record=careless, wanted_quorum=0)) is not None

    @pytest.mark.parametrize(
        "changes",
        [
            {"farewell": 2},
            {"farewell": None},
            # It has the first of its successor's commits already.
            {"farewell": 2, "reached": 3},
            {"running": False, "in_recovery": None},
            {"in_recovery": False},
        ],
    )
    def test_one_that_said_it_or_may_still_say_it_is_not(self, changes: dict[str, Any]) -> None:
        machine = changed(self.ENDED, **changes)
        said = view(PRIMARY, STANDBY, me="pg/0", record=self.HANDING, machine=machine)
        assert tell(said, None, False, True).lost is None

    @pytest.mark.parametrize(
        "half_way",
        [
            # PostgreSQL takes the file away before it accepts writes; the first commit comes last.
            changed(SERVING, in_recovery=True),
            SERVING,
            changed(SERVING, standby_signal=True),
        ],
    )
    def test_a_successor_is_left_alone_while_its_promotion_goes_on(
        self, half_way: Machine
    ) -> None:
        plan = steps(view(record=self.HANDING, machine=half_way))
        assert [type(step) for step in plan] == [Instruct, Wait]

    def test_a_successor_that_ended_after_it_took_over_is_opened_again(self) -> None:
        ended = changed(self.ENDED, reached=3)
        plan = steps(view(record=self.HANDING, machine=ended))
        assert [type(step) for step in plan[:3]] == [Instruct, Open, Configure]
        plan = steps(view(record=self.HANDING, machine=changed(SERVING, reached=3)))
        assert Open not in [type(step) for step in plan]

    def test_one_whose_successor_has_left_is_named_again_unless_it_has_handed_over(self) -> None:
        handing = changed(
            self.HANDING,
            candidates=("pg/1", "pg/2"),
            successor_candidates=("pg/0", "pg/2"),
        )
        begun = election.begun(view(PRIMARY, me="pg/0", record=handing))
        assert begun is not None
        ended = changed(PRIMARY, phase=Phase.standby, lost=Lost(2, "", unsaid=True))
        assert election.begun(view(ended, me="pg/0", record=handing)) == begun
        handed_over = changed(ended, lost=LOST)
        assert election.begun(view(handed_over, me="pg/0", record=handing)) is None
        sealed = changed(self.ENDED, deaf=True, log_end=1000)
        for farewell, named in ((0, True), (2, False), (None, False)):
            machine = changed(sealed, farewell=farewell)
            told = tell(view(PRIMARY, me="pg/0", record=begun, machine=machine), (), False, True)
            assert bool(election.named(view(told, me="pg/0", record=begun))) is named

    def test_is_recorded_once_the_successor_has_taken_over(self) -> None:
        risen = changed(STANDBY, promotion=Promotion(3, 2, 4096))
        assert next_record(view(PRIMARY, risen, record=self.HANDING), "") == changed(
            RECORD,
            serial=7,
            term=3,
            primary="pg/1",
            candidates=("pg/0",),
            quorum=1,
            floor=LogPosition(2, 4096),
            takeover=Takeover("switchover", "pg/0"),
        )
        stale = changed(STANDBY, promotion=Promotion(2, 1, 4096))
        assert next_record(view(PRIMARY, stale, record=self.HANDING), "") is None


class TestForce:
    def test_names_the_unit_alone_in_a_new_term(self) -> None:
        asked = changed(STANDBY, request=Request("force", 5, "pg/1"))
        forced = next_record(view(changed(PRIMARY, phase=Phase.waiting), asked), "")
        assert forced == changed(
            RECORD,
            serial=6,
            term=3,
            primary="pg/1",
            candidates=(),
            quorum=0,
            takeover=Takeover("force", "pg/0", at_risk=True),
        )

    def test_says_what_is_known_to_be_lost_and_records_it(self) -> None:
        lonely = changed(view().machine, lost="timeout", log_end=1000)
        heard = changed(lonely, heard=5096, heard_at=1770000000)
        for machine, words, takeover in (
            (lonely, "what pg/0 wrote after 0/3E8", Takeover("force", "pg/0", True)),
            (heard, "4096 bytes", Takeover("force", "pg/0", True, 4096, 1770000000)),
            (changed(heard, log_end=None), "what pg/0 wrote and pg/1 has not received", None),
            (changed(lonely, log_end=None), "what pg/0 wrote and pg/1 has not received", None),
            (changed(heard, final=2), "nothing", Takeover("force", "pg/0")),
        ):
            of = view(machine=machine)
            assert words in switchover.may_be_lost(of)
            request = switchover.request_by_force(of)
            asked = changed(STANDBY, request=request)
            forced = switchover.forced(view(changed(PRIMARY, phase=Phase.waiting), asked))
            assert forced is not None
            assert takeover is None or forced.takeover == takeover

    def test_is_not_done_once_the_primary_is_back(self) -> None:
        asked = changed(STANDBY, request=Request("force", 5, "pg/1"))
        assert switchover.forced(view(PRIMARY, asked)) is None
        assert switchover.forced(view(PRIMARY, changed(asked, lost=LOST))) is not None
        lonely = view(PRIMARY, asked, machine=changed(view().machine, lost="timeout"))
        assert tell(lonely, (), False, True).request == Request("force", 5, "pg/1")
        back = changed(lonely, machine=view().machine)
        assert tell(back, (), False, True).request is None

    def test_ends_an_election_that_cannot_end(self) -> None:
        electing = changed(TestNaming.ELECTION, serial=5)
        asked = changed(STANDBY, request=Request("force", 5, "pg/1"))
        forced = next_record(view(asked, record=electing), "")
        assert forced is not None
        assert (forced.primary, forced.term, forced.previous_primary) == ("pg/1", 4, None)

    def test_is_refused_while_the_primary_works(self) -> None:
        assert "switchover to=pg/1" in switchover.force_refusal(view())
        lost = view(machine=changed(view().machine, lost="timeout"))
        assert switchover.force_refusal(lost) == ""
        assert "already" in switchover.force_refusal(view(me="pg/0", machine=SERVING))

    def test_is_not_refused_where_the_disk_of_the_primary_hangs(self) -> None:
        hangs = changed(PRIMARY, ailing="it takes no write")
        asked = changed(
            STANDBY, lost=Lost(2, "it takes no write"), request=Request("force", 5, "pg/1")
        )
        ready = view(hangs, asked)
        assert switchover.force_refusal(ready) == ""
        forced = next_record(ready, "")
        assert forced is not None and forced.primary == "pg/1"
        # What it told while the primary did not answer is old once that does.
        works = view(PRIMARY, asked)
        assert "switchover to=pg/1" in switchover.force_refusal(works)
        # One without room could not be primary.
        full = view(hangs, changed(asked, lost=None))
        assert "switchover to=pg/1" in switchover.force_refusal(full)
        assert switchover.forced(full) is None

    def test_is_not_refused_to_one_that_handed_over_to_a_unit_that_is_gone(self) -> None:
        handing = changed(RECORD, successor="pg/1", successor_candidates=("pg/0", "pg/2"))
        over = changed(SERVING, in_recovery=True)
        asked = changed(PRIMARY, phase=Phase.standby, request=Request("force", 5, "pg/0"))
        last = view(asked, me="pg/0", record=handing, machine=over)
        assert switchover.force_refusal(last) == ""
        forced = next_record(last, "")
        assert forced is not None
        assert (forced.primary, forced.term, forced.successor) == ("pg/0", 4, None)
        still = changed(last, machine=SERVING)
        assert "already" in switchover.force_refusal(still)
        # A last word of its own does not tell what its successor acknowledged.
        final = changed(last, machine=changed(over, final=2))
        assert not switchover.request_by_force(final).whole
        assert switchover.may_be_lost(final).startswith("what pg/1 wrote")

    def test_does_not_depose_a_successor_that_has_taken_over(self) -> None:
        handing = changed(RECORD, successor="pg/1", successor_candidates=("pg/0",))
        asked = changed(PRIMARY, phase=Phase.standby, request=Request("force", 5, "pg/0"))
        risen = changed(STANDBY, phase=Phase.primary, promotion=Promotion(3, 2, 4096))
        over = changed(SERVING, in_recovery=True)
        both = view(asked, risen, me="pg/0", record=handing, machine=over)
        assert "pg/1 has taken over" in switchover.force_refusal(both)
        # One that is gone for good told so, too; what is left is to give it up.
        lost = changed(both, machine=changed(over, lost="no answer within 3 s"))
        assert switchover.force_refusal(lost) == ""
        electing = changed(handing, primary=None, previous_primary="pg/0", previous_term=2)
        assert switchover.force_refusal(changed(both, record=electing)) == ""
        recorded = next_record(both, "")
        assert recorded is not None and recorded.primary == "pg/1"
