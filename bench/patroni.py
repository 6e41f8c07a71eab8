"""A pair under Debian's Patroni, with etcd beside it: what failover is held against.

At its defaults (ttl 30, loop_wait 10, retry_timeout 10; replication asynchronous), made by
Debian's own `pg_createconfig_patroni`. Two comments of its template are put in force: the network
may connect, and a role may rewind, so that a former primary need not be cloned.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator

from bench import gaps, where
from localjuju.host.definition import Layer
from localjuju.host.machine import Machine
from tests.failover.writers import MADE

LAYER = Layer("patroni", packages=("patroni", "etcd-server"))
ETCD = """\
cat >> /etc/default/etcd <<'END'
ETCD_LISTEN_CLIENT_URLS="http://0.0.0.0:2379"
ETCD_ADVERTISE_CLIENT_URLS="http://{address}:2379"
END
systemctl restart etcd
"""
MEMBER = """\
systemctl disable -q --now etcd
major=$(ls /usr/lib/postgresql | sort -n | tail -1)
printf 'etcd3:\\n  host: {etcd}:2379\\n' > /etc/patroni/dcs.yml
sed -i -e '/^#    rewind:/,/rewind-pass/s/^#//' -e 's/^#\\(.*all.*@NETWORK@.*\\)/\\1/' \\
    /etc/patroni/config.yml.in
pg_createconfig_patroni --hostip={address} --network={network} --port=5432 "$major" main
ln -s "/etc/patroni/$major-main.yml" /etc/patroni/main.yml
systemctl enable -q --now "patroni@$major-main"
"""


class Cluster:
    """The pair; a `gaps.Pair`."""

    name = "Patroni's pair"

    def __init__(self, etcd: Machine, members: list[Machine]) -> None:
        """Make it; returns when the standby streams and the writers' table is there.

        Args:
            etcd: the machine for it, from which is written, too.
            members: two machines, with what `LAYER` has.
        """
        self.client = etcd
        self.members = {member.address: member for member in members}
        _run(etcd, ETCD.format(address=etcd.address))
        network = str(etcd.network.subnet)
        for member in members:
            _run(member, MEMBER.format(etcd=etcd.address, address=member.address, network=network))
        made = _run(members[0], "basename -s .yml /etc/patroni/[0-9]*.yml").strip()
        self.service = f"patroni@{made}.service"
        self.settle()
        leader = self._members()["Leader"]
        for statement, database in MADE:
            gaps.sql(leader, statement, database)

    def hand_over(self) -> None:
        """Have the other member be primary, as planned."""
        now = self._members()
        leader, replica = now["Leader"], now["Replica"]
        _run(
            leader,
            f"patronictl -c /etc/patroni/main.yml switchover --master {leader.hostname}"
            f" --candidate {replica.hostname} --force",
        )

    def settle(self) -> None:
        """Wait until Patroni lists both as running, and the standby streams."""
        streaming = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"

        def settled() -> bool:
            now = self._members()
            return len(now) == 2 and gaps.sql(now["Leader"], streaming).strip() == "1"

        where.wait("Patroni's pair to stream", settled, 0.3)

    def _members(self) -> dict[str, Machine]:
        """Return the members that run, by role: Leader, Replica."""
        asked = next(iter(self.members.values()))
        listed = json.loads(_run(asked, "patronictl -c /etc/patroni/main.yml list -f json"))
        return {
            one["Role"]: self.members[one["Host"]]
            for one in listed
            if one["State"] in ("running", "streaming")
        }


@contextlib.contextmanager
def cluster() -> Generator[Cluster, None, None]:
    """A pair in throwaway machines of its own."""
    with where.machines(3, LAYER) as (etcd, *members):
        yield Cluster(etcd, members)


def _run(machine: Machine, script: str) -> str:
    return machine.exec(["bash", "-eu", "-s"], input=script, check=True).stdout
