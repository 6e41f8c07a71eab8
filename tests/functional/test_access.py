"""Who may connect, with which role and over which slot."""

import psycopg2
import pytest

from postgresql import files, hba, roles, slots, sql
from postgresql.errors import NotReachable, QueryRefused, ServerRefused
from postgresql.layout import Layout
from tests.functional.lab import (
    ADDRESS,
    OPERATOR_PASSWORD,
    PASSWORD,
    REPLICATOR,
    Lab,
    ask,
    log_of,
    until,
    value,
)


def rules(layout: Layout) -> list[tuple[object, ...]]:
    return ask(
        layout,
        "SELECT database, user_name, address, netmask, auth_method FROM pg_hba_file_rules"
        " WHERE type = 'host' ORDER BY line_number",
    )


def test_every_peer_has_a_line_of_its_own_and_loses_it(lab: Lab):
    layout = lab.primary()
    peers = {"pg/10": "fd00::1", "pg/2": "10.0.0.2", "pg/1": "10.0.0.1"}

    assert hba.ensure(layout, ["b", "a"], peers)

    databases = ["all", "replication"]
    assert rules(layout)[2:] == [
        (databases, ["a", "b"], "10.0.0.1", "255.255.255.255", "scram-sha-256"),
        (databases, ["a", "b"], "10.0.0.2", "255.255.255.255", "scram-sha-256"),
        (databases, ["a", "b"], "fd00::1", ":".join(["ffff"] * 8), "scram-sha-256"),
    ]
    assert not hba.ensure(layout, ["a", "b"], peers)
    assert hba.ensure(layout, ["a", "b"], {"pg/1": "10.0.0.1"})
    assert len(rules(layout)) == 3


def test_only_the_roles_and_addresses_given_get_in(lab: Lab):
    layout = lab.primary()

    with sql.remote(ADDRESS, REPLICATOR, PASSWORD, port=layout.port) as conn:
        assert sql.row(conn, "SELECT current_user") == (REPLICATOR,)
    with pytest.raises(psycopg2.OperationalError, match=r"no pg_hba\.conf entry"):
        # Replication needs a peer's line; localhost alone has none.
        hba.ensure(layout, [REPLICATOR], {})
        psycopg2.connect(
            host=ADDRESS,
            port=layout.port,
            user=REPLICATOR,
            password=PASSWORD,
            dbname="replication",
            replication="true",
        )


def test_the_operators_own_lines_are_kept(lab: Lab):
    layout = lab.primary()
    with layout.hba_file.open("a") as file:
        file.write("host maasdb maas 10.9.0.0/16 scram-sha-256\n# a remark")

    hba.ensure(layout, ["a"], {"pg/1": "10.0.0.1"})
    hba.ensure(layout, ["a"], {"pg/2": "10.0.0.2"})

    text = layout.hba_file.read_text()
    assert text.count("maasdb") == 1 and text.endswith("# a remark")
    assert (["maasdb"], ["maas"], "10.9.0.0", "255.255.0.0", "scram-sha-256") in rules(layout)


def test_a_broken_line_is_named_and_the_former_file_stays(lab: Lab):
    layout = lab.primary()
    with layout.hba_file.open("a") as file:
        file.write("host all all 10.9.0.0/16 nonsense\n")
    before = layout.hba_file.read_text()

    with pytest.raises(ServerRefused, match=r'line \d+.*"nonsense"'):
        hba.ensure(layout, ["a"], {"pg/1": "10.0.0.1"})

    assert layout.hba_file.read_text() == before
    with sql.remote(ADDRESS, REPLICATOR, PASSWORD, port=layout.port):
        pass


def test_roles_that_mean_something_in_the_file_are_quoted(lab: Lab):
    layout = lab.primary()

    hba.ensure(layout, ["all", "My-Role", "+x"], {"pg/1": "10.0.0.1"})

    assert '"+x","My-Role","all"' in layout.hba_file.read_text()
    assert rules(layout)[-1][1] == ["+x", "My-Role", "all"]


def test_a_network_is_no_peer(lab: Lab):
    layout = lab.primary()
    before = layout.hba_file.read_text()

    with pytest.raises(ValueError, match=r"10\.0\.0"):
        hba.ensure(layout, ["a"], {"pg/1": "10.0.0.0/8"})

    assert layout.hba_file.read_text() == before


def test_a_call_interrupted_before_the_reload_is_completed(lab: Lab):
    layout = lab.primary()
    hba.ensure(layout, [REPLICATOR], {"pg/1": ADDRESS})
    text = layout.hba_file.read_text()
    hba.ensure(layout, [REPLICATOR], {})
    files.write(layout.hba_file, text)
    loaded = value(layout, "SELECT pg_conf_load_time()")

    hba.ensure(layout, [REPLICATOR], {"pg/1": ADDRESS})

    assert value(layout, "SELECT pg_conf_load_time()") != loaded


