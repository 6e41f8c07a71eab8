"""Other programs: run with a list of arguments, a bare environment and no shell."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    # What programs say is read and quoted: English, and every letter kept.
    "LC_ALL": "C.UTF-8",
}

MORTAL = ("setpriv", "--pdeathsig", "KILL")
"""Before a command: it ends when its caller does, see prctl(2), PR_SET_PDEATHSIG."""

TIMED_OUT = 124
"""Exit code of a program that was killed for taking too long, as timeout(1) has it."""


def run(
    argv: Sequence[str | Path], *, as_postgres: bool = False, timeout_s: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; its exit code is the caller's to look at.

    It does not outlive its caller: what a hook that was killed had begun would else go on beside
    the next one, which begins the same again.

    Nothing of the caller's own environment reaches it: neither PG* variables, which would
    redirect PostgreSQL's programs, nor Juju's.

    Args:
        argv: The program and its arguments.
        as_postgres: Run as the operating system's postgres with all of its groups (of which
            ssl-cert is the one that may read the server's key).
        timeout_s: After this it is killed.

    Returns:
        With both outputs as text; a program that is missing or timed out has exit code 127 or
        124, as a shell would say, and words that tell.
    """
    command = [*MORTAL, *(str(part) for part in argv)]
    environment = dict(ENVIRONMENT)
    if not as_postgres:
        environment["HOME"] = "/root"
        return _run(command, environment, timeout_s, None, None, None)
    account = pwd.getpwnam("postgres")
    environment["HOME"] = account.pw_dir
    if os.geteuid() == account.pw_uid:
        return _run(command, environment, timeout_s, None, None, None)
    groups = postgres_groups()
    return _run(command, environment, timeout_s, account.pw_uid, account.pw_gid, groups)


def _run(
    command: list[str],
    environment: Mapping[str, str],
    timeout_s: float,
    user: int | None,
    group: int | None,
    groups: list[int] | None,
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            # A hook's own directory may be closed to postgres.
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            user=user,
            group=group,
            extra_groups=groups,
            check=False,
        )
    except FileNotFoundError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))
    except subprocess.TimeoutExpired:
        words = f"{Path(command[len(MORTAL)]).name} did not end within {timeout_s:.0f} s"
        return subprocess.CompletedProcess(command, TIMED_OUT, "", words)


def words(result: subprocess.CompletedProcess[str], lines: int = 6) -> str:
    """What a failed program said, worth quoting: the last lines of stderr, else of stdout."""
    text = result.stderr.strip() or result.stdout.strip()
    kept = [line.strip() for line in text.splitlines() if line.strip()][-lines:]
    return "; ".join(kept) or f"exit code {result.returncode}"


def postgres_groups() -> list[int]:
    """Ids of all groups of the operating system's postgres."""
    return os.getgrouplist("postgres", pwd.getpwnam("postgres").pw_gid)
