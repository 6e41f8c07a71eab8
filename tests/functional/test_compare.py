"""One query on all servers: what agrees, what differs, and what a query cannot do."""

import contextlib
import threading
import time
from collections.abc import Generator, Iterator

import pytest

from postgresql import sql
from postgresql.compare import Result, compare
from postgresql.errors import NotReachable, PostgresqlError, QueryRefused
from postgresql.layout import Layout
from tests.functional.clusters import ask, endpoint, primary, standby, wait_for

Pair = tuple[Layout, Layout]


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with primary("cone", 5731) as first, standby(first, "ctwo", 5732) as second:
        ask(first, "CREATE DATABASE maasdb")
        ask(
            first,
            "CREATE TABLE public.node AS SELECT n AS id, 'host-' || n AS hostname,"
            " n % 3 AS status FROM generate_series(1, 500) n",
            database="maasdb",
        )
        ask(first, "CREATE SEQUENCE public.counter", database="maasdb")
        yield first, second


def on(pair: Pair, query: str, timeout_s: float = 10, database: str = "maasdb") -> Result:
    return compare(database, query, endpoint(pair[0]), [endpoint(pair[1])], timeout_s)


def test_the_same_rows_are_the_same(pair: Pair):
    result = on(pair, "SELECT id, hostname, status FROM node")
    assert result.same
    assert (result.columns, result.rows) == (("id", "hostname", "status"), 500)
    (one,) = result.comparisons
    assert (one.unit, one.verdict, one.tries) == ("ctwo/0", "same", 1)
    assert "/" in one.lsn


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM node;",
        "SELECT 'NaN'::float8, 'NaN'::numeric, NULL, '\\x00ff'::bytea, ARRAY[1, NULL]",
        "TABLE node",
        "VALUES (1), (2)",
        "WITH one AS (SELECT 1) SELECT * FROM one",
        "SELECT 100 % 7, 'it''s %s %(x)s', E'\\n' -- a comment",
        "SELECT id FROM node ORDER BY random()",
        "SELECT FROM node",
        "SELECT 1 WHERE false",
        "SHOW server_version",
        "SELECT current_setting('transaction_isolation'), current_user",
    ],
)
def test_queries_that_only_read_are_taken(pair: Pair, query: str):
    assert on(pair, query).same, query


def test_a_difference_is_shown(pair: Pair):
    result = on(
        pair, "SELECT CASE WHEN pg_is_in_recovery() THEN 'here' ELSE 'there' END, id FROM node"
    )
    (one,) = result.comparisons
    assert not result.same
    assert one.verdict == "different"
    assert one.differing == 1000
    assert len(one.only_primary) == len(one.only_standby) == 20
    assert one.only_primary[0] == ("there", "1")
    assert one.only_standby[0] == ("here", "1")
    assert one.tries == 2


def test_rows_are_counted_not_only_looked_for(pair: Pair):
    query = "SELECT 1 FROM generate_series(1, CASE WHEN pg_is_in_recovery() THEN 2 ELSE 3 END)"
    (one,) = on(pair, query).comparisons
    assert (one.only_primary, one.only_standby, one.differing) == ((("1",),), (), 1)


@contextlib.contextmanager
def writing(first: Layout, statement: str, pause_s: float = 0) -> Generator[None, None, None]:
    stop = threading.Event()
    errors: list[PostgresqlError] = []

    def write() -> None:
        try:
            with sql.local(first, "maasdb") as conn:
                while not stop.wait(pause_s):
                    sql.rows(conn, statement)
        except PostgresqlError as error:
            errors.append(error)

    worker = threading.Thread(target=write)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()
    assert not errors


def test_writes_elsewhere_and_right_there_do_not_disturb(pair: Pair):
    ask(
        pair[0],
        "CREATE TABLE IF NOT EXISTS public.busy (n serial, at timestamptz)",
        database="maasdb",
    )
    # Three snapshots have to fit between two commits; a writer without pause can deny that.
    with writing(pair[0], "INSERT INTO public.busy (at) VALUES (clock_timestamp())", 0.05):
        for _ in range(5):
            result = on(pair, "SELECT count(*), max(n), max(at) FROM busy", timeout_s=20)
            assert [one.verdict for one in result.comparisons] == ["same"]
            assert on(pair, "SELECT * FROM node").same


def test_a_standby_that_lags_is_waited_for(pair: Pair):
    ask(pair[1], "SELECT pg_wal_replay_pause()")
    ask(pair[0], "INSERT INTO public.node VALUES (1000, 'late', 1)", database="maasdb")
    resume = threading.Timer(0.7, lambda: ask(pair[1], "SELECT pg_wal_replay_resume()"))
    resume.start()
    result = on(pair, "SELECT * FROM node WHERE id = 1000")
    resume.join()
    assert result.same
    assert result.rows == 1


def test_a_standby_that_stands_still_fails_with_how_far_it_is(pair: Pair):
    ask(pair[1], "SELECT pg_wal_replay_pause()")
    try:
        ask(pair[0], "INSERT INTO public.node VALUES (1001, 'later', 1)", database="maasdb")
        began = time.monotonic()
        (one,) = on(pair, "SELECT * FROM node", timeout_s=1).comparisons
        assert time.monotonic() - began < 2
    finally:
        ask(pair[1], "SELECT pg_wal_replay_resume()")
    assert one.verdict == "failed"
    assert "not replayed up to" in one.error or "within 1 s" in one.error


