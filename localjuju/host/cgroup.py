"""Control groups: how a machine is found, frozen and killed as a whole.

Each machine has a cgroup (version 2) with three below it:

    keeper/             the supervisor, which must outlive its machine
    machine/supervisor  systemd-nspawn, which makes this and the next by itself
    machine/payload     everything inside: the machine's systemd takes this for its root

cgroup.kill and cgroup.freeze act on `machine` as one step, so no process escapes by forking.

Where PID 1 is systemd, the cgroup belongs to a transient service with Delegate=yes: systemd wants
to be the only one to make cgroups at its own level, and a service lives on when the user who
started it logs out. Elsewhere we make it ourselves at the root. On a hybrid host, version 2 is
mounted somewhere below /sys/fs/cgroup and has no controllers, but freezing and killing need none.
"""

from __future__ import annotations

import os
import select
import time
from pathlib import Path

from localjuju.host import paths, run
from localjuju.host.errors import HostError

UNIFIED = Path("/sys/fs/cgroup")
EXEC = "localjuju-exec"


def has_systemd() -> bool:
    """Whether PID 1 of the host is systemd, tested as sd_booted(3) does."""
    return Path("/run/systemd/system").is_dir()


def mount_point() -> Path:
    """Where the host has cgroup version 2.

    Raises:
        HostError: if it is mounted nowhere.
    """
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 "):
            return Path(before.split()[4])
    raise HostError("machines cannot run", "cgroup version 2 is mounted nowhere on this host")


def own() -> Path:
    """The cgroup of this process, below `mount_point()`."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            return mount_point() / line[3:].lstrip("/")
    raise HostError("machines cannot run", "this process is in no cgroup of version 2")


def root_of_all() -> Path:
    """Where we make cgroups on a host without systemd."""
    return mount_point() / f"localjuju-{paths.tag()}"


def slice_name() -> str:
    """The slice of our services on a host with systemd.

    Without a hyphen, for systemd reads that as "below another slice", which would stay behind.
    """
    return f"localjuju{paths.tag()}.slice"


def forget_root() -> None:
    """Remove what held the cgroups of machines, of which there are no more; idempotent."""
    if has_systemd():
        run.succeeds(["systemctl", "stop", slice_name()])
    elif root_of_all().is_dir() and not is_populated(root_of_all()):
        remove(root_of_all())


def join(cgroup: Path) -> None:
    """Move this process into a cgroup."""
    (cgroup / "cgroup.procs").write_text(str(os.getpid()))


def is_populated(cgroup: Path) -> bool:
    """Whether a process lives in the cgroup or below it; False if there is no such cgroup."""
    try:
        return "populated 1" in (cgroup / "cgroup.events").read_text()
    except (FileNotFoundError, OSError):
        return False


def is_frozen(cgroup: Path) -> bool:
    """Whether everything in the cgroup stands still; False if there is no such cgroup."""
    try:
        return "frozen 1" in (cgroup / "cgroup.events").read_text()
    except (FileNotFoundError, OSError):
        return False


def freeze(cgroup: Path, *, frozen: bool, timeout: float = 10) -> None:
    """Stop or resume everything in a cgroup; returns when it has taken effect.

    Raises:
        HostError: if it has not within `timeout` seconds.
    """
    (cgroup / "cgroup.freeze").write_text("1" if frozen else "0")
    _await_event(cgroup, f"frozen {int(frozen)}", timeout)


def kill(cgroup: Path, timeout: float = 30) -> None:
    """End every process in a cgroup by SIGKILL, at once; returns when the last is gone.

    Raises:
        HostError: if one is left after `timeout` seconds, as a process that hangs on a disk is.
    """
    if is_populated(cgroup):
        (cgroup / "cgroup.kill").write_text("1")
        _await_event(cgroup, "populated 0", timeout)


def remove(cgroup: Path) -> None:
    """Remove a cgroup without processes and all those below it; idempotent."""
    for directory, _, _ in os.walk(cgroup, topdown=False):
        Path(directory).rmdir()


def _await_event(cgroup: Path, wanted: str, timeout: float) -> None:
    """Wait until cgroup.events has a line; the kernel signals a change of it as POLLPRI."""
    deadline = time.monotonic() + timeout
    with (cgroup / "cgroup.events").open() as events:
        poll = select.poll()
        poll.register(events, select.POLLPRI)
        while wanted not in events.read():
            left = deadline - time.monotonic()
            if left <= 0:
                raise HostError(f"cgroup {cgroup.name} did not change", f"it is not {wanted!r}")
            poll.poll(left * 1000)
            events.seek(0)
