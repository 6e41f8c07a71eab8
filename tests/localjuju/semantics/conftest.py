"""A model for each test, on a controller that the tests of a file share."""

from __future__ import annotations

import itertools
from collections.abc import Generator

import pytest

from localjuju.controller import wire
from tests.localjuju.semantics.harness import Host, Model

_numbers = itertools.count()


@pytest.fixture(scope="module")
def host() -> Generator[Host]:
    running = Host()
    yield running
    running.close()


# Looked up before any fixture sets another: `LOCALJUJU_JUJU_VERSION=4.0.15 pytest …`.
VERSION = wire.wanted_juju_version() or wire.DEFAULT_JUJU_VERSION


@pytest.fixture(params=[VERSION])
def model(host: Host, request: pytest.FixtureRequest) -> Generator[Model]:
    made = Model(host, f"m{next(_numbers)}", request.param)
    yield made
    for _ in made.controller.destroy_model(made.name, force=True, no_wait=True):
        pass


both_versions = pytest.mark.parametrize("model", ["3.6.28", "4.0.15"], indirect=True)
