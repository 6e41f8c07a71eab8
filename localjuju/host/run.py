"""Running the host's own programs, and locks between our own processes."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from localjuju.host.errors import CommandFailed

# nft, losetup, mkfs and fsfreeze lie in sbin, which a user's sudo or a cron's PATH may lack.
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for programs of the host: only what we know, in the C locale."""
    proxies = {name: value for name, value in os.environ.items() if name.lower() in PROXIES}
    return {"PATH": SEARCH_PATH, "LC_ALL": "C.UTF-8", "HOME": "/root", **proxies, **(extra or {})}


def run(argv: Sequence[str], *, input: str | None = None) -> str:
    """Run a program of the host and return its standard output.

    Raises:
        CommandFailed: with the last lines that it wrote, if it is missing or fails.
    """
    try:
        done = subprocess.run(
            argv, input=input, capture_output=True, text=True, env=environment(), check=False
        )
    except FileNotFoundError as error:
        raise CommandFailed(
            f"cannot run {argv[0]}", "not installed", "run `machine prerequisites --install`"
        ) from error
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()[-4:]
        raise CommandFailed(
            f"`{' '.join(argv)}` failed", " / ".join(words) or f"exit code {done.returncode}"
        )
    return done.stdout


def succeeds(argv: Sequence[str]) -> bool:
    """Whether a program of the host ends with exit code 0; what it writes is dropped."""
    done = subprocess.run(argv, capture_output=True, env=environment(), check=False)
    return done.returncode == 0


def run_json(argv: Sequence[str]) -> Any:
    """Run a program that answers in JSON; an empty answer is an empty list."""
    text = run(argv).strip()
    return json.loads(text) if text else []


def write_atomically(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file so that a reader sees the old or the new one, never half of it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text)
    partial.chmod(mode)
    partial.replace(path)


@contextlib.contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold an exclusive lock; it is the kernel's, so a killed holder leaves none behind.

    Raises:
        FileNotFoundError: if there is no such directory, as when a model was just removed.
    """
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_locked(path: Path) -> bool:
    """Whether another process (or another open file of ours) holds the lock."""
    try:
        with path.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def remove_link(name: str) -> None:
    """Remove a network interface; idempotent, also if another process is at it.

    Raises:
        CommandFailed: if it cannot be removed.
    """
    argv = ["ip", "link", "delete", name]
    if Path("/sys/class/net", name).exists() and not succeeds(argv):
        still_there = Path("/sys/class/net", name).exists()
        if still_there:
            run(argv)


def remove_tree(path: Path) -> None:
    """Remove a directory, never descending into another file system that is mounted below it.

    Raises:
        CommandFailed: if something in it cannot be removed, such as a mount point in use.
    """
    if path.exists():
        run(["rm", "-rf", "--one-file-system", "--", str(path)])
