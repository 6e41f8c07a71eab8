"""The keeper on this machine: installed, and run as postgres."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from postgresql import commands, files, forked, templates
from postgresql.archive import keeper, paths
from postgresql.archive.keeper import look as keepers_look
from postgresql.archive.keeper import marks, push
from postgresql.archive.keeper.carry import Source
from postgresql.archive.keeper.look import Facts
from postgresql.archive.keeper.main import NAME
from postgresql.archive.places import Places
from postgresql.layout import Layout

PATIENCE_S = 20
"""A file system that takes longer to answer is taken for one that does not."""
_SILENT = f"its file system did not answer within {PATIENCE_S} s"
_RUN = Path("/run/pg-hot-standby")


class Failed(Exception):
    """The keeper failed; says why, in the words of the file system."""


def install() -> bool:
    """Put the keeper where PostgreSQL runs it; it does not need the charm from then on.

    Returns:
        Whether anything changed.
    """
    home = paths.PROGRAM.parent
    package = home / "keeper"
    files.make_directory(package, owner="root")
    sources = sorted(Path(keeper.__file__).parent.glob("*.py"))
    changed = False
    for former in {one.name for one in package.glob("*.py")} - {one.name for one in sources}:
        (package / former).unlink()
        changed = True
    for source in sources:
        changed |= files.write(
            package / source.name, source.read_text(encoding="utf-8"), owner="root", mode=0o644
        )
    program = templates.render("archive.py.j2", directory=home)
    changed |= files.write(home / "run.py", program, owner="root", mode=0o644)
    # After what it runs: PostgreSQL may start it at any moment.
    launcher = templates.render(
        "archive.sh.j2", directory=home, notes=push.NOTES, claim_prefix=marks.CLAIM
    )
    changed |= files.write(paths.PROGRAM, launcher, owner="root", mode=0o755)
    if changed:
        # Compiled once here: postgres may not write beside it, and it runs for every segment.
        commands.run(["/usr/bin/python3", "-m", "compileall", "-q", package])
    return changed


def claim(directory: Path, name: str, system_id: str) -> None:
    """Prove, as postgres, that files can be archived in a directory, and mark it.

    Raises:
        Failed: They cannot, or it is another cluster's.
    """
    _run("claim", str(directory), name, system_id)


def look(layout: Layout, places: Places, patience_s: float = PATIENCE_S) -> Facts:
    """How the archive stands, as postgres sees it. Some milliseconds.

    Args:
        layout: The cluster.
        places: Its directories.
        patience_s: How long to wait for a file system.

    Raises:
        Failed: It cannot be seen.
    """

    def work() -> Facts:
        os.chdir(layout.data_directory)
        return keepers_look.look(str(places.directory), places.claim, places.older)

    return cast("Facts", ask(layout, work, patience_s))


def ask(layout: Layout, work: Callable[[], object], patience_s: float = PATIENCE_S) -> Any:
    """Run, as postgres, what looks at archive directories, and give it up where they hang.

    Args:
        layout: The cluster.
        work: Returns what JSON can hold.
        patience_s: How long to wait for a file system.

    Raises:
        Failed: In the file system's words; at once while something that was given up before
            still hangs there.
    """
    # In /run: there is room, and after a boot nobody waits.
    waiting = _RUN / f"archive-{layout.major}-{layout.name}"
    if forked.is_alive(files.read(waiting) or ""):
        raise Failed(_SILENT)
    try:
        return forked.as_postgres(work, patience_s)
    except forked.Failed as error:
        raise Failed(str(error)) from None
    except forked.TimedOut as late:
        with contextlib.suppress(OSError):
            waiting.parent.mkdir(exist_ok=True)
            waiting.write_text(late.process, encoding="utf-8")
        raise Failed(_SILENT) from None


def requeue(layout: Layout, names: Sequence[str]) -> None:
    """Have the server archive again files that it takes for archived.

    Raises:
        Failed: Their marks cannot be changed.
    """
    _run("requeue", str(layout.data_directory), *names)


def arguments(sources: Sequence[Source]) -> list[str]:
    """Older directories as the keeper's command line takes them."""
    return [word for one in sources for word in (one.directory, one.mount_point)]


def _run(*words: str) -> str:
    result = commands.run([paths.PROGRAM, *words], as_postgres=True, timeout_s=PATIENCE_S)
    if result.returncode == commands.TIMED_OUT:
        raise Failed(_SILENT)
    if result.returncode:
        raise Failed(commands.words(result).removeprefix(f"{NAME}: "))
    return result.stdout
