"""Disks of a machine that can be full or hang: small ext4 file systems in files of the host.

A disk is mounted on the host below the machine's directory and shown in the machine by a bind
mount: at boot by systemd-nspawn, in a running machine by `mounter`. So the host can fill and
freeze it without the machine's help, which a machine in trouble could not give.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from localjuju.host import paths, run
from localjuju.host.errors import HostError

if TYPE_CHECKING:
    from localjuju.host.machine import Machine

BALLAST = ".localjuju-ballast"
SIZE = re.compile(r"(\d+)([KMG])i?B?", re.IGNORECASE)
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
# ext4 needs some room for itself.
SMALLEST = 2 << 20


def parse_size(text: str) -> int:
    """Bytes of a size such as "64M".

    >>> parse_size("64M")
    67108864
    """
    match = SIZE.fullmatch(text.strip())
    if match is None:
        raise HostError("no such size", repr(text), "write it like 64M or 2G")
    size = int(match.group(1)) * UNITS[match.group(2).upper()]
    if size < SMALLEST:
        raise HostError(
            "no such size", f"{text} is too small for a file system", "take 2M or more"
        )
    return size


def attach(machine: Machine, path: str, size: int) -> None:
    """Put an empty disk at a directory of the machine, now and at every boot.

    What the directory held is hidden, not moved. The disk's top directory belongs to the owner of
    the directory that it covers.

    Args:
        machine: running or not.
        path: absolute, in the machine; made if it is not there.
        size: bytes.

    Raises:
        HostError: if there is a disk already, or the path is not absolute.
    """
    if not path.startswith("/") or Path(path) == Path("/"):
        raise HostError("no such disk", f"{path!r} is not an absolute path below /")
    path = os.path.normpath(path)
    known = _known(machine.directory)
    if path in known:
        raise HostError("no new disk", f"{machine.name} has one at {path} already")
    covered = machine.root / path.lstrip("/")
    covered.mkdir(parents=True, exist_ok=True)
    directory = _disk_directory(machine.directory, str(len(known)))
    directory.mkdir(parents=True)
    with (directory / "image").open("wb") as image:
        image.truncate(size)
    # -m 0: no blocks that only root may use, so the disk is full for everybody alike.
    run.run(["mkfs.ext4", "-q", "-m", "0", "-E", "nodiscard", str(directory / "image")])
    (directory / "mount").mkdir()
    (directory / "path").write_text(path)
    _mount(directory)
    owner = covered.stat()
    os.chown(directory / "mount", owner.st_uid, owner.st_gid)
    (directory / "mount").chmod(owner.st_mode & 0o7777)
    (directory / "mount/lost+found").rmdir()
    state = machine.state()
    if state is not None:
        _show(state.leader, directory / "mount", path)
        # For the next boot: the supervisor's view of the host is older than this mount.
        _show(state.pid, directory / "mount", str(directory / "mount"))
        machine.write_power()


def binds(directory: Path) -> list[tuple[Path, str]]:
    """What is to be bind mounted at boot: (path on the host, path in the machine)."""
    return [(disk / "mount", path) for path, disk in sorted(_known(directory).items())]


def fill(machine: Machine, path: str) -> int:
    """Use up every byte that is left on the disk at `path`; return how many there were.

    Raises:
        HostError: if there is no disk of ours at `path`: to fill another is to fill the host's.
    """
    mount = _find(machine, path) / "mount"
    before = os.statvfs(mount)
    with (mount / BALLAST).open("ab", buffering=0) as ballast:
        block = b"\0" * (1 << 20)
        while block:
            try:
                while ballast.write(block):
                    pass
            except OSError:  # no room for this much; try less, down to a byte
                block = block[: len(block) // 2]
        os.fsync(ballast.fileno())
    return before.f_bavail * before.f_frsize


def free(machine: Machine, path: str) -> None:
    """Undo `fill`; idempotent."""
    (_find(machine, path) / "mount" / BALLAST).unlink(missing_ok=True)


def hang(machine: Machine, path: str) -> None:
    """Let every write to the disk at `path` wait, as on a disk or a server that stopped answering.

    Raises:
        HostError: if there is no disk of ours at `path`, or it hangs already.
    """
    run.run(["fsfreeze", "--freeze", str(_find(machine, path) / "mount")])


def release(machine: Machine, path: str) -> None:
    """Undo `hang`.

    Raises:
        HostError: if the disk does not hang.
    """
    run.run(["fsfreeze", "--unfreeze", str(_find(machine, path) / "mount")])


def release_all(machine: Machine) -> None:
    """Release every disk that hangs, of a machine that is losing its power."""
    for disk in _known(machine.directory).values():
        run.succeeds(["fsfreeze", "--unfreeze", str(disk / "mount")])


def mount_all(directory: Path) -> None:
    """Mount a machine's disks on the host, after a reboot of it for instance; idempotent."""
    for disk in _known(directory).values():
        _mount(disk)


def detach_all(directory: Path) -> None:
    """Unmount a machine's disks and give their loop devices back; idempotent."""
    for disk in sorted((directory / "disks").glob("*")):
        mount = disk / "mount"
        if mount.is_mount():
            run.succeeds(["fsfreeze", "--unfreeze", str(mount)])
            run.run(["umount", str(mount)])
    release_loops(directory)


def release_loops(below: Path) -> None:
    """Give back loop devices over files below a directory; there for mounts cut short."""
    for line in run.run(
        ["losetup", "--list", "--noheadings", "-O", "NAME,BACK-FILE"]
    ).splitlines():
        device, _, file = line.strip().partition(" ")
        if file.strip().startswith(f"{below}/"):
            run.succeeds(["losetup", "--detach", device])


def _known(directory: Path) -> dict[str, Path]:
    """The disks of a machine by their path in it."""
    found = sorted((directory / "disks").glob("*/path"))
    return {path.read_text(): path.parent for path in found}


def _disk_directory(directory: Path, number: str) -> Path:
    return directory / "disks" / number


def _find(machine: Machine, path: str) -> Path:
    found = _known(machine.directory).get(os.path.normpath(path))
    if found is None:
        raise HostError(
            f"machine {machine.name} has no disk at {path}",
            "only a disk of its own can be filled or hang",
            f"make one: machine disk {machine.name} {path} 64M",
        )
    return found


def _mount(disk: Path) -> None:
    if not (disk / "mount").is_mount():
        # The loop device is the mount's (autoclear), and goes with it.
        run.run(["mount", "-o", "loop", str(disk / "image"), str(disk / "mount")])


def _show(pid: int, source: Path, target: str) -> None:
    """Bind mount a directory of the host in the mount namespace of a process."""
    done = subprocess.run(
        [sys.executable, "-m", "localjuju.host.mounter", str(pid), str(source), target],
        capture_output=True,
        text=True,
        env=run.environment({"PYTHONPATH": str(paths.REPOSITORY)}),
        check=False,
    )
    if done.returncode != 0:
        raise HostError(f"{target} did not appear in the machine", done.stderr.strip())
