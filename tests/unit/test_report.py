"""What operators read of a proof: keys that Juju takes, tables that fit a terminal."""

import dataclasses
import doctest
import re

import pytest

from postgresql import report, sizes, tables
from postgresql.compare import Comparison, Result
from postgresql.report import Member, Standing, Takeover
from postgresql.terms import Told
from postgresql.verify import ArchiveReport, Problem, Report, StandbyReport

# Source: Juju's internal/charm/actions.go and the dots that action-set nests by.
JUJU_KEY = re.compile(r"[a-z0-9](([a-z0-9-]+)?[a-z0-9])?(\.[a-z0-9](([a-z0-9-]+)?[a-z0-9])?)*")

ARCHIVE = ArchiveReport(
    directory="/var/backups/pgsql/archive",
    last_wal="000000010000000000000003",
    last_age_s=12.3456,
    failed_count=0,
    failing=False,
    waiting=0,
    newest_finished="000000010000000000000003",
    newest_there=True,
)
FOLLOWS = StandbyReport(
    unit="pg/1",
    state="streaming",
    sync_state="quorum",
    visible_ms=1.234,
    write_lag_bytes=0,
    flush_lag_bytes=0,
    replay_lag_bytes=2048,
    write_lag_ms=0.4,
    flush_lag_ms=None,
    replay_lag_ms=1.5,
    timeline=1,
    slot="pg_1",
    wal_status="reserved",
    archive=ARCHIVE,
)
PROOF = Report("pg/0", 1, ARCHIVE, (FOLLOWS,), (), 84.2)
LOST = dataclasses.replace(
    PROOF,
    standbys=(FOLLOWS, StandbyReport("pg/12")),
    problems=(Problem("pg/12", "connection refused"),),
)


def different(rows: int, shown: int) -> Result:
    mine = tuple((str(n), "on") for n in range(shown))
    theirs = tuple((str(n), None) for n in range(shown))
    one = Comparison("pg/1", "different", "0/3000148", mine, theirs, rows, 2)
    return Result(("id", "power"), 500, (one,))


STANDING = Standing(3, "pg/0", 1, ("pg/1", "pg/2"))
BEGUN = Told(3, 2, 1770000000.5, "election", "pg/1", 4096, 1769999990.0, 1770000001.25)
LOSS = (
    "4096 bytes that pg/1 had by 2026-02-02 02:39:50 UTC may be missing, and what it wrote after"
)
TAKEN = dataclasses.replace(STANDING, takeover=Takeover("pg/0", BEGUN, LOSS))
RESULTS = {
    "proof": report.verify_results(PROOF),
    "lost": report.verify_results(LOST, different(90, 20)),
    "taken over": report.cluster_results(TAKEN, [Member("my-db/0", "primary", "running")]),
    "cluster": report.cluster_results(
        STANDING,
        [Member("my-db/0", "primary", "running"), Member("my-db/11", "standby", "streaming", 5)],
    ),
}


@pytest.mark.parametrize("results", RESULTS.values(), ids=RESULTS)
def test_keys_are_as_juju_takes_them_and_values_are_text(results: dict[str, str]):
    for key, value in results.items():
        assert JUJU_KEY.fullmatch(key), key
        assert isinstance(value, str)
        assert value


@pytest.mark.parametrize("results", RESULTS.values(), ids=RESULTS)
def test_no_key_is_both_a_value_and_a_branch(results: dict[str, str]):
    for key in results:
        assert not [other for other in results if other.startswith(f"{key}.")], key


def test_everything_that_was_found_has_a_key():
    results = RESULTS["proof"]
    assert results["proved"] == "yes"
    assert results["primary.unit"] == "pg/0"
    assert results["standby.pg-1.visible-ms"] == "1.23"
    assert results["standby.pg-1.replay-lag-bytes"] == "2048"
    assert results["standby.pg-1.write-lag-ms"] == "0.4"
    assert results["standby.pg-1.slot-wal-status"] == "reserved"
    assert results["standby.pg-1.archive.newest-there"] == "yes"
    assert results["primary.archive.last-age-s"] == "12.35"
    assert "standby.pg-1.flush-lag-ms" not in results


