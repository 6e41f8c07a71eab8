"""A newer build of the charm takes over, and everything keeps running."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from tests.integration.cluster import Cluster
from tests.integration.writer import Writer

pytestmark = pytest.mark.juju4


def newer_build(charm_file: Path, directory: Path) -> Path:
    """The same charm with another template, as a later build would have."""
    newer = directory / "pg-hot-standby"
    shutil.copy(charm_file, newer)
    with (
        zipfile.ZipFile(charm_file) as old,
        zipfile.ZipFile(newer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == "templates/sentinel.service.j2":
                content += b"# of a newer build\n"
            new.writestr(entry, content)
    return newer


def test_a_refresh_keeps_everything_running(cluster: Cluster, tmp_path: Path) -> None:
    started = [cluster.sql(unit, "SELECT pg_postmaster_start_time()") for unit in cluster.units]
    with Writer(cluster) as writer:
        cluster.juju.refresh("pg", path=newer_build(cluster.charm_file, tmp_path))
        for unit in cluster.units:
            cluster.wait_for_file(
                unit, "/etc/systemd/system/pg-hot-standby-sentinel.service", "of a newer build"
            )
        writer.wait_for_more()
    assert writer.errors() == ""
    cluster.settle(units=2)
    assert started == [
        cluster.sql(unit, "SELECT pg_postmaster_start_time()") for unit in cluster.units
    ]
    cluster.verify()
