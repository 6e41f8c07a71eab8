"""The base backup beside the hooks: seen, interrupted, never taken for a server."""

from __future__ import annotations

import jubilant
import pytest

from tests.integration.cluster import Cluster, wait_until
from tests.integration.conftest import Machines


@pytest.fixture(scope="module", autouse=True)
def bulk(cluster: Cluster) -> None:
    """So much data that a clone can be caught."""
    cluster.sql(
        cluster.primary,
        "CREATE TABLE bulk AS SELECT n, repeat(md5(n::text), 30) AS filler "
        "FROM generate_series(1, 800000) n",
    )


def clone_is_on_its_way(cluster: Cluster, unit: str) -> str:
    return cluster.sh(unit, "ls -d /var/lib/postgresql/*/main.clone.partial 2>/dev/null || true")


def catch_clone(cluster: Cluster, unit: str) -> None:
    """Waits for the first sight of a clone; on a quiet host it takes but a second or two."""

    def look() -> str:
        try:
            return clone_is_on_its_way(cluster, unit)
        except jubilant.CLIError:
            # Its machine is not up yet.
            return ""

    wait_until(look, bool, timeout=120)


def test_a_clone_shows_how_far_it_is(cluster: Cluster) -> None:
    new = cluster.grow()
    line = cluster.wait_for_message(new, "cloning from")
    assert line.startswith("maintenance: ")
    cluster.settle(units=len(cluster.units))
    assert cluster.sql(new, "SELECT count(*) FROM bulk") == "800000"


def test_a_clone_that_loses_power_begins_anew(cluster: Cluster, machine: Machines) -> None:
    new = cluster.grow()
    catch_clone(cluster, new)
    machine("kill", machine.of(new))
    machine("start", machine.of(new))
    cluster.settle(units=len(cluster.units), retried=True)
    cluster.verify()


def test_a_clone_outlives_the_units_agent(cluster: Cluster, machine: Machines) -> None:
    new = cluster.grow()
    catch_clone(cluster, new)
    begun = cluster.sh(new, "pgrep -x pg_basebackup | head -n 1")
    cluster.sh(new, "systemctl restart localjuju-agent.service")
    still = cluster.sh(new, "pgrep -x pg_basebackup | head -n 1")
    assert still in (begun, "")
    # A hook that the restart cut short is in error until Juju tries it again.
    cluster.settle(units=len(cluster.units), retried=True)
    cluster.verify()


def test_no_copy_and_no_password_is_left_about(cluster: Cluster) -> None:
    for unit in cluster.units:
        assert clone_is_on_its_way(cluster, unit) == ""
        found = cluster.sh(unit, "find /var/lib/postgresql -name '*pass*' -printf '%u %m\\n'")
        assert set(found.splitlines()) <= {"postgres 600"}
