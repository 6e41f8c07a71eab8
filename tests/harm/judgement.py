"""Whether all is whole again, and what is wrong where it is not."""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass

import jubilant

from tests.harm.hits import MACHINE, Strike
from tests.harm.scenarios import Begun, Scenario, quietly, segments
from tests.integration.cluster import Cluster

# A failed hook is tried again after 5 s, 10 s, 20 s and so on, and leadership moves after 60 s.
PATIENCE_S = 240.0
# Where a password could lie; what the packages bring has none, and a directory of the running
# system is no file.
_SEARCHED = "/etc /home /root /run /srv /tmp /usr/local /var"
_PASSFILE = re.compile(r"600 postgres /var/lib/postgresql/\.pg-hot-standby-[0-9]+-main\.pgpass")
# The sentinel's, which writes to the primary as the role of the charm's actions.
_MANDATE = re.compile(r"600 root /var/lib/pg-hot-standby/mandate\.json")
_SEGMENT_BYTES = 16 * 2**20


class NotWhole(AssertionError):
    """It does not become whole, or something is wrong with it; the text says what."""


@dataclass(frozen=True)
class Before:
    """What is to be the same afterwards, or to be counted from.

    Attributes:
        primary: its unit; empty where there is none yet.
        base_backups: how many were begun of it.
        archived: segments in the archive of each unit.
    """

    primary: str
    base_backups: int
    archived: dict[str, list[str]]

    @classmethod
    def of(cls, cluster: Cluster, deployed: bool) -> Before:
        if not deployed:
            return cls("", 0, {})
        primary = cluster.primary
        path = str(cluster.juju.config(cluster.app)["archive-path"])
        return cls(
            primary=primary,
            base_backups=_base_backups(cluster, primary),
            archived={unit: segments(cluster, unit, path) for unit in cluster.units},
        )


def wait_until_whole(cluster: Cluster, begun: Begun, timeout: float = PATIENCE_S) -> None:
    """Waits until all units are active and verified, and touches nothing.

    Raises:
        NotWhole: with what was seen last.
    """
    deadline = time.monotonic() + timeout
    while True:
        seen = _what_is_missing(cluster, begun)
        if not seen:
            return
        if time.monotonic() > deadline:
            raise NotWhole(f"after {timeout:.0f} s still: {seen}")
        time.sleep(0.3)


def _what_is_missing(cluster: Cluster, begun: Begun) -> str:
    try:
        status = cluster.juju.status()
        units = status.get_units(cluster.app)
        if len(units) != begun.remain:
            return f"there are {len(units)} units and not {begun.remain}"
        lines = ", ".join(
            f"{name} {unit.juju_status.current}, {unit.workload_status.current}:"
            f" {unit.workload_status.message}"
            for name, unit in units.items()
        )
        if not (
            jubilant.all_active(status, cluster.app)
            and jubilant.all_agents_idle(status, cluster.app)
            and status.apps[cluster.app].app_status.message.endswith(cluster.says(begun.remain))
        ):
            return lines
        if not quietly(begun.is_done):
            return f"not done what was asked for: {lines}"
        cluster.verify()
    except (jubilant.CLIError, jubilant.TaskError, StopIteration) as error:
        return f"{error} {getattr(error, 'stderr', '') or ''}".strip()
    return ""


def faults(
    cluster: Cluster, before: Before, scenario: Scenario, strikes: Iterable[Strike], rows: int
) -> list[str]:
    """Tells what is wrong with a cluster that says of itself that it is whole.

    Args:
        cluster: it.
        before: how it was before the scenario.
        scenario: what was done.
        strikes: what was killed.
        rows: of the table `written`, how many were acknowledged; 0: there is no such table.
    """
    primary = cluster.primary
    units = cluster.units
    found: list[str] = []
    strikes = list(strikes)
    if before.primary and primary != before.primary:
        if not _may_have_been_lost(before.primary, strikes):
            found.append(f"the primary was {before.primary} and is {primary}")
    else:
        found += _clones(cluster, primary, before, scenario, strikes)
    found += _standing(cluster, primary)
    for unit in units:
        found += _left_about(cluster, unit)
        found += _archive(cluster, unit, before)
        if rows:
            found += _rows(cluster, unit, rows)
    return found + _passwords(cluster)