def fingerprint(first: Layout) -> object:
    return ask(
        first,
        "SELECT md5(string_agg(n::text, ',' ORDER BY id))"
        " || (SELECT last_value FROM public.counter)"
        " || (SELECT count(*) FROM pg_class) || (SELECT count(*) FROM pg_largeobject_metadata)"
        " FROM public.node n",
        database="maasdb",
    )


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("INSERT INTO node VALUES (0)", "cannot open INSERT query as cursor"),
        ("INSERT INTO node VALUES (0) RETURNING id", "read-only transaction"),
        ("DELETE FROM node RETURNING *", "read-only transaction"),
        ("WITH x AS (DELETE FROM node RETURNING *) SELECT * FROM x", "read-only transaction"),
        ("SELECT nextval('counter')", "permission denied for sequence"),
        ("SELECT setval('counter', 99)", "permission denied for sequence"),
        ("SELECT * FROM node FOR UPDATE", "permission denied|read-only transaction"),
        ("SELECT 1 INTO made", "cannot open SELECT INTO query as cursor"),
        ("CREATE TABLE made (n int)", "cannot open CREATE TABLE query as cursor"),
        ("DROP TABLE node", "cannot open DROP TABLE query as cursor"),
        ("COPY node TO PROGRAM 'touch /tmp/gotcha'", "cannot open COPY query as cursor"),
        ("DO $$ BEGIN NULL; END $$", "cannot open DO query as cursor"),
        ("SELECT 1; SELECT 2", "cannot open multi-query plan as cursor"),
        ("SELECT 1; COMMIT; DELETE FROM node", "cannot open multi-query plan as cursor"),
        ("COMMIT", "cannot open COMMIT query as cursor"),
        ("ROLLBACK; DROP TABLE node", "cannot open multi-query plan as cursor"),
        ("SELECT 1) TO STDOUT; DROP TABLE node; --", "syntax error"),
        ("'; DROP TABLE node; --", "syntax error|unterminated"),
        ("$$; END; $$ DROP TABLE node", "syntax error"),
        ("", "cannot open"),
        ("SELEKT 1", 'syntax error at or near "SELEKT"'),
        ("SELECT * FROM nowhere", 'relation "nowhere" does not exist'),
        ("SELECT 1/0", "division by zero"),
        ("SELECT set_config('transaction_read_only', 'off', true)", "read-write mode"),
        ("SELECT pg_terminate_backend(pid) FROM pg_stat_activity", "permission denied|must be"),
        ("SELECT pg_switch_wal()", "permission denied"),
        ("SELECT pg_read_file('/etc/passwd')", "permission denied"),
        ("SELECT pg_reload_conf()", "permission denied"),
        ("SELECT 'a\x00b'", "NUL"),
        ("SELECT * FROM generate_series(1, 1000000)", "more than 100000 rows"),
        ("SELECT repeat('x', 1000000) FROM generate_series(1, 200)", "64.0 MB"),
    ],
)
def test_a_query_that_does_anything_else_fails_in_postgresqls_words_and_does_nothing(
    pair: Pair, query: str, words: str
):
    before = fingerprint(pair[0])
    with pytest.raises(QueryRefused, match=words):
        on(pair, query)
    assert fingerprint(pair[0]) == before


# It goes on, without a bound, when the next portion of its rows is asked for.
LIFTS_ITS_TIMEOUT = """
SELECT set_config('statement_timeout', '0', false), CASE WHEN n > 1500 THEN pg_sleep(30)::text END
FROM generate_series(1, 3000) n
"""


@pytest.mark.parametrize(
    "query",
    [
        "SELECT pg_sleep(60)",
        "SELECT count(*) FROM generate_series(1, 1e9)",
        LIFTS_ITS_TIMEOUT,
    ],
)
def test_a_query_that_runs_too_long_is_ended_on_the_server_too(pair: Pair, query: str):
    began = time.monotonic()
    with pytest.raises(QueryRefused, match=r"statement timeout|within 1 s|user request"):
        on(pair, query, timeout_s=1)
    assert time.monotonic() - began < 2.1
    running = (
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'hot_standby' AND state = 'active'"
    )
    wait_for(lambda: ask(pair[0], running) == 0, "the query to end on the server", timeout_s=5)


def test_large_objects_stay_as_they_are(pair: Pair):
    """Up to 15 they may be made in a read-only transaction; it is rolled back."""
    before = fingerprint(pair[0])
    with contextlib.suppress(QueryRefused):
        on(pair, "SELECT lo_create(0)")
    assert fingerprint(pair[0]) == before


def test_a_database_that_is_not_there(pair: Pair):
    with pytest.raises(NotReachable, match='database "nowhere" does not exist'):
        on(pair, "SELECT 1", database="nowhere")


def test_a_standby_that_refuses_what_the_primary_takes(pair: Pair):
    query = "SELECT 1 / CASE WHEN pg_is_in_recovery() THEN 0 ELSE 1 END"
    (one,) = on(pair, query).comparisons
    assert (one.verdict, one.error) == ("failed", "division by zero")
