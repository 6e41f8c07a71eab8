"""The charm's files on the machine."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import stat
import zipfile
from pathlib import Path

from localjuju.agent.link import Link


class CharmBroken(Exception):
    """The charm that arrived is not the one that was announced."""


def fetch(link: Link, sha256: str, target: Path) -> None:
    """Bring a charm's zip file from the controller.

    Raises:
        LinkDown: the controller cannot be reached.
        CharmBroken: it came damaged.
    """
    digest = hashlib.sha256()
    with target.open("wb") as file:
        last = False
        while not last:
            chunk = link.call("charm", sha256=sha256, offset=file.tell())
            data = base64.b64decode(chunk["data"])
            digest.update(data)
            file.write(data)
            last = chunk["last"]
    if digest.hexdigest() != sha256:
        raise CharmBroken(f"charm has hash {digest.hexdigest()}, not {sha256}")


def deploy(archive_path: Path, charm_directory: Path) -> None:
    """Bring a charm's files in place, and take the previous charm's other files away.

    What no charm brought is left alone: ops keeps its state file there. Interrupted, it is simply
    done again.
    """
    manifest = charm_directory.parent / "manifest.json"
    before: set[str] = set(json.loads(manifest.read_text())) if manifest.exists() else set()
    charm_directory.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive_path) as archive:
        entries = [info for info in archive.infolist() if not info.is_dir()]
        names = {info.filename for info in entries}
        # Written first, so that an interrupted deployment's files are known to the next one.
        manifest.write_text(json.dumps(sorted(before | names)))
        for info in entries:
            _extract(archive, info, charm_directory)
    for name in before - names:
        (charm_directory / name).unlink(missing_ok=True)
    manifest.write_text(json.dumps(sorted(names)))


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, directory: Path) -> None:
    target = directory / info.filename
    if directory not in target.resolve().parents and not target.is_symlink():
        raise CharmBroken(f"charm has a file outside itself: {info.filename}")
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.is_file():
        target.unlink()
    elif target.is_dir():
        shutil.rmtree(target)
    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        target.symlink_to(archive.read(info).decode())
        return
    with archive.open(info) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
    target.chmod(stat.S_IMODE(mode) or 0o644)
