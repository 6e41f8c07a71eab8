"""Options: what is taken, what is refused, and that nothing is lost by it."""

from __future__ import annotations

import pytest

from tests.integration.cluster import Cluster, wait_until
from tests.integration.writer import Writer


def everywhere(cluster: Cluster, setting: str, value: str) -> None:
    for unit in cluster.units:
        wait_until(
            lambda unit=unit: cluster.peek(unit, f"SHOW {setting}"), lambda seen: seen == value
        )


@pytest.mark.parametrize("connections", [180, 60])
def test_max_connections_grows_and_shrinks_on_every_unit(
    cluster: Cluster, connections: int
) -> None:
    cluster.juju.config("pg", {"max-connections": connections})
    everywhere(cluster, "max_connections", str(connections))
    cluster.settle(units=2)
    cluster.verify()


def test_a_reloadable_option_restarts_nothing(cluster: Cluster) -> None:
    started = [cluster.sql(unit, "SELECT pg_postmaster_start_time()") for unit in cluster.units]
    cluster.juju.config("pg", {"wal-keep-size": 640, "max-slot-wal-keep-size": 2048})
    everywhere(cluster, "wal_keep_size", "640MB")
    everywhere(cluster, "max_slot_wal_keep_size", "2GB")
    cluster.settle(units=2)
    assert started == [
        cluster.sql(unit, "SELECT pg_postmaster_start_time()") for unit in cluster.units
    ]


def test_extra_settings_come_into_force_and_go(cluster: Cluster) -> None:
    cluster.juju.config(
        "pg", {"extra-postgresql-conf": "work_mem = '7MB'  # ours\n\nrandom_page_cost=1.1"}
    )
    everywhere(cluster, "work_mem", "7MB")
    everywhere(cluster, "random_page_cost", "1.1")
    cluster.juju.config("pg", reset="extra-postgresql-conf")
    everywhere(cluster, "work_mem", "4MB")
    cluster.settle(units=2)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("wal_level = minimal", "wal_level"),
        ("archive_mode = off", "archive_mode"),
        ("include '/etc/passwd'", "include"),
        ("primary_conninfo = 'host=elsewhere'", "primary_conninfo"),
        ("work_mem = banana", "work_mem"),
        ("no_such_setting = 1", "no_such_setting"),
        ("work_mem = '1MB", "line 1"),
        ("shared_buffers = 900GB", "shared_buffers"),
        ("shared_preload_libraries = 'no_such_library'", "no_such_library"),
        ("work_mem = 4MB\nwal_level = minimal", "line 2"),
    ],
)
def test_extra_settings_that_break_something_are_refused_before_they_are_in_force(
    cluster: Cluster, lines: str, reason: str
) -> None:
    with Writer(cluster) as writer:
        cluster.juju.config("pg", {"extra-postgresql-conf": lines})
        for unit in cluster.units:
            line = cluster.wait_for_message(unit, "extra-postgresql-conf")
            assert line.startswith("blocked: ")
            assert reason in line
        writer.wait_for_more()
    assert writer.errors() == ""
    cluster.juju.config("pg", reset="extra-postgresql-conf")
    cluster.settle(units=2)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("max-connections", 0),
        ("max-connections", 10_000_000),
        ("replication-user", "postgres"),
        ("replication-user", "a b"),
        ("wal-keep-size", -1),
        ("max-slot-wal-keep-size", -7),
    ],
)
def test_a_bad_value_blocks_and_says_why(cluster: Cluster, option: str, value: int | str) -> None:
    cluster.juju.config("pg", {option: value})
    for unit in cluster.units:
        assert cluster.wait_for_message(unit, option).startswith("blocked: ")
    cluster.verify()
    cluster.juju.config("pg", reset=option)
    cluster.settle(units=2)


def test_the_replication_role_changes_without_a_restart(cluster: Cluster) -> None:
    started = [cluster.sql(unit, "SELECT pg_postmaster_start_time()") for unit in cluster.units]
    cluster.juju.config("pg", {"replication-user": "streamer"})
    wait_until(
        lambda: cluster.peek(cluster.primary, "SELECT usename FROM pg_stat_replication"),
        lambda users: users == "streamer",
    )
    wait_until(
        lambda: cluster.sql(
            cluster.primary, "SELECT rolname FROM pg_roles WHERE rolreplication AND NOT rolsuper"
        ),
        lambda roles: roles == "streamer",
    )
    cluster.settle(units=2)
    cluster.verify()
    assert started == [
        cluster.sql(unit, "SELECT pg_postmaster_start_time()") for unit in cluster.units
    ]
