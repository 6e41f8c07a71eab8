"""A controller of its own with quick machines, and what a test asks of them."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from localjuju.controller import processes, wire
from localjuju.controller.facade import Controller
from localjuju.controller.shapes import Task

CHARM = Path(__file__).parent / "charm"
REPOSITORY = Path(__file__).resolve().parents[3]
PATIENCE_S = 20.0
FAST = {
    "lease_s": 3.0,
    "renew_s": 1.0,
    "retry_min_s": 0.2,
    "retry_max_s": 0.8,
    "force_wait_s": 1.0,
    "ping_s": 0.3,
    "silence_s": 1.5,
    "lost_s": 0.7,
}
T = TypeVar("T")


def until(look: Callable[[], T | None], what: str = "", patience_s: float = PATIENCE_S) -> T:
    """Look until there is something to see, and return it."""
    deadline = time.monotonic() + patience_s
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience_s} s for {what or look}")
        time.sleep(0.02)
    return seen


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of a hook or an action."""

    name: str
    env: dict[str, str]
    cwd: str
    user: str
    begin: float
    end: float | None
    code: int | None
    """None while it runs, and for one that was cut off."""
    out: str
    err: str

    @property
    def about(self) -> tuple[str, ...]:
        """The name with the remote unit and the departing one, where there are any."""
        extra = (self.env.get("JUJU_REMOTE_UNIT"), self.env.get("JUJU_DEPARTING_UNIT"))
        return (self.name, *(part for part in extra if part))


def pack(
    directory: Path,
    scripts: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
) -> Path:
    """Pack the probe charm with scripts for its hooks; ``files`` replace or add whole files."""
    content = {
        path.relative_to(CHARM).as_posix(): (path.read_text(), path.stat().st_mode)
        for path in CHARM.rglob("*")
        if path.is_file()
    }
    for name, script in (scripts or {}).items():
        content[f"do/{name}"] = (script, stat.S_IFREG | 0o644)
    for name, text in (files or {}).items():
        content[name] = (text, stat.S_IFREG | 0o755)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, (text, mode) in sorted(content.items()):
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, text)
    with tempfile.NamedTemporaryFile(dir=directory, suffix=".zip", delete=False) as file:
        file.write(buffer.getvalue())
    return Path(file.name)


class Host:
    """A controller of the test's own, under a home of its own."""

    def __init__(self, timing: Mapping[str, float] | None = None) -> None:
        # Short, as Unix sockets lie below it.
        self.home = Path(tempfile.mkdtemp(prefix="lj"))
        self._env = {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "LOCALJUJU_PROVIDER": "process",
            "LOCALJUJU_TIMING": json.dumps({**FAST, **(timing or {})}),
        }
        self._daemon: subprocess.Popen[bytes] | None = None
        self.start_controller()

    def start_controller(self) -> None:
        with (self.home / "log").open("ab") as log:
            self._daemon = subprocess.Popen(
                [sys.executable, "-m", "localjuju.controller.daemon", str(self.home)],
                env=self._env,
                stdout=log,
                stderr=log,
            )
        self.controller = until(self._connect, "the controller")

    def reconnect(self) -> None:
        """Begin a new connection; the one before may be in the midst of a stream."""
        self.controller.close()
        self.controller = Controller.connect(self.home, start=False)

    def _connect(self) -> Controller | None:
        with contextlib.suppress(wire.ControllerGoneError):
            return Controller.connect(self.home, start=False)
        return None

    def kill_controller(self) -> None:
        assert self._daemon is not None
        self.controller.close()
        self._daemon.kill()
        self._daemon.wait()

    def close(self) -> None:
        self.kill_controller()
        for directory in (self.home / "machines").glob("*"):
            processes.kill(directory)
        shutil.rmtree(self.home)


