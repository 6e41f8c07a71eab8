"""The base backup beside the hooks: seen, interrupted, never taken for a server."""

from __future__ import annotations

import jubilant

from tests.integration.cluster import Cluster, wait_until
from tests.integration.conftest import Machines

FILLING = (
    "CREATE TABLE IF NOT EXISTS bulk AS SELECT n, repeat(md5(n::text), 30) AS filler "
    "FROM generate_series(1, 800000) n"
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
    cluster.sql(cluster.primary, FILLING)
    cluster.juju.add_unit("pg")
    line = cluster.wait_for_message("pg/2", "cloning from")
    assert line.startswith("maintenance: ")
    cluster.settle(units=3)
    assert cluster.sql("pg/2", "SELECT count(*) FROM bulk") == "800000"


def test_a_clone_that_loses_power_begins_anew(cluster: Cluster, machine: Machines) -> None:
    cluster.juju.add_unit("pg")
    wait_until(lambda: "pg/3" in cluster.units, bool)
    catch_clone(cluster, "pg/3")
    machine("kill", machine.of("pg/3"))
    machine("start", machine.of("pg/3"))
    cluster.settle(units=4, retried=True)
    cluster.verify()


def test_a_clone_outlives_the_units_agent(cluster: Cluster, machine: Machines) -> None:
    cluster.juju.add_unit("pg")
    wait_until(lambda: "pg/4" in cluster.units, bool)
    catch_clone(cluster, "pg/4")
    begun = cluster.sh("pg/4", "pgrep -x pg_basebackup | head -n 1")
    cluster.sh("pg/4", "systemctl restart localjuju-agent.service")
    still = cluster.sh("pg/4", "pgrep -x pg_basebackup | head -n 1")
    assert still in (begun, "")
    cluster.settle(units=5)
    cluster.verify()


def test_no_copy_and_no_password_is_left_about(cluster: Cluster) -> None:
    for unit in cluster.units:
        assert clone_is_on_its_way(cluster, unit) == ""
        found = cluster.sh(unit, "find /var/lib/postgresql -name '*pass*' -printf '%u %m\\n'")
        assert set(found.splitlines()) <= {"postgres 600"}
