"""A file put under its final name so that it is there whole and for good, or not at all.

The order matters: a temporary file in the same directory is fsynced before `link()` gives it its
final name, and link(), other than rename(), fails if that name is taken, so that two servers
which share a directory cannot overwrite each other; the fsync of the directory comes last.
"""

from __future__ import annotations

import errno
import fcntl
import os

TYPE_CHECKING = False  # typing's own would take longer to import than a segment to copy
if TYPE_CHECKING:
    from typing import BinaryIO

TEMPORARY = "archtemp"
_BLOCK = 1 << 20
_PART = 1 << 22
"""Bytes that are copied before the disk is asked to begin with them."""


class Different(OSError):
    """A file of that name is there, with other contents; it is never overwritten."""

    def __init__(self, path: str):
        super().__init__(
            errno.EEXIST, "already exists with other contents, and is not overwritten", path
        )


def put(source: str, directory: str, name: str, tag: str) -> bool:
    """Copy a file durably into a directory.

    Args:
        source: The file.
        directory: Where to.
        name: Final name there.
        tag: Tells this copier from all others of the same name. The temporary file is named
            for both, so that the next try replaces what a crash left, and nothing piles up.

    Returns:
        False if an identical file was there already (it is fsynced then, as whoever put it
        there may have crashed before).

    Raises:
        Different: A different file is there.
        OSError: Whatever else fails; no temporary file is left.
    """
    final = os.path.join(directory, name)
    with open(source, "rb") as original:
        if os.path.lexists(final):
            settle(original, final)
            return False
        temporary = os.path.join(directory, f"{TEMPORARY}.{name}.{tag}")
        copy = _open_alone(temporary)
        try:
            _copy(original, copy, final)
            try:
                os.link(temporary, final)
            except FileExistsError:
                settle(original, final)
                return False
        finally:
            try:
                os.unlink(temporary)
            except FileNotFoundError:
                pass
            os.close(copy)
    fsync(directory)
    return True


def settle(original: BinaryIO, final: str) -> None:
    """Accept a file that is there already, if it is the same, and see to it that it stays.

    Raises:
        Different: It is not the same.
        OSError: It cannot be read or fsynced.
    """
    original.seek(0)
    with open(final, "rb") as present:
        while True:
            left, right = original.read(_BLOCK), present.read(_BLOCK)
            if left != right:
                raise Different(final)
            if not left:
                break
        os.fsync(present.fileno())
    fsync(os.path.dirname(final))


def fsync(path: str) -> None:
    """Fsync a file or a directory.

    Raises:
        OSError: In the file system's words.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        raise OSError(error.errno, f"could not fsync: {error.strerror}", path) from error
    finally:
        os.close(handle)


def _open_alone(temporary: str) -> int:
    """Open the temporary file, empty, for this process alone.

    A server that was killed may leave its last archive_command running while the next server
    starts the same command: without the lock both would write into one file.
    """
    while True:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(handle)
            # Whoever held the lock before has unlinked what he held it on.
            if _is_named(handle, temporary):
                os.ftruncate(handle, 0)
                return handle
        except OSError:
            os.close(handle)
            raise
        os.close(handle)


def _is_named(handle: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _lock(handle: int) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        # Some network file systems have no locks; there the orphan is the smaller evil.
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
            raise


def _copy(original: BinaryIO, copy: int, final: str) -> None:
    try:
        # What it leaves, on file systems that cannot do it, is copied in the plain way.
        original.seek(_send(original.fileno(), copy))
        while block := original.read(_BLOCK):
            rest = memoryview(block)
            while rest:
                rest = rest[os.write(copy, rest) :]
        os.fsync(copy)
    except OSError as error:
        # These do not tell of which file they speak.
        raise OSError(error.errno, error.strerror, final) from error


def _send(original: int, copy: int) -> int:
    """Copy inside the kernel, which takes a third of the time that it takes through this program.

    Returns:
        How many bytes were copied: fewer than there are if a file system does not go on.
    """
    done = 0
    while True:
        try:
            count = os.sendfile(copy, original, done, _PART)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                return done
            raise
        if not count:
            return done
        # The disk begins with this part while the next one is copied, and a server needs the
        # memory for something else than an archive that it does not read.
        os.posix_fadvise(copy, done, count, os.POSIX_FADV_DONTNEED)
        done += count
