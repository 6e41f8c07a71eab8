"""The charm on a real Juju 3 controller, by the tools that charm engineers use there."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

MISSING = [program for program in ("juju", "charmcraft") if shutil.which(program) is None]

pytestmark = pytest.mark.skipif(
    bool(MISSING),
    reason=f"needs a Juju 3 controller and, on PATH, what is missing here: {', '.join(MISSING)}",
)


@pytest.mark.abort_on_fail
async def test_build_deploy_verify(ops_test: Any) -> None:
    charm = await ops_test.build_charm(".")
    await ops_test.model.deploy(charm, application_name="pg", num_units=2)
    await ops_test.model.wait_for_idle(apps=["pg"], status="active", timeout=1800)
    action = await ops_test.model.units["pg/0"].run_action("verify-replication")
    done = await action.wait()
    assert done.status == "completed", done.results
