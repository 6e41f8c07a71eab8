"""`juju config pg archive-path=…` while the database is written to."""

from __future__ import annotations

import shlex

import pytest

from tests.integration.cluster import Cluster, wait_until
from tests.integration.writer import Writer

DEFAULT = "/var/backups/pgsql/archive"


def archived(cluster: Cluster, unit: str, path: str) -> list[str]:
    return cluster.sh(
        unit, f"ls {shlex.quote(path)} | grep -E '^[0-9A-F]{{24}}$' || true"
    ).splitlines()


def finish_segment(cluster: Cluster) -> str:
    """Finishes a WAL segment; gives its name."""
    return cluster.sql(
        cluster.primary,
        "SELECT pg_walfile_name(pg_switch_wal()) FROM pg_create_restore_point('test')",
    ).splitlines()[0]


def wait_for_segment(cluster: Cluster, unit: str, path: str, segment: str) -> None:
    wait_until(lambda: archived(cluster, unit, path), lambda files: segment in files)


def change(cluster: Cluster, path: str) -> None:
    cluster.juju.config("pg", {"archive-path": path})


def wait_for_move(cluster: Cluster, path: str) -> None:
    """Waits until every unit archives to the path and holds nothing back elsewhere."""
    segment = ""

    def everywhere() -> bool:
        return all(segment in archived(cluster, unit, path) for unit in cluster.units)

    cluster.settle(units=2)
    segment = finish_segment(cluster)
    wait_until(everywhere, bool)
    for unit in cluster.units:
        wait_until(lambda unit=unit: cluster.message(unit), lambda line: "; archive: " not in line)


def test_every_unit_archives_to_the_default_path(cluster: Cluster) -> None:
    segment = finish_segment(cluster)
    for unit in cluster.units:
        wait_for_segment(cluster, unit, DEFAULT, segment)
        assert cluster.sh(unit, f"stat -c '%U %a' {DEFAULT}") == "postgres 700"


def test_the_archive_moves_under_load_without_a_restart_and_without_a_gap(
    cluster: Cluster,
) -> None:
    primary = cluster.primary
    new = "/srv/wal archive's é $HOME %p;x"
    started = cluster.sql(primary, "SELECT pg_postmaster_start_time()")
    with Writer(cluster) as writer:
        finish_segment(cluster)
        cluster.sh(
            primary,
            "rm -rf /var/tmp/base; "
            "sudo -u postgres pg_basebackup -D /var/tmp/base -c fast -X none",
        )
        writer.wait_for_more()
        change(cluster, new)
        writer.wait_for_more()
        wait_for_move(cluster, new)
        writer.wait_for_more()
    assert writer.errors() == ""
    rows = writer.acknowledged()
    segment = finish_segment(cluster)
    for unit in cluster.units:
        wait_for_segment(cluster, unit, new, segment)
        assert archived(cluster, unit, DEFAULT) == []
    assert cluster.sql(primary, "SELECT pg_postmaster_start_time()") == started
    cluster.verify()
    recovered = recover(cluster, primary, new)
    assert recovered == rows


