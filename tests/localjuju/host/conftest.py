"""Real machines for the tests of the machine layer; they need root and fail without it."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from localjuju.host import cleanup, machines, paths, prerequisites
from localjuju.host.machine import Machine


@pytest.fixture(scope="session", autouse=True)
def host() -> None:
    """A host on which machines can run, without leftovers of earlier runs."""
    prerequisites.require()
    cleanup.sweep()


@pytest.fixture(scope="session")
def pair() -> Iterator[tuple[Machine, Machine]]:
    """Two running machines of one model; who stops or cuts them puts them back."""
    model = f"test-{secrets.token_hex(3)}"
    try:
        made = (machines.create(model, "0"), machines.create(model, "1"))
        for machine in made:
            machine.start()
        yield made
    finally:
        machines.destroy_model(model)


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine of its own model, switched off."""
    model = f"test-{secrets.token_hex(3)}"
    try:
        yield machines.create(model, "0")
    finally:
        machines.destroy_model(model)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """A home of its own that shares the cached images."""
    home = tmp_path / "home"
    home.mkdir()
    cached = paths.images()
    monkeypatch.setenv("LOCALJUJU_HOME", str(home))
    paths.ensure_home()
    (home / "images").rmdir()
    (home / "images").symlink_to(cached)
    return home
