"""What an image consists of. Everything here goes into the hash by which an image is cached."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOTFS = Path(__file__).resolve().parent / "rootfs"
# It must be there before postgresql is configured, which makes a cluster otherwise. The
# packaging's own createcluster.conf stays as it is on any machine.
BEFORE_PACKAGES = ("etc/postgresql-common/createcluster.d/no-main-cluster.conf",)

RELEASES = {"bookworm": "12", "trixie": "13"}

# charmhelpers and Juju's agents refuse an operating system that is not Ubuntu, so the image
# names the base that the charm was packed for: version, code name, name.
BASES = {
    "ubuntu@22.04": ("22.04", "jammy", "Jammy Jellyfish"),
    "ubuntu@24.04": ("24.04", "noble", "Noble Numbat"),
    "ubuntu@26.04": ("26.04", "resolute", "Resolute Raccoon"),
}
DEFAULT_RELEASE = "bookworm"
DEFAULT_BASE = "ubuntu@24.04"

PACKAGES = (
    "ca-certificates",
    "dbus",
    "iproute2",
    "iputils-ping",
    "less",
    "lsb-release",
    "openssl",
    "postgresql",
    "postgresql-contrib",
    "procps",
    "python3",
    "python3-venv",
    "python3-yaml",
    "sudo",
    "systemd",
    "systemd-sysv",
)
# They look for a network, a console or a clock that a machine here does not have.
MASKED_UNITS = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "console-getty.service",
    "getty@.service",
    "getty.target",
    "systemd-firstboot.service",
    "systemd-networkd-wait-online.service",
    "systemd-timesyncd.service",
)


@dataclass(frozen=True)
class Layer:
    """An image on top of an image.

    Attributes:
        name: in the directory name of the cached layer: letters, digits, hyphens.
        packages: Debian packages to install.
        commands: argument lists, run as root in order with the host's network.
        files: path in the image -> text, written before the commands run.
    """

    name: str
    packages: tuple[str, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()
    files: Mapping[str, str] = field(default_factory=dict[str, str])


def os_release(release: str, base: str) -> str:
    """/etc/os-release: the base's identity, with what it really is in the name that people read.

    Format: https://www.freedesktop.org/software/systemd/man/os-release.html
    """
    version, codename, name = BASES[base]
    return (
        f'PRETTY_NAME="Ubuntu {version} (localjuju stand-in on Debian {RELEASES[release]})"\n'
        'NAME="Ubuntu"\n'
        f'VERSION_ID="{version}"\n'
        f'VERSION="{version} ({name})"\n'
        f"VERSION_CODENAME={codename}\n"
        "ID=ubuntu\n"
        "ID_LIKE=debian\n"
        f"UBUNTU_CODENAME={codename}\n"
    )


def lsb_release(base: str) -> str:
    """/etc/lsb-release, which charmhelpers reads instead of os-release in places."""
    version, codename, _ = BASES[base]
    return (
        "DISTRIB_ID=Ubuntu\n"
        f"DISTRIB_RELEASE={version}\n"
        f"DISTRIB_CODENAME={codename}\n"
        f'DISTRIB_DESCRIPTION="Ubuntu {version}"\n'
    )


def rootfs_files() -> list[Path]:
    """The files that are copied into every image, relative to `ROOTFS`, in a fixed order."""
    return sorted(p.relative_to(ROOTFS) for p in ROOTFS.rglob("*") if p.is_file())


def digest(*parts: object) -> str:
    """Twelve hex digits over plain values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def base_name(release: str, base: str) -> str:
    """The directory name of the image of a release that poses as a base."""
    files = {str(path): (ROOTFS / path).read_text() for path in rootfs_files()}
    key = digest(
        platform.machine(),
        PACKAGES,
        MASKED_UNITS,
        os_release(release, base),
        lsb_release(base),
        files,
    )
    return f"{release}-{key}"


def layer_name(below: str, layer: Layer) -> str:
    """The directory name of a layer on the image that is cached under the name `below`."""
    key = digest(below, layer.packages, layer.commands, dict(layer.files))
    release = below.split("-", 1)[0]
    return f"{release}-{layer.name}-{key}"