def test_roles_and_schema_are_made_once(lab: Lab):
    layout = lab.primary()
    with sql.local(layout) as conn:
        assert not roles.ensure(conn, REPLICATOR, PASSWORD, OPERATOR_PASSWORD)
        assert roles.replication_roles(conn) == (REPLICATOR,)
    assert ask(
        layout,
        "SELECT rolname, rolsuper, rolreplication, pg_has_role(oid, 'pg_read_all_data', 'usage')"
        " FROM pg_roles WHERE rolname IN (%s, %s) ORDER BY rolname",
        REPLICATOR,
        roles.OPERATOR,
    ) == [(roles.OPERATOR, False, False, True), (REPLICATOR, False, True, False)]
    with sql.remote(ADDRESS, roles.OPERATOR, OPERATOR_PASSWORD, port=layout.port) as conn:
        sql.rows(conn, "INSERT INTO hot_standby.token (token) VALUES ('t')")
        assert sql.rows(conn, "SELECT token FROM hot_standby.token") == [("t",)]


def test_a_new_password_is_set_and_the_old_one_no_longer_works(lab: Lab):
    layout = lab.primary()
    with sql.local(layout) as conn:
        assert roles.ensure(conn, REPLICATOR, "anöther one's", OPERATOR_PASSWORD)
        assert not roles.ensure(conn, REPLICATOR, "anöther one's", OPERATOR_PASSWORD)

    with sql.remote(ADDRESS, REPLICATOR, "anöther one's", port=layout.port):
        pass
    with (
        pytest.raises(NotReachable, match="password authentication failed") as caught,
        sql.remote(ADDRESS, REPLICATOR, PASSWORD, port=layout.port),
    ):
        pass
    assert PASSWORD not in str(caught.value)


def test_no_password_reaches_the_log(lab: Lab):
    layout = lab.primary()
    ask(layout, "ALTER SYSTEM SET log_statement = 'all'")
    ask(layout, "ALTER SYSTEM SET log_min_duration_statement = 0")
    ask(layout, "SELECT pg_reload_conf()")
    until(lambda: value(layout, "SHOW log_statement") == "all")
    with sql.local(layout) as conn:
        roles.ensure(conn, "second", "first-password", OPERATOR_PASSWORD)
        roles.ensure(conn, "second", "second-password", OPERATOR_PASSWORD)

    log = log_of(layout)

    assert "log_statement" in log
    for secret in ("first-password", "second-password", "SCRAM-SHA-256$"):
        assert secret not in log


def test_a_role_of_somebody_else_is_not_taken_over(lab: Lab):
    layout = lab.primary()
    ask(layout, "CREATE ROLE app LOGIN")
    with sql.local(layout) as conn:
        with pytest.raises(QueryRefused, match="the charm did not make it"):
            roles.ensure(conn, "app", PASSWORD, OPERATOR_PASSWORD)
        with pytest.raises(QueryRefused, match="the charm did not make it"):
            roles.drop(conn, "app")
    assert value(layout, "SELECT rolreplication FROM pg_roles WHERE rolname = 'app'") is False


def test_a_former_role_is_dropped_with_its_connections(lab: Lab):
    layout = lab.primary()
    with sql.local(layout) as conn:
        roles.ensure(conn, "former", PASSWORD, OPERATOR_PASSWORD)
        with sql.remote(ADDRESS, "former", PASSWORD, port=layout.port):
            assert roles.drop(conn, "former")
            assert not roles.drop(conn, "former")
        assert roles.replication_roles(conn) == (REPLICATOR,)


def test_slots_are_made_and_dropped_once(primary: Layout):
    with sql.local(primary) as conn:
        assert slots.ensure(conn, ["pg_1", "pg_2"]) == ("pg_1", "pg_2")
        assert slots.ensure(conn, ["pg_1", "pg_2"]) == ()
        assert [slot.name for slot in slots.slots(conn)] == ["pg_1", "pg_2"]
        assert slots.drop(conn, "pg_1")
        assert not slots.drop(conn, "pg_1")
        slots.drop(conn, "pg_2")


def test_a_slot_in_use_is_dropped_and_its_standby_cut_off(lab: Lab):
    primary = lab.primary()
    lab.standby(primary)

    with sql.local(primary) as conn:
        assert [slot.active for slot in slots.slots(conn)] == [True]
        assert slots.drop(conn, "lab_1")
        assert slots.slots(conn) == ()


def test_a_slot_whose_wal_is_lost_is_made_anew(lab: Lab):
    layout = lab.primary()
    ask(layout, "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    ask(layout, "ALTER SYSTEM SET wal_keep_size = 0")
    ask(layout, "ALTER SYSTEM SET max_wal_size = '32MB'")
    ask(layout, "SELECT pg_create_physical_replication_slot('pg_1', true)")
    ask(layout, "SELECT pg_reload_conf()")

    def is_lost() -> bool:
        ask(layout, "CREATE TABLE IF NOT EXISTS public.filler (t text)")
        ask(layout, "SELECT pg_switch_wal()")
        ask(
            layout,
            "INSERT INTO public.filler SELECT repeat('x', 1000) FROM generate_series(1, 5000)",
        )
        ask(layout, "CHECKPOINT")
        with sql.local(layout) as conn:
            return slots.slots(conn)[0].wal_status == "lost"

    until(is_lost)

    with sql.local(layout) as conn:
        assert slots.ensure(conn, ["pg_1"]) == ("pg_1",)
        assert slots.slots(conn)[0].wal_status == ""
