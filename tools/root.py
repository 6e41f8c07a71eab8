"""Becoming root for what needs it, having told the user why."""

from __future__ import annotations

import os
import shutil
import sys

# What a user may have set for the programs that run as root, too.
KEPT = (
    "CI,COLUMNS,NO_COLOR,TERM,LOCALJUJU_HOME,LOCALJUJU_RELEASE,LOCALJUJU_JUJU_VERSION,"
    "http_proxy,https_proxy,no_proxy,HTTP_PROXY,HTTPS_PROXY,NO_PROXY,SSL_CERT_FILE,SSL_CERT_DIR,"
    "PIP_CERT,PIP_INDEX_URL,UV_INDEX_URL,UV_DEFAULT_INDEX"
)


def become_root(why: str) -> None:
    """Go on as root: start this program again through sudo, unless it is root already.

    Args:
        why: what root is needed for, as in "Starting local machines".
    """
    if os.geteuid() == 0:
        return
    if shutil.which("sudo") is None:
        sys.exit(f"{why} needs root, and this machine has no sudo. Run the command as root.")
    print(f"{why} needs root, so sudo runs the rest.", flush=True)
    command = ["sudo", f"--preserve-env={KEPT}", sys.executable, *sys.orig_argv[1:]]
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
