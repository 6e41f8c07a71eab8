"""Values that somebody may give for an option or a parameter, drawn by hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

_EDGES = sorted(
    edge + step
    for power in (0, 1, 3, 4, 7, 8, 10, 15, 16, 18, 20, 31, 32, 53, 63, 64)
    for edge in (2**power, -(2**power), 10 ** min(power, 18))
    for step in (-1, 0, 1)
)
LARGEST = 2**63 - 1
"""Of Juju's int."""

ODD_TEXTS = (
    *("", " ", "\t", "\n", "\r\n", "\\", "'", '"', "''", '"" ', "`id`", "$(reboot)", "%p", "%%"),
    *("a b", "a'b", 'a"b', "a;b", "a\nb", "a\u2028b", "\x1b[31mred", "\u202egnp", "é" * 90),
    *(
        "-1",
        "--help",
        "-rf",
        "true",
        "null",
        "~",
        "[]",
        "{}",
        "!!python/object:os.system",
        "&a *a",
    ),
    *("postgres", "pg_monitor", "public", "none", "replicator", "pg/0", "all", "root", "0x10"),
    *("x" * 64, "x" * 5000, "ﬁ", "\U0001f418", "a\u0301", "\ufeff", "\x7f", "\x01", "NaN"),
    *(
        "'; DROP ROLE postgres; --",
        '" OR 1=1',
        "%s %(x)s {x} {{x}} ${x}",
        "{% raw %}",
        "{{ 1/0 }}",
    ),
)

# What an argument of a program can hold: no NUL, and nothing that is no UTF-8.
arguments = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
texts = st.sampled_from(ODD_TEXTS) | arguments

numbers = st.sampled_from(_EDGES) | st.integers(-(2**65), 2**65)

_PARTS = st.sampled_from(
    [
        *(
            "srv",
            "a b",
            "it's",
            '"q"',
            "100%",
            "%p%f",
            "$HOME",
            "`id`",
            "-rf",
            "*?[a]",
            "a&b|c<d>",
        ),
        *(
            "..",
            ".",
            "",
            "etc",
            "proc",
            "dev",
            "null",
            "tmp",
            "var",
            "lib",
            "postgresql",
            "backups",
        ),
        *(
            "x" * 255,
            "x" * 256,
            "ß" * 128,
            "Ärchiv-档案",
            "back\\slash",
            "new\nline",
            "tab\t",
            " ",
        ),
        *("shadow", "passwd", "sys", "archive", "15", "main", "\u2028", "\x7f", "é"),
    ]
)
paths = (
    st.lists(_PARTS, max_size=6).map("/".join)
    | st.lists(_PARTS, max_size=6).map(lambda parts: "/" + "/".join(parts))
    | st.lists(_PARTS, max_size=2).map(lambda parts: "/srv/fuzz/" + "/".join(parts))
    | texts
)

_SETTINGS = (
    *("work_mem", "shared_buffers", "wal_level", "fsync", "archive_mode", "port", "include"),
    *(
        "primary_conninfo",
        "log_min_messages",
        "shared_preload_libraries",
        "max_locks_per_transaction",
    ),
    *(
        "random_page_cost",
        "search_path",
        "timezone",
        "max_wal_size",
        "synchronous_commit",
        "no_such",
    ),
    *(
        "my.own",
        "data_directory",
        "lc_messages",
        "log_line_prefix",
        "restore_command",
        "jit",
        "ssl",
    ),
    *("max_connections", "hot_standby", "statement_timeout", "log_connections", "WORK_MEM", "é"),
    *("include_dir", "recovery_target_time", "ssl_cert_file"),
)
_VALUES = st.sampled_from(
    [
        *(
            "on",
            "off",
            "1",
            "0",
            "-1",
            "4MB",
            "'4MB'",
            "900GB",
            "4 MB",
            "'it''s'",
            "'open",
            "''",
            "",
        ),
        *(
            "1e309",
            "0x7fffffff",
            "2147483648",
            "99999999999999999999",
            "replica",
            "minimal",
            "banana",
        ),
        *("'/etc/passwd'", "/nowhere", "'no_such_library'", "'UTC'", "en_US.UTF-8", "'%m [%p] '"),
        *("'a\\'b'", "'\\x41'", "\\", ";", "# only", "= =", "'new\nline'", "'é'", "é", "\x00"[:0]),
    ]
)
lines = st.builds(
    lambda name, sign, value, rest: f"{name}{sign}{value}{rest}",
    st.sampled_from(_SETTINGS),
    st.sampled_from([" = ", "=", " ", "\t=\t", ""]),
    _VALUES | st.integers(-10, 2**33).map(str),
    st.sampled_from(["", "", "", "  # why", " more", "\r", "\x0b", "'"]),
)
settings_texts = st.lists(lines | texts, max_size=4).map("\n".join)

queries = st.sampled_from(
    [
        *(
            "SELECT 1",
            "SELECT 1;",
            "select",
            "",
            " ",
            ";",
            "--",
            "/*",
            "SELECT $1",
            "SELECT '",
            "\\d",
        ),
        *("TABLE kept", "VALUES (1), (2)", "SHOW ALL", "EXPLAIN SELECT 1", "SELECT 1/0"),
        *("DROP TABLE kept", "DELETE FROM kept", "TRUNCATE kept", "SELECT 1; DROP TABLE kept"),
        *("COMMIT", "ROLLBACK; DROP TABLE kept", "BEGIN", "SET ROLE postgres", "RESET ROLE"),
        *("COPY kept TO PROGRAM 'reboot'", "COPY kept FROM '/etc/passwd'", "SELECT pg_promote()"),
        *(
            "SELECT pg_reload_conf()",
            "SELECT pg_read_file('/etc/shadow')",
            "SELECT pg_switch_wal()",
        ),
        *("SELECT pg_terminate_backend(pid) FROM pg_stat_activity", "SELECT pg_sleep(9)"),
        *(
            "SELECT set_config('statement_timeout', '0', false), pg_sleep(9)",
            "LISTEN x",
            "CHECKPOINT",
        ),
        *("SELECT set_config('transaction_read_only', 'off', false)", "SELECT lo_create(1)"),
        *("SELECT * FROM pg_authid", "SELECT random(), now(), pg_backend_pid()", "SELECT NULL"),
        *("WITH gone AS (DELETE FROM kept RETURNING *) SELECT * FROM gone", "DO $$ BEGIN END $$"),
        *("SELECT repeat('x', 100000000)", "SELECT generate_series(1, 1000000)", "CALL nothing()"),
        *("SELECT pg_advisory_lock(1)", "SELECT * FROM kept FOR UPDATE", "SELECT 'é', E'\\x01'"),
        *(
            "SELECT nextval('kept_seq')",
            "PREPARE TRANSACTION 'x'",
            "SELECT pg_drop_replication_slot('pg_1')",
        ),
        *(
            "SELECT pg_wal_replay_pause()",
            "ALTER SYSTEM SET fsync = off",
            "VACUUM",
            "SELECT '%s %%'",
        ),
    ]
)
