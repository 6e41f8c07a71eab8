"""The WAL archive of this machine: one directory, proved, moved while the server runs, watched.

A segment counts as archived when it lies in the archive directory complete, fsynced with its
directory, under its final name by an atomic step. An identical file that is there already is
success; a different one is an error and never overwritten, also where several units share one
directory.

Rooms:

    paths.py      which paths can be an archive at all; the commands that PostgreSQL runs
    places.py     the archive directory in force, and the older ones that still hold WAL
    directory.py  a directory made, marked and proved by writing to it
    move.py       the service that carries WAL over from older directories
    change.py     the steps from one directory to another
    failures.py   why archiving failed, in the words of the server's log
    state.py      how the archive stands, with the reason where it fails
    keeper/       the program that PostgreSQL and systemd run; it stands alone on the machine
    program.py    the keeper on this machine: installed, and run as postgres

Why not basic_archive, which PostgreSQL has had since 15? It copies durably and takes an identical
file for success. But it renames its copy over a file that another server put
there since it looked (its source says so), so that two servers on one timeline, which is what
"never overwritten" is to guard against, overwrite each other in a shared directory. On a full
disk every failed try leaves another temporary file, which takes up what becomes free (seen on
15). And it takes the empty directory under an archive that is not mounted for the archive. How
fast the keeper is, docs/reference/performance.md tells.
"""

from postgresql.archive.change import ensure
from postgresql.archive.keeper.wal import Chain, Gap, chain
from postgresql.archive.paths import check_path
from postgresql.archive.state import Archiver, Move, is_carried, state

__all__ = [
    "Archiver",
    "Chain",
    "Gap",
    "Move",
    "chain",
    "check_path",
    "ensure",
    "is_carried",
    "state",
]
