"""Packs the charm to ./pg-hot-standby, a zip file that Juju deploys.

For the local model charmcraft runs in a local machine, so that the pack carries wheels of that
machine's own Python. With --platform it runs as it does for a release, on an Ubuntu host that has
charmcraft. Either way charmcraft.yaml, metadata.yaml and uv.lock say what is packed.

A pack is kept under the hash of all that goes into it, and taken from there the next time.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from localjuju.host import definition, image
from localjuju.host.errors import HostError
from localjuju.host.surroundings import Bind
from tools.root import become_root, give_back

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / ".build"
CHARMS = BUILD / "charms"
RESULT = ROOT / "pg-hot-standby"
KEPT_PACKS = 6
CHARMCRAFT = ("/opt/charmcraft/bin/charmcraft", "pack", "--verbosity", "brief")
# By this mark, Podman's, charmcraft knows that it cannot install uv as a snap, and uses the one
# that is there.
IN_A_CONTAINER = "touch /run/.containerenv"
FILES = (
    "charmcraft.yaml",
    "metadata.yaml",
    "config.yaml",
    "actions.yaml",
    "pyproject.toml",
    "uv.lock",
    "README.md",
    "LICENSE",
    "icon.svg",
)
DIRECTORIES = ("src", "templates")
# charmcraft writes when it was started; a pack should depend on what is in it alone.
STARTED_AT = re.compile(rb"^charmcraft-started-at: .*$", re.MULTILINE)
EPOCH = (1980, 1, 1, 0, 0, 0)


class PackFailed(Exception):
    """The charm could not be packed; the text says why and what to do."""


def inputs() -> Iterator[Path]:
    """Give every file that goes into a pack, in a fixed order."""
    for name in FILES:
        yield ROOT / name
    for directory in DIRECTORIES:
        for path in sorted((ROOT / directory).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def key_of(machine: str) -> str:
    """Hash what a pack is made of: the machine that makes it, the inputs, this program."""
    digest = hashlib.sha256(machine.encode())
    for path in (*inputs(), Path(__file__)):
        digest.update(f"\0{path.relative_to(ROOT)}\0{path.stat().st_mode & 0o111:o}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def copy_inputs(destination: Path) -> None:
    """Copy what is packed, and nothing else of the working tree."""
    for path in inputs():
        copy = destination / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        copy.chmod(0o755 if path.stat().st_mode & 0o111 else 0o644)


def normalise(packed: Path, result: Path) -> None:
    """Rewrite a zip so that the same contents give the same bytes.

    Entries are sorted and carry no times; their modes stay.
    """
    with (
        zipfile.ZipFile(packed) as source,
        zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for entry in sorted(source.infolist(), key=lambda each: each.filename):
            content = source.read(entry)
            if entry.filename == "manifest.yaml":
                content = STARTED_AT.sub(b"charmcraft-started-at: '1980-01-01T00:00:00'", content)
            info = zipfile.ZipInfo(entry.filename, EPOCH)
            info.external_attr = entry.external_attr
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, content)


def run(command: list[str], *, cwd: Path) -> None:
    """Run a program on the host; its output goes to the terminal.

    Raises:
        PackFailed: if it is not there or fails.
    """
    try:
        subprocess.run(command, cwd=cwd, check=True, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise PackFailed(
            f"{command[0]} is not on PATH. On Ubuntu: sudo snap install {command[0]} --classic"
        ) from None
    except subprocess.CalledProcessError as error:
        raise PackFailed(
            f"{' '.join(command)} failed with exit status {error.returncode}"
        ) from error


def requirements() -> str:
    """Give charmcraft and all that it needs at the versions and hashes of uv.lock."""
    export = [str(BUILD / "tools/bin/uv"), "export", "--quiet", "--frozen", "--no-header"]
    return subprocess.run(
        [*export, "--only-group", "pack", "--no-annotate"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


def pack_layer() -> image.Layer:
    """Describe a machine that can pack: the local machines' own image, with charmcraft on it."""
    return image.Layer(
        "pack",
        packages=("python3-apt", "python3-dev", "python3-venv"),
        files={"/opt/charmcraft.txt": requirements()},
        commands=(
            # charmcraft imports the distribution's python3-apt, which is in no registry.
            ("python3", "-m", "venv", "--system-site-packages", "/opt/charmcraft"),
            (
                *("/opt/charmcraft/bin/pip", "install", "--quiet", "--no-cache-dir"),
                *("--require-hashes", "-r", "/opt/charmcraft.txt"),
            ),
        ),
    )


