"""Which tests may run beside each other when `--dist=loadgroup` divides them among processes."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together a file's tests, which share a model, and all that look at the host's machines.

    What one of those leaves behind on purpose, another's sweep would take away.
    """
    for item in items:
        if HERE in item.path.parents:
            place = item.path.parent if item.path.parent.name == "host" else item.path
            item.add_marker(pytest.mark.xdist_group(str(place.relative_to(HERE))))
