"""File systems of their own for a test."""

import contextlib
import subprocess
from collections.abc import Generator
from pathlib import Path


@contextlib.contextmanager
def mounted(at: Path, options: str = "size=64m") -> Generator[Path, None, None]:
    """A tmpfs at that path; it may have been unmounted when this ends."""
    at.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(at)], check=True)
    try:
        yield at
    finally:
        unmount(at)


def unmount(at: Path) -> None:
    subprocess.run(["umount", "--lazy", str(at)], check=False)