def _may_have_been_lost(primary: str, strikes: Iterable[Strike]) -> bool:
    """Whether something was killed without which a primary takes no write."""
    return any(
        strike.landed and strike.unit == primary and strike.kind in ("server", "machine")
        for strike in strikes
    )


def _rows(cluster: Cluster, unit: str, rows: int) -> list[str]:
    """Every acknowledged row is there; a standby has a moment to show the last ones."""
    deadline = time.monotonic() + 10
    while True:
        kept = cluster.sql(unit, f"SELECT count(*) FROM written WHERE n <= {rows}")
        if kept == str(rows):
            return []
        if time.monotonic() > deadline:
            return [f"{unit} has {kept} of {rows} rows that were acknowledged"]
        time.sleep(0.2)


def _base_backups(cluster: Cluster, primary: str) -> int:
    """How many base backups were begun of the primary, by its own log."""
    text = cluster.sh(
        primary,
        "grep -c 'received replication command: BASE_BACKUP' /var/log/postgresql/*-main.log"
        " || true",
    )
    return int(text)


def _clones(
    cluster: Cluster,
    primary: str,
    before: Before,
    scenario: Scenario,
    strikes: Iterable[Strike],
) -> list[str]:
    taken = _base_backups(cluster, primary) - before.base_backups
    newest = cluster.units[-1]
    # One that is broken off is begun again; nothing else is a reason for another.
    broken = [
        strike
        for strike in strikes
        if strike.landed
        and (
            strike.kind in ("basebackup", "clone-job")
            or (strike.kind == "server" and strike.unit == primary)
            or (strike.kind == "machine" and strike.unit in (primary, newest))
        )
    ]
    most = scenario.clones + (len(broken) if scenario.clones else 0)
    if scenario.clones <= taken <= most:
        return []
    return [f"{taken} base backups were taken, and not {scenario.clones} to {most}"]


def _standing(cluster: Cluster, primary: str) -> list[str]:
    """Slots, lines of pg_hba.conf and roles are those of the units that there are."""
    others = [unit for unit in cluster.units if unit != primary]
    wanted = {
        "slots": sorted(unit.replace("/", "_") for unit in others),
        "addresses in pg_hba.conf": sorted(cluster.address(unit) for unit in others),
        "replication roles": ["replicator"],
        "streaming standbys": sorted(unit.replace("/", "_") for unit in others),
        "temporary slots": [],
    }
    queries = {
        "slots": "SELECT slot_name FROM pg_replication_slots WHERE NOT temporary",
        "addresses in pg_hba.conf": "SELECT DISTINCT address FROM pg_hba_file_rules "
        "WHERE type LIKE 'host%' AND address NOT IN ('127.0.0.1', '::1')",
        "replication roles": "SELECT rolname FROM pg_roles WHERE rolreplication AND NOT rolsuper",
        "streaming standbys": "SELECT application_name FROM pg_stat_replication "
        "WHERE state = 'streaming'",
        "temporary slots": "SELECT slot_name FROM pg_replication_slots WHERE temporary",
    }
    found: list[str] = []
    for what, query in queries.items():
        seen = sorted(cluster.sql(primary, query).split())
        if seen != wanted[what]:
            found.append(f"{what}: {seen} and not {wanted[what]}")
    return found


