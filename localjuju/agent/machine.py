"""The machine's agent: one process that holds the link and the agents of all its units."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from types import FrameType
from typing import Any

from localjuju.agent.config import AgentConfig
from localjuju.agent.link import CallError, Link, LinkDown
from localjuju.agent.logsender import LogSender
from localjuju.agent.uniter import Surroundings, Uniter

STOP_PATIENCE_S = 5.0


class Machine:
    """Starts and ends the units' agents as the goal says."""

    def __init__(self, config: AgentConfig) -> None:
        self._config = config
        self._link = Link(config, self._aim)
        self._log = LogSender(self._link)
        self._units: dict[str, Uniter] = {}
        self._tasks: set[str] = set()
        # The directory is a memory file system in a machine: it is empty after a boot.
        marker = config.run / "running"
        rebooted = not marker.exists()
        config.run.mkdir(parents=True, exist_ok=True)
        marker.touch()
        self._around = Surroundings(
            config, self._link, self._log, threading.Lock(), self._reboot, rebooted
        )

    def run(self) -> None:
        """Work for ever."""
        signal.signal(signal.SIGTERM, self._stop)
        threading.Thread(target=self._serve_commands, name="juju-exec", daemon=True).start()
        self._link.run()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """End in order: no new hook begins, and one that runs is noted as ended.

        systemd sends the hook the same signal; the unit then remembers it as one to run again, not
        as one that failed.
        """
        del number, frame
        for uniter in self._units.values():
            uniter.rest()
        # The signal found this thread reading from the link, so it does not hold the lock.
        self._around.lock.acquire(timeout=STOP_PATIENCE_S)
        with contextlib.suppress(LinkDown):
            self._log.flush()
        os._exit(0)

    def _aim(self, goal: dict[str, Any]) -> None:
        self._log.levels = goal["log_levels"]
        for name, unit_goal in goal["units"].items():
            unit_goal["name"] = name
            for key in ("update_status_s", "retry_hooks", "proxies"):
                unit_goal[key] = goal[key]
            if name in self._units:
                self._units[name].aim(unit_goal)
            else:
                self._units[name] = Uniter(name, self._around, unit_goal)
                self._units[name].start()
        for name in set(self._units) - set(goal["units"]):
            self._units.pop(name).forget()
        for task in goal["tasks"]:
            if task["id"] not in self._tasks:
                self._tasks.add(task["id"])
                threading.Thread(target=self._run_task, args=(task["id"],), daemon=True).start()

    def _run_task(self, task: str) -> None:
        """Run a command of ``juju exec --machine``, outside of any unit's context."""
        me = self._config.machine
        try:
            begun = self._link.call("begin_task", receiver=me, task=task)
            if begun is None:
                return
            shell = ["/bin/bash", "-c"]
            if self._config.in_machine:
                # On a machine Juju runs commands as ubuntu; as root on a unit only.
                shell = ["/usr/sbin/runuser", "--login", "ubuntu", "--command"]
            done = subprocess.run(
                [*shell, begun["parameters"]["command"]],
                capture_output=True,
                cwd="/",
                timeout=begun["parameters"].get("timeout"),
            )
            results: dict[str, Any] = {"return-code": done.returncode}
            for name, output in (("stdout", done.stdout), ("stderr", done.stderr)):
                if output:
                    results[name] = output.decode(errors="replace")
            ended, message = "completed", ""
        except subprocess.TimeoutExpired:
            ended, message, results = "failed", "command timed out", {}
        except (LinkDown, CallError):
            self._tasks.discard(task)
            return
        self._link.call(
            "finish_task", receiver=me, task=task, ended=ended, message=message, results=results
        )

    def _reboot(self) -> None:
        self._log.log(f"machine-{self._config.machine}", "INFO", "juju.cmd.jujud", "rebooting")
        if self._config.in_machine:
            subprocess.run(["systemctl", "reboot"], check=True)
            # Nothing more may run until the machine goes down.
            threading.Event().wait()
        shutil.rmtree(self._config.run)
        os.execv(sys.executable, [sys.executable, "-I", *sys.argv])

    def _serve_commands(self) -> None:
        path = self._config.run / "exec.socket"
        path.unlink(missing_ok=True)
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        path.chmod(0o600)
        server.listen(16)
        while True:
            sock, _ = server.accept()
            threading.Thread(target=self._serve_command, args=(sock,), daemon=True).start()

    def _serve_command(self, sock: socket.socket) -> None:
        with sock, sock.makefile("rwb") as file:
            line = file.readline()
            if not line:
                return
            request = json.loads(line)
            uniter = self._units.get(request["unit"])
            if uniter is None:
                answer: dict[str, Any] = {"error": f'unit "{request["unit"]}" not found'}
            else:
                answer = uniter.execute(request["command"])
            try:
                file.write(json.dumps(answer).encode() + b"\n")
                file.flush()
            except OSError:
                return
