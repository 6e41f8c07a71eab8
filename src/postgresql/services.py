"""The systemd units that the charm writes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from postgresql import commands, files, processes, templates
from postgresql.errors import ServerRefused
from postgresql.layout import DATA, NOTES

UNITS = Path("/etc/systemd/system")
CGROUPS = Path("/sys/fs/cgroup/system.slice")
PREFIX = "pg-hot-standby"
"""Every unit, program and note of the charm's begins with it."""
PROGRAMS = Path("/usr/local/lib/pg-hot-standby")
"""Programs that those units run; root's."""


def command_line(words: Iterable[str]) -> str:
    r"""Words as ExecStart= and its kin take them.

    Source: systemd.service(5), "Command lines".

    >>> command_line(["/bin/echo", "100%", "it's"])
    '"/bin/echo" "100%%" "it\'s"'
    """
    return " ".join(f'"{_quoted(word)}"' for word in words)


def ensure(name: str, template: str, **context: object) -> bool:
    """Make /etc/systemd/system/NAME from the template; systemd is told if it changed.

    Returns:
        Whether it changed, or systemd had not been told of a change.
    """
    text = templates.render(template, **context)
    changed = files.write(UNITS / name, text, owner="root", mode=0o644)
    # A hook may have been killed after it had written and before it had told.
    changed = changed or _is_outdated(name)
    if changed:
        commands.run(["systemctl", "daemon-reload"])
    return changed


def ensure_program(name: str, template: str, **context: object) -> Path:
    """Make an executable program from the template, and give its path."""
    files.make_directory(PROGRAMS, owner="root")
    path = PROGRAMS / name
    files.write(path, templates.render(template, **context), owner="root", mode=0o755)
    return path


def ensure_running(name: str, restart: bool = False) -> bool:
    """Have the unit run now and after every boot.

    Args:
        name: The unit.
        restart: Restart it where it runs already.

    Returns:
        Whether it had to be started or restarted.

    Raises:
        ServerRefused: In systemd's words.
    """
    if not restart and (has_processes(name) or is_active(name)):
        return False
    from charmhelpers.core import host

    host.service("enable", name)
    restart_now(name)
    return True


def restart_now(name: str) -> None:
    """Restart the unit, or start it.

    Raises:
        ServerRefused: In systemd's words.
    """
    from charmhelpers.core import host

    if not host.service_restart(name):
        result = commands.run(["systemctl", "status", "--no-pager", "--lines=5", name])
        raise ServerRefused(f"start {name}", commands.words(result))


def start(name: str) -> None:
    """Start the unit now, without waiting for it, and not after a boot.

    Raises:
        ServerRefused: In systemd's words.
    """
    commands.run(["systemctl", "reset-failed", name])
    result = commands.run(["systemctl", "start", "--no-block", name])
    if result.returncode:
        raise ServerRefused(f"start {name}", commands.words(result))


def is_up(name: str) -> bool:
    """Whether the unit runs now."""
    return commands.run(["systemctl", "is-active", name]).stdout.strip() == "active"


def is_active(name: str) -> bool:
    """Whether the unit runs, starts or waits to be restarted."""
    result = commands.run(["systemctl", "is-active", name])
    return result.stdout.strip() in ("active", "activating", "reloading")


def has_processes(name: str) -> bool:
    """Whether the unit has processes, by the kernel's own account of them; a file read.

    False also where that cannot be told: the unit lies in another slice, or the machine has the
    cgroups of version 1. Source: cgroup-v2.rst, "cgroup.events".
    """
    return "populated 1" in (files.read(_cgroup(name) / "cgroup.events") or "")


def waiting_for_disk(name: str, cgroups: Path = CGROUPS) -> frozenset[str]:
    """The unit's processes, if no signal reaches any of them before its disk answers.

    Source: proc(5), /proc/pid/stat, "D".
    """
    pids = (files.read(_cgroup(name, cgroups) / "cgroup.procs") or "").split()
    states = {pid: state[0] for pid in pids if (state := processes.stat(pid))}
    return frozenset(states) if set(states.values()) == {"D"} else frozenset()


def _cgroup(name: str, cgroups: Path = CGROUPS) -> Path:
    template, at, _ = name.partition("@")
    # systemd.slice(5): an instance lies in the slice of its template.
    slice_of = "system-" + template.replace("-", "\\x2d") + ".slice"
    return cgroups / slice_of / name if at else cgroups / name


def stop(name: str) -> None:
    """Stop the unit and wait until it has ended."""
    from charmhelpers.core import host

    host.service_stop(name)


def remove(name: str) -> bool:
    """Stop and disable the unit and delete its file.

    Returns:
        Whether there was one.
    """
    from charmhelpers.core import host

    path = UNITS / name
    if not path.exists():
        return False
    host.service_stop(name)
    host.service("disable", name)
    path.unlink()
    commands.run(["systemctl", "daemon-reload"])
    commands.run(["systemctl", "reset-failed", name])
    return True


def remove_all() -> None:
    """Take away everything that the charm wrote outside of data, archive and PostgreSQL's own.

    That is its units, programs, notes and passfiles.
    """
    for path in sorted(UNITS.glob(f"{PREFIX}*")):
        if path.is_file():
            remove(path.name)
    for directory in (PROGRAMS, NOTES):
        files.remove_tree(directory)
    for passfile in DATA.glob(f".{PREFIX}-*"):
        passfile.unlink()


def _is_outdated(name: str) -> bool:
    """Whether systemd goes by an older file than that on the disk."""
    result = commands.run(["systemctl", "show", "--value", "--property=NeedDaemonReload", name])
    return result.stdout.strip() == "yes"


def _quoted(word: str) -> str:
    for character, escaped in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        word = word.replace(character, escaped)
    return word
