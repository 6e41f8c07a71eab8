"""The distribution's own PostgreSQL."""

from __future__ import annotations

import dataclasses


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
    raise NotImplementedError


def server_version() -> str | None:
    """Version of the installed server such as "15.20"; None where none is installed."""
    raise NotImplementedError


def machine() -> Machine:
    """This machine's architecture and operating system."""
    raise NotImplementedError
