"""One machine: a file system on an overlay, an address, and a power switch."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from localjuju.host import cgroup, disks, enter, links, overlay, power, run, tables
from localjuju.host.errors import HostError
from localjuju.host.network import Network
from localjuju.host.power import State
from localjuju.host.surroundings import Bind

# How often the files of a supervisor are looked at by who waits for it.
GLANCE = 0.01
# Seconds for a supervisor to begin; a busy host takes its time.
SUPERVISOR_PATIENCE = 30


@dataclass(frozen=True)
class Machine:
    """A machine that exists, running or not; make one with `machines.create`.

    Attributes:
        network: its model's network.
        machine_id: Juju's, such as "0".
        index: the last number of its IPv4 address.
        interface: the name of the interface inside.
    """

    network: Network
    machine_id: str
    index: int
    interface: str = "eth0"

    @property
    def model(self) -> str:
        """The model's name."""
        return self.network.model

    @property
    def name(self) -> str:
        """As `names.resolve` takes it."""
        return f"{self.model}/{self.machine_id}"

    @property
    def hostname(self) -> str:
        """As Juju names machines: juju-<end of the model's UUID>-<id>."""
        return f"juju-{self.network.short}-{self.machine_id}"

    @property
    def directory(self) -> Path:
        """What the host keeps of it."""
        return self.network.directory / "machines" / self.machine_id

    @property
    def lock(self) -> Path:
        """Held while it is switched on or destroyed; beside the directory, which may go."""
        return self.network.directory / "machines" / f"{self.machine_id}.lock"

    @property
    def root(self) -> Path:
        """Its file system as seen from the host, without what it mounts itself (/run, /tmp)."""
        return self.directory / "root"

    @property
    def address(self) -> str:
        """Its IPv4 address."""
        return str(self.network.subnet[self.index])

    @property
    def address6(self) -> str | None:
        """Its IPv6 address, None where the host has no IPv6."""
        return str(self.network.subnet6[self.index]) if self.network.subnet6 else None

    @property
    def gateway(self) -> str:
        """The host's address on the bridge, where a controller listens."""
        return self.network.gateway

    @property
    def gateway6(self) -> str | None:
        """The same in IPv6."""
        return self.network.gateway6

    @property
    def port(self) -> str:
        """The host's end of its link, a port of the bridge."""
        return tables.port(self.network.short, self.machine_id)

    @property
    def is_running(self) -> bool:
        """Whether it has power: it may still boot, be shutting down, or be frozen."""
        return run.is_locked(self.directory / "supervisor.lock")

    @property
    def is_frozen(self) -> bool:
        """Whether it stands still."""
        state = self.state()
        return state is not None and cgroup.is_frozen(state.cgroup / "machine")

    @property
    def boots(self) -> int:
        """How often it has booted since it was last started; 0 if it is off."""
        state = self.state()
        return state.boots if state else 0

    def state(self) -> State | None:
        """What its supervisor says; None if it has none, or none that has said anything yet."""
        if not self.is_running:
            return None
        return power.last_state(self.directory)

    def start(self, timeout: float = 60) -> None:
        """Switch it on, and return when its systemd has reached its default target.

        Nothing happens to one that is on. `overlay` and network come back after a reboot of the
        host as well.

        Raises:
            HostError: with the end of its console, if it goes off or is not up in `timeout` s.
        """
        with run.locked(self.lock):
            if not self.is_running:
                self._power_on()
                self._await_supervisor()
        self._await_up(1, timeout)

    def stop(self, timeout: float = 60) -> None:
        """Shut it down in order; nothing happens to one that is off.

        Raises:
            HostError: if it is still running after `timeout` seconds; it is left so.
        """
        deadline = time.monotonic() + timeout
        while (state := self.state()) is None and self.is_running:
            self._pause(deadline, "did not shut down")
        if state is not None:
            with contextlib.suppress(ProcessLookupError):  # it went off by itself meanwhile
                os.kill(state.pid, signal.SIGTERM)
            self._await_off(deadline, "did not shut down")

    def kill(self) -> None:
        """Take its power away: no process runs on, no peer hears a FIN or a reset.

        What its processes had written is still in the host's page cache and not lost, as it
        would be in life where it was not flushed.
        """
        state = self.state()
        if state is None:
            if not self.is_running:
                return
            self._await_state()
            state = self.state()
        # The kernel closes a dead process's connections with a FIN. Without power there is none,
        # so the link goes first.
        run.succeeds(["ip", "link", "set", self.port, "down"])
        if state is not None:
            cgroup_dir = state.cgroup / "machine"
            if cgroup.is_populated(cgroup_dir):
                (cgroup_dir / "cgroup.kill").write_text("1")
        # A process that hangs on a disk cannot even die; the kill is pending by now.
        disks.release_all(self)
        self._await_off(time.monotonic() + 60, "did not die")

    def reboot(self, timeout: float = 60) -> None:
        """Reboot it in order, and return when it is up again.

        Raises:
            HostError: if it is off, or not up again within `timeout` seconds.
        """
        before = self.boots
        self.exec(["systemctl", "reboot"])
        self._await_up(before + 1, timeout)

    def freeze(self) -> None:
        """Let it stand still: it answers nothing, and its connections stay open."""
        cgroup.freeze(self._running_state().cgroup / "machine", frozen=True)

    def thaw(self) -> None:
        """Undo `freeze`."""
        cgroup.freeze(self._running_state().cgroup / "machine", frozen=False)

    def destroy(self) -> None:
        """Remove it with all that belongs to it; may be repeated after it was interrupted."""
        with contextlib.suppress(FileNotFoundError), run.locked(self.lock):
            if not self.directory.exists():  # another process was faster
                return
            (self.directory / "destroyed").touch()
            self.kill()
            links.forget(self)
            disks.detach_all(self.directory)
            overlay.unmount(self.root)
            run.remove_link(self.port)
            run.remove_tree(self.directory)
            self.lock.unlink(missing_ok=True)

    def command(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        user: str = "root",
    ) -> list[str]:
        """The argument list that runs `argv` inside when it is executed on the host, as root.

        Args:
            argv: the command, looked up on the machine's PATH.
            env: variables on top of a clean environment.
            cwd: a directory inside; the user's home by default.
            user: an account of the machine.

        Raises:
            HostError: if the machine is off or has no such account.
        """
        state = self._running_state()
        payload = state.cgroup / "machine/payload" / cgroup.EXEC
        payload.mkdir(exist_ok=True)
        who = enter.account(self.root, user)
        return enter.command(state.leader, payload, who, argv, env=env, cwd=cwd)

    def exec(
        self,
        argv: Sequence[str],
        *,
        input: str | None = None,
        stdin: int | IO[Any] | None = None,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
        capture: bool = True,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        user: str = "root",
        timeout: float | None = None,
        check: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside and wait for it.

        Args:
            argv: as in `command`, like env, cwd and user.
            input: text for standard input; without it and `stdin` there is none.
            stdin: as in subprocess.run.
            stdout: as in subprocess.run; overrides `capture`.
            stderr: as in subprocess.run; overrides `capture`.
            capture: collect stdout and stderr as text; else they are ours.
            env: see `command`.
            cwd: see `command`.
            user: see `command`.
            timeout: seconds after which the command is given up and subprocess.TimeoutExpired
                raised; it may live on inside.
            check: raise HostError if the command fails.

        Returns:
            With the command's exit code; -n if signal n ended it, 127 if it is not there.
        """
        streams: dict[str, Any] = {"input": input} if input is not None else {}
        if input is None:
            streams["stdin"] = subprocess.DEVNULL if stdin is None else stdin
        pipe = subprocess.PIPE if capture else None
        done = subprocess.run(
            self.command(argv, env=env, cwd=cwd, user=user),
            stdout=pipe if stdout is None else stdout,
            stderr=pipe if stderr is None else stderr,
            text=True,
            timeout=timeout,
            env=run.environment(),
            check=False,
            **streams,
        )
        done.args = list(argv)
        if check and done.returncode != 0:
            words = ((done.stderr or "") + (done.stdout or "")).strip().splitlines()[-4:]
            raise HostError(
                f"`{shlex.join(argv)}` failed on machine {self.name}",
                " / ".join(words) or f"exit code {done.returncode}",
            )
        return done

    def terminal(
        self,
        argv: Sequence[str],
        *,
        user: str = "root",
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> int:
        """Run a command on a terminal of the machine, connected to ours; return its exit code."""
        variables = {"TERM": os.environ.get("TERM", "dumb"), **(env or {})}
        session = ["setsid", "--ctty", "--wait", *argv]
        state = self._running_state()
        inside = self.command(session, env=variables, cwd=cwd, user=user)
        return enter.terminal(state.leader, inside)

    def _power_on(self) -> None:
        self.network.up()
        overlay.mount(self.directory)
        disks.mount_all(self.directory)
        for name in ("state.json", "console.log"):
            (self.directory / name).unlink(missing_ok=True)
        self.write_power()
        power.supervise(self.directory, f"{self.network.short}-{self.machine_id}")

    def write_power(self) -> None:
        """Tell the supervisor with what to boot, now or at the next reboot."""
        made: dict[str, Any] = json.loads((self.directory / "machine.json").read_text())
        binds = [Bind(Path(source), Path(target), ro) for source, target, ro in made["binds"]]
        binds += [Bind(source, Path(target)) for source, target in disks.binds(self.directory)]
        argv = power.nspawn(
            self.root,
            # The host's end of the link is named after it: see tables.port.
            name=f"lj{self.network.short}-{self.machine_id}",
            hostname=self.hostname,
            bridge=self.network.bridge,
            binds=binds,
        )
        power.write(self.directory, argv, self.port)

    def _running_state(self) -> State:
        state = self.state()
        if state is None or not state.leader:
            raise HostError(
                f"machine {self.name} cannot be entered",
                "it is booting" if self.is_running else "it is off",
                "" if self.is_running else f"start it: machine start {self.name}",
            )
        return state

    def _await_state(self) -> None:
        deadline = time.monotonic() + SUPERVISOR_PATIENCE
        while self.is_running and self.state() is None:
            self._pause(deadline, "did not begin to boot")

    def _await_supervisor(self) -> None:
        """Wait until the supervisor that was asked for holds its lock."""
        deadline = time.monotonic() + SUPERVISOR_PATIENCE
        while not self.is_running and power.last_state(self.directory) is None:
            self._pause(deadline, "did not start")

    def _await_up(self, boots: int, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while True:
            state = self.state()
            if state and state.phase == "up" and state.boots >= boots:
                return
            if not self.is_running:
                last = power.last_state(self.directory)
                raise self._failed("did not start", last.error if last else "")
            self._pause(deadline, "is not up")

    def _await_off(self, deadline: float, failure: str) -> None:
        while self.is_running:
            self._pause(deadline, failure)

    def _pause(self, deadline: float, failure: str) -> None:
        if time.monotonic() > deadline:
            raise self._failed(failure, "it took too long")
        time.sleep(GLANCE)

    def _failed(self, failure: str, why: str) -> HostError:
        said: list[str] = []
        for name in ("supervisor.log", "console.log"):
            path = self.directory / name
            if path.exists():
                said += path.read_text(errors="replace").strip().splitlines()[-3:]
        reason = " / ".join([*filter(None, [why]), *said]) or "unknown"
        # Machines share root's inotify instances, 128 by default, of which each takes seven.
        exhausted = "Too many open files" in reason
        remedy = "sysctl fs.inotify.max_user_instances=1024" if exhausted else ""
        return HostError(f"machine {self.name} {failure}", reason, remedy)
