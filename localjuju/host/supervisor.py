"""The process that runs one machine, from power on to power off, and outlives who started it.

Started as `unshare --mount --propagation private -- python -m …supervisor DIRECTORY`, under
setsid or, where PID 1 is systemd, as a transient service. It makes the surroundings that
systemd-nspawn needs, runs it, runs it again when the machine reboots, and notes in `state.json`
how far the machine is. It holds `supervisor.lock` as long as it lives, so that "is it running" is
asked of the kernel. SIGTERM asks the machine to shut down.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from localjuju.host import cgroup, paths, run

# systemd-nspawn --keep-unit ends with this code when the machine rebooted; whoever runs it is to
# start it again (it is in RestartForceExitStatus= of systemd-nspawn@.service).
EXIT_REBOOT = 133
PR_SET_PDEATHSIG = 1
LOCK_PATIENCE = 5
LEADER = re.compile(r"^X_NSPAWN_LEADER_PID=(\d+)$", re.MULTILINE)
READY = re.compile(r"^READY=1$", re.MULTILINE)


@dataclass
class Supervisor:
    """One machine's keeper.

    Attributes:
        directory: the machine's.
        base: the machine's cgroup, as a path of this process's own view of cgroups.
        relative: the same below the root of all cgroups, as others find it.
        boots: how often the machine has been started since power on.
        leader: process id, on the host, of the machine's PID 1; 0 if there is none yet.
        phase: "booting", "up" or "off".
        error: why the machine went off, if it was not asked to.
    """

    directory: Path
    base: Path
    relative: Path
    boots: int = 0
    leader: int = 0
    phase: str = "booting"
    error: str = ""
    stopping: bool = False
    nspawn: subprocess.Popen[bytes] | None = None

    @property
    def machine_cgroup(self) -> Path:
        """What is frozen and killed."""
        return self.base / "machine"

    def note(self) -> None:
        """Write state.json for whoever waits for the machine."""
        state = {
            "pid": os.getpid(),
            "cgroup": str(self.relative),
            "boots": self.boots,
            "phase": self.phase,
            "leader": self.leader,
            "error": self.error,
        }
        run.write_atomically(self.directory / "state.json", json.dumps(state))

    def on_terminate(self, _number: int, _frame: object) -> None:
        """Ask the machine to shut down: nspawn hands SIGTERM on as systemd's SIGRTMIN+3."""
        self.stopping = True
        if self.nspawn is not None:
            self.nspawn.terminate()

    def run(self) -> None:
        """Boot the machine until it is powered off, killed or cannot be started."""
        notify = Path("/run/systemd/nspawn/localjuju-notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind(str(notify))
            while True:
                self.boots += 1
                self.leader, self.phase = 0, "booting"
                self.note()
                code = self._boot(sock, notify)
                # After a reboot or a crash nothing of the old system may live on.
                cgroup.kill(self.machine_cgroup)
                if code != EXIT_REBOOT or self.stopping:
                    break
                cgroup.remove(self.machine_cgroup)
                self.machine_cgroup.mkdir()
        self.phase, self.leader = "off", 0
        if code not in (0, EXIT_REBOOT, -signal.SIGKILL):
            self.error = f"systemd-nspawn ended with code {code}"
        self.note()

    def _boot(self, sock: socket.socket, notify: Path) -> int:
        power = json.loads((self.directory / "power.json").read_text())
        # The kernel takes a dead machine's network apart at its leisure, and nspawn refuses to
        # begin while an interface has the name.
        run.remove_link(power["port"])
        with (self.directory / "console.log").open("ab") as console:
            self.nspawn = subprocess.Popen(
                power["argv"],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                cwd="/",
                env=run.environment({"NOTIFY_SOCKET": str(notify)}),
                # Safe, for this process has one thread.
                preexec_fn=self._before_nspawn,
            )
        if self.stopping:  # asked while there was nobody to tell
            self.nspawn.terminate()
        finished = os.pidfd_open(self.nspawn.pid)
        try:
            poll = select.poll()
            poll.register(sock, select.POLLIN)
            poll.register(finished, select.POLLIN)
            while True:
                ready = {fd for fd, _ in poll.poll()}
                if sock.fileno() in ready:
                    self._hear(sock.recv(65536).decode(errors="replace"))
                elif finished in ready:
                    return self.nspawn.wait()
        finally:
            os.close(finished)

    def _before_nspawn(self) -> None:
        cgroup.join(self.machine_cgroup)
        # Should this process be killed, the machine goes with it and is not left without keeper.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def _hear(self, message: str) -> None:
        """Take a message of sd_notify(3): the leader's pid from nspawn, READY from inside."""
        if match := LEADER.search(message):
            self.leader = int(match.group(1))
        if READY.search(message):
            self.phase = "up"
        self.note()


def mount(*arguments: str) -> None:
    """Mount something in this process's own view."""
    run.run(["mount", *arguments])


def prepare_mounts(directory: Path) -> None:
    """Arrange this process's private view of the host's mounts."""
    # A copy of another machine's mount would keep its file system alive after it is destroyed.
    own, others = str(directory), str(paths.home())
    for point in reversed(mount_points()):
        inside_others = point.startswith(f"{others}/") and not point.startswith(f"{own}/")
        if inside_others:
            run.run(["umount", "--lazy", point])
    # nspawn leaves sockets and propagation directories below here, and refuses to clear them
    # where /run is a disk; so it gets one that goes when this process does.
    Path("/run/systemd/nspawn").mkdir(parents=True, exist_ok=True)
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run/systemd/nspawn")


def unify_cgroups() -> None:
    """Show nspawn cgroup version 2 alone, as newer systemds accept nothing else to boot with."""
    if cgroup.mount_point() == cgroup.UNIFIED:
        return
    run.run(["umount", "--recursive", str(cgroup.UNIFIED)])
    mount("-t", "cgroup2", "cgroup2", str(cgroup.UNIFIED))


def mount_points() -> list[str]:
    """Every mount point of this process, in the order in which they were mounted."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    # The kernel writes a space as \040 and so on.
    return [
        re.sub(r"\\(\d{3})", lambda m: chr(int(m.group(1), 8)), line.split()[4]) for line in lines
    ]


def make_cgroups(name: str) -> Path:
    """Make the machine's cgroup, move this process into its `keeper` and return it."""
    base = cgroup.own() if cgroup.has_systemd() else cgroup.root_of_all() / name
    for part in ("keeper", "machine"):
        (base / part).mkdir(parents=True, exist_ok=True)
    cgroup.join(base / "keeper")
    return base


def main() -> int:
    """Run the machine of the directory that is named on the command line."""
    directory = Path(sys.argv[1])
    with (directory / "supervisor.lock").open("w") as lock:
        # Those who only look whether it is held hold it for an instant, so wait; but not for
        # another supervisor: SIGALRM ends this one then.
        signal.alarm(LOCK_PATIENCE)
        fcntl.flock(lock, fcntl.LOCK_EX)
        signal.alarm(0)
        base = make_cgroups(sys.argv[2])
        relative = base.relative_to(cgroup.mount_point())
        prepare_mounts(directory)
        unify_cgroups()
        keeper = Supervisor(directory, cgroup.mount_point() / relative, relative)
        signal.signal(signal.SIGTERM, keeper.on_terminate)
        keeper.run()
        if not cgroup.has_systemd():
            cgroup.join(cgroup.mount_point())
            cgroup.remove(keeper.base)
    return 0


if __name__ == "__main__":
    sys.exit(main())
