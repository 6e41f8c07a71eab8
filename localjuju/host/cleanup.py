"""Finishes what was interrupted: what is on disk decides what may be in the kernel.

Only things that carry our own name *and* the tag of this home are touched, so that several homes
on one host, and everything that is not ours, are safe.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from localjuju.host import cgroup, disks, firewall, machines, network, overlay, paths, run, tables
from localjuju.host.supervisor import mount_points

# A scratch directory gets its lock right after it is made; a younger one is left alone.
GRACE = 60.0


def sweep() -> None:
    """Remove all that killed commands left behind; idempotent, and quick if there is nothing."""
    if not paths.home().is_dir():
        return
    paths.ensure_home()
    # Whoever makes a model or a machine holds this lock: what is found to be unwanted under it
    # cannot be another one of the same name by the time it is taken away.
    with run.locked(paths.locks() / "networks"):
        _finish_destroying()
        _remove_half_made()
        _remove_orphans()
    _remove_scratch()


def _finish_destroying() -> None:
    for model in machines.list_models():
        directory = paths.models() / model
        owner = paths.owner_lock(model)
        unwanted = model.startswith(paths.THROWAWAY) and not run.is_locked(owner)
        if unwanted or (directory / "destroyed").exists():
            machines.destroy_model(model)
            owner.unlink(missing_ok=True)
    for machine in machines.list_machines():
        if (machine.directory / "destroyed").exists():
            machine.destroy()


def _remove_half_made() -> None:
    """Models without network.json and machines without machine.json were never finished."""
    for model in paths.models().iterdir():
        for directory in model.glob("machines/*/"):
            if (directory / "machine.json").exists():
                continue
            lock = directory.with_name(f"{directory.name}.lock")
            # Who destroys the machine holds the lock, and leaves it so while files vanish.
            with contextlib.suppress(FileNotFoundError), run.locked(lock):
                disks.detach_all(directory)
                overlay.unmount(directory / "root")
                run.remove_tree(directory)
                lock.unlink(missing_ok=True)
        if not (model / "network.json").exists():
            run.remove_tree(model)


def _remove_orphans() -> None:
    """Things in the kernel whose machine or model is not on disk."""
    shorts = {net.short for name in machines.list_models() if (net := network.load(name))}
    links: list[dict[str, Any]] = run.run_json(["ip", "-json", "link", "show", "type", "bridge"])
    for link in links:
        # iproute2 gives an empty object for what "type bridge" left out.
        name: str = link.get("ifname", "")
        if link.get("ifalias") == network.bridge_alias() and name[3:] not in shorts:
            firewall.forget(name)
            run.remove_link(name)
    for short in re.findall(
        rf"^table bridge {tables.table('')}(\w+)$",
        run.run(["nft", "list", "tables", "bridge"]),
        re.MULTILINE,
    ):
        if short not in shorts:
            tables.drop(short)
    known = {str(machine.directory) for machine in machines.list_machines()}
    for point in reversed(mount_points()):
        owner = Path(point)
        below = [str(parent) for parent in owner.parents]
        if str(paths.models()) in below and not known.intersection(below):
            run.run(["umount", "--lazy", point])
    for directory in _lost_directories():
        disks.release_loops(directory)
    _remove_dead_cgroups()


def _lost_directories() -> list[Path]:
    """Directories of machines that loop devices still refer to although they are gone."""
    listed = run.run(["losetup", "--list", "--noheadings", "-O", "BACK-FILE"])
    found: set[Path] = set()
    for line in listed.splitlines():
        file = Path(line.strip().removesuffix(" (deleted)"))
        if file.is_relative_to(paths.models()) and not file.exists():
            found.add(file.parent)
    return sorted(found)


def _remove_dead_cgroups() -> None:
    """What a supervisor that was killed could not take away; its machine died with it."""
    by_cgroup = {f"{m.network.short}-{m.machine_id}": m for m in machines.list_machines()}
    base = cgroup.root_of_all()
    # Where there is systemd, it removes the cgroups of a service with the service.
    for path in base.glob("*/"):
        machine = by_cgroup.get(path.name)
        if machine is None or not (machine.is_running or run.is_locked(machine.lock)):
            cgroup.kill(path)
            cgroup.remove(path)
    if not by_cgroup and base.is_dir():
        cgroup.forget_root()


def _remove_scratch() -> None:
    for directory in paths.scratch().iterdir():
        young = time.time() - directory.stat().st_mtime < GRACE
        if not young and not run.is_locked(directory / "lock"):
            run.remove_tree(directory)
    for partial in paths.images().glob(".partial-*"):
        name = partial.name.removeprefix(".partial-")
        if not run.is_locked(paths.locks() / f"image-{name}"):
            run.remove_tree(partial)


def prune_images(only: Sequence[str] | None = None) -> list[str]:
    """Remove images on which no machine stands and in which no command runs.

    Args:
        only: names of images to look at; all by default.

    Returns:
        The names of those that were removed.
    """
    used: set[str] = set()
    for layers in paths.models().glob("*/machines/*/layers.json"):
        used.update(layers.read_text().split('"'))
    for spec in paths.scratch().glob("*/spec.json"):
        used.update(spec.read_text().split('"'))
    removed: list[str] = []
    for image in sorted(paths.images().iterdir()):
        if only is not None and image.name not in only:
            continue
        if str(image / "tree") not in used and not run.is_locked(
            paths.locks() / f"image-{image.name}"
        ):
            run.remove_tree(image)
            (paths.locks() / f"image-{image.name}").unlink(missing_ok=True)
            removed.append(image.name)
    return removed
