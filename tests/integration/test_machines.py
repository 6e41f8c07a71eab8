"""Reboots, power cuts and agents that die: each unit comes back as what it was."""

from __future__ import annotations

from tests.integration.cluster import Cluster, wait_until
from tests.integration.conftest import Machines


def test_a_standby_that_reboots_follows_again(cluster: Cluster, machine: Machines) -> None:
    (standby,) = cluster.standbys
    machine("reboot", machine.of(standby))
    cluster.settle(units=2, retried=True)
    cluster.verify()


def test_a_primary_that_reboots_is_the_primary_again(cluster: Cluster, machine: Machines) -> None:
    primary = cluster.primary
    cluster.sql(
        primary, "CREATE TABLE IF NOT EXISTS reboots (n int); INSERT INTO reboots VALUES (1)"
    )
    machine("reboot", machine.of(primary))
    cluster.settle(units=2, retried=True)
    assert cluster.primary == primary
    assert cluster.sql(cluster.standbys[0], "SELECT count(*) FROM reboots") == "1"
    cluster.verify()


def test_a_standby_that_loses_power_follows_again(cluster: Cluster, machine: Machines) -> None:
    (standby,) = cluster.standbys
    machine("kill", machine.of(standby))
    cluster.sql(cluster.primary, "CREATE TABLE meanwhile AS SELECT generate_series(1, 5000) AS n")
    machine("start", machine.of(standby))
    cluster.settle(units=2, retried=True)
    assert cluster.sql(standby, "SELECT count(*) FROM meanwhile") == "5000"
    cluster.verify()


def test_the_primary_tells_that_a_standby_is_gone(cluster: Cluster, machine: Machines) -> None:
    primary = cluster.primary
    (standby,) = cluster.standbys
    machine("kill", machine.of(standby))
    cluster.wait_for_message(primary, f"no standby to take over; add or repair {standby}")
    machine("start", machine.of(standby))
    cluster.settle(units=2, retried=True)


def test_a_standby_tells_that_its_primary_is_gone(cluster: Cluster, machine: Machines) -> None:
    primary = cluster.primary
    (standby,) = cluster.standbys
    machine("kill", machine.of(primary))
    line = cluster.wait_for_message(standby, "not streaming")
    assert not line.startswith("active")
    machine("start", machine.of(primary))
    cluster.settle(units=2, retried=True)
    cluster.verify()


def test_a_server_that_dies_is_started_again(cluster: Cluster, machine: Machines) -> None:
    for unit in cluster.units:
        before = cluster.sql(unit, "SELECT pg_postmaster_start_time()")
        cluster.sh(unit, "pkill -9 -o -x postgres")
        wait_until(
            lambda unit=unit: cluster.sh(
                unit,
                "sudo -u postgres psql -Atc 'SELECT pg_postmaster_start_time()' 2>&1 || true",
            ),
            lambda seen, before=before: seen.startswith("2") and seen != before,
        )
    cluster.settle(units=2, retried=True)
    cluster.verify()
