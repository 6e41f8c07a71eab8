"""The same pair, or larger cluster, typed by hand: what an operator's notes say, as scripts.

With the charm's settings, so that a commit waits for a standby, too, and with archiving by a plain
`cp`.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import jubilant

from bench import where

PASSWORD = "typed-by-hand"  # noqa: S105 - of machines that live for seconds
PREPARE = """\
major=$(ls /usr/lib/postgresql | sort -n | tail -1)
data=/var/lib/postgresql/$major/main
install -d -o postgres -g postgres -m 700 /var/backups/pgsql /var/backups/pgsql/archive
pg_createcluster "$major" main -- --data-checksums > /dev/null
cat > "/etc/postgresql/$major/main/conf.d/by-hand.conf" <<'END'
listen_addresses = '*'
wal_level = replica
hot_standby = on
wal_log_hints = on
max_wal_senders = 16
max_replication_slots = 16
wal_keep_size = 512MB
wal_sender_timeout = 5s
wal_receiver_timeout = 5s
wal_receiver_status_interval = 1s
wal_retrieve_retry_interval = 1s
archive_mode = always
archive_command = 'test ! -f /var/backups/pgsql/archive/%f && cp %p /var/backups/pgsql/archive/%f'
END
"""
START = 'pg_ctlcluster "$major" main start\n'
SYNCHRONOUS = "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'"
COUNT = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"


def psql(query: str) -> str:
    """Return a shell command for a statement on the machine's own server."""
    return f'sudo -u postgres psql -XAtq -v ON_ERROR_STOP=1 -c "{query}"\n'


def primary(standbys: Sequence[str]) -> str:
    """Return the primary's script; takes the standbys' addresses."""
    lines = "".join(
        f"echo 'host replication replicator {address}/32 scram-sha-256' >> $hba\n"
        for address in standbys
    )
    slots = "".join(
        psql(f"SELECT pg_create_physical_replication_slot('s{number}')")
        for number in range(len(standbys))
    )
    return (
        f'{PREPARE}hba="/etc/postgresql/$major/main/pg_hba.conf"\n{lines}{START}'
        + psql(f"CREATE ROLE replicator LOGIN REPLICATION PASSWORD '{PASSWORD}'")
        + slots
    )


def standby(upstream: str, number: int) -> str:
    """Return a standby's script; takes the primary's address."""
    return f"""{PREPARE}rm -rf "$data"
sudo -u postgres env PGPASSWORD={PASSWORD} pg_basebackup -h {upstream} -U replicator -D "$data" \\
    -R -X stream -S s{number} -c fast
{START}"""


def build(juju: jubilant.Juju, machines: Sequence[str]) -> None:
    """Type it all, and wait until every standby streams, and then have commits wait for one.

    The first machine is the primary's.
    """
    addresses = juju.status().machines
    upstream, *others = [addresses[name].dns_name for name in machines]
    where.shell(juju, machines[0], primary(others))
    failed: list[Exception] = []

    def type_in(number: int, name: str) -> None:
        try:
            where.shell(juju, name, standby(upstream, number))
        except jubilant.CLIError as error:
            failed.append(error)

    typists = [
        threading.Thread(target=type_in, args=[number, name])
        for number, name in enumerate(machines[1:])
    ]
    for typist in typists:
        typist.start()
    for typist in typists:
        typist.join()
    if failed:
        raise failed[0]
    where.wait(
        "the standbys made by hand to stream",
        lambda: where.shell(juju, machines[0], psql(COUNT)).strip() == str(len(others)),
    )
    where.shell(juju, machines[0], psql(SYNCHRONOUS) + psql("SELECT pg_reload_conf()"))


def drop(juju: jubilant.Juju, machines: Sequence[str]) -> None:
    """Take it away again."""
    for name in reversed(machines):
        where.shell(
            juju,
            name,
            "pg_dropcluster --stop $(ls /usr/lib/postgresql | sort -n | tail -1) main\n"
            "rm -rf /var/backups/pgsql\n",
        )
