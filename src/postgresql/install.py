"""The distribution's own PostgreSQL."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from pathlib import Path

from postgresql import commands, files
from postgresql.errors import InstallFailed
from postgresql.layout import Layout

# In this order: the first ones bring createcluster.conf, which has to say that no cluster `main`
# is wanted before the server's package is configured. The server's modules, basic_archive among
# them, are in its own package.
COMMON_PACKAGES = ("postgresql-common", "ssl-cert", "logrotate")
SERVER_PACKAGES = ("postgresql",)
CREATECLUSTER_CONF = Path("/etc/postgresql-common/createcluster.conf")
OS_RELEASE = Path("/etc/os-release")

# unattended-upgrades may hold the lock on a new machine for minutes.
_LOCK_S = 300
_POLL_S = 1.0
_APT_OPTIONS = [
    "--option=Dpkg::Options::=--force-confold",
    f"--option=DPkg::Lock::Timeout={_LOCK_S}",
    "--no-install-recommends",
]


@dataclasses.dataclass(frozen=True)
class Machine:
    """What must be equal on two machines for one to follow the other physically.

    Attributes:
        architecture: As the kernel calls it: "x86_64", "aarch64".
        os: Name and version from os-release: "Ubuntu 24.04".
    """

    architecture: str
    os: str


def ensure_installed() -> bool:
    """Install PostgreSQL, unless it is there; no cluster is made along with it.

    Without missing packages this touches neither apt nor the network.

    Returns:
        Whether anything was installed.

    Raises:
        InstallFailed: With apt's own words.
    """
    _finish_interrupted()
    installed = Layout.find() is not None and not _half_done()
    if not installed:
        _install(COMMON_PACKAGES)
    _set_create_main_cluster_false()
    if not installed:
        _install(SERVER_PACKAGES)
    return not installed


def server_version() -> str | None:
    """Version of the installed server such as "15.20"; None where none is installed."""
    layout = Layout.find()
    if layout is None:
        return None
    # "postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)"
    result = commands.run([layout.programs / "postgres", "--version"])
    match = re.search(r"\(PostgreSQL\) (\S+)", result.stdout)
    return match[1] if match else None


def machine() -> Machine:
    """This machine's architecture and operating system."""
    fields = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', OS_RELEASE.read_text(), re.MULTILINE))
    name = fields.get("NAME", "Linux")
    return Machine(platform.machine(), f"{name} {fields.get('VERSION_ID', '')}".strip())


def _install(packages: Sequence[str]) -> None:
    from charmhelpers import fetch

    output = ""
    missing: list[str] = fetch.filter_installed_packages(list(packages))
    for update in (False, True):
        if not missing:
            return
        with _captured_output() as said:
            if update:
                fetch.apt_update(fatal=False)
            # fatal=True would try for 100 s before it says anything; a hook that fails tells
            # the reason at once, and the next one tries again.
            fetch.apt_install(missing, options=_APT_OPTIONS, fatal=False)
        output = said[0]
        missing = fetch.filter_installed_packages(list(packages))
    if missing:
        raise InstallFailed(
            f"install {', '.join(missing)}",
            _apt_words(output),
            "see that the machine reaches its package archive; the next hook tries again",
        )


def _half_done() -> bool:
    """Whether a package was unpacked and not configured; some 10 ms.

    Its programs are there already, and the user, the directories and the units that its
    configuration makes are not.
    """
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}\\n"]
    result = commands.run([*query, "postgresql*", *COMMON_PACKAGES])
    whole = {"installed", "not-installed", "config-files"}
    return not set(result.stdout.split()) <= whole


def _finish_interrupted() -> None:
    """Configure what was unpacked when the power failed, or a hook was killed; apt refuses to.

    Raises:
        InstallFailed: In dpkg's words.
    """
    if not _half_done():
        return
    frontend = ["env", "DEBIAN_FRONTEND=noninteractive"]
    configure = [*frontend, "dpkg", "--force-confold", "--configure", "--pending"]
    deadline = time.monotonic() + _LOCK_S
    while True:
        result = commands.run(configure, timeout_s=_LOCK_S)
        # The apt of a hook that was killed may still be at it.
        locked = result.returncode and "lock" in result.stderr
        if not locked or time.monotonic() > deadline:
            break
        time.sleep(_POLL_S)
    if result.returncode:
        raise InstallFailed(
            "finish an interrupted installation",
            commands.words(result),
            "see what dpkg --configure --pending says; the next hook tries again",
        )


def _set_create_main_cluster_false() -> None:
    """Add the line to createcluster.conf, whose other lines are the administrator's."""
    text = files.read(CREATECLUSTER_CONF) or ""
    pattern = re.compile(r"^[ \t]*#?[ \t]*create_main_cluster[ \t]*=.*$", re.MULTILINE)
    line = "create_main_cluster = false"
    if re.search(rf"^{line}$", text, re.MULTILINE):
        return
    new = pattern.sub(line, text, count=1) if pattern.search(text) else f"{text}{line}\n"
    files.make_directory(CREATECLUSTER_CONF.parent, owner="root")
    files.write(CREATECLUSTER_CONF, new, owner="root", mode=0o644)


@contextlib.contextmanager
def _captured_output() -> Generator[list[str], None, None]:
    """Collect what child processes print: charmhelpers hands apt's output to no one.

    Yields:
        A list that holds the text as its only item when the block is left.
    """
    said: list[str] = []
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
        try:
            yield said
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, number in zip(kept, (1, 2), strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)
            sink.seek(0)
            said.append(sink.read().decode("utf-8", "replace"))


def _apt_words(output: str) -> str:
    """Why apt could not fetch and what it could not install, else the end of what it said."""
    lines = list(dict.fromkeys(line.strip() for line in output.splitlines() if line.strip()))
    fetching = [line[2:].strip() for line in lines if line.startswith("W: Failed to fetch")]
    errors = [line[2:].strip() for line in lines if line.startswith("E:")]
    broken = [line for line in lines if line.startswith("dpkg: error")]
    return "; ".join([*fetching[:1], *(errors + broken)[-3:]] or lines[-3:]) or "apt said nothing"
