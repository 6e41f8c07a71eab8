"""One model for the whole file: what one plan leaves, the next one finds."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.failover.arena import Arena
from tests.integration.conftest import ROOT, STAND_IN, own_config

LOGS = ROOT / ".build" / "failover"


@pytest.fixture(scope="session")
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    charm_file = ROOT / "pg-hot-standby"
    if not charm_file.is_file():
        pytest.fail(f"{charm_file} is missing: run `make charm` first")
    command = str(STAND_IN)
    made = Arena(command, charm_file, own_config(command))
    yield made
    if request.session.testsfailed:
        made.keep_logs(LOGS)
        sys.stderr.write(f"logs: {LOGS}\n")
    made.abandon()
