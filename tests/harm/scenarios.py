"""What an operator does while things are killed, and how it shows that it is done."""

from __future__ import annotations

import shlex
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jubilant

from tests.integration.cluster import Cluster

APP = "pg"
# Has the server itself note each base backup that somebody takes of it.
CONFIG = {"extra-postgresql-conf": "log_replication_commands = on"}
SENTINEL = "/etc/systemd/system/pg-hot-standby-sentinel.service"


@dataclass(frozen=True)
class Begun:
    """A scenario that is under way.

    Attributes:
        units: those that hits choose from, in their order.
        newborn: those among which there are some that take a base backup.
        remain: how many units there will be.
        is_done: whether what was asked for is there to be seen; whether all is well with it,
            the judgement says.
    """

    units: list[str]
    newborn: list[str]
    remain: int
    is_done: Callable[[], bool]


@dataclass(frozen=True)
class Scenario:
    """Something that an operator does.

    Attributes:
        name: in a word.
        units: how many there must be before it; 0: no application.
        span_s: seconds that it takes when nothing is in its way.
        clones: base backups that it needs.
        begin: does it, given a cluster and a directory for files.
    """

    name: str
    units: int
    span_s: float
    clones: int
    begin: Callable[[Cluster, Path], Begun]


def _deploy(cluster: Cluster, _: Path) -> Begun:
    cluster.juju.deploy(cluster.charm_file, cluster.app, num_units=2, config=CONFIG)
    units = [f"{cluster.app}/{number}" for number in range(2)]
    return Begun(units, units, 2, lambda: len(cluster.units) == 2)


def _add_unit(cluster: Cluster, _: Path) -> Begun:
    before = cluster.units
    cluster.juju.add_unit(cluster.app)
    units = cluster.units
    born = [unit for unit in units if unit not in before]
    return Begun(units, born, len(units), lambda: cluster.units == units)


def _archive_path(cluster: Cluster, _: Path) -> Begun:
    old = str(cluster.juju.config(cluster.app)["archive-path"])
    # A segment in the old path, so that there is something to carry over.
    finish_segment(cluster)
    new = f"/srv/archive/{1 + int(Path(old).name) if Path(old).name.isdecimal() else 1}"
    cluster.juju.config(cluster.app, {"archive-path": new})

    def is_done() -> bool:
        return all(
            segments(cluster, unit, new)
            and not segments(cluster, unit, old)
            and "; archive: " not in cluster.message(unit)
            for unit in cluster.units
        )

    return Begun(cluster.units, [], len(cluster.units), is_done)


def _refresh(cluster: Cluster, files: Path) -> Begun:
    mark = f"# of build {_number_of_build(cluster) + 1}"
    newer = _newer_build(cluster.charm_file, files, mark)
    cluster.juju.refresh(cluster.app, path=newer)

    def is_done() -> bool:
        return all(mark in cluster.sh(unit, f"cat {SENTINEL}") for unit in cluster.units)

    return Begun(cluster.units, [], len(cluster.units), is_done)


def _remove_standby(cluster: Cluster, _: Path) -> Begun:
    before = cluster.units
    leaving = cluster.standbys[-1]
    cluster.juju.remove_unit(leaving)
    # The one that leaves is hit as often as all others together.
    others = [unit for unit in before if unit != leaving]
    return Begun(
        [*others, *[leaving] * len(others)],
        [],
        len(others),
        lambda: leaving not in cluster.units,
    )


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("deploy", 0, 14.0, 1, _deploy),
        Scenario("add-unit", 1, 9.0, 1, _add_unit),
        Scenario("archive-path", 2, 4.0, 0, _archive_path),
        Scenario("refresh", 2, 6.0, 0, _refresh),
        Scenario("remove-standby", 2, 5.0, 0, _remove_standby),
    )
}


def segments(cluster: Cluster, unit: str, path: str) -> list[str]:
    """The WAL segments in a directory of a unit's machine, in order."""
    listing = cluster.sh(unit, f"ls {shlex.quote(path)} 2> /dev/null || true")
    return sorted(name for name in listing.split() if len(name) == 24)


def finish_segment(cluster: Cluster) -> None:
    """Has the primary finish the WAL segment that it writes."""
    cluster.sql(
        cluster.primary, "SELECT pg_switch_wal() FROM pg_create_restore_point('a segment')"
    )


def _number_of_build(cluster: Cluster) -> int:
    text = cluster.sh(cluster.primary, f"sed -n 's/^# of build //p' {SENTINEL}")
    return int(text or 0)


def _newer_build(charm_file: Path, files: Path, mark: str) -> Path:
    newer = files / charm_file.name
    shutil.copy(charm_file, newer)
    with (
        zipfile.ZipFile(charm_file) as old,
        zipfile.ZipFile(newer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
    ):
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == "templates/sentinel.service.j2":
                content += f"{mark}\n".encode()
            new.writestr(entry, content)
    return newer


def quietly(look: Callable[[], bool]) -> bool:
    """Asks what may not be there to be asked just now; then the answer is no."""
    try:
        return look()
    except (jubilant.CLIError, AssertionError, StopIteration):
        return False
