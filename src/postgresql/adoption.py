"""A finished base backup becomes the cluster's data directory."""

from __future__ import annotations

import datetime

from postgresql import cluster, debt, files, postmaster, tablespaces
from postgresql.errors import CloneRefused, ServerRefused
from postgresql.layout import Layout


def adopt(layout: Layout, cluster_id: str, system_id: str) -> None:
    """Make the finished copy this cluster's data directory; the server is left stopped.

    A data directory that is in the way, and every tablespace, is set aside. May be called again
    after an interruption.

    Args:
        layout: The cluster.
        cluster_id: That the copy must have.
        system_id: PostgreSQL's system identifier that the copy must have.

    Raises:
        CloneRefused: No finished copy, or one of another cluster; nothing was touched.
        ServerRefused: The server that runs cannot be stopped, or a directory not renamed.
    """
    _check(layout, cluster_id, system_id)
    if cluster.state(layout).system_id == system_id:
        # Of another cluster nobody was told that it holds a commit of this one's.
        debt.note(layout)
    postmaster.stop(layout)
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    copy = layout.finished_copy
    tablespaces.take_over(copy, stamp)
    # Gone before the copy is: with these and without it, it would look as if it had failed.
    files.remove_tree(layout.clone_notes)
    cluster.set_aside(layout)
    try:
        copy.rename(layout.data_directory)
    except OSError as error:
        raise ServerRefused(f"use the base backup {copy}", error.strerror or str(error)) from error
    files.sync(layout.data_directory.parent)
    cluster.ensure_config(layout)
    # A rewind that failed half-way has left the directory that was here unfit to be started.
    files.remove_tree(layout.rewind_notes)
    cluster.permit_start(layout)


def _check(layout: Layout, cluster_id: str, system_id: str) -> None:
    what = f"use the base backup {layout.finished_copy}"
    anew = "clone anew"
    found = cluster.state_of(layout, layout.finished_copy)
    if not found.exists:
        raise CloneRefused(what, "there is no finished base backup")
    if found.cluster_id != cluster_id:
        raise CloneRefused(
            what, f"it is of cluster {found.cluster_id or '(none)'}, not of {cluster_id}", anew
        )
    if found.system_id != system_id:
        raise CloneRefused(
            what, f"its system identifier is {found.system_id}, not {system_id}", anew
        )
    # The job puts the first one there last of all, and pg_basebackup the second: without it the
    # server would recover to an inconsistent state.
    for name in ("standby.signal", "backup_label", "backup_manifest"):
        if not (layout.finished_copy / name).exists():
            raise CloneRefused(what, f"{name} is missing in it", anew)
