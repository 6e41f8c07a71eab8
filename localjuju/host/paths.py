"""Where things lie on the host, and the names by which our own are told from everybody else's.

<home>/images/<name>/             an image or a layer, complete
<home>/images/.partial-<name>/    one that is being built
<home>/scratch/<random>/          overlays of `image.run`, gone when it ends
<home>/models/<model>/            network.json, machines/<id>/
<home>/locks/                     flock(2) files; a lock dies with its holder
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

DEFAULT_HOME = Path("/var/lib/localjuju")
# Models of `machine try` begin so; nobody but their owner wants them.
THROWAWAY = "try-"
REPOSITORY = Path(__file__).resolve().parents[2]


def home() -> Path:
    """The directory that holds all state: `$LOCALJUJU_HOME`, else /var/lib/localjuju.

    Raises:
        ValueError: if it is not absolute or has a character that overlayfs reads as a separator.
    """
    path = Path(os.environ.get("LOCALJUJU_HOME") or DEFAULT_HOME)
    if not path.is_absolute() or any(mark in str(path) for mark in ",:\\"):
        raise ValueError(f"LOCALJUJU_HOME must be absolute, without comma or colon: {path}")
    return path


def tag() -> str:
    """Four hex digits that tell this home's cgroups, services and tables from another's."""
    return hashlib.sha256(os.fsencode(home())).hexdigest()[:4]


def ensure_home() -> Path:
    """Make the state directory, readable by root alone, for machines hold secrets."""
    root = home()
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("images", "scratch", "models", "locks"):
        (root / name).mkdir(mode=0o700, exist_ok=True)
    return root


def owner_lock(model: str) -> Path:
    """The lock that the owner of a throwaway model holds as long as it lives."""
    return locks() / f"owner-{model}"


def images() -> Path:
    """Where images are cached."""
    return home() / "images"


def scratch() -> Path:
    """Where throwaway overlays live while they are used."""
    return home() / "scratch"


def models() -> Path:
    """Where models and their machines are."""
    return home() / "models"


def locks() -> Path:
    """Where lock files are."""
    return home() / "locks"
