"""Machines that are mere directories, with the agent as a plain process on the loopback.

For tests of the model's semantics: everything but the machine is real, and a machine costs a
tenth of a second. ``start`` and ``kill`` are also what tests do to machines.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from localjuju.controller.provider import HostMachine, Place
from localjuju.controller.store import Row


class ProcessProvider:
    """Keeps each machine under ``HOME/machines/MODEL-ID``."""

    def __init__(self, home: Path) -> None:
        self._machines = home / "machines"

    def directory(self, model: Row, machine: Row) -> Path:
        """Return a machine's directory."""
        return self._machines / f"{model['name']}-{machine['id']}"

    def open_model(self, model: Row) -> Place:
        """Agents connect over the loopback."""
        del model
        return Place("127.0.0.1", 0)

    def create(self, model: Row, machine: Row) -> HostMachine:
        """Make the machine's directory."""
        directory = self.directory(model, machine)
        kill(directory)
        shutil.rmtree(directory, ignore_errors=True)
        root = directory / "root"
        for path in ("usr/bin", "usr/lib", "var/lib", "run", "tmp"):
            (root / path).mkdir(parents=True)
        return HostMachine(
            name=directory.name,
            hostname=f"juju-{model['uuid'][-6:]}-{machine['id']}",
            root=root,
            address=f"127.0.{int(machine['id']) // 250 + 1}.{int(machine['id']) % 250 + 1}",
            network={
                "interface": "lo",
                "address6": None,
                "gateway": "127.0.0.1",
                "prefix": 8,
                "mac": "00:00:00:00:00:00",
            },
            prefix=root,
        )

    def start(self, model: Row, machine: Row) -> None:
        """Start the agent."""
        start(self.directory(model, machine))

    def destroy(self, model: Row, machine: Row) -> None:
        """Kill the agent and what it started; delete the directory."""
        directory = self.directory(model, machine)
        kill(directory)
        shutil.rmtree(directory, ignore_errors=True)

    def name_units(self, model: Row, machine: Row, units: list[str]) -> None:
        """Write the file ``units``, as for other machines."""
        directory = self.directory(model, machine)
        if directory.is_dir():
            (directory / "units").write_text("".join(f"{unit}\n" for unit in units))

    def close_model(self, model: Row) -> None:
        """Nothing is shared."""
        del model

    def forget_others(self, models: list[Row]) -> None:
        """Nothing can be left over that a test's temporary directory does not hold."""
        del models


def start(directory: Path) -> None:
    """Start the agent of the machine in ``directory``, as its init would."""
    with (directory / "agent.log").open("ab") as log:
        agent = subprocess.Popen(
            [
                sys.executable,
                "-I",
                str(directory / "root/usr/lib/localjuju-agent"),
                str(directory / "root/var/lib/juju/agent.json"),
            ],
            cwd="/",
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (directory / "agent.pid").write_text(str(agent.pid))


def kill(directory: Path, *, power: bool = True) -> None:
    """End the agent of the machine in ``directory``.

    Args:
        directory: the machine's.
        power: everything on it ends, and what lay in memory is gone, as when power fails; else
            only the agent ends, as when it crashes.
    """
    try:
        pid = int((directory / "agent.pid").read_text())
    except (OSError, ValueError):
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
    if power:
        # Again and again, as one may start another while it is looked for.
        while children := _processes_under(directory):
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            time.sleep(0.01)
        shutil.rmtree(directory / "root/run", ignore_errors=True)
        (directory / "root/run").mkdir()


def _processes_under(directory: Path) -> list[int]:
    """Return processes whose environment or working directory places them on the machine."""
    found: list[int] = []
    marker = str(directory).encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if b"JUJU_CHARM_DIR=" + marker in (entry / "environ").read_bytes():
                found.append(int(entry.name))
    return found
