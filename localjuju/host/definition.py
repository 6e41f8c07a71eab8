"""What an image consists of. Everything here goes into the hash by which an image is cached."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localjuju.host.errors import HostError

ROOTFS = Path(__file__).resolve().parent / "rootfs"
# It must be there before postgresql is configured, which makes a cluster otherwise. The
# packaging's own createcluster.conf stays as it is on any machine.
BEFORE_PACKAGES = ("etc/postgresql-common/createcluster.d/no-main-cluster.conf",)


@dataclass(frozen=True)
class Release:
    """A release of which images can be made.

    Attributes:
        distribution: "Debian" or "Ubuntu", as apt labels its archive.
        version: such as "12" or "24.04".
        components: of the archive, from which packages come.
        packages: what a machine of it has besides `PACKAGES`.
    """

    distribution: str
    version: str
    components: tuple[str, ...]
    packages: tuple[str, ...] = ()

    @property
    def base(self) -> str | None:
        """The base that it is, as Juju names bases; None if it has to pose as one."""
        return f"ubuntu@{self.version}" if self.distribution == "Ubuntu" else None


# Debian has apt for essential.
_APT = ("apt", "ubuntu-keyring")
# Debian can be bootstrapped on every host, Ubuntu where its archive is reached.
RELEASES = {
    "bookworm": Release("Debian", "12", ("main",)),
    "trixie": Release("Debian", "13", ("main",)),
    "jammy": Release("Ubuntu", "22.04", ("main", "universe"), _APT),
    "noble": Release("Ubuntu", "24.04", ("main", "universe"), _APT),
    "resolute": Release("Ubuntu", "26.04", ("main", "universe"), (*_APT, "sudo-rs")),
}

# charmhelpers and Juju's agents refuse an operating system that is not Ubuntu, so an image of
# Debian names the base that the charm was packed for: version, code name, name.
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
        packages: the distribution's packages to install.
        commands: argument lists, run as root in order with the host's network.
        files: path in the image -> text, written before the commands run.
    """

    name: str
    packages: tuple[str, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()
    files: Mapping[str, str] = field(default_factory=dict[str, str])


def base_of(release: str, wanted: str | None = None) -> str:
    """The base that an image of a release has.

    Args:
        release: a key of `RELEASES`.
        wanted: a base; by default the one that the release is, or `DEFAULT_BASE`.

    Raises:
        HostError: if there is no such release or base, or the release is another base.
    """
    if release not in RELEASES:
        raise HostError("no such image", release, f"known: {', '.join(RELEASES)}")
    own = RELEASES[release].base
    if wanted is not None and wanted not in BASES:
        raise HostError("no such base", wanted, f"known: {', '.join(BASES)}")
    if own is not None and wanted not in (own, None):
        raise HostError(
            f"an image of {release} is no {wanted}",
            f"{release} is {own}, and only Debian poses as another",
        )
    return own or wanted or DEFAULT_BASE


def os_release(release: str, base: str) -> str:
    """/etc/os-release of Debian: the base's identity, and for people what it really is.

    Format: https://www.freedesktop.org/software/systemd/man/os-release.html
    """
    version, codename, name = BASES[base]
    real = f"Debian {RELEASES[release].version}"
    return (
        f'PRETTY_NAME="Ubuntu {version} (localjuju stand-in on {real})"\n'
        'NAME="Ubuntu"\n'
        f'VERSION_ID="{version}"\n'
        f'VERSION="{version} ({name})"\n'
        f"VERSION_CODENAME={codename}\n"
        "ID=ubuntu\n"
        "ID_LIKE=debian\n"
        f"UBUNTU_CODENAME={codename}\n"
    )


def lsb_release(base: str) -> str:
    """/etc/lsb-release of Debian, which charmhelpers reads instead of os-release in places."""
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
    """The directory name of the image of a release that is a base or poses as one."""
    files = {str(path): (ROOTFS / path).read_text() for path in rootfs_files()}
    made = RELEASES[release]
    own = (
        (made.components, made.packages)
        if made.base
        else (os_release(release, base), lsb_release(base))
    )
    key = digest(platform.machine(), PACKAGES, MASKED_UNITS, *own, files)
    return f"{release}-{key}"


def layer_name(below: str, layer: Layer) -> str:
    """The directory name of a layer on the image that is cached under the name `below`."""
    key = digest(below, layer.packages, layer.commands, dict(layer.files))
    release = below.split("-", 1)[0]
    return f"{release}-{layer.name}-{key}"
