"""What the host must have, and how it gets it."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from localjuju.host import definition, run
from localjuju.host.errors import HostError

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
UBUNTU_KEYRING = Path("/usr/share/keyrings/ubuntu-archive-keyring.gpg")
# By it mmdebstrap knows what is a release of Ubuntu's.
UBUNTU_RELEASES = Path("/usr/share/distro-info/ubuntu.csv")

# Debian's and Ubuntu's names, with a file or program by which one sees that it is there.
PACKAGES: dict[str, str] = {
    "systemd-container": "systemd-nspawn",
    "mmdebstrap": "mmdebstrap",
    # Ubuntu has no keys of Debian's archive otherwise.
    "debian-archive-keyring": str(KEYRING),
    "nftables": "nft",
    "iproute2": "ip",
    "util-linux": "nsenter",
    "mount": "losetup",
    "e2fsprogs": "mkfs.ext4",
}


@dataclass(frozen=True)
class Missing:
    """What is not there.

    Attributes:
        packages: Debian packages to install.
        reasons: what no package brings, in sentences.
    """

    packages: tuple[str, ...]
    reasons: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.packages or self.reasons)


def _present(proof: str) -> bool:
    if proof.startswith("/"):
        return Path(proof).exists()
    return shutil.which(proof, path=run.SEARCH_PATH) is not None


def missing() -> Missing:
    """What the host lacks; needs no root."""
    packages = tuple(name for name, proof in PACKAGES.items() if not _present(proof))
    reasons: list[str] = []
    if "overlay" not in Path("/proc/filesystems").read_text() and not _loadable("overlay"):
        reasons.append("the kernel has no overlayfs")
    if " - cgroup2 " not in Path("/proc/self/mountinfo").read_text():
        reasons.append("cgroup version 2 is not mounted")
    if packages and not _present("apt-get"):
        reasons.append("this host has no apt to install packages with")
    return Missing(packages, tuple(reasons))


def _loadable(module: str) -> bool:
    return run.succeeds(["modprobe", "--dry-run", module]) if _present("modprobe") else False


def require_root() -> None:
    """Raise HostError unless we are root."""
    if os.geteuid() != 0:
        raise HostError(
            "machines need root", "they have mounts and network interfaces", "run it with sudo"
        )


def require() -> None:
    """Raise HostError, with the remedy, unless machines can run here."""
    require_root()
    lacking = missing()
    if lacking.reasons:
        raise HostError("machines cannot run on this host", ", ".join(lacking.reasons))
    if lacking.packages:
        raise HostError(
            "machines cannot run yet",
            f"not installed: {', '.join(lacking.packages)}",
            f"apt-get install {' '.join(lacking.packages)}",
        )


def require_for(release: str) -> None:
    """Raise HostError, with the remedy, unless an image of the release can be made here.

    Only Ubuntu's need more than every machine does: their archive's keys, which Debian has in a
    package since trixie, and their names.
    """
    if definition.RELEASES[release].base is None:
        return
    what = f"image {release} cannot be made yet"
    if not UBUNTU_KEYRING.exists():
        raise HostError(
            what,
            f"there are no keys of Ubuntu's archive at {UBUNTU_KEYRING}",
            "install the package ubuntu-keyring (Debian has it since 13; on 12 take that of 13)",
        )
    known = UBUNTU_RELEASES.read_text() if UBUNTU_RELEASES.exists() else ""
    if f",{release}," not in known:
        raise HostError(
            what,
            f"{UBUNTU_RELEASES} does not list it",
            "install the newest distro-info-data",
        )


def install() -> tuple[str, ...]:
    """Install the missing packages by apt and return their names.

    Raises:
        HostError: if we are not root, apt fails, or something is missing that it cannot bring.
    """
    require_root()
    lacking = missing()
    if lacking.packages:
        env = run.environment({"DEBIAN_FRONTEND": "noninteractive"})
        for argv in (
            ["apt-get", "-q", "update"],
            ["apt-get", "-q", "-y", "--no-install-recommends", "install", *lacking.packages],
        ):
            # A third party's broken list must not keep Debian's own packages from us.
            done = subprocess.run(argv, env=env, check=False)
            if done.returncode != 0 and "install" in argv:
                raise HostError("packages were not installed", f"`{' '.join(argv)}` failed")
    require()
    return lacking.packages
