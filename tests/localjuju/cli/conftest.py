"""A controller of the stand-in with machines that are plain directories, and its juju command."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jubilant
import pytest

from localjuju.cli import app
from localjuju.cli.context import Context
from localjuju.controller.facade import Controller
from localjuju.controller.wire import DEFAULT_JUJU_VERSION, ControllerGoneError

ROOT = Path(__file__).resolve().parents[3]
JUJU = ROOT / "localjuju/bin/juju"
CHARM = Path(__file__).with_name("charm")


@dataclass(frozen=True)
class Ran:
    """What a run of the command gave."""

    status: int
    out: str
    err: str


Command = Callable[..., Ran]


def run_juju(*words: str, stdin: str = "", env: dict[str, str] | None = None) -> Ran:
    done = subprocess.run(
        [JUJU, *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **(env or {})},
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def run_inside(*words: str, env: dict[str, str] | None = None) -> Ran:
    """Run the command line in this process, which for hundreds of them is much quicker."""
    # As Python opens the two streams of a process.
    said, told = (
        io.TextIOWrapper(io.BytesIO(), "utf-8", errors=errors, write_through=True)
        for errors in ("strict", "backslashreplace")
    )
    with Path(os.devnull).open() as nothing:
        context = Context(
            stdin=nothing, stdout=said, stderr=told, env={**os.environ, **(env or {})}
        )
        status = app.main(list(words), context)
    out, err = (stream.buffer.getvalue().decode() for stream in (said, told))  # pyright: ignore[reportAttributeAccessIssue]
    return Ran(status, out, err)


@pytest.fixture(scope="module")
def controller() -> Iterator[Path]:
    """The home of a controller of our own; it starts with the first command.

    A module's own: whatever else this process runs meanwhile has that home, too, and tests of
    machines would build all images anew there.
    """
    # A Unix socket's path has 108 bytes, which pytest's own directories may exceed.
    home = Path(tempfile.mkdtemp(prefix="ljcli-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCALJUJU_HOME", str(home))
        patch.setenv("LOCALJUJU_PROVIDER", "process")
        patch.setenv("XDG_STATE_HOME", str(home / "state"))
        patch.setenv("TZ", "UTC")
        for name in ("JUJU_MODEL", "LOCALJUJU_JUJU_VERSION", "NO_COLOR", "JUJU_STATUS_ISO_TIME"):
            patch.delenv(name, raising=False)
        try:
            yield home
        finally:
            with contextlib.suppress(ControllerGoneError), Controller.connect(start=False) as here:
                for model in here.models():
                    for _ in here.destroy_model(model["name"], force=True, no_wait=True):
                        pass
                here.shutdown()
            shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def juju(controller: Path) -> Command:
    """Run the command; its first argument is the command's name."""
    return run_juju


@pytest.fixture(scope="session")
def parrot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packed charm of these tests."""
    packed = tmp_path_factory.mktemp("packed") / "parrot"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(CHARM.iterdir()):
            archive.write(path, path.name)
    return packed


@pytest.fixture(scope="module")
def version() -> str:
    """The version of Juju whose behaviour the module's model has; a module may choose others."""
    return DEFAULT_JUJU_VERSION


@pytest.fixture(scope="module")
def pair(
    controller: Path, parrot: Path, version: str, request: pytest.FixtureRequest
) -> Iterator[jubilant.Juju]:
    """A model of the module's own with two active units of the charm, as ``p``."""
    module = request.module.__name__.rpartition(".")[2].removeprefix("test_").replace("_", "-")
    name = f"{module}-{version.replace('.', '-')}"
    juju = jubilant.Juju(cli_binary=JUJU, wait_timeout=60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCALJUJU_JUJU_VERSION", version)
        juju.add_model(name)
    juju.deploy(parrot, "p", num_units=2)
    juju.wait(
        lambda status: jubilant.all_active(status) and jubilant.all_agents_idle(status), delay=0.1
    )
    yield juju
    juju.destroy_model(name, force=True)
