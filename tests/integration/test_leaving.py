"""Units that leave take their place with them and leave their data."""

from __future__ import annotations

import shlex

import jubilant
import pytest

from tests.integration.cluster import Cluster, wait_until


@pytest.mark.juju4
def test_a_standby_that_leaves_gives_up_slot_and_line(cluster: Cluster) -> None:
    primary = cluster.primary
    (standby,) = cluster.standbys
    address = cluster.address(standby)
    cluster.juju.remove_unit(standby)
    cluster.settle(units=1)
    assert cluster.message(primary) == "active: primary alone: no standby to take over; add a unit"
    assert cluster.sql(primary, "SELECT count(*) FROM pg_replication_slots") == "0"
    assert address not in cluster.sh(primary, "cat /etc/postgresql/*/main/pg_hba.conf")


@pytest.mark.juju4
def test_another_one_takes_its_place(cluster: Cluster) -> None:
    cluster.grow()
    cluster.settle(units=len(cluster.units))
    cluster.verify()


@pytest.mark.juju4
def test_a_primary_that_is_removed_hands_over_all_that_it_had(cluster: Cluster) -> None:
    primary = cluster.primary
    (standby,) = cluster.standbys
    cluster.sql(primary, "CREATE TABLE keepsake AS SELECT 42 AS answer")
    cluster.juju.remove_unit(primary)
    wait_until(lambda: cluster.units, lambda units: units == [standby])
    cluster.settle(units=1)
    assert cluster.primary == standby
    assert cluster.sql(standby, "SELECT answer FROM keepsake") == "42"
    cluster.verify()


def test_the_last_unit_stops_its_server_and_leaves_data_and_archive(
    juju: jubilant.Juju, cluster: Cluster
) -> None:
    # Another unit on the machine keeps it, so that one can look at what is left there.
    juju.deploy(cluster.charm_file, "last")
    last = Cluster(juju, "last", cluster.charm_file)
    last.settle(units=1)
    machine = juju.status().get_units("last")["last/0"].machine
    juju.deploy(cluster.charm_file, "witness", to=machine)
    wait_until(lambda: juju.status().get_units("witness"), bool)
    juju.remove_application("last")
    wait_until(lambda: "last" in juju.status().apps, lambda there: not there)

    def on_machine(command: str) -> str:
        return juju.ssh("witness/0", f"sudo sh -c {shlex.quote(command)}").strip()

    assert on_machine("ls /var/lib/postgresql/*/main/PG_VERSION")
    assert on_machine("ls -d /var/backups/pgsql/archive")
    assert on_machine("pgrep -x postgres || echo none") == "none"
    assert on_machine("ls /etc/systemd/system | grep pg-hot-standby || echo none") == "none"