# What an interruption may have left: each line that this prints is something too much.
_LEFT_ABOUT = r"""
ls -d /var/lib/postgresql/*/* | grep -Ev '/main(\.(set-aside|unacknowledged)-[0-9TZ]+)?$' \
    | sed 's/^/a directory: /'
ls -d /var/lib/postgresql/* /var/lib/postgresql/.[!.]* /var/lib/postgresql/..?* 2> /dev/null \
    | grep -Ev '/[0-9]+$|/\.pg-hot-standby-[0-9]+-main\.pgpass$|/\.psql_history$' \
    | sed 's/^/beside the data: /'
ls -d /var/lib/pg-hot-standby/* 2> /dev/null \
    | grep -Ev '/(mandate\.(json|lock)|debt-[0-9a-z.-]+|texts)$' | sed 's/^/notes of a job: /'
find /etc /var/lib/postgresql /usr/local/lib -xdev -name '.*.new' | sed 's/^/half a file: /'
find /etc/postgresql -mindepth 3 -maxdepth 3 -type d ! -name conf.d | sed 's/^/a directory: /'
find /var/backups/pgsql /srv -xdev -name '.*' -type f 2> /dev/null | sed 's/^/half a segment: /'
for pid in $(pgrep -x postgres); do readlink "/proc/$pid/cwd"; done \
    | sort -u | grep -v '/main$' | sed 's/^/another server: /'
pgrep -x pg_basebackup | sed 's/^/a base backup under way: /'
systemctl list-units --failed --plain --no-legend 'pg-hot-standby*' 'postgresql*' \
    | sed 's/^/failed: /'
systemctl is-active --quiet pg-hot-standby-sentinel || echo 'the sentinel does not run'
true
"""


def _left_about(cluster: Cluster, unit: str) -> list[str]:
    return [f"{unit}: {line}" for line in cluster.sh(unit, _LEFT_ABOUT).splitlines()]


def _archive(cluster: Cluster, unit: str, before: Before) -> list[str]:
    """Every segment that was archived still is, and there is no gap between them."""
    path = str(cluster.juju.config(cluster.app)["archive-path"])
    there = segments(cluster, unit, path)
    gone = sorted(set(before.archived.get(unit, [])) - set(there))
    found = [f"{unit}: gone from the archive: {gone}"] if gone else []
    numbers = [int(name[8:16], 16) * 256 + int(name[16:], 16) for name in there]
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))) if numbers else False:
        found.append(f"{unit}: gaps in the archive: {there}")
    torn = cluster.sh(
        unit,
        f"find {shlex.quote(path)} -regextype egrep -regex '.*/[0-9A-F]{{24}}' "
        f"! -size {_SEGMENT_BYTES}c 2> /dev/null || true",
    )
    return found + [f"{unit}: no whole segment: {name}" for name in torn.split()]


def _passwords(cluster: Cluster) -> list[str]:
    secrets = cluster.juju.secrets()
    if len(secrets) != 1:
        return [f"{len(secrets)} secrets and not one"]
    content = cluster.juju.show_secret(secrets[0].uri, reveal=True).content
    said = {
        "juju status": cluster.juju.cli("status", "--format", "json"),
        "juju show-unit": cluster.juju.cli("show-unit", *cluster.units),
        "juju debug-log": cluster.juju.cli("debug-log", "--replay", "--no-tail"),
    }
    found = [
        f"a password in {where}"
        for where, text in said.items()
        if any(password in text for password in content.values())
    ]
    assert cluster.juju.model
    for unit in cluster.units:
        lines = _places(f"{cluster.juju.model}:{unit}", content.values())
        places = [line for line in lines if not _PASSFILE.fullmatch(line)]
        wrong = [place for place in places if not _MANDATE.fullmatch(place)]
        found += [f"{unit}: a password in {place}" for place in wrong]
        if len(places) == len(lines) and unit != cluster.primary:
            found.append(f"{unit}: no password where it has to be")
    return found


def _places(machine: str, passwords: Iterable[str]) -> list[str]:
    """Where on a machine the passwords stand: files as "mode owner path", and processes."""
    # They come by standard input: on a command line they would be found there.
    search = (
        "patterns=$(mktemp -p /dev/shm) && cat > $patterns; "
        f"grep -rlsF -D skip -f $patterns {_SEARCHED} | xargs -r -d '\\n' stat -c '%a %U %n'; "
        "grep -lsF -f $patterns /proc/[0-9]*/cmdline; "
        "journalctl --no-pager -o cat | grep -qF -f $patterns && echo journal; "
        "rm -f $patterns"
    )
    done = subprocess.run(
        [str(MACHINE), "exec", machine, "--", "sh", "-c", search],
        check=True,
        capture_output=True,
        text=True,
        input="".join(f"{password}\n" for password in passwords),
    )
    return done.stdout.splitlines()
