"""Which tests may run beside each other when `--dist=loadgroup` divides them among processes."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


# First, since pytest-xdist reads the groups in the same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together a file's tests, which share a model, and all those that make machines.

    What one of these leaves behind on purpose, or builds just now, another's sweep takes away.
    """
    for item in items:
        if HERE in item.path.parents:
            machines = item.path.parent.name == "host" or item.path.name == "test_real_machines.py"
            group = "machines" if machines else str(item.path.relative_to(HERE))
            item.add_marker(pytest.mark.xdist_group(group))
