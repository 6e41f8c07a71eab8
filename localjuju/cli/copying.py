"""Copy files into and out of machines, the way ``scp`` names and places them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from localjuju.cli.reach import Reach, run
from localjuju.controller.wire import JujuError

_SEND = """
IFS=
pattern=$1 recursive=$2
set --
for file in $pattern; do
    if [ ! -e "$file" ]; then
        echo "scp: $file: No such file or directory" >&2
        exit 1
    fi
    if [ -d "$file" ] && [ "$recursive" != yes ]; then
        echo "scp: $file: not a regular file" >&2
        exit 1
    fi
    set -- "$@" -C "$(cd -- "$(dirname -- "$file")" && pwd)" "$(basename -- "$file")"
done
exec tar --create --dereference --file=- "$@"
"""
"""Runs in the machine: $1 is a path that may have wildcards, as with scp; $2 says whether
directories may be copied."""

_RECEIVE = """
set -e
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
tar --extract --no-same-owner --file=- -C "$work"
target=${1:-.}
case $target in
*/) [ -d "$target" ] || { echo "scp: $target: No such file or directory" >&2; exit 1; } ;;
esac
cp -R $2 -- "$work"/* "$target"
"""
"""Runs in the machine: $1 is where to put what comes in, $2 ``-p`` or nothing."""


def download(there: Reach, source: str, target: Path, *, recursive: bool, keep: bool) -> None:
    """Copy files from a machine to a path of this host.

    Raises:
        JujuError: it failed; the reason was printed.
    """
    with tempfile.TemporaryDirectory() as work, tempfile.TemporaryFile() as archive:
        wanted = ["sh", "-c", _SEND, "scp", source or ".", "yes" if recursive else "no"]
        _check(run(there, wanted, stdin=subprocess.DEVNULL, stdout=archive))
        archive.seek(0)
        extract = ["tar", "--extract", "--no-same-owner", "--file=-", "-C", work]
        _check(subprocess.run(extract, stdin=archive, check=False).returncode)
        _place([*Path(work).iterdir()], target, keep=keep)


def _place(found: Sequence[Path], target: Path, *, keep: bool) -> None:
    if not target.is_dir() and len(found) > 1:
        raise JujuError(f"{target}: not a directory")
    copy = shutil.copy2 if keep else shutil.copy
    for one in found:
        place = target / one.name if target.is_dir() else target
        try:
            if one.is_dir():
                shutil.copytree(one, place, copy_function=copy, dirs_exist_ok=True)
            else:
                copy(one, place)
        except OSError as error:
            raise JujuError(f"{place}: {error.strerror}") from error


def upload(
    there: Reach, sources: Sequence[Path], target: str, *, recursive: bool, keep: bool
) -> None:
    """Copy files of this host to a machine.

    Raises:
        JujuError: one of them is not there or may not be copied, or it failed for a reason that
            was printed.
    """
    names: list[str] = []
    for source in sources:
        if not source.exists():
            raise JujuError(f"{source}: No such file or directory")
        if source.is_dir() and not recursive:
            raise JujuError(f"{source}: not a regular file")
        absolute = source.resolve() if source.name in ("", "..") else source.absolute()
        names += ["-C", str(absolute.parent), absolute.name]
    with tempfile.TemporaryFile() as archive:
        create = ["tar", "--create", "--dereference", "--file=-", *names]
        _check(subprocess.run(create, stdout=archive, check=False).returncode)
        archive.seek(0)
        keep_option = "-p" if keep else ""
        _check(run(there, ["sh", "-c", _RECEIVE, "scp", target, keep_option], stdin=archive))


def _check(status: int) -> None:
    if status:
        raise JujuError(f"exit status {status}")
