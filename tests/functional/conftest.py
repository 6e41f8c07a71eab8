"""Clusters for the functional tests, which change the machine they run on.

    localjuju/bin/machine try -- .venv/bin/pytest tests/functional

gives them a throwaway one with a systemd and a PostgreSQL of its own. Several clusters of
different names and ports stand side by side there, on ports from 5500 on.
"""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from postgresql import install, layout
from tests.functional.lab import Lab


def pytest_configure():
    virtual = subprocess.run(
        ["systemd-detect-virt", "--container"], capture_output=True, text=True, check=False
    ).stdout.strip()
    if os.geteuid() != 0 or virtual != "systemd-nspawn":
        pytest.exit(
            "these tests change the machine they run on; give them a throwaway one:\n"
            "    localjuju/bin/machine try -- .venv/bin/pytest tests/functional",
            returncode=4,
        )


@pytest.fixture(scope="session", autouse=True)
def installed():
    install.ensure_installed()
    # Nothing here pulls the plug, and a dozen clusters that wait for a disk take minutes.
    if not layout.DATA.is_mount():
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", layout.DATA], check=True
        )
        shutil.chown(layout.DATA, "postgres", "postgres")


@pytest.fixture
def lab():
    """Clusters of one test."""
    with Lab() as clusters:
        yield clusters


@pytest.fixture(scope="module")
def shared_lab():
    """Clusters of a file of tests that leave them as they find them."""
    with Lab() as clusters:
        yield clusters


@pytest.fixture(scope="module")
def primary(shared_lab: Lab):
    """A running primary that the tests of a file share."""
    return shared_lab.primary()
