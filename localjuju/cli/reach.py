"""Reach into a machine as ``ssh`` would: what ``juju ssh`` and ``juju scp`` stand on.

The stand-in's machines have no SSH server. Their namespaces are entered from the host instead,
which takes root; what runs there sees a user's home, shell and groups as after a login.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from typing import IO, Any, Protocol

from localjuju.controller.shapes import SshTarget
from localjuju.controller.wire import JujuError

DEFAULT_USER = "ubuntu"


class Reach(Protocol):
    """One machine, entered as one user."""

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return the argument list that runs ``argv`` there when it is run on this host."""
        ...

    def terminal(self, argv: Sequence[str]) -> int:
        """Run ``argv`` on a terminal there, joined to ours; return its exit status."""
        ...


class _HostReach:
    """A machine of ``localjuju.host``."""

    def __init__(self, model: str, machine: str, user: str) -> None:
        from localjuju.host import machines

        self._machine = machines.get(model, machine)
        self._user = user

    def command(self, argv: Sequence[str]) -> list[str]:
        return self._machine.command(argv, user=self._user)

    def terminal(self, argv: Sequence[str]) -> int:
        return self._machine.terminal(argv, user=self._user)


class _DirectoryReach:
    """A machine that is a mere directory, as tests have them: the host itself, seen from there."""

    def __init__(self, root: str) -> None:
        self._root = root

    def command(self, argv: Sequence[str]) -> list[str]:
        return ["env", "-C", self._root, *argv]

    def terminal(self, argv: Sequence[str]) -> int:
        return subprocess.run(self.command(argv), check=False).returncode


def reach(target: SshTarget, user: str) -> Reach:
    """Return the way into a machine.

    Raises:
        JujuError: we are not root, or the machine is off or unknown to the host.
    """
    model, slash, machine = target["host_machine"].partition("/")
    if not slash:
        return _DirectoryReach(target["root"])
    if os.geteuid() != 0:
        raise JujuError(
            "the machines of localjuju are entered through their namespaces, which only root may "
            "do: run it with sudo"
        )
    from localjuju.host.errors import HostError

    try:
        return _HostReach(model, machine, user)
    except HostError as error:
        raise JujuError(str(error)) from error


def run(
    there: Reach,
    argv: Sequence[str],
    *,
    stdin: int | IO[Any] | None = None,
    stdout: int | IO[Any] | None = None,
) -> int:
    """Run a command there with our streams, or others; return its exit status.

    Raises:
        JujuError: the machine is off.
    """
    from localjuju.host.errors import HostError

    try:
        command = there.command(argv)
    except HostError as error:
        raise JujuError(str(error)) from error
    status = subprocess.run(command, stdin=stdin, stdout=stdout, check=False).returncode
    return 128 - status if status < 0 else status


def split_user(text: str) -> tuple[str, str]:
    """Split ``user@target``; without a user it is the one that Juju's images have."""
    user, at, target = text.rpartition("@")
    return (user, target) if at else (DEFAULT_USER, text)
