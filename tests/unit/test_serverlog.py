"""What in a server's log is quoted."""

from pathlib import Path

from postgresql import serverlog

AT = "2026-01-02 03:04:05.678 UTC"


def test_the_servers_own_troubles_are_quoted_and_sessions_are_not():
    lines = [
        f"{AT} [7] LOG:  all is well",
        f'{AT} [8] app@db ERROR:  relation "t" does not exist',
        f"{AT} [8] app@db STATEMENT:  SELECT * FROM t",
        f"{AT} [9] [unknown]@[unknown] FATAL:  the database system is starting up",
        f"{AT} [10] FATAL:  could not connect to the primary server: refused",
        "\tIs the server running there?",
        f"{AT} [11] PANIC:  could not write to file",
        f"{AT} [11] DETAIL:  No space left on device.",
    ]

    assert serverlog.severe(lines) == [
        "FATAL: could not connect to the primary server: refused",
        "PANIC: could not write to file (No space left on device)",
    ]


def test_a_repeated_trouble_is_quoted_once_and_the_newest_are_kept():
    lines = [f"{AT} [1] FATAL:  trouble {number % 3}" for number in range(10)]

    assert serverlog.severe(lines, limit=2) == ["FATAL: trouble 2", "FATAL: trouble 0"]


def test_what_is_over_is_not_quoted():
    lines = [
        f"{AT} [1] FATAL:  before",
        f"{AT} [1] LOG:  starting PostgreSQL 15.1 on x86_64",
        f"{AT} [2] FATAL:  could not connect",
        f"{AT} [3] LOG:  started streaming WAL from primary at 0/3000000 on timeline 1",
        f"{AT} [4] FATAL:  now",
    ]

    assert serverlog.severe(serverlog.still_true(lines)) == ["FATAL: now"]


def test_only_the_end_of_a_log_is_read(tmp_path: Path):
    log = tmp_path / "log"
    log.write_text("".join(f"line {number:06}\n" for number in range(100_000)))

    lines = serverlog.tail(log)

    assert len(lines) * 12 <= serverlog.TAIL
    assert lines[0].startswith("line ") and lines[-1] == "line 099999"


def test_reading_on_from_where_the_log_ended(tmp_path: Path):
    log = tmp_path / "log"
    log.write_text("old\n")
    offset = serverlog.size(log)
    with log.open("a") as file:
        file.write("new\n")

    assert serverlog.tail(log, offset) == ["new"]
    # Rotated meanwhile: what there is, is new.
    log.write_text("n\n")
    assert serverlog.tail(log, offset) == ["n"]
    assert serverlog.tail(tmp_path / "none") == []