def test_the_proof_as_text():
    assert report.verify_text(PROOF) == (
        "primary pg/0, timeline 1: every standby follows (84 ms)\n"
        "\n"
        "STANDBY  STATE      SYNC    ROW VISIBLE   TIMELINE  SLOT\n"
        "pg/1     streaming  quorum  after 1.2 ms  1         pg_1 reserved\n"
        "\n"
        "LAG   WRITE        FLUSH  REPLAY\n"
        "pg/1  0 B, 0.4 ms  0 B    2.0 kB, 1.5 ms\n"
        "\n"
        "ARCHIVE  LAST SEGMENT              AGE   FAILURES  WAITING  NEWEST\n"
        "pg/0     000000010000000000000003  12 s  0         0        is there\n"
        "pg/1     000000010000000000000003  12 s  0         0        is there"
    )


def test_the_text_is_what_juju_shows_at_the_end_of_a_screen():
    # Juju sorts the keys; only a line or two may come behind the text.
    for results in RESULTS.values():
        behind = sorted({key.partition(".")[0] for key in results if key > "table"})
        assert behind in (["took-ms"], ["term"])


def test_the_last_change_of_primary_is_told_with_its_gap_and_its_loss():
    results = RESULTS["taken over"]
    assert {key: value for key, value in results.items() if key.startswith("last-change.")} == {
        "last-change.kind": "election",
        "last-change.from": "pg/1",
        "last-change.to": "pg/0",
        "last-change.term": "3",
        "last-change.timeline": "2",
        "last-change.at": "2026-02-02 02:40:00 UTC",
        "last-change.write-gap-ms": "11250",
        "last-change.missing-bytes": "4096",
        "last-change.lost": LOSS,
    }
    lines = results["table"].splitlines()
    assert lines[1:3] == [
        "since 2026-02-02 02:40:00 UTC by election from pg/1, timeline 2",
        "writes stood still for 11250 ms, by the clocks of both",
    ]
    assert " ".join(lines[3:5]) == LOSS
    assert all(len(line) <= tables.WIDTH for line in lines)


def test_a_log_of_before_tells_the_begin_of_its_term_alone():
    old = Takeover("pg/0", Told(3, 2, 1770000000.5))
    results = report.takeover_results(old)
    assert results.keys() == {f"last-change.{key}" for key in ("to", "term", "timeline", "at")}
    assert report.takeover_results(None) == {}


@pytest.mark.parametrize(
    ("told", "gap"),
    [
        (BEGUN, 11.25),
        (dataclasses.replace(BEGUN, opened=None), 10.5),
        (dataclasses.replace(BEGUN, before=None), None),
        (dataclasses.replace(BEGUN, before=1770000009.0), 0),
    ],
)
def test_how_long_writes_stood_still(told: Told, gap: float | None):
    assert told.gap_s == gap


def test_what_is_wrong_stands_before_the_tables():
    lines = report.verify_text(LOST).splitlines()
    assert lines[0] == "primary pg/0, timeline 1: not proved (84 ms)"
    assert lines[2] == "pg/12: connection refused"
    assert "pg/12    not connected  -       -             -         -" in lines


def test_what_is_in_the_way_of_a_failover_stands_before_the_tables():
    reasons = ("pg/1 does not let pg/2 in yet", "pg/1: its replay is paused; " + "there " * 20)
    text = report.verify_text(PROOF, None, reasons)
    lines = text.splitlines()
    assert lines[2] == "no failover now: pg/1 does not let pg/2 in yet"
    assert lines[3].startswith("no failover now: pg/1: its replay is paused; there")
    assert lines[4].startswith("  there")
    assert max(map(len, lines)) <= 78
    assert report.verify_results(PROOF, None, reasons)["failover"] == "\n".join(reasons)
    assert report.verify_results(PROOF)["failover"] == "possible"
    assert "failover" not in report.verify_results(LOST)