def recover(cluster: Cluster, unit: str, archive: str) -> int:
    """Recovers the base backup from the archive alone; gives the rows that it then has."""
    restore = f"cp {shlex.quote(archive)}/%f %p".replace("'", "''").replace("%p;x", "%%p;x")
    script = f"""
set -e
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
mv {DEFAULT} {DEFAULT}.away 2>/dev/null || true
# A primary keeps it, so that nothing but the charm starts it read-write.
rm /var/tmp/base/standby.signal
touch /var/tmp/base/recovery.signal
: > /var/tmp/base/pg_hba.conf
echo 'local all all trust' > /var/tmp/base/pg_hba.conf
cat > /var/tmp/base/postgresql.conf <<'CONF'
restore_command = '{restore}'
port = 6543
unix_socket_directories = '/var/tmp'
listen_addresses = ''
archive_mode = off
hot_standby = off
recovery_target_action = promote
CONF
: > /var/tmp/base/postgresql.auto.conf
chown -R postgres /var/tmp/base
sudo -u postgres $bin/pg_ctl -D /var/tmp/base -w -t 60 -l /var/tmp/base/log start >/dev/null
i=0
until [ "$(sudo -u postgres psql -h /var/tmp -p 6543 -Atc 'SELECT pg_is_in_recovery()')" = f ]
do i=$((i + 1)); [ $i -lt 300 ] || {{ cat /var/tmp/base/log >&2; exit 1; }}; sleep 0.1; done
sudo -u postgres psql -h /var/tmp -p 6543 -Atc 'SELECT count(*) FROM written'
sudo -u postgres $bin/pg_ctl -D /var/tmp/base -m immediate stop >/dev/null
mv {DEFAULT}.away {DEFAULT} 2>/dev/null || true
"""
    return int(cluster.sh(unit, script).splitlines()[-1])


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("relative/path", "absolute"),
        ("/etc/archive", "system"),
        ("/", "system"),
        ("/var/lib/postgresql/../../../etc", ".."),
        ("/srv/new\nline", "control"),
        ("/srv/file", "file"),
        ("/sys/archive", ""),
        ("/proc/archive", ""),
        ("/srv/full/archive", ""),
        ("/srv/read-only/archive", ""),
        ("/srv/stranger", "cluster"),
        ("/srv/" + "x" * 3000, "long"),
    ],
)
def test_a_bad_path_is_refused_with_a_reason_and_the_old_one_goes_on(
    cluster: Cluster, path: str, reason: str
) -> None:
    prepare_bad_places(cluster)
    before = cluster.juju.config("pg")["archive-path"]
    good = str(before) if archived(cluster, cluster.primary, str(before)) else DEFAULT
    change(cluster, path)
    for unit in cluster.units:
        line = cluster.wait_for_message(unit, "archive-path")
        assert line.startswith("blocked: ")
        assert reason in line
    segment = finish_segment(cluster)
    for unit in cluster.units:
        wait_for_segment(cluster, unit, good, segment)
    change(cluster, good)
    cluster.settle(units=2)


def prepare_bad_places(cluster: Cluster) -> None:
    for unit in cluster.units:
        cluster.sh(
            unit,
            "[ -e /srv/file ] && exit 0; touch /srv/file; "
            "mkdir -p /srv/full /srv/read-only /srv/stranger; "
            "mount -t tmpfs -o size=1m tmpfs /srv/full; "
            "dd if=/dev/zero of=/srv/full/filling bs=64k 2>/dev/null; "
            "mount -t tmpfs -o ro tmpfs /srv/read-only; "
            "echo 'system_identifier = 1234567890123456789' "
            "> /srv/stranger/pg_hot_standby.claim.elsewhere; "
            "chown -R postgres /srv/stranger",
        )


def test_a_file_system_that_disappears_is_told_of_and_heals(cluster: Cluster) -> None:
    path = "/srv/mounted/archive"
    for unit in cluster.units:
        cluster.sh(
            unit,
            "mkdir -p /srv/backing /srv/mounted; mount -t tmpfs -o size=1g tmpfs /srv/backing; "
            "mount --bind /srv/backing /srv/mounted",
        )
    change(cluster, path)
    wait_for_move(cluster, path)
    primary = cluster.primary
    cluster.sh(primary, "umount --lazy /srv/mounted")
    segment = finish_segment(cluster)
    line = cluster.wait_for_message(primary, path)
    assert line.startswith("blocked: ")
    assert "archive" in cluster.fails(primary, "verify-replication")
    cluster.sh(primary, "mount --bind /srv/backing /srv/mounted")
    wait_for_segment(cluster, primary, path, segment)
    cluster.settle(units=2)
    cluster.verify()


def test_a_deleted_directory_is_made_again(cluster: Cluster) -> None:
    path = str(cluster.juju.config("pg")["archive-path"])
    primary = cluster.primary
    cluster.sh(primary, f"rm -rf {shlex.quote(path)}")
    segment = finish_segment(cluster)
    wait_for_segment(cluster, primary, path, segment)
    cluster.settle(units=2)
    cluster.verify()
