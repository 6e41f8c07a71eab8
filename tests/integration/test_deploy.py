"""From nothing to a pair, a trio, and a proof."""

from __future__ import annotations

import json
import os

import jubilant
import pytest

from tests.integration.cluster import Cluster


@pytest.fixture(scope="module")
def arrival(cluster: Cluster) -> None:
    cluster.sql(cluster.primary, "CREATE TABLE arrival AS SELECT generate_series(1, 1000) AS n")


@pytest.mark.juju4
def test_the_model_is_of_the_juju_that_was_asked_for(juju: jubilant.Juju) -> None:
    version = juju.status().model.version
    assert version.startswith(("3.", "4."))
    assert version == (os.environ.get("LOCALJUJU_JUJU_VERSION") or version)


@pytest.mark.juju4
def test_a_pair_is_one_primary_and_one_standby(cluster: Cluster) -> None:
    assert cluster.message(cluster.primary) == "active: primary, 1 of 1 standbys streaming"
    (standby,) = cluster.standbys
    assert cluster.message(standby).startswith(f"active: standby of {cluster.primary}, ")


@pytest.mark.juju4
@pytest.mark.usefixtures("arrival")
def test_rows_arrive(cluster: Cluster) -> None:
    results = cluster.verify()
    assert "streaming" in json.dumps(results)
    for unit in cluster.units:
        assert cluster.sql(unit, "SELECT count(*), sum(n) FROM arrival") == "1000|500500"


@pytest.mark.juju4
def test_verify_runs_on_any_unit(cluster: Cluster) -> None:
    for unit in cluster.units:
        cluster.verify(unit)


@pytest.mark.juju4
def test_the_password_is_in_a_secret_and_nowhere_else(cluster: Cluster) -> None:
    secrets = cluster.juju.secrets()
    content = cluster.juju.show_secret(secrets[0].uri, reveal=True).content
    everything = (
        cluster.juju.cli("status", "--format", "json")
        + cluster.juju.cli("show-unit", *cluster.units)
        + cluster.juju.cli("debug-log", "--replay", "--limit", "5000")
    )
    for unit in cluster.units:
        everything += cluster.sh(unit, "cat /var/log/postgresql/*.log; ps axww; journalctl -o cat")
    for password in content.values():
        assert len(password) >= 32
        assert password not in everything


@pytest.mark.juju4
def test_pg_hba_has_one_line_for_each_peer_and_no_network(cluster: Cluster) -> None:
    for unit in cluster.units:
        lines = cluster.sql(
            unit,
            "SELECT address, netmask FROM pg_hba_file_rules "
            "WHERE type LIKE 'host%' AND address NOT IN ('127.0.0.1', '::1')",
        ).splitlines()
        peers = {cluster.address(other) for other in cluster.units if other != unit}
        assert {line.split("|")[0] for line in lines} == peers
        assert {line.split("|")[1] for line in lines} == {"255.255.255.255"}


@pytest.mark.juju4
def test_settings_are_those_of_the_design(cluster: Cluster) -> None:
    for unit in cluster.units:
        shown = dict(
            line.split("|")
            for line in cluster.sql(
                unit,
                "SELECT name, setting FROM pg_settings WHERE name IN ('wal_level', "
                "'archive_mode', 'hot_standby', 'data_checksums', 'password_encryption')",
            ).splitlines()
        )
        assert shown == {
            "wal_level": "replica",
            "archive_mode": "always",
            "hot_standby": "on",
            "data_checksums": "on",
            "password_encryption": "scram-sha-256",
        }


@pytest.mark.juju4
def test_the_status_shows_version_and_port(cluster: Cluster) -> None:
    status = cluster.juju.status()
    version = cluster.sql(cluster.primary, "SHOW server_version").split()[0]
    assert status.apps["pg"].version == version
    for unit in status.get_units("pg").values():
        assert unit.open_ports == ["5432/tcp"]


@pytest.mark.usefixtures("arrival")
def test_a_third_unit_brings_the_data_that_is_there(cluster: Cluster) -> None:
    third = cluster.grow()
    cluster.settle(units=3)
    assert cluster.message(cluster.primary) == "active: primary, 2 of 2 standbys streaming"
    assert cluster.sql(third, "SELECT count(*) FROM arrival") == "1000"
    cluster.verify()


@pytest.mark.juju4
def test_get_cluster_status_tells_every_member(cluster: Cluster) -> None:
    task = cluster.juju.run("pg/1", "get-cluster-status")
    flat = json.dumps(task.results)
    for unit in cluster.units:
        assert unit in flat
        assert cluster.address(unit) in flat
    assert task.results["primary"] == cluster.primary
    assert task.results["term"] == "1"


def test_a_lone_unit_is_a_primary(juju: jubilant.Juju, cluster: Cluster) -> None:
    juju.deploy(cluster.charm_file, "solo")
    solo = Cluster(juju, "solo", cluster.charm_file)
    solo.settle(units=1)
    assert solo.message("solo/0") == "active: primary alone: no standby to take over; add a unit"
    solo.verify("solo/0")