def test_a_primary_alone():
    alone = dataclasses.replace(PROOF, standbys=())
    assert "there is no standby" in report.verify_text(alone)


def test_differences_are_at_most_a_screenful():
    lines = report.verify_text(PROOF, different(90, 20)).splitlines()
    begin = lines.index("--- pg/0")
    assert lines[begin - 1] == "pg/1: 90 rows differ at 0/3000148"
    assert lines[begin + 1 : begin + 6] == [
        "+++ pg/1",
        "-0 | on",
        "+0 | NULL",
        "-1 | on",
        "+1 | NULL",
    ]
    assert lines[-1] == "… and 70 more rows that differ"
    assert len(lines) - begin <= 24


def test_one_row_that_differs():
    text = report.verify_text(PROOF, different(1, 0))
    assert "pg/1: 1 row differs at 0/3000148" in text


@pytest.mark.parametrize(
    ("comparison", "words"),
    [
        (Comparison("pg/1", "same", "0/1"), "pg/1: the same at 0/1"),
        (Comparison("pg/1", "unsettled", tries=7), "during each of 7 tries"),
        (Comparison("pg/1", "failed", error="division by zero"), "pg/1: division by zero"),
    ],
)
def test_other_verdicts(comparison: Comparison, words: str):
    assert words in report.verify_text(PROOF, Result(("n",), 1, (comparison,)))


def test_the_cluster_as_text():
    members = [
        Member("pg/0", "primary", "running", None, "10.1.2.3", "15.20", 1),
        Member("pg/1", "standby", "streaming", 0, "10.1.2.4", "15.20", 1, "quorum"),
        Member("pg/2", "standby", "cloning 43 %"),
    ]
    assert report.cluster_text(STANDING, members) == (
        "primary pg/0, term 3\n"
        "a commit is acknowledged once 1 of pg/1, pg/2 has it, too\n"
        "\n"
        "UNIT  ROLE     STATE         SYNC    LAG  TIMELINE  ADDRESS   VERSION\n"
        "pg/0  primary  running       -       -    1         10.1.2.3  15.20\n"
        "pg/1  standby  streaming     quorum  0 B  1         10.1.2.4  15.20\n"
        "pg/2  standby  cloning 43 %  -       -    -         -         -"
    )


def test_a_cluster_without_a_primary():
    electing = Standing(4, "", 0, (), "an election is under way")
    assert report.cluster_text(electing, []).startswith(
        "primary none, term 4\n"
        "a commit is acknowledged once the primary has it\n"
        "an election is under way\n"
    )


LONG = Member(
    "a-very-long-application-name/123",
    "standby",
    "waiting for the primary to come back",
    10**15,
    "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
    "15.20",
    123456,
    "potential",
)


@pytest.mark.parametrize(
    "text",
    [
        report.verify_text(PROOF),
        report.verify_text(LOST, different(90, 20)),
        report.cluster_text(STANDING, [LONG, LONG]),
        report.cluster_text(
            dataclasses.replace(STANDING, candidates=[f"{LONG.unit}{n}" for n in range(9)]), []
        ),
        report.verify_text(
            dataclasses.replace(LOST, problems=(Problem("pg/12", "could not " + "connect " * 30),))
        ),
        report.verify_text(
            dataclasses.replace(PROOF, standbys=(dataclasses.replace(FOLLOWS, unit=LONG.unit),)),
            Result(
                ("c",), 1, (Comparison("x/1", "different", "0/1", (("long" * 99,),), (), 1, 1),)
            ),
        ),
    ],
)
def test_everything_fits_eighty_columns_as_juju_sets_it_in(text: str):
    assert max(map(len, text.splitlines())) <= 78


@pytest.mark.parametrize("module", [report, sizes, tables])
def test_examples_in_docstrings(module: object):
    result = doctest.testmod(module)  # pyright: ignore
    assert result.attempted
    assert not result.failed
