"""Running commands inside a running machine, as its owner would over ssh.

nsenter(1) brings a process into the machine's namespaces, but not into its cgroup, so it would
survive a power loss and not freeze with the rest. So it joins one inside the machine first.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import tty
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localjuju.host.errors import HostError

INSIDE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin"
JOIN = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
# ioctl(2) numbers of ptys that Python's termios does not name (asm-generic/ioctls.h).
TIOCSPTLCK = 0x40045431
TIOCGPTPEER = 0x5441


@dataclass(frozen=True)
class Account:
    """A line of the machine's passwd."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str


def account(root: Path, name: str) -> Account:
    """Look an account up in a machine's file system.

    Raises:
        HostError: if there is none of that name.
    """
    for line in (root / "etc/passwd").read_text().splitlines():
        fields = line.split(":")
        if fields[0] == name:
            return Account(name, int(fields[2]), int(fields[3]), fields[5], fields[6])
    raise HostError("no such account", f"{name} is not in the machine's /etc/passwd")


def command(
    leader: int,
    cgroup: Path,
    who: Account,
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
) -> list[str]:
    """The argument list that runs `argv` inside when executed on the host.

    Args:
        leader: process id, on the host, of the machine's PID 1.
        cgroup: an existing cgroup of the machine to run in.
        who: the account to run as.
        argv: the command, looked up on the machine's PATH.
        env: variables on top of a clean environment.
        cwd: a directory inside; the account's home by default.
    """
    variables = {
        "HOME": who.home,
        "LANG": "C.UTF-8",
        "LOGNAME": who.name,
        "PATH": INSIDE_PATH,
        "SHELL": who.shell,
        "USER": who.name,
        **(env or {}),
    }
    become = ["setpriv", f"--reuid={who.uid}", f"--regid={who.gid}", "--init-groups", "--"]
    return [
        *("/bin/sh", "-c", JOIN, str(cgroup)),
        *("nsenter", "--target", str(leader), "--all", "--"),
        *("env", "--ignore-environment", f"--chdir={cwd or who.home}"),
        *(f"{name}={value}" for name, value in variables.items()),
        *(become if who.uid != 0 else []),
        *argv,
    ]


def terminal(leader: int, argv: Sequence[str]) -> int:
    """Run a command of `command` on a terminal of the machine, joined to the one we have.

    The terminal is one of the machine's own /dev/pts, so that tty(1), sudo and screen work there.

    Args:
        leader: process id, on the host, of the machine's PID 1.
        argv: what `command` returned for ["setsid", "--ctty", "--wait", …].

    Returns:
        The exit code, 128 + n if signal n ended the command.
    """
    master = os.open(f"/proc/{leader}/root/dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    fcntl.ioctl(master, TIOCSPTLCK, struct.pack("i", 0))
    slave = fcntl.ioctl(master, TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY)
    stdin = sys.stdin.fileno()
    _copy_size(stdin, master)

    def on_resize(_number: int, _frame: object) -> None:
        _copy_size(stdin, master)

    old_handler = signal.signal(signal.SIGWINCH, on_resize)
    saved = termios.tcgetattr(stdin) if os.isatty(stdin) else None
    try:
        with subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave) as process:
            os.close(slave)
            if saved is not None:
                tty.setraw(stdin)
            _relay(stdin, master)
        code = process.returncode
    finally:
        if saved is not None:
            termios.tcsetattr(stdin, termios.TCSADRAIN, saved)
        signal.signal(signal.SIGWINCH, old_handler)
        os.close(master)
    return code if code >= 0 else 128 - code


def _relay(stdin: int, master: int) -> None:
    """Copy both ways until the last process inside has closed the terminal."""
    poll = select.poll()
    poll.register(master, select.POLLIN)
    poll.register(stdin, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            try:
                data = os.read(fd, 65536)
            except OSError:  # EIO: nobody has the other end open any more
                return
            if fd == master:
                os.write(sys.stdout.fileno(), data)
            elif data:
                os.write(master, data)
            else:  # end of our input: say so as a terminal does, and go on listening
                poll.unregister(stdin)
                os.write(master, b"\x04")


def _copy_size(source: int, target: int) -> None:
    if os.isatty(source):
        size = fcntl.ioctl(source, termios.TIOCGWINSZ, b"\0" * 8)
        fcntl.ioctl(target, termios.TIOCSWINSZ, size)
