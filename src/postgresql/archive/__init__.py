"""The WAL archive of this machine: one directory, proved, moved while the server runs, watched.

A segment counts as archived when it lies in the archive directory complete, fsynced with its
directory, under its final name by an atomic step. An identical file that is there already is
success; a different one is an error and never overwritten, also where several units share one
directory.

Rooms:

    paths.py      which paths can be an archive at all; the commands that PostgreSQL runs
    places.py     the archive directory in force, and the older ones that still hold WAL
    directory.py  a directory made, marked and proved by writing to it
    change.py     the steps from one directory to another
    state.py      how the archive stands, with the reason where it fails
    keeper/       the program that PostgreSQL and systemd run; it stands alone on the machine
"""

from postgresql.archive.change import ensure
from postgresql.archive.keeper.wal import Chain, Gap, chain
from postgresql.archive.paths import check_path
from postgresql.archive.state import Archiver, Move, state

__all__ = ["Archiver", "Chain", "Gap", "Move", "chain", "check_path", "ensure", "state"]
