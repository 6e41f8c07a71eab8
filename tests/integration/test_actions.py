"""What the actions prove, and when they refuse."""

from __future__ import annotations

import json

import pytest

from tests.integration.cluster import Cluster, wait_until


@pytest.fixture(scope="module", autouse=True)
def maas_like_data(cluster: Cluster) -> None:
    primary = cluster.primary
    cluster.sql(primary, "CREATE DATABASE maasdb")
    cluster.sql(
        primary,
        "CREATE TABLE maasserver_node (hostname text, status int, power_state text); "
        "INSERT INTO maasserver_node "
        "SELECT 'node-' || n, n % 5, 'on' FROM generate_series(1, 200) n",
        database="maasdb",
    )


@pytest.mark.juju4
def test_verify_compares_a_query_at_one_lsn(cluster: Cluster) -> None:
    results = cluster.verify(
        database="maasdb",
        query="SELECT hostname, status, power_state FROM maasserver_node",
    )
    assert "same" in json.dumps(results)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("DELETE FROM maasserver_node", "DELETE"),
        ("SELECT 1; SELECT 2", "multi-query"),
        ("SELECT 1; COMMIT; DELETE FROM maasserver_node", "multi-query"),
        ("SELEC 1", "syntax error"),
        ("SELECT pg_sleep(30)", "timeout"),
        ("SELECT * FROM no_such_table", "no_such_table"),
    ],
)
def test_a_query_that_is_none_fails_in_postgresqls_words_and_does_nothing(
    cluster: Cluster, query: str, reason: str
) -> None:
    message = cluster.fails(
        cluster.primary, "verify-replication", database="maasdb", query=query, timeout=3
    )
    assert reason in message
    assert cluster.sql(cluster.primary, "SELECT count(*) FROM maasserver_node", "maasdb") == "200"


def test_a_host_that_is_let_in_by_a_line_of_the_operators_stays_let_in(cluster: Cluster) -> None:
    primary = cluster.primary
    (standby,) = cluster.standbys
    cluster.sql(primary, "CREATE ROLE maas LOGIN PASSWORD 'not-so-secret'")
    # The standby's machine in the place of a host of MAAS's.
    uri = f"postgres://maas:not-so-secret@{cluster.address(primary)}/maasdb"
    connect = f"psql {uri} -XAtc 'SELECT 1' 2>&1 || true"
    assert "no pg_hba.conf entry" in cluster.sh(standby, connect)
    line = f"host maasdb maas {cluster.address(standby)}/32 scram-sha-256"
    hba = "/etc/postgresql/*/main/pg_hba.conf"
    cluster.sh(primary, f"echo '{line}' | tee -a {hba} && systemctl reload postgresql")
    wait_until(lambda: cluster.sh(standby, connect), lambda said: said == "1")
    # The charm writes its own part of the file anew.
    cluster.juju.config("pg", {"replication-user": "streamer"})
    wait_until(
        lambda: cluster.sh(primary, f"cat {hba}"),
        lambda text: "streamer" in text and "replicator" not in text,
    )
    assert cluster.sh(primary, f"tail -n 1 {hba}") == line
    assert cluster.sh(standby, connect) == "1"
    cluster.juju.config("pg", reset="replication-user")
    cluster.settle(units=2)


@pytest.mark.juju4
def test_database_without_query_is_refused(cluster: Cluster) -> None:
    assert "both" in cluster.fails(cluster.primary, "verify-replication", database="maasdb")


def test_a_database_that_is_not_there_is_named(cluster: Cluster) -> None:
    message = cluster.fails(
        cluster.primary, "verify-replication", database="nowhere", query="SELECT 1"
    )
    assert "nowhere" in message


@pytest.mark.juju4
def test_verify_fails_and_names_the_standby_that_does_not_follow(cluster: Cluster) -> None:
    (standby,) = cluster.standbys
    cluster.sql(standby, "SELECT pg_wal_replay_pause()")
    try:
        message = cluster.fails(cluster.primary, "verify-replication", timeout=2)
        assert standby in message
    finally:
        cluster.sql(standby, "SELECT pg_wal_replay_resume()")
    cluster.verify()


def test_verify_fails_and_names_the_standby_whose_server_hangs(cluster: Cluster) -> None:
    (standby,) = cluster.standbys
    cluster.sh(standby, "pkill -STOP -x postgres")
    try:
        assert standby in cluster.fails(cluster.leader, "verify-replication", timeout=2)
    finally:
        cluster.sh(standby, "pkill -CONT -x postgres")
    cluster.settle(units=2)
    cluster.verify()


@pytest.mark.juju4
def test_reinit_is_refused_on_the_primary_and_without_the_right_name(cluster: Cluster) -> None:
    primary = cluster.primary
    (standby,) = cluster.standbys
    assert "primary" in cluster.fails(primary, "reinit-standby", confirm=primary)
    assert f"confirm={standby}" in cluster.fails(standby, "reinit-standby", confirm=primary)


def test_reinit_clones_anew_and_keeps_the_former_data(cluster: Cluster) -> None:
    (standby,) = cluster.standbys
    before = cluster.sh(standby, "stat -c %i /var/lib/postgresql/*/main")
    cluster.juju.run(standby, "reinit-standby", {"confirm": standby})
    wait_until(
        lambda: cluster.sh(standby, "stat -c %i /var/lib/postgresql/*/main || true"),
        lambda inode: inode not in ("", before),
    )
    cluster.settle(units=2)
    aside = cluster.sh(standby, "ls -d /var/lib/postgresql/*/main.set-aside-*").splitlines()
    assert len(aside) == 1
    cluster.verify()


@pytest.mark.juju4
def test_the_table_of_members_fits_a_terminal(cluster: Cluster) -> None:
    results = cluster.juju.run(cluster.primary, "get-cluster-status").results
    assert all(len(line) <= 78 for line in str(results["table"]).splitlines())
