"""Runs the charm's processes: with Juju's environment, their output logged."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from localjuju.agent.config import AgentConfig
from localjuju.agent.hookcontext import ActionData
from localjuju.agent.state import Hook

AGENT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin"
READERS_PATIENCE_S = 0.2


@dataclasses.dataclass(frozen=True)
class Result:
    """How a process ended."""

    code: int
    """Its exit status; negative for a signal, as in ``subprocess``."""
    stdout: bytes
    stderr: bytes


def environment(
    config: AgentConfig,
    welcome: dict[str, Any],
    proxies: dict[str, str],
    unit: str,
    context_id: str,
    socket: Path,
) -> dict[str, str]:
    """Return what every process of a charm finds in its environment."""
    model = welcome["model"]
    version: str = model["version"]
    charm = str(config.unit_directory(unit) / "charm")
    path = [str(config.tools(unit)), AGENT_PATH]
    if not config.in_machine:
        path.insert(1, str(config.prefix / "usr/bin"))
    variables = {
        "CHARM_DIR": charm,
        "JUJU_CHARM_DIR": charm,
        "JUJU_CONTEXT_ID": context_id,
        "JUJU_HOOK_NAME": "",
        "JUJU_AGENT_SOCKET_ADDRESS": f"{socket}",
        "JUJU_AGENT_SOCKET_NETWORK": "unix",
        "JUJU_UNIT_NAME": unit,
        "JUJU_MODEL_UUID": model["uuid"],
        "JUJU_MODEL_NAME": model["name"],
        "JUJU_API_ADDRESSES": f"{config.host}:{config.port}",
        "JUJU_MACHINE_ID": config.machine,
        "JUJU_PRINCIPAL_UNIT": "",
        "JUJU_AVAILABILITY_ZONE": "",
        "JUJU_VERSION": version,
        "CLOUD_API_VERSION": "",
        "JUJU_CHARM_HTTP_PROXY": proxies["http"],
        "JUJU_CHARM_HTTPS_PROXY": proxies["https"],
        "JUJU_CHARM_FTP_PROXY": proxies["ftp"],
        "JUJU_CHARM_NO_PROXY": proxies["no"],
        "DEBIAN_FRONTEND": "noninteractive",
        "APT_LISTCHANGES_FRONTEND": "none",
        "LANG": "C.UTF-8",
        "PATH": ":".join(path),
    }
    if not version.startswith("3."):
        variables["JUJU_TARGET_BASE"] = welcome["base"]
    return variables


def hook_variables(hook: Hook, endpoint: str) -> dict[str, str]:
    """Return what a hook finds in its environment besides."""
    variables: dict[str, str] = {"JUJU_HOOK_NAME": hook_name(hook, endpoint)}
    if hook.relation is not None:
        variables["JUJU_RELATION"] = endpoint
        variables["JUJU_RELATION_ID"] = f"{endpoint}:{hook.relation}"
        variables["JUJU_REMOTE_APP"] = hook.remote_app
        variables["JUJU_REMOTE_UNIT"] = hook.remote_unit
        if hook.departing:
            variables["JUJU_DEPARTING_UNIT"] = hook.departing
    if hook.secret:
        variables["JUJU_SECRET_ID"] = f"secret:{hook.secret}"
        variables["JUJU_SECRET_LABEL"] = hook.label
        if hook.kind in ("secret-expired", "secret-remove"):
            variables["JUJU_SECRET_REVISION"] = str(hook.revision)
    return variables


def action_variables(action: ActionData) -> dict[str, str]:
    """Return what an action finds in its environment besides."""
    return {
        "JUJU_ACTION_NAME": action.name,
        "JUJU_ACTION_UUID": action.id,
        "JUJU_ACTION_TAG": f"action-{action.id}",
    }


def hook_name(hook: Hook, endpoint: str) -> str:
    """Return a hook's name as the charm knows it.

    >>> hook_name(Hook("relation-joined", 1), "cluster")
    'cluster-relation-joined'
    """
    return f"{endpoint}-{hook.kind}" if hook.relation is not None else hook.kind


class Runner:
    """Runs one process at a time, and lets others kill it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def kill(self) -> None:
        """Kill the process that runs, if any."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(signal.SIGKILL)

    def run(
        self,
        argv: list[str],
        variables: dict[str, str],
        directory: Path,
        on_stdout: Callable[[str], None],
        on_stderr: Callable[[str], None],
        timeout: float | None = None,
    ) -> Result:
        """Run a process to its end.

        Args:
            argv: the program and its arguments.
            variables: its whole environment.
            directory: its working directory.
            on_stdout: is given each line of standard output as it comes.
            on_stderr: the same for standard error.
            timeout: seconds after which it is killed.

        Raises:
            OSError: it cannot be started.
        """
        with self._lock:
            process = subprocess.Popen(
                argv,
                env=variables,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # subprocess would look argv[0] up in the agent's own PATH.
                executable=argv[0],
            )
            self._process = process
        assert process.stdout is not None
        assert process.stderr is not None
        out = _Reader(process.stdout, on_stdout)
        err = _Reader(process.stderr, on_stderr)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        # A child that lives on may hold the pipes open: it is not waited for.
        out.join(READERS_PATIENCE_S)
        err.join(READERS_PATIENCE_S)
        return Result(code, bytes(out.seen), bytes(err.seen))


class _Reader(threading.Thread):
    def __init__(self, pipe: IO[bytes], on_line: Callable[[str], None]) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe
        self._on_line = on_line
        self.seen = bytearray()
        self.start()

    def run(self) -> None:
        with self._pipe:
            for line in self._pipe:
                self.seen += line
                self._on_line(line.decode(errors="replace").rstrip("\n"))


def dispatch(charm: Path, path: str) -> list[str] | None:
    """Return what to run for ``hooks/NAME`` or ``actions/NAME``; none if the charm has nothing."""
    for candidate in (charm / "dispatch", charm / path):
        if candidate.exists() and os.access(candidate, os.X_OK):
            return [str(candidate)]
    return None
