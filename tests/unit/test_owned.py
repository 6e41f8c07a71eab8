"""Which extra settings an operator may give."""

import pytest

from postgresql import owned


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("work_mem", "4MB"),
        ("wal_level", "Logical"),
        ("fsync", "on"),
        ("synchronous_commit", "remote_apply"),
        ("wal_sender_timeout", "30s"),
        ("wal_receiver_timeout", "10"),
        ("superuser_reserved_connections", "5"),
        ("lc_messages", "en_GB.UTF-8"),
        ("lc_messages", "C"),
        ("hot_standby_feedback", "on"),
        ("max_standby_streaming_delay", "0"),
        ("shared_preload_libraries", "pg_stat_statements"),
        ("pg_stat_statements.max", "1000"),
        ("archive_timeout", "60"),
    ],
)
def test_harmless_ones_are_taken(name: str, value: str):
    assert owned.objection(name, value) == ""


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("wal_level", "minimal", "could not follow"),
        ("fsync", "off", "lose"),
        ("fsync", "F", "lose"),
        ("fsync", "0", "lose"),
        ("full_page_writes", "of", "lose"),
        ("full_page_writes", "no", "lose"),
        ("synchronous_commit", "local", "lose"),
        ("synchronous_commit", "remote_write", "lose"),
        ("wal_sender_timeout", "0s", "follow"),
        ("wal_receiver_timeout", "0.0", "follow"),
        ("wal_receiver_status_interval", "0", "follow"),
        ("superuser_reserved_connections", "0", "needs a connection"),
        ("lc_messages", "de_DE.UTF-8", "English"),
        ("recovery_target_lsn", "0/1", "follow"),
        ("recovery_target_action", "promote", "follow"),
        ("max_connections", "5", "max-connections"),
        ("archive_library", "", "archive-path"),
        ("pg_hot_standby.archive_directory", "/srv", "notes of its own"),
        ("primary_conninfo", "", "names the primary"),
        ("include_dir", "x", "no other files"),
    ],
)
def test_harmful_ones_are_refused_with_the_reason(name: str, value: str, reason: str):
    assert reason in owned.objection(name, value)
