"""A machine's file system: an overlay, what it writes over the image that it shares."""

from __future__ import annotations

import json
from pathlib import Path

from localjuju.host import paths, run
from localjuju.host.errors import CommandFailed, HostError


def prepare(directory: Path, layers: tuple[Path, ...]) -> None:
    """Lay out a machine's directory and mount its overlay at `directory / "root"`."""
    for name in ("root", "upper", "work"):
        (directory / name).mkdir(exist_ok=True)
    run.write_atomically(directory / "layers.json", json.dumps([str(p) for p in layers]))
    mount(directory)


def mount(directory: Path) -> None:
    """Mount it, after a reboot of the host for instance; idempotent."""
    root = directory / "root"
    if root.is_mount():
        return
    layers: list[str] = json.loads((directory / "layers.json").read_text())
    options = (
        f"lowerdir={':'.join(layers)},upperdir={directory / 'upper'},workdir={directory / 'work'}"
    )
    try:
        run.run(["mount", "-t", "overlay", "localjuju", "-o", options, str(root)])
    except CommandFailed as error:
        raise HostError(
            f"{root} was not mounted",
            error.why,
            f"{paths.home()} must not lie on an overlay itself, as in a container; "
            "LOCALJUJU_HOME names another place",
        ) from error


def unmount(root: Path) -> None:
    """Unmount it; idempotent."""
    while root.is_mount():
        run.run(["umount", str(root)])
