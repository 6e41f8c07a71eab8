"""Runs a command in an image without booting it: the inner half of `image.run`.

Started by `image.run` as `unshare --mount --pid --fork --kill-child python -m …inside FILE`, so it
is PID 1 of a PID namespace and every mount it makes is seen by nobody else. Nothing has to be
unmounted: when this process ends, for whatever reason, the kernel ends the rest.
"""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import sys
from pathlib import Path
from typing import TypedDict

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


class BindSpec(TypedDict):
    """A path of the host that appears in the image."""

    source: str
    target: str
    read_only: bool


class Spec(TypedDict):
    """What to run and where; travels as a JSON file."""

    lower: list[str]
    upper: str
    work: str
    root: str
    binds: list[BindSpec]
    env: dict[str, str]
    cwd: str | None
    user: str
    argv: list[str]


def mount(*arguments: str) -> None:
    """Mount something; a failure is explained on standard error."""
    subprocess.run(["mount", *arguments], check=True)


def ensure_target(path: Path, *, directory: bool) -> list[Path]:
    """Make a mount point and its parents; return what had to be made, innermost first."""
    made: list[Path] = []
    missing = [p for p in (path, *path.parents) if not os.path.lexists(p)]
    for parent in reversed(missing[1:]):
        parent.mkdir()
        made.insert(0, parent)
    if missing and missing[0] == path:
        if directory:
            path.mkdir()
        else:
            path.touch()
        made.insert(0, path)
    return made


def mount_all(spec: Spec) -> list[Path]:
    """Put the image and its surroundings together below spec["root"].

    Returns:
        The mount points that the overlay did not have before, to be removed in that order.
    """
    root = Path(spec["root"])
    layers = f"lowerdir={':'.join(spec['lower'])},upperdir={spec['upper']},workdir={spec['work']}"
    mount("-t", "overlay", "overlay", "-o", layers, str(root))
    mount("-t", "proc", "proc", str(root / "proc"))
    mount("-t", "sysfs", "-o", "ro", "sysfs", str(root / "sys"))
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(root / "dev"))
    mount("-t", "tmpfs", "tmpfs", str(root / "tmp"))
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(root / "run"))
    for name in DEVICES:
        (root / "dev" / name).touch()
        mount("--bind", f"/dev/{name}", str(root / "dev" / name))
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        (root / "dev" / name).symlink_to(f"/proc/self/fd{target}")
    for name in ("shm", "pts"):
        (root / "dev" / name).mkdir()
    mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", str(root / "dev/shm"))
    mount("-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620", "d", str(root / "dev/pts"))
    (root / "dev/ptmx").symlink_to("pts/ptmx")
    made: list[Path] = []
    for bind in spec["binds"]:
        target = root / bind["target"].lstrip("/")
        made = ensure_target(target, directory=Path(bind["source"]).is_dir()) + made
        mount("--rbind", bind["source"], str(target))
        if bind["read_only"]:
            mount("-o", "remount,bind,ro", str(target))
    return made


def enter(spec: Spec) -> None:
    """Become the command: change root, directory and user, then execute it."""
    os.chroot(spec["root"])
    account = pwd.getpwnam(spec["user"])
    if spec["cwd"] is None:
        os.chdir(account.pw_dir if Path(account.pw_dir).is_dir() else "/")
    else:
        os.chdir(spec["cwd"])
    os.initgroups(account.pw_name, account.pw_gid)
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    env = {"HOME": account.pw_dir, "USER": account.pw_name, **spec["env"]}
    try:
        os.execvpe(spec["argv"][0], spec["argv"], env)
    except OSError as error:
        print(f"{spec['argv'][0]}: {error.strerror}", file=sys.stderr)
        os._exit(127)


def reap_until_done(child: int) -> int:
    """Be init: collect every orphan, return the exit code of the command once it ends."""
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def main() -> int:
    """Mount, run, tidy; the exit code is the command's, 128 + signal if one ended it."""
    spec: Spec = json.loads(Path(sys.argv[1]).read_text())
    try:
        made = mount_all(spec)
    except subprocess.CalledProcessError:
        return 125
    # PID 1 ignores the signals that it does not handle; pass on what a terminal or timeout sends.
    child = os.fork()
    if child == 0:
        enter(spec)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: os.kill(child, number))
    code = reap_until_done(child)
    forget_targets(spec, made)
    return code


def forget_targets(spec: Spec, made: list[Path]) -> None:
    """Remove mount points that only our binds needed, so that a kept overlay is free of them."""
    for bind in reversed(spec["binds"]):
        target = Path(spec["root"], bind["target"].lstrip("/"))
        subprocess.run(["umount", "--recursive", "--lazy", str(target)], check=True)
    for path in made:
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.is_file() and path.stat().st_size == 0:
            path.unlink()


if __name__ == "__main__":
    sys.exit(main())
