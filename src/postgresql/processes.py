"""What the kernel tells of a process."""

from __future__ import annotations

from pathlib import Path


def stat(pid: int | str) -> list[str]:
    """The fields of /proc/PID/stat from the state on; [] if there is no such process. See proc(5).

    They begin with its state and its parent's number; the twentieth is when it began.
    """
    try:
        # "123 (postgres) S 122 …"; a name may have blanks and brackets of its own.
        _, _, after = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return after.split()
