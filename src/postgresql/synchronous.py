"""Whose acknowledgement a commit waits for, and the proof that it does.

A reload does not bring a setting into force by itself. Whether a commit waits at all is a flag in
shared memory that the checkpointer sets when it comes to it; when it has waited enough is found
by each walsender from its own copy of the setting. `in_force` waits until no process that still
acts by an older one can be left.

Source of how it works inside: src/backend/replication/syncrep.c, walsender.c and
src/backend/postmaster/checkpointer.c.
"""

from __future__ import annotations

import dataclasses
import re
import time

from postgresql import conffile, configuration, files, processes, sql, templates
from postgresql.changes import Change
from postgresql.errors import NotReachable, QueryRefused
from postgresql.layout import Layout
from postgresql.sql import Connection

_POLL_S = 0.005
_IN_FORCE_S = 5.0
_NAMES = "synchronous_standby_names"
_SERIAL = "pg_hot_standby.synchronous_serial"

# A process in one of these waits reads its configuration before it does anything else.
_SENDER_WAIT = "WalSenderMain"
_CHECKPOINTER_WAITS = ("CheckpointerMain", "CheckpointWriteDelay")

_SENDERS = """
SELECT pid, r.application_name, r.state, r.sync_priority,
       coalesce(r.flush_lsn >= %s::pg_lsn, false), coalesce(a.wait_event, '')
  FROM pg_stat_replication r JOIN pg_stat_activity a USING (pid)
"""


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a commit waits for.

    Attributes:
        serial: Of the cluster record that it was set under.
        members: Application names, sorted, of the standbys whose flush counts; none with
            quorum 0.
        quorum: How many of them must have flushed a commit; 0: none, replication is asynchronous.
    """

    serial: int = 0
    members: tuple[str, ...] = ()
    quorum: int = 0


HOLD = Setting(members=("pg_hot_standby_hold",), quorum=1)
"""Nobody answers to that name: no commit is acknowledged while it is in force."""


def ensure(layout: Layout, setting: Setting) -> Change:
    """Write the setting and have a running server reload; `in_force` tells when that has come.

    Raises:
        SettingRefused: In the server's words.
    """
    text = templates.render(
        "synchronous.conf.j2",
        synchronous_standby_names=conffile.quote(_names(setting)),
        serial=setting.serial,
    )
    # Commits wait for it.
    return configuration.apply(layout, {layout.synchronous_conf_file: text}, check=False)


def read(layout: Layout) -> Setting:
    """The setting as it was written last; works while the server is stopped."""
    written = conffile.values(files.read(layout.synchronous_conf_file) or "")
    serial = int(written.get(_SERIAL, "0"))
    match = re.fullmatch(r"ANY ([0-9]+) \((.*)\)", written.get(_NAMES, ""))
    if match is None:
        return Setting(serial)
    return Setting(serial, tuple(re.findall(r'"([^"]+)"', match[2])), int(match[1]))


def in_force(layout: Layout, setting: Setting, timeout_s: float = _IN_FORCE_S) -> bool:
    """Whether every commit from now on waits for this setting; waits a little for that.

    On a standby: every commit after its promotion.
    """
    deadline = time.monotonic() + timeout_s
    try:
        with sql.local(layout, fresh=True) as conn:
            return _is_loaded(layout, conn, setting) and _has_come(conn, setting, None, deadline)
    except (NotReachable, QueryRefused):
        return False


def proved(layout: Layout, setting: Setting, timeout_s: float = 3) -> bool:
    """Whether the setting is in force, and its members have all that was acknowledged before it.

    A commit made after it came into force is flushed by as many members as it asks for; as WAL
    is one sequence, these have all that is older, too.

    Args:
        layout: A primary.
        setting: As it was given to `ensure`.
        timeout_s: How long to wait for the members.
    """
    deadline = time.monotonic() + timeout_s
    try:
        with sql.local(layout, fresh=True) as conn:
            if not _is_loaded(layout, conn, setting):
                return False
            return _has_come(conn, setting, commit(conn), deadline)
    except (NotReachable, QueryRefused):
        return False


def flushed(layout: Layout, setting: Setting, timeout_s: float) -> bool:
    """Whether as many members as the setting asks for have flushed a commit made now.

    The setting need not be in force.
    """
    deadline = time.monotonic() + timeout_s
    with sql.local(layout) as conn:
        lsn = commit(conn)
        while _count(_senders(conn, lsn), setting) < setting.quorum:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
    return True


def commit(conn: Connection) -> str:
    """Commit something on a primary, flushed here, and give an LSN behind it, as "0/3000148".

    Nothing is left of it but some bytes of WAL.
    """
    sql.row(conn, "SELECT pg_logical_emit_message(true, 'pg-hot-standby', 'commit')")
    (lsn,) = sql.row(conn, "SELECT pg_current_wal_flush_lsn()::text")
    return lsn


@dataclasses.dataclass(frozen=True)
class _Sender:
    pid: int
    name: str
    state: str
    priority: int
    has_flushed: bool
    wait: str


def _senders(conn: Connection, lsn: str | None) -> list[_Sender]:
    return [_Sender(*row) for row in sql.rows(conn, _SENDERS, [lsn])]


def _names(setting: Setting) -> str:
    if not setting.quorum:
        return ""
    members = ", ".join(f'"{name}"' for name in setting.members)
    return f"ANY {setting.quorum} ({members})"


def _is_loaded(layout: Layout, conn: Connection, setting: Setting) -> bool:
    """Whether the server has the setting, and has passed it on to all its processes.

    Args:
        layout: The cluster.
        conn: Begun after the setting was written: the server does both before it begins one.
        setting: What was written.
    """
    if read(layout) != setting:
        return False
    query = "SELECT current_setting(%s), current_setting(%s, true)"
    found = sql.row(conn, query, [_NAMES, _SERIAL])
    return found == (_names(setting), str(setting.serial))


def _has_come(conn: Connection, setting: Setting, lsn: str | None, deadline: float) -> bool:
    """Whether nothing acts by an older setting, and members enough have flushed `lsn`, if any."""
    read_it = False
    fresh: set[int] = set()
    while True:
        read_it = read_it or _checkpointer_has_read(conn)
        senders = _senders(conn, lsn)
        # Whoever has handled a reply of after the reload, or waits for one, has read it.
        fresh |= {one.pid for one in senders if one.has_flushed or one.wait == _SENDER_WAIT}
        stale = [
            one
            for one in senders
            if one.priority and not (one.name in setting.members and one.pid in fresh)
        ]
        enough = lsn is None or _count(senders, setting) >= setting.quorum
        if read_it and not stale and enough:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)


def _count(senders: list[_Sender], setting: Setting) -> int:
    """How many members have flushed it; two connections of one are one."""
    return len(
        {
            one.name
            for one in senders
            if one.has_flushed and one.state == "streaming" and one.name in setting.members
        }
    )


def _checkpointer_has_read(conn: Connection) -> bool:
    """Whether the checkpointer has handled a reload that was signalled to it before this call.

    The signal made the process runnable. Found asleep since, and in a wait that it enters only
    after a look at its configuration, it has taken that look.
    """
    query = "SELECT pid, wait_event FROM pg_stat_activity WHERE backend_type = 'checkpointer'"
    before = sql.rows(conn, query)
    if not before:
        return False
    ((pid, wait),) = before
    waits = (*_CHECKPOINTER_WAITS, None) if conn.server_version < 150000 else _CHECKPOINTER_WAITS
    # PostgreSQL 14 sleeps between two writes of a checkpoint without saying so.
    return wait in waits and _is_asleep(pid) and sql.rows(conn, query) == before


def _is_asleep(pid: int) -> bool:
    return processes.stat(pid)[:1] == ["S"]
