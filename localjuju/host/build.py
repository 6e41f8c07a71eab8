"""Builds images: mmdebstrap for the first layer, commands in an overlay for those above it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from localjuju.host import definition, prerequisites, run
from localjuju.host.errors import HostError
from localjuju.host.progress import InstallProgress, Say


def mirror(distribution: str) -> str | None:
    """The archive from which the host's apt takes a distribution; None leaves it to mmdebstrap.

    A host may use a mirror near it, or the only one that it can reach. On a host of another
    distribution there is none to be found, and mmdebstrap knows where Debian and Ubuntu are.
    """
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(LABEL) $(CODENAME) $(SUITE)"],
        capture_output=True,
        text=True,
        env=run.environment(),
        check=False,
    ).stdout
    for line in listed.splitlines():
        uri, _, rest = line.partition(" ")
        label, _, names = rest.partition(" ")
        # Updates have a hyphen in the code name with Debian, in the suite with Ubuntu.
        if label == distribution and "-" not in names:
            return uri
    return None


def sources(release: str) -> list[str]:
    """What mmdebstrap is told of where packages come from; nothing leaves it to mmdebstrap.

    An Ubuntu has the point releases of PostgreSQL in its updates, as its machines do.
    """
    made = definition.RELEASES[release]
    uri = mirror(made.distribution)
    if uri is None or made.distribution == "Debian":
        return [uri] if uri else []
    components = " ".join(made.components)
    pockets = ("", "-updates", "-security")
    return [f"deb {uri} {release}{pocket} {components}" for pocket in pockets]


def proxies() -> list[str]:
    """The host's apt proxies, each as `Acquire::http::Proxy=URL`."""
    dump = run.run(["apt-config", "dump"])
    return [
        f"{name}={value}"
        for name, value in re.findall(r'^(Acquire::https?::Proxy\S*) "(.+)";$', dump, re.MULTILINE)
    ]


def bootstrap(release: str, base: str, target: Path, say: Say) -> None:
    """Make the directory `target` a bootable system.

    Raises:
        HostError: with the last lines of mmdebstrap, if it fails; before it begins, if the host
            has no keys of the archive or mmdebstrap does not know the release.
    """
    prerequisites.require_for(release)
    made = definition.RELEASES[release]
    packages = (*definition.PACKAGES, *made.packages)
    argv = [
        # Mounts that mmdebstrap makes die with it, even if it is killed.
        *("unshare", "--mount", "--propagation", "private", "--"),
        *("mmdebstrap", "--mode=root", "--variant=minbase", "--verbose"),
        f"--components={','.join(made.components)}",
        f"--include={','.join(packages)}",
        '--aptopt=APT::Install-Recommends "false"',
        "--dpkgopt=force-confold",
        *(f"--aptopt={option.replace('=', ' ', 1)}" for option in proxies()),
    ]
    if made.base:
        # The host's apt need not trust it, where the host is Debian.
        argv.append(f"--keyring={prerequisites.UBUNTU_KEYRING}")
    argv += [
        f"--essential-hook=install -D -m 0644 {definition.ROOTFS / name} $1/{name}"
        for name in definition.BEFORE_PACKAGES
    ]
    argv += [
        "--customize-hook=chroot $1 useradd --create-home --shell /bin/bash ubuntu",
        f"--customize-hook=chroot $1 systemctl mask {' '.join(definition.MASKED_UNITS)}",
        release,
        str(target),
        *sources(release),
    ]
    say(f"image {release}: installing a minimal {made.distribution} and {len(packages)} packages")
    watch(
        argv,
        InstallProgress(f"image {release}", say),
        f"image {release} was not built",
        "see that this host reaches Ubuntu's archive" if made.base else "",
    )
    say(f"image {release}: settling it")
    settle(target, release, base)


def settle(root: Path, release: str, base: str) -> None:
    """Write our own files into a fresh system."""
    for name in definition.rootfs_files():
        source, target = definition.ROOTFS / name, root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        # git keeps no modes but the executable bit; sudo refuses what others may write.
        target.chmod(0o440 if "sudoers.d" in name.parts else 0o644)
    wants = root / "etc/systemd/system/sysinit.target.wants"
    wants.mkdir(parents=True, exist_ok=True)
    (wants / "localjuju-network.service").symlink_to("../localjuju-network.service")
    texts = {"resolv.conf": "", "hostname": ""}
    if definition.RELEASES[release].base is None:
        # /usr/lib/os-release stays Debian's and true; the file in /etc is the one that is read.
        texts["os-release"] = definition.os_release(release, base)
        texts["lsb-release"] = definition.lsb_release(base)
    for name, text in texts.items():
        path = root / "etc" / name
        path.unlink(missing_ok=True)
        path.write_text(text)
    # Every machine gets an identity of its own when it is made.
    (root / "etc/machine-id").write_text("")
    # mmdebstrap leaves the options above here, a proxy of the host's among them.
    (root / "etc/apt/apt.conf.d/99mmdebstrap").unlink(missing_ok=True)


def apt_install(packages: tuple[str, ...]) -> list[list[str]]:
    """The commands that install packages inside an image and leave no lists or archives there."""
    options = [f"-o{option}" for option in ("Acquire::Retries=3", "Acquire::http::Timeout=60")]
    options += [f"-o{line}" for line in proxies()]
    return [
        ["apt-get", *options, "-q", "update"],
        ["apt-get", *options, "-q", "-y", "--no-install-recommends", "install", *packages],
        ["apt-get", "clean"],
        ["find", "/var/lib/apt/lists", "-type", "f", "-delete"],
    ]


def watch(argv: list[str], progress: InstallProgress, failure: str, remedy: str = "") -> None:
    """Run a program, feeding its output to `progress`.

    Raises:
        HostError: with `failure`, its last lines and the remedy, if it fails.
    """
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=run.environment(),
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            progress.line(line)
    if process.returncode != 0:
        raise HostError(failure, " / ".join(progress.tail[-4:]), remedy)
