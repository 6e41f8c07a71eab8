"""The judge of what writers were told: it must not miss what it is there for."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.failover import judge
from tests.failover.attempts import Attempt, Log, Outcome
from tests.failover.writers import acknowledged, is_refusal

OLD, NEW = "10.0.0.1", "10.0.0.2"


def told(
    n: int,
    outcome: Outcome = Outcome.acknowledged,
    *,
    at: float = 0.0,
    took: float = 0.1,
    address: str = OLD,
    timeline: int = 1,
    seeking: bool = True,
) -> Attempt:
    return Attempt("w", n, outcome, at, at + took, address, timeline, seeking=seeking)


def rows(*numbers: int) -> set[tuple[str, int]]:
    return {("w", n) for n in numbers}


def test_a_run_in_which_all_went_well_has_no_fault() -> None:
    attempts = [
        told(1, at=1),
        told(2, Outcome.refused, at=2),
        told(3, Outcome.unknown, at=2.5),
        told(4, Outcome.unknown, at=2.6),
        told(5, at=3, address=NEW, timeline=2),
    ]
    held = {"pg/0": rows(1, 3, 5), "pg/1": rows(1, 3, 5)}
    assert judge.faults(attempts, held) == []


def test_an_acknowledged_row_that_a_member_lacks_is_lost() -> None:
    held = {"pg/0": rows(1, 2), "pg/1": rows(1)}
    (fault,) = judge.lost([told(1), told(2)], held)
    assert fault.startswith("LOST: pg/1 lacks 1 of 2 ")
    assert "w 2 by 10.0.0.1 on timeline 1" in fault


def test_a_row_that_every_member_lacks_is_lost_on_each() -> None:
    held = {"pg/0": rows(1), "pg/1": rows(1)}
    faults = judge.faults([told(1), told(2)], held)
    assert [fault[:10] for fault in faults] == ["LOST: pg/0", "LOST: pg/1"]


def test_where_no_commit_waits_a_later_term_has_to_own_up_to_what_is_lost() -> None:
    attempts = [told(1), told(2), told(3, address=NEW, timeline=2)]
    held = {"pg/0": rows(1, 3), "pg/1": rows(1, 3)}
    first = judge.Term(1, False)
    for terms in ([first], [first, judge.Term(2, False)], [judge.Term(1, True)]):
        faults = judge.faults(attempts, held, terms)
        assert [fault[:10] for fault in faults] == ["LOST: pg/0", "LOST: pg/1"]
        assert "w 2 by 10.0.0.1 on timeline 1" in faults[0]
    assert judge.faults(attempts, held, [first, judge.Term(2, True)]) == []
    apart = {**held, "pg/1": rows(1)}
    assert len(judge.faults(attempts, apart, [first, judge.Term(2, True)])) == 2


def test_and_one_that_stood_still_may_go_on_for_a_moment_only() -> None:
    new = [told(1), *(told(n, at=n, address=NEW, timeline=2) for n in (10, 11))]
    terms = [judge.Term(1, False), judge.Term(2, True)]
    held = {"pg/0": rows(1, 10, 11)}
    moment = [*new, told(20, at=20), told(21, at=23)]
    assert judge.faults(moment, held, terms) == []
    assert len(judge.behind_the_back(moment)) == 1
    longer = [*moment, told(22, at=26)]
    (fault,) = judge.faults(longer, held, terms)
    assert fault.startswith("TWO PRIMARIES")


def test_a_row_of_unknown_fate_is_not_lost_but_the_same_everywhere() -> None:
    attempts = [told(1, Outcome.unknown)]
    assert judge.faults(attempts, {"pg/0": rows(), "pg/1": rows()}) == []
    assert judge.faults(attempts, {"pg/0": rows(1), "pg/1": rows(1)}) == []
    (fault,) = judge.faults(attempts, {"pg/0": rows(1), "pg/1": rows()})
    assert "pg/0 and pg/1 differ: 1 rows only on pg/0" in fault


def test_the_third_member_is_compared_as_well() -> None:
    attempts = [told(1, Outcome.unknown)]
    held = {"pg/0": rows(1), "pg/1": rows(1), "pg/2": rows()}
    (fault,) = judge.faults(attempts, held)
    assert "pg/0 and pg/2 differ" in fault


def test_a_refused_row_may_not_be_there() -> None:
    held = {"pg/0": rows(1)}
    (fault,) = judge.faults([told(1, Outcome.refused)], held)
    assert "pg/0 holds 1 rows that were refused" in fault


def test_a_row_nobody_wrote_may_not_be_there() -> None:
    (fault,) = judge.faults([told(1)], {"pg/0": rows(1, 7)})
    assert "nobody wrote" in fault


def test_to_have_looked_at_no_member_is_a_fault() -> None:
    assert judge.faults([told(1)], {}) == ["no member holds anything"]


def test_what_a_former_primary_acknowledges_later_is_found_out() -> None:
    attempts = [
        told(1, at=1),
        told(2, at=5, address=NEW, timeline=2),
        told(3, at=6, seeking=False),
    ]
    (fault,) = judge.behind_the_back(attempts)
    assert fault.startswith("TWO PRIMARIES: 10.0.0.1 on timeline 1 acknowledged 1 rows")
    assert "0.900 s after 10.0.0.2 on timeline 2" in fault


def test_also_where_the_new_one_has_the_same_timeline() -> None:
    attempts = [told(1, at=1), told(2, at=5, address=NEW), told(3, at=6)]
    assert len(judge.behind_the_back(attempts)) == 1


def test_also_where_the_former_one_was_silent_until_then() -> None:
    attempts = [
        told(1, at=1, address=NEW, timeline=2),
        told(2, at=3),
        told(3, at=4, address=NEW, timeline=2),
    ]
    assert len(judge.behind_the_back(attempts)) == 1


def test_also_where_it_is_primary_again_later() -> None:
    attempts = [
        told(1, at=1),
        told(2, at=5, address=NEW, timeline=2),
        told(3, at=5.5),
        told(4, at=9, timeline=3),
    ]
    assert len(judge.behind_the_back(attempts)) == 1


def test_a_primary_that_is_primary_again_on_a_timeline_of_its_own_is_right() -> None:
    attempts = [
        told(1, at=1),
        told(2, at=5, address=NEW, timeline=2),
        told(3, at=9, timeline=3),
        told(4, at=10, timeline=3),
    ]
    assert judge.behind_the_back(attempts) == []
    assert judge.reigns(attempts) == [(OLD, 1), (NEW, 2), (OLD, 3)]


def test_a_late_answer_to_what_was_sent_before_is_late_and_true() -> None:
    attempts = [
        told(1, at=1),
        told(2, at=2, took=60),
        told(3, at=5, address=NEW, timeline=2),
    ]
    assert judge.behind_the_back(attempts) == []
    # It has to be kept all the same.
    assert judge.lost(attempts, {"pg/1": rows(1, 3)})


def test_the_write_gap_is_the_longest_silence_also_at_the_ends() -> None:
    attempts = [
        told(1, at=1, took=0),
        told(2, at=2, took=0),
        # Those who stay with one member do not tell how long an application waits.
        told(3, at=4, took=0, seeking=False),
        told(4, Outcome.unknown, at=4, took=0),
        told(5, at=7, took=0),
    ]
    assert judge.write_gap(attempts, 0, 8) == 5
    assert judge.write_gap(attempts, 0, 20) == 13
    assert judge.write_gap(attempts, -9, 8) == 10


def test_the_log_gives_only_what_came_since_one_waits() -> None:
    log = Log()
    log.note(told(1))
    later = threading.Timer(0.01, log.note, [told(2, address=NEW)])
    later.start()
    seen = log.wait(acknowledged(1, not_at=OLD), timeout=10, what="a row")
    assert [attempt.n for attempt in seen] == [2]
    later.join()


def test_the_log_says_what_never_came() -> None:
    log = Log()
    log.note(told(1))
    with pytest.raises(AssertionError, match="a row of another"):
        log.wait(acknowledged(1, not_at=OLD), timeout=0.01, what="a row of another")


def test_the_primary_is_where_a_seeker_was_answered_last() -> None:
    log = Log()
    log.note(told(1))
    log.note(told(2, address=NEW, timeline=2))
    log.note(told(3, seeking=False))
    log.note(told(4, Outcome.unknown))
    assert log.primary() == NEW


def test_the_log_can_be_kept(tmp_path: Path) -> None:
    log = Log()
    log.note(told(1, Outcome.refused))
    log.write(tmp_path / "attempts")
    assert '"outcome": "refused"' in (tmp_path / "attempts").read_text()


@pytest.mark.parametrize(
    ("code", "refused"),
    [("25006", True), ("53100", True), ("57P01", False), ("57P02", False), (None, False)],
)
def test_only_an_error_that_left_the_session_is_a_refusal(code: str | None, refused: bool) -> None:
    assert is_refusal(code) is refused