def architecture() -> str:
    """Name this host's architecture as Debian and Juju do, such as amd64."""
    dpkg = ["dpkg", "--print-architecture"]
    return subprocess.run(dpkg, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def pack_in_local_machine(release: str, packed: Path, say: Callable[[str], None]) -> None:
    """Pack in a local machine of the release.

    Raises:
        PackFailed: if charmcraft fails there.
        HostError: if there is no such machine.
    """
    pack_image = image.ensure(release, layer=pack_layer(), say=say)
    platform = f"{pack_image.base}:{architecture()}"
    downloads = BUILD / "uv-cache"
    downloads.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD, prefix="pack-") as name:
        project = Path(name)
        copy_inputs(project)
        say(f"charmcraft packs for {platform} in a local machine")
        charmcraft = [*CHARMCRAFT, "--destructive-mode", "--platform", platform]
        done = pack_image.run(
            ["sh", "-c", f'{IN_A_CONTAINER} && exec "$@"', "sh", *charmcraft],
            binds=[
                Bind(project, Path("/root/charm")),
                Bind(downloads, Path("/root/.cache/uv")),
            ],
            cwd="/root/charm",
            env={
                # The venv links the first python3; uv comes with charmcraft.
                "PATH": "/usr/bin:/bin:/opt/charmcraft/bin",
                "HOME": "/root",
                "UV_CACHE_DIR": "/root/.cache/uv",
                "UV_LINK_MODE": "copy",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture=True,
        )
        if done.returncode != 0:
            raise PackFailed(f"charmcraft failed:\n{done.stdout}{done.stderr}".rstrip())
        shutil.move(the_charm_in(project), packed)


def pack_on_this_host(platform: str, packed: Path) -> None:
    """Pack as for a release: charmcraft itself sees to a clean machine of the platform.

    Raises:
        PackFailed: if charmcraft is not there or fails.
    """
    # charmcraft's own machines see the home directory, so the copy stays below it.
    with tempfile.TemporaryDirectory(dir=BUILD, prefix="pack-") as name:
        project = Path(name)
        copy_inputs(project)
        run(["charmcraft", "pack", "--platform", platform], cwd=project)
        shutil.move(the_charm_in(project), packed)


def the_charm_in(directory: Path) -> Path:
    """Find what charmcraft has packed.

    Raises:
        PackFailed: if it is not exactly one charm.
    """
    charms = list(directory.glob("*.charm"))
    if len(charms) != 1:
        raise PackFailed(f"charmcraft packed {len(charms)} charms where one was expected")
    return charms[0]


def forget_old_packs() -> None:
    """Keep only the packs used last."""
    packs = sorted(CHARMS.glob("*.charm"), key=lambda pack: pack.stat().st_mtime, reverse=True)
    for pack in packs[KEPT_PACKS:]:
        pack.unlink()


def place(kept: Path, result: Path) -> None:
    """Copy a kept pack to where it is deployed from, whole or not at all, as the user's own."""
    # Stages that run side by side place it at the same time, so each has a copy of its own.
    with tempfile.TemporaryDirectory(dir=BUILD, prefix="placed-") as name:
        copy = Path(name) / result.name
        shutil.copyfile(kept, copy)
        copy.replace(result)
    give_back(result)


def pack(release: str, platform: str | None, kept: Path, say: Callable[[str], None]) -> None:
    """Pack, and keep the result.

    Raises:
        PackFailed: if charmcraft is not there or fails.
        HostError: if the local machine for it cannot be had.
    """
    CHARMS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD, prefix="packed-") as name:
        packed, normalised = Path(name) / "packed.charm", Path(name) / "normalised.charm"
        if platform is None:
            pack_in_local_machine(release, packed, say)
        else:
            pack_on_this_host(platform, packed)
        normalise(packed, normalised)
        normalised.replace(kept)
    forget_old_packs()


def make(
    release: str,
    platform: str | None,
    result: Path,
    *,
    fresh: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Pack, or take the pack from before if nothing has changed.

    Args:
        release: Debian or Ubuntu release of the local machine that packs.
        platform: of charmcraft.yaml, to pack with this host's own charmcraft instead.
        result: where the charm is written.
        fresh: pack even if nothing has changed.
        say: is told what is being done.

    Raises:
        PackFailed: if charmcraft is not there or fails.
        HostError: if the local machine for it cannot be had.
    """
    target = platform or f"{release} {architecture()}"
    # The image brings the Python whose wheels are packed.
    machine = platform or definition.base_name(release, definition.base_of(release))
    kept = CHARMS / f"{key_of(machine)}.charm"
    if kept.exists() and not fresh:
        os.utime(kept)
        place(kept, result)
        say(f"{result.name}: packed before from the same files, for {target}")
        return
    if platform is None:
        become_root("Packing in a local machine")
    began = time.monotonic()
    try:
        pack(release, platform, kept, say)
        place(kept, result)
    finally:
        give_back(BUILD)
    size = result.stat().st_size / 1e6
    say(f"{result.name}: {size:.1f} MB for {target} in {time.monotonic() - began:.1f} s")


def main() -> int:
    """Pack as the command line asks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--release", default="bookworm", help="release of local machines")
    parser.add_argument("--platform", help="pack for this platform of charmcraft.yaml instead")
    parser.add_argument("--output", type=Path, default=RESULT, help="where to write the charm")
    parser.add_argument("--fresh", action="store_true", help="pack even if nothing has changed")
    arguments = parser.parse_args()
    try:
        make(
            arguments.release,
            arguments.platform,
            arguments.output.resolve(),
            fresh=arguments.fresh,
        )
    except (PackFailed, HostError) as error:
        print(f"The charm was not packed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
