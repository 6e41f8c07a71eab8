"""A deployed application under writers: its units, machines and addresses."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import threading
from typing import Any

import jubilant

from localjuju.host import disks, machines
from localjuju.host.errors import HostError
from localjuju.host.machine import Machine
from tests.failover import neighbour
from tests.failover.attempts import Log
from tests.failover.faults import DISKS
from tests.failover.judge import Term
from tests.failover.writers import DATABASE, MADE, ROLE, TABLE, Writers
from tests.integration.cluster import Cluster, wait_until

# Large enough for what the servers keep, small enough to be filled in a moment.
_DISK = "1G"
# A server may be down, or without a primary, for a while.
_PATIENCE_S = 420.0


class Stage:
    """What operations and faults act on. Looks at Juju only where it has to: it may be away."""

    def __init__(self, cluster: Cluster, client: Machine) -> None:
        """Takes a deployed application.

        Args:
            cluster: it.
            client: the machine from which writers connect.
        """
        self.cluster = cluster
        self.client = client
        self.log = Log()
        self.writers: Writers | None = None
        self._machines: dict[str, Machine] = {}
        self._left: dict[str, Machine] = {}
        self._neighbours: list[str] = []
        self._lock = threading.Lock()

    @property
    def model(self) -> str:
        assert self.cluster.juju.model
        return self.cluster.juju.model

    # Who is there

    def units(self) -> list[str]:
        with self._lock:
            return list(self._machines)

    def machine(self, unit: str) -> Machine:
        with self._lock:
            return self._machines[unit]

    def members(self) -> dict[str, Machine]:
        """The machines by address."""
        with self._lock:
            return {machine.address: machine for machine in self._machines.values()}

    def left(self) -> dict[str, Machine]:
        """The machines that go on though their unit was forced away, by its name."""
        with self._lock:
            return dict(self._left)

    def primary(self) -> str:
        """The unit that took writes last, by what the writers were told.

        Raises:
            KeyError: if that one has been removed since.
        """
        address = self.log.primary()
        with self._lock:
            units = {machine.address: unit for unit, machine in self._machines.items()}
        return units[address]

    def standbys(self) -> list[str]:
        primary = self.primary()
        return [unit for unit in self.units() if unit != primary]

    def learn(self) -> None:
        """Asks Juju which units there are, and on which machines."""
        units = self.cluster.juju.status().get_units(self.cluster.app)
        known = {
            name: machines.get(self.model, unit.machine)
            for name, unit in sorted(units.items(), key=lambda one: int(one[0].split("/")[1]))
        }
        with self._lock:
            self._machines = known

    def record(self) -> dict[str, Any]:
        """The cluster record as Juju has it; {} if there is none."""
        shown = json.loads(self.cluster.juju.cli("show-unit", "--format=json", self.units()[0]))
        (unit,) = shown.values()
        for relation in unit.get("relation-info", ()):
            if "record" in relation.get("application-data", {}):
                return dict(json.loads(relation["application-data"]["record"]))
        return {}

    # What is done

    def make_wait(self, waits: bool) -> None:
        """Has commits wait for a standby, or for nobody, from the next look of all units on."""
        juju = self.cluster.juju
        if waits:
            juju.config(self.cluster.app, reset="synchronous-standbys")
        else:
            juju.config(self.cluster.app, {"synchronous-standbys": 0})

        def is_so(record: dict[str, Any]) -> bool:
            enough = bool(record.get("quorum")) or len(self.units()) == 1
            return bool(record.get("asynchronous")) is not waits and (enough or not waits)

        wait_until(self.record, is_so, _PATIENCE_S)

    def add_unit(self) -> str:
        """Adds one on a machine with disks of its own; returns when writers can reach it."""
        juju = self.cluster.juju
        before = set(juju.status().get_units(self.cluster.app))
        place = add_machine(juju)
        juju.add_unit(self.cluster.app, to=place)
        name = wait_until(
            lambda: set(juju.status().get_units(self.cluster.app)) - before, bool
        ).pop()
        self.learn()
        self.let_in(name)
        if self.writers:
            self._tell_writers(self.writers)
        return name

    def wait_until_gone(self, unit: str) -> None:
        """Waits until a unit that is removed is."""
        wait_until(
            lambda: self.cluster.juju.status().get_units(self.cluster.app),
            lambda units: unit not in units,
            _PATIENCE_S,
        )
        self.learn()
        if self.writers:
            self._tell_writers(self.writers)

    def force_away(self, unit: str) -> None:
        """Forces a unit out of the model; its machine and all that runs there go on.

        Nobody tells the unit, and no hook of it runs. Those who write to it alone go on, too.
        """
        juju, machine = self.cluster.juju, self.machine(unit)
        # A machine goes with its last unit.
        self._neighbours.append(neighbour.move_in(juju, machine.machine_id))
        with self._lock:
            self._left[unit] = machine
        juju.cli("remove-unit", "--no-prompt", "--force", "--no-wait", unit)
        self.wait_until_gone(unit)

    def clear_away(self) -> None:
        """Takes away the machines whose unit was forced away."""
        with self._lock:
            self._left.clear()
        neighbours, self._neighbours = self._neighbours, []
        neighbour.move_out(self.cluster.juju, neighbours)

    def let_in(self, unit: str) -> None:
        """Lets the writers in, as an operator lets his application in."""
        line = f"host {DATABASE} {ROLE} {self.client.address}/32 scram-sha-256"
        script = (
            f"file=$(ls {_HBA}) && grep -q 'Lines below this one are yours' $file && "
            f"{{ grep -qxF {shlex.quote(line)} $file || echo {shlex.quote(line)} >> $file; }} && "
            "sudo -u postgres psql -XAtqc 'SELECT pg_reload_conf()' && "
            f"sudo -u postgres psql -XAtqc {shlex.quote(_LET_IN)} | grep -qx t"
        )
        wait_until(lambda: self._can(unit, script), bool, _PATIENCE_S)

    def make_table(self) -> None:
        """Makes role, database and table on the primary."""
        primary = self.cluster.primary
        for statement, database in MADE:
            self.cluster.sql(primary, statement, database)

    # What is held

    def wait_until_replayed(self) -> None:
        """Waits until every standby shows all that the primary has written until now."""
        primary = self.cluster.primary
        # So that there is a commit to wait for, after all others.
        self.cluster.sql(primary, f"DELETE FROM {TABLE} WHERE false", DATABASE)
        position = self.cluster.sql(primary, "SELECT pg_current_wal_lsn()")
        for unit in self.units():
            if unit != primary:
                wait_until(
                    lambda unit=unit: self.cluster.sql(
                        unit, f"SELECT pg_last_wal_replay_lsn() >= '{position}'"
                    ),
                    lambda seen: seen == "t",
                    60,
                )

    def rows(self, unit: str, run: str) -> set[tuple[str, int]]:
        """Reads the rows of one run from a member."""
        query = f"SELECT writer, n FROM {TABLE} WHERE writer LIKE '{run}-%'"
        lines = self.cluster.sql(unit, query, DATABASE).splitlines()
        return {(writer, int(n)) for writer, _, n in (line.partition("|") for line in lines)}

    def terms(self) -> list[Term]:
        """Reads from the primary how each term began, the oldest first."""
        query = "SELECT timeline, coalesce(at_risk, false) FROM hot_standby.term ORDER BY term"
        lines = self.cluster.sql(self.cluster.primary, query).splitlines()
        return [
            Term(int(timeline), at_risk == "t")
            for timeline, _, at_risk in (line.partition("|") for line in lines)
        ]

    def number_of_rows(self, unit: str) -> int:
        """How many rows a member holds, of all runs."""
        return int(self.cluster.sql(unit, f"SELECT count(*) FROM {TABLE}", DATABASE))

    def _tell_writers(self, writers: Writers) -> None:
        stay = [machine.address for machine in self.left().values()]
        writers.follow(self.members(), stay)

    def _can(self, unit: str, script: str) -> bool:
        with contextlib.suppress(HostError, subprocess.TimeoutExpired):
            return self.machine(unit).exec(["sh", "-c", script], timeout=60).returncode == 0
        return False


_HBA = "/etc/postgresql/*/main/pg_hba.conf"
_LET_IN = (
    "SELECT count(*) > 0 FROM pg_hba_file_rules "
    f"WHERE user_name = ARRAY['{ROLE}'] AND error IS NULL"
)


def add_machine(juju: jubilant.Juju, bare: bool = False) -> str:
    """Makes a machine; gives its id.

    Args:
        juju: the model.
        bare: without disks that can be filled or hang.
    """
    assert juju.model
    juju.cli("add-machine")
    # Which one it was stands on standard error, which jubilant does not give.
    newest = max((int(name) for name in juju.status().machines), default=0)
    made = wait_until(
        lambda: next(
            (
                one
                for one in machines.list_machines(juju.model)
                if one.machine_id == str(newest) and (state := one.state()) and state.phase == "up"
            ),
            None,
        ),
        bool,
        120,
    )
    assert made
    if not bare:
        for path in DISKS:
            disks.attach(made, path, disks.parse_size(_DISK))
    return str(newest)
