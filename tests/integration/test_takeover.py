"""What is told of a change of primary afterwards, and how a standby gets over lost WAL."""

from __future__ import annotations

from tests.integration.cluster import Cluster, wait_until
from tests.integration.conftest import Machines

FILL = (
    "SELECT count(pg_logical_emit_message(false, 'test', repeat('x', 1000000)))"
    " FROM generate_series(1, {})"
)


def told(cluster: Cluster, unit: str) -> dict[str, str]:
    """What get-cluster-status on a unit says of the last change of primary."""
    results = cluster.juju.run(unit, "get-cluster-status").results
    return {str(key): str(value) for key, value in dict(results.get("last-change", {})).items()}


def takes_over(cluster: Cluster, unit: str, timeout: float = 180) -> None:
    wait_until(
        lambda: cluster.peek(unit, "SELECT pg_is_in_recovery()"),
        lambda seen: seen == "f",
        timeout,
    )


def test_a_switchover_can_be_asked_how_it_went(cluster: Cluster) -> None:
    former = cluster.primary
    (standby,) = cluster.standbys
    cluster.juju.run(former, "switchover")
    takes_over(cluster, standby)
    cluster.settle(units=2)

    task = cluster.juju.run(former, "switchover", {"to": standby})
    assert task.results["result"] == f"{standby} is the primary already"
    changes = [told(cluster, unit) for unit in cluster.units]
    for change in (*changes, dict(task.results["last-change"])):
        assert (change["kind"], change["from"], change["to"]) == ("switchover", former, standby)
        assert (change["term"], change["timeline"], change["missing-bytes"]) == ("2", "2", "0")
        # The clocks are those of one host.
        assert 0 < int(change["write-gap-ms"]) < 60_000
        assert "lost" not in change


def test_a_takeover_where_no_commit_waits_says_what_may_be_missing(
    cluster: Cluster, machine: Machines
) -> None:
    cluster.juju.config("pg", {"synchronous-standbys": 0})
    former = cluster.primary
    (standby,) = cluster.standbys
    wait_until(
        lambda: cluster.juju.cli("show-unit", former),
        lambda bags: '"asynchronous":true' in bags.replace("\\", ""),
    )
    cluster.settle(units=2)
    cluster.sql(former, "CREATE TABLE last_words AS SELECT generate_series(1, 1000) AS n")
    machine("kill", machine.of(former))

    takes_over(cluster, standby)
    shown = cluster.wait_for_message(standby, "may be missing", timeout=180)
    assert former in shown and " UTC" in shown
    change = wait_until(lambda: told(cluster, standby), lambda seen: "lost" in seen)
    assert (change["kind"], change["from"], change["to"]) == ("election", former, standby)
    assert int(change["missing-bytes"]) >= 0
    assert change["lost"] in shown
    row = cluster.sql(
        standby, "SELECT kind, former, at_risk FROM hot_standby.term ORDER BY term DESC LIMIT 1"
    )
    assert row == f"election|{former}|t"

    machine("start", machine.of(former))
    cluster.settle(units=2, retried=True)
    assert "missing" not in cluster.message(standby)
    cluster.juju.config("pg", reset="synchronous-standbys")
    wait_until(
        lambda: cluster.juju.run(standby, "get-cluster-status").results.get("quorum"),
        lambda quorum: quorum == "1",
    )
    cluster.settle(units=2)
    cluster.verify()


def test_what_alter_system_overrules_is_named_until_it_is_undone(cluster: Cluster) -> None:
    (standby,) = cluster.standbys
    name = "synchronous_standby_names"
    cluster.sql(standby, f"ALTER SYSTEM SET {name} = ''")
    look = "JUJU_DISPATCH_PATH=hooks/update-status ./dispatch"
    cluster.juju.exec(f"env {look}", unit=standby)
    shown = cluster.message(standby)
    assert shown.startswith(f"blocked: ALTER SYSTEM has set {name}")
    _, _, command = shown.partition(f"on the machine of {standby}: ")
    cluster.sh(standby, command)
    cluster.juju.exec(f"env {look}", unit=standby)
    cluster.settle(units=2)


def test_a_standby_whose_wal_is_gone_is_cloned_anew_by_itself(
    cluster: Cluster, machine: Machines
) -> None:
    cluster.juju.config("pg", {"wal-keep-size": 0, "max-slot-wal-keep-size": 64})
    primary = cluster.primary
    (standby,) = cluster.standbys
    wait_until(
        lambda: cluster.sql(primary, "SHOW max_slot_wal_keep_size"), lambda seen: seen == "64MB"
    )
    before = cluster.sh(standby, "stat -c %i /var/lib/postgresql/*/main")
    machine("kill", machine.of(standby))
    for _ in range(3):
        cluster.sql(primary, FILL.format(100))
        cluster.sql(primary, "SELECT pg_switch_wal(); CHECKPOINT")
    cluster.sql(primary, "CREATE TABLE beyond AS SELECT 7 AS n")
    machine("start", machine.of(standby))

    wait_until(
        lambda: cluster.sh(standby, "stat -c %i /var/lib/postgresql/*/main || true"),
        lambda inode: inode not in ("", before),
        300,
    )
    cluster.settle(units=2, retried=True)
    assert cluster.sql(standby, "SELECT n FROM beyond") == "7"
    cluster.verify()
