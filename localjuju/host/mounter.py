"""Shows a directory of the host to a running process: `python -m …mounter PID SOURCE TARGET`.

mount(2) names both ends by path, and there is no path to a directory of the host from inside the
machine's mount namespace. open_tree(2) and move_mount(2), in Linux since 5.2, name an end by a
file descriptor, which stays valid when the process changes its namespace in between. A process
of its own, because setns(2) changes the whole process's view.
"""

from __future__ import annotations

import ctypes
import os
import sys

# The same on every architecture: asm-generic/unistd.h; flags from linux/mount.h and fcntl.h.
SYS_OPEN_TREE = 428
SYS_MOVE_MOUNT = 429
AT_FDCWD = -100
OPEN_TREE_CLONE = 1
MOVE_MOUNT_F_EMPTY_PATH = 0x4
CLONE_NEWNS = 0x00020000


def checked(result: int, what: str) -> int:
    """Turn a system call's -1 into an exit with its reason."""
    if result < 0:
        sys.exit(f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def main() -> None:
    """Do it, or exit with the reason on standard error."""
    pid, source, target = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    libc = ctypes.CDLL(None, use_errno=True)
    namespace = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    flags = OPEN_TREE_CLONE | os.O_CLOEXEC
    tree = libc.syscall(SYS_OPEN_TREE, AT_FDCWD, os.fsencode(source), flags)
    checked(tree, f"open_tree {source}")
    checked(libc.setns(namespace, CLONE_NEWNS), "setns")
    moved = libc.syscall(
        SYS_MOVE_MOUNT, tree, b"", AT_FDCWD, os.fsencode(target), MOVE_MOUNT_F_EMPTY_PATH
    )
    checked(moved, f"move_mount {target}")


if __name__ == "__main__":
    main()
