"""The steps from one archive directory to another, while the server runs."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path

from postgresql import configuration, postmaster, sql
from postgresql.archive import directory, failures, move, places, program
from postgresql.archive.keeper import claims, marks
from postgresql.archive.keeper.carry import Source
from postgresql.archive.keeper.look import Facts
from postgresql.archive.paths import check_path
from postgresql.archive.places import Places
from postgresql.changes import Change, Effect
from postgresql.errors import ArchiveRefused, NotReachable, ServerRefused
from postgresql.layout import Layout

_SEE_S = 20.0
_POLL_S = 0.05
# The archiver tries a file three times before it pauses.
_TRIES = 3


def ensure(
    layout: Layout, path: str, on_finish: Sequence[str] = (), may_restart: bool = True
) -> Change:
    """Have this server archive to `path`, and everything it archived before come there too.

    To be called in every reconcile, once the data directory exists: before the first start
    too, as archive_mode takes a start. What it does, each step only where it is needed:

    1. proves the directory as postgres (made, marked with the system identifier, written,
       fsynced, linked, space); a bad one changes nothing;
    2. archives to it, and looks for WAL in it first and in the older directories next, by a
       reload;
    3. on a primary, finishes a segment and sees it in the new directory;
    4. has pg-hot-standby-archive-move.service carry over what the older directories hold,
       beside the hooks; it goes on after an interruption, and with every call until done;
    5. leaves an older directory once nothing of the archive is in it any more;
    6. has the server archive again what it takes for archived and what the archive lacks (a
       file system was away or came back empty, WAL came with a base backup).

    A directory in force that fails is no error here: `state` tells, and a directory that was
    deleted is made again where its file system is the same.

    Args:
        layout: The cluster; its server may be stopped, then files alone are written.
        path: Option archive-path as the operator gave it.
        on_finish: Command that the move service runs as root when it ends, well or not, with
            the result ("success" or systemd's word) as last argument.
        may_restart: Whether a server that was started without archiving may be restarted.

    Raises:
        ArchiveRefused: The directory cannot be the archive; the former one is in force still.
        SettingRefused: The server does not take the settings; the former ones are in force.
        ServerRefused: The server came up neither with the new settings nor with the former ones,
            or its marks of what is archived cannot be changed.
    """
    try:
        system_id = marks.system_id_of(str(layout.data_directory))
    except OSError:
        check_path(path)
        return Change()
    program.install()
    refusal: ArchiveRefused | None = None
    change = Change()
    try:
        change = _take(layout, check_path(path), system_id, may_restart)
    except ArchiveRefused as error:
        refusal = error
    now = places.read(layout)
    if now.directory is not None:
        change |= _finish(layout, now, system_id, on_finish, may_restart)
    if refusal:
        raise refusal
    return change


def _take(layout: Layout, wanted: Path, system_id: str, may_restart: bool) -> Change:
    """Have the directory in force."""
    before = places.read(layout)
    if wanted == before.directory:
        return Change()
    # It may be just about to leave the directory that is wanted again.
    if before.older and not move.hold():
        raise ArchiveRefused(
            str(wanted), f"what carries WAL over to {before.directory} does not stop"
        )
    directory.prove(layout, wanted, before, system_id)
    after = _beside(layout, before, wanted)
    change = _apply(layout, after, may_restart)
    if before.directory is not None:
        _see_or_go_back(layout, before, after)
    return change


def _finish(
    layout: Layout,
    now: Places,
    system_id: str,
    on_finish: Sequence[str],
    may_restart: bool,
) -> Change:
    """What is to be done for the directory in force, whether it is the wanted one or not."""
    facts = _look(layout, now)
    if facts is not None and facts["problem"] and now.directory is not None:
        # It may have been deleted, or made anew. Where it cannot be marked again, `state` tells
        # why archiving fails.
        with contextlib.suppress(ArchiveRefused):
            directory.prove(layout, now.directory, now, system_id)
            facts = _look(layout, now)
    if facts is not None:
        left = {one["directory"] for one in facts["sources"] if one["left"]}
        older = tuple(one for one in now.older if one.directory not in left)
        now = dataclasses.replace(now, older=older)
    # Also where nothing moved: an older build of the charm may have written another text.
    change = _apply(layout, now, may_restart)
    moved = move.start(now, on_finish) if now.older else move.end()
    if moved:
        change |= Change(Effect.RELOAD)
    if facts is not None and not facts["problem"]:
        _heal(layout, facts)
    return change


def _beside(layout: Layout, before: Places, wanted: Path) -> Places:
    """The places with another directory in force, and all of the former ones older."""
    return Places(
        directory=wanted,
        mount_point=claims.mount_point(str(wanted)),
        claim=before.claim,
        older=tuple(one for one in before.all if not _is_same(layout, one, wanted)),
    )


def _is_same(layout: Layout, one: Source, other: Path) -> bool:
    """Also by another name: what is carried nowhere must not be cleared away."""
    directory = Path(one.directory)
    try:
        return directory == other or program.ask(layout, lambda: directory.samefile(other))
    except program.Failed:
        # One that does not answer is not the one that has just been proved.
        return False


def _look(layout: Layout, now: Places) -> Facts | None:
    try:
        return program.look(layout, now)
    except program.Failed:
        return None


def _apply(layout: Layout, now: Places, may_restart: bool) -> Change:
    return configuration.apply(
        layout, {layout.archive_conf_file: places.text(now)}, may_restart=may_restart
    )


def _see_or_go_back(layout: Layout, before: Places, after: Places) -> None:
    """Finish a segment and see it in the new directory; else have the former one in force again.

    What has come to the new directory meanwhile is carried to the former one.
    """
    if after.directory is None or not postmaster.is_running(layout):
        return
    try:
        reason = _see_a_segment(layout, after.directory)
    except NotReachable:
        return  # It is starting up, and archives to the new directory from its first file on.
    if reason:
        former = [one for one in before.older if one.directory != str(after.directory)]
        older = (Source(str(after.directory), after.mount_point), *former)
        _apply(layout, dataclasses.replace(before, older=older), may_restart=False)
        raise ArchiveRefused(str(after.directory), reason)


def _see_a_segment(layout: Layout, archive: Path) -> str:
    """Why no segment arrives; "" if one does, or if this server cannot finish one by itself."""
    with sql.local(layout) as conn:
        if sql.row(conn, "SELECT pg_is_in_recovery() OR current_setting('archive_mode') = 'off'")[
            0
        ]:
            return ""
        query = (
            "SELECT archived_count, failed_count, coalesce(last_archived_wal, '')"
            " FROM pg_stat_archiver"
        )
        archived_before, failed_before, _ = sql.row(conn, query)
        # Where nothing was written since the last switch, the next one would do nothing.
        sql.row(conn, "SELECT pg_logical_emit_message(false, 'pg_hot_standby', 'archive-path')")
        name = sql.row(conn, "SELECT pg_walfile_name(pg_switch_wal())")[0]
        deadline = time.monotonic() + _SEE_S
        while time.monotonic() < deadline:
            archived, failed, last = sql.row(conn, query)
            # With many files waiting, any that arrives is proof.
            if archived > archived_before and _server_sees(conn, archive / last):
                return ""
            if failed >= failed_before + _TRIES:
                break
            time.sleep(_POLL_S)
    return failures.newest(layout) or f"{name} did not arrive there within {_SEE_S:.0f} s"


def _server_sees(conn: sql.Connection, file: Path) -> bool:
    (size,) = sql.row(conn, "SELECT (pg_stat_file(%s, true)).size", [str(file)])
    return size is not None


def _heal(layout: Layout, facts: Facts) -> None:
    """Have the archiver take up what it has given up for now, or takes for archived."""
    if facts["lacking"]:
        try:
            program.requeue(layout, facts["lacking"])
        except program.Failed as error:
            raise ServerRefused("have WAL archived again", str(error)) from None
    if (facts["lacking"] or facts["waiting"]) and postmaster.is_running(layout):
        # It would look again by itself, but within a minute. A server that is still starting
        # looks once it has.
        with contextlib.suppress(NotReachable), sql.local(layout) as conn:
            sql.row(conn, "SELECT pg_reload_conf()")
