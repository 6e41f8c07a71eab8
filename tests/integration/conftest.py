"""A model of its own for each file, through whichever `juju` is asked for."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path

import jubilant
import pytest

from tests.integration.cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]
STAND_IN = ROOT / "localjuju" / "bin" / "juju"
MACHINE = ROOT / "localjuju" / "bin" / "machine"
# The model that the tests under way look at.
MODEL = pytest.StashKey[jubilant.Juju]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--juju",
        default=str(STAND_IN),
        help="the juju command: the local model's, or that of a real controller",
    )
    parser.addoption(
        "--charm-file",
        default=str(ROOT / "pg-hot-standby"),
        help="the packed charm; made by `make charm`",
    )
    parser.addoption(
        "--leave-models", action="store_true", help="leave the models for a look at them"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--juju") == str(STAND_IN):
        return
    harm = pytest.mark.skip(reason="does harm to machines, which only the local model allows")
    for item in items:
        if {"machine", "arena"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(harm)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Give a test that is tried again a model of its own: in the first one anything may be.

    So every test has to pass by itself, too, without those that stand before it in its file.
    """
    # pytest-rerunfailures counts the tries, and makes anew only what failed while it was made.
    if getattr(item, "execution_count", 1) > 1 and isinstance(item, pytest.Function):
        for name in ("juju", "arena"):
            for fixture in item._fixtureinfo.name2fixturedefs.get(name, ()):
                # With everything that was made by means of it.
                fixture.finish(item._request)  # pyright: ignore[reportArgumentType]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Has the report of a failure show how its model is just then."""
    report = yield
    client = item.session.stash.get(MODEL, None)
    if report.failed and client is not None:
        for words in (("status",), ("debug-log", "--replay", "--limit", "400")):
            try:
                said = client.cli(*words)
            except jubilant.CLIError as error:
                said = f"{error}\n{error.stderr}"
            report.sections.append((f"juju {words[0]}", said))
    return report


@pytest.fixture(scope="session")
def charm_file(request: pytest.FixtureRequest) -> Path:
    path = Path(str(request.config.getoption("--charm-file"))).resolve()
    if not path.is_file():
        pytest.fail(f"{path} is missing: run `make charm` first")
    return path


def own_config(command: str) -> dict[str, str]:
    """Model-config of the local model: machines of the release that the charm was packed for."""
    release = os.environ.get("LOCALJUJU_RELEASE")
    return {"localjuju-release": release} if release and command == str(STAND_IN) else {}


@pytest.fixture(scope="module")
def juju(request: pytest.FixtureRequest) -> Iterator[jubilant.Juju]:
    command = request.config.getoption("--juju")
    model = f"test-{secrets.token_hex(3)}"
    client = jubilant.Juju(cli_binary=command)
    client.add_model(model, config=own_config(str(command)))
    client.model = model
    client.wait_timeout = 180.0
    request.session.stash[MODEL] = client
    yield client
    del request.session.stash[MODEL]
    if not request.config.getoption("--leave-models"):
        client.destroy_model(model, destroy_storage=True, force=True)


@pytest.fixture(scope="module")
def cluster(juju: jubilant.Juju, charm_file: Path) -> Cluster:
    """The pair that most tests look at; deployed once for each file."""
    juju.deploy(charm_file, "pg", num_units=2)
    pair = Cluster(juju, "pg", charm_file)
    pair.settle(units=2)
    return pair


class Machines:
    """What the local model lets one do to a machine."""

    def __init__(self, model: str) -> None:
        self._model = model

    def __call__(self, verb: str, *words: str) -> str:
        done = subprocess.run(
            [str(MACHINE), verb, *words],
            check=True,
            capture_output=True,
            text=True,
            env=None,
        )
        return done.stdout

    def of(self, unit: str) -> str:
        """The name under which `machine` knows a unit's machine."""
        return f"{self._model}:{unit}"


@pytest.fixture(scope="module")
def machine(juju: jubilant.Juju) -> Machines:
    assert juju.model
    return Machines(juju.model)
