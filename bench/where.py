"""Where figures are measured: models of the stand-in for Juju, and throwaway machines."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import jubilant

from localjuju.host import image, throwaway
from localjuju.host.definition import DEFAULT_RELEASE, Layer
from localjuju.host.machine import Machine
from tools import pack

JUJU = str(pack.ROOT / "localjuju/bin/juju")
EMPTY = Path(__file__).parent / "empty_charm"
OWN = ("src/", "templates/", "config.yaml", "actions.yaml", "metadata.yaml")
DEADLINE_S = 180.0
POLL_S = 0.02


class Late(Exception):
    """What was waited for did not come."""


def say(line: str) -> None:
    """Tell the person at the terminal what is being done."""
    print(line, file=sys.stderr, flush=True)


def wait(what: str, reached: Callable[[], bool], poll_s: float = POLL_S) -> None:
    """Wait for a condition.

    Raises:
        Late: if it is not reached in time.
    """
    deadline = time.monotonic() + DEADLINE_S
    while not reached():
        if time.monotonic() > deadline:
            raise Late(f"{what}: not within {DEADLINE_S:.0f} s")
        time.sleep(poll_s)


def charm() -> str:
    """Pack the charm, unless it is packed, and return its path."""
    pack.make(DEFAULT_RELEASE, None, pack.RESULT, say=say)
    return str(pack.RESULT)


@contextlib.contextmanager
def empty_charm() -> Generator[str, None, None]:
    """A charm that does nothing, in the same pack: the same Python, the same ops, no more."""
    with tempfile.TemporaryDirectory(dir=pack.BUILD) as directory:
        packed = Path(directory) / "empty.charm"
        with zipfile.ZipFile(charm()) as source, zipfile.ZipFile(packed, "w") as target:
            for entry in source.infolist():
                if not entry.filename.startswith(OWN):
                    target.writestr(entry, source.read(entry))
            for path in sorted(EMPTY.rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    info = zipfile.ZipInfo(str(path.relative_to(EMPTY)), (1980, 1, 1, 0, 0, 0))
                    info.external_attr = (0o755 if path.suffix == ".py" else 0o644) << 16
                    target.writestr(info, path.read_bytes())
        yield str(packed)


@contextlib.contextmanager
def model() -> Generator[jubilant.Juju, None, None]:
    """A model of its own, gone when the block is left."""
    client = jubilant.Juju(cli_binary=JUJU, wait_timeout=DEADLINE_S)
    name = f"bench-{secrets.token_hex(2)}"
    client.add_model(name)
    client.model = name
    try:
        yield client
    finally:
        client.destroy_model(name, destroy_storage=True, force=True)


def add_machines(juju: jubilant.Juju, count: int) -> list[str]:
    """Add machines and wait until their agents are up."""
    before = set(juju.status().machines)
    juju.cli("add-machine", "-n", str(count))

    def fresh() -> list[str]:
        machines = juju.status().machines
        return sorted(
            (
                name
                for name in machines
                if name not in before and machines[name].juju_status.current == "started"
            ),
            key=int,
        )

    wait("the machines to start", lambda: len(fresh()) == count, 0.2)
    return fresh()


def shell(juju: jubilant.Juju, target: str, script: str) -> str:
    """Run a shell script as root on a machine or a unit's machine, beside any hook."""
    return juju.cli("ssh", target, "sudo", "bash", "-eu", "-s", stdin=script)


def bench_layer() -> Layer:
    """The tools of the checkout, and what the charm is held against."""
    tools = throwaway.tools()
    return Layer("bench", packages=("pgbackrest",), commands=tools.commands, files=tools.files)


@contextlib.contextmanager
def machines(count: int, layer: Layer) -> Generator[list[Machine], None, None]:
    """Throwaway machines that reach each other, of an image with that on top."""
    with throwaway.group(count, layer=layer, say=say) as made:
        yield made


@contextlib.contextmanager
def machine() -> Generator[Machine, None, None]:
    """A throwaway machine with PostgreSQL, pgBackRest and this checkout."""
    with throwaway.machine(layer=bench_layer(), binds=[pack.ROOT], say=say) as made:
        yield made


def inside(made: Machine, module: str, *arguments: str) -> Any:
    """Run a module of `bench.inside` in the machine, and return what it printed as JSON.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    done = made.exec(
        [f"{throwaway.VENV}/bin/python", "-m", f"bench.inside.{module}", *arguments],
        env={
            "PATH": f"{throwaway.VENV}/bin:{image.INSIDE_PATH}",
            "PYTHONPATH": f"{pack.ROOT}/src:{pack.ROOT}",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        cwd=str(pack.ROOT),
    )
    if done.returncode:
        raise RuntimeError(f"{module}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def forget_pages() -> None:
    """Have the host read everything from its disk again, as after a boot."""
    shutil.which("sync")
    Path("/proc/sys/vm/drop_caches").write_text("3\n")