class Model:
    """One model of a host, with a shorter way to say things."""

    def __init__(self, host: Host, name: str, version: str = "3.6.28") -> None:
        self.host = host
        self.name = name
        self._machines: dict[str, str] = {}
        self.controller.add_model(name, juju_version=version)

    @property
    def controller(self) -> Controller:
        return self.host.controller

    def deploy(
        self,
        app: str = "probe",
        *,
        units: int = 1,
        scripts: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        settled: bool = True,
        **more: Any,
    ) -> None:
        charm = pack(self.host.home, scripts, files)
        self.controller.deploy(self.name, charm, application=app, num_units=units, **more)
        if settled:
            self.settle(app)

    def unit_status(self, unit: str) -> dict[str, Any]:
        formatted = self.controller.status(self.name)["formatted"]
        app = unit.partition("/")[0]
        return formatted["applications"][app]["units"][unit]

    def units(self, app: str = "probe") -> dict[str, Any]:
        applications = self.controller.status(self.name)["formatted"].get("applications", {})
        return applications.get(app, {}).get("units", {})

    def machines(self) -> dict[str, Any]:
        return self.controller.status(self.name)["formatted"].get("machines", {})

    def settle(self, app: str = "probe") -> None:
        """Wait until every unit started and nothing is left to do."""

        def quiet() -> bool:
            units = self.units(app)
            return bool(units) and all(
                row["juju-status"]["current"] == "idle"
                and row["workload-status"]["current"] != "error"
                and "start" in self.names(unit)
                for unit, row in units.items()
            )

        def seen() -> int:
            return sum(len(self.runs(unit)) for unit in self.units(app))

        # An agent is idle for a moment between a hook and the next goal.
        def settled() -> bool:
            before = seen()
            if not quiet():
                return False
            time.sleep(0.15)
            return quiet() and seen() == before

        until(settled, f"{app} to settle")

    def machine(self, unit: str) -> Path:
        """The directory of the machine of a unit."""
        if unit not in self._machines:
            self._machines[unit] = self.unit_status(unit)["machine"]
        return self.host.home / "machines" / f"{self.name}-{self._machines[unit]}"

    def root(self, unit: str) -> Path:
        return self.machine(unit) / "root"

    def probe(self, unit: str) -> Path:
        return self.root(unit) / "var/lib/probe" / unit.replace("/", "-")

    def script(self, unit: str, hook: str, text: str | None) -> None:
        """Let a unit's hook run this script from now on."""
        path = self.probe(unit) / "do" / hook
        if text is None:
            path.unlink()
        else:
            path.write_text(text)

    def runs(self, unit: str, name: str | None = None) -> list[Run]:
        """The runs of a unit's hooks in their order."""
        directory = self.probe(unit) / "runs"
        found: list[Run] = []
        for path in sorted(directory.glob("[0-9]*")) if directory.is_dir() else []:
            run_name = path.name.partition("-")[2]
            if path.suffix == ".new" or name not in (None, run_name):
                continue
            found.append(_read_run(path, run_name))
        return found

    def names(self, unit: str) -> list[str]:
        return [run.name for run in self.runs(unit)]

    def abouts(self, unit: str) -> list[tuple[str, ...]]:
        return [run.about for run in self.runs(unit)]

    def wait_run(self, unit: str, name: str, count: int = 1, *, ended: bool = True) -> Run:
        """Wait for the ``count``-th run of a hook; return it."""

        def look() -> Run | None:
            runs = self.runs(unit, name)
            if len(runs) < count or (ended and runs[count - 1].code is None):
                return None
            return runs[count - 1]

        return until(look, f"run {count} of {name} on {unit}")

    def exec(self, unit: str, command: str) -> Task:
        """Run a command in the unit's context; it must end well."""
        task = self.try_exec(unit, command)
        assert (task["status"], task["results"]["return-code"]) == ("completed", 0), task
        return task

    def try_exec(self, unit: str, command: str) -> Task:
        task = self.controller.exec(self.name, command, units=[unit])["tasks"][0]
        assert task["id"] is not None, task
        return self.controller.task(self.name, task["id"], wait=PATIENCE_S)

    def out(self, unit: str, command: str) -> str:
        """What a command in the unit's context prints."""
        return self.exec(unit, command)["results"].get("stdout", "")

    def json(self, unit: str, command: str) -> Any:
        """What a hook tool answers in JSON."""
        return json.loads(self.out(unit, f"{command} --format=json"))

    def act(self, unit: str, action: str, **params: Any) -> Task:
        """Run an action to its end."""
        enqueued = self.controller.run(self.name, [unit], action, params)["tasks"][0]
        assert enqueued["id"] is not None, enqueued
        return self.controller.task(self.name, enqueued["id"], wait=PATIENCE_S)

    def leader(self, app: str = "probe") -> str | None:
        return next((unit for unit, row in self.units(app).items() if row.get("leader")), None)

    def wait_leader(self, app: str = "probe") -> str:
        return until(lambda: self.leader(app), f"a leader of {app}")

    def configure(self, app: str = "probe", **values: str) -> None:
        self.controller.set_config(self.name, app, values)

    def kill_agent(self, unit: str) -> None:
        """Kill the agent's process only."""
        processes.kill(self.machine(unit), power=False)

    def cut_power(self, unit: str) -> Path:
        """Everything on the unit's machine ends at once; return the machine's directory."""
        machine = self.machine(unit)
        processes.kill(machine)
        return machine

    def start_machine(self, machine: Path) -> None:
        processes.start(machine)

    def wait_error(self, unit: str, hook: str) -> None:
        message = f'hook failed: "{hook}"'
        until(lambda: self.unit_status(unit)["workload-status"].get("message") == message, message)

    def logged(self, part: str) -> list[str]:
        """The messages of the model's log that contain a text."""
        lines = self.controller.debug_log(self.name, replay=True, follow=False)
        return [line["message"] for line in lines if part in line["message"]]

    def freeze(self, unit: str) -> int:
        """Stop the agent's process without ending it: to the controller, a cut link."""
        pid = int((self.machine(unit) / "agent.pid").read_text())
        os.kill(pid, signal.SIGSTOP)
        return pid


def _read_run(path: Path, name: str) -> Run:
    def text(part: str) -> str:
        file = path / part
        return file.read_text(errors="replace") if file.exists() else ""

    pairs = (entry.partition("=") for entry in text("env").split("\0") if entry)
    code = text("code").strip()
    return Run(
        name=name,
        env={key: value for key, _, value in pairs},
        cwd=text("cwd").strip(),
        user=text("user").strip(),
        begin=float(text("begin") or 0),
        end=float(text("end")) if text("end").strip() else None,
        code=int(code) if code else None,
        out=text("out"),
        err=text("err"),
    )
