"""Becoming root for what needs it, having told the user why.

python -m tools.root WHY COMMAND...
"""

from __future__ import annotations

import os
import shutil
import sys

# What a user may have set for the programs that run as root, too.
KEPT = (
    *("CI", "COLUMNS", "NO_COLOR", "TERM", "SSL_CERT_FILE"),
    *("LOCALJUJU_HOME", "LOCALJUJU_RELEASE", "LOCALJUJU_JUJU_VERSION"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("PIP_CERT", "PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"),
    "PYTHONDONTWRITEBYTECODE",
)


def as_root(why: str, command: list[str]) -> list[str]:
    """Give the command line that runs a command as root, having said why where that takes sudo.

    Args:
        why: what root is needed for, as in "Starting local machines".
        command: what to run.
    """
    if os.geteuid() == 0:
        return command
    if shutil.which("sudo") is None:
        sys.exit(f"{why} needs root, and this machine has no sudo. Run this as root.")
    print(f"{why} needs root, so sudo runs the rest.", flush=True)
    # Byte code of root's would stay in the user's tree and could not be taken away by the user.
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    return ["sudo", f"--preserve-env={','.join(KEPT)}", *command]


def become_root(why: str) -> None:
    """Go on as root: start this program again through sudo, unless it is root already."""
    if os.geteuid() != 0:
        execute(as_root(why, [sys.executable, *sys.orig_argv[1:]]))


def execute(command: list[str]) -> None:
    """Run a command in the place of this program."""
    sys.stdout.flush()
    os.execvp(command[0], command)  # noqa: S606 - a list, and no shell


def give_back(*paths: os.PathLike[str]) -> None:
    """Let what root made in the user's tree belong to the user who called sudo."""
    if "SUDO_UID" not in os.environ or os.geteuid() != 0:
        return
    owner = (int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"]))
    for path in paths:
        os.chown(path, *owner)
        for directory, directories, files in os.walk(path):
            for name in (*directories, *files):
                os.chown(os.path.join(directory, name), *owner, follow_symlinks=False)  # noqa: PTH118


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    execute(as_root(sys.argv[1], sys.argv[2:]))
