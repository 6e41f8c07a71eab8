"""Files in conf.d brought into force: checked by the server first, put back if it must be."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from postgresql import conffile, files, gate, postmaster, sql, trial
from postgresql.changes import Change, Effect
from postgresql.errors import NotReachable, ServerRefused, SettingRefused
from postgresql.layout import Layout


def apply(
    layout: Layout,
    wanted: Mapping[Path, str | None],
    may_restart: bool = False,
    *,
    check: bool = True,
) -> Change:
    """Bring new texts of files in conf.d into force, all or none.

    The server's own program checks them first, on a copy of the configuration; then they are
    written, the running server reloads, and is restarted if one of its settings needs it. If it
    does not come up with them, the former files are put back and it is started again.

    A call that was interrupted after it wrote is completed by the next one.

    Args:
        layout: The cluster. While its server is stopped, the files are all that changes.
        wanted: Path to whole text; None removes the file.
        may_restart: Otherwise what needs a restart waits in `Change.pending_restart`.
        check: False: what is written cannot be wrong, and is needed at once. A running server
            that refuses it all the same has the former files put back.

    Raises:
        SettingRefused: Refused, in the server's own words, with the former files in force.
        ServerRefused: The server came up neither with the new files nor with the former ones.
    """
    before = {path: files.read(path) for path in wanted}
    new = {path: text for path, text in wanted.items() if text != before[path]}
    if new and check:
        with trial.candidate(layout, new) as conf_file:
            if words := trial.read(layout, conf_file):
                raise refused(words, ())
    names = changed_names(layout, new) if new else ()
    _put(new)
    effect = Effect.RELOAD if new else Effect.NONE
    if not postmaster.is_running(layout):
        return Change(effect, names)
    try:
        if new:
            postmaster.reload(layout)
        loaded, pending = _look(layout)
        if _changed_at(layout) > loaded:
            postmaster.reload(layout)
            _, pending = _look(layout)
    except ServerRefused as error:
        # Of files with errors in them the server has taken what it could.
        _put({path: before[path] for path in new})
        postmaster.reload(layout)
        raise refused(error.why, names) from error
    except NotReachable:
        # It is starting up; the next call sees what it has taken.
        return Change(effect, names)
    if not pending or not may_restart:
        return Change(effect, names, pending)
    was_primary = gate.is_primary(layout)
    postmaster.stop(layout)
    try:
        gate.start(layout, was_primary)
    except ServerRefused as error:
        if not new:
            raise
        _put({path: before[path] for path in new})
        gate.start(layout, was_primary)
        raise refused(error.why, pending) from error
    return Change(Effect.RESTART, tuple(sorted({*names, *pending})))


def changed_names(layout: Layout, new: Mapping[Path, str | None]) -> tuple[str, ...]:
    """Names whose value in the charm's files changes with these texts, sorted."""
    old_values: dict[str, str] = {}
    new_values: dict[str, str] = {}
    present = {path: files.read(path) for path in layout.conf_files}
    for path in sorted({*present, *new}):
        old_values |= _values(present.get(path))
        new_values |= _values(new[path] if path in new else present.get(path))
    names = {*old_values, *new_values}
    return tuple(sorted(name for name in names if old_values.get(name) != new_values.get(name)))


def refused(words: str, names: Collection[str]) -> SettingRefused:
    """The server's words as an error, laid to the setting that they name.

    Args:
        words: In which the server refused.
        names: Settings that changed; a single one is to blame even where no words name it.
    """
    # "/etc/…/95-extra.conf line 3 (work_mem): setting could not be applied", as postmaster.reload
    # has it: whoever gave the setting knows nothing of the file.
    place = re.match(r"\S+ line [0-9]+ \(([^)]+)\): ", words)
    words = words[place.end() :] if place else words
    match = place or re.search(r'parameter (?:name )?"([^"]+)"', words)
    name = match[1].lower() if match else ""
    if not name and len(names) == 1:
        (name,) = names
    return SettingRefused(name or "the configuration", "", words)


def _values(text: str | None) -> dict[str, str]:
    return conffile.values(text) if text else {}


def _put(texts: Mapping[Path, str | None]) -> None:
    for path, text in texts.items():
        if text is None:
            path.unlink(missing_ok=True)
            files.sync(path.parent)
        else:
            files.make_directory(path.parent)
            files.write(path, text, mode=0o644)


def _look(layout: Layout) -> tuple[float, tuple[str, ...]]:
    """When the server read its files, and which settings wait for its restart.

    What an administrator changed in files other than the charm's (ALTER SYSTEM, postgresql.conf)
    waits for a restart of the administrator's.
    """
    with sql.local(layout) as conn:
        (loaded, pending) = sql.row(
            conn,
            """
            SELECT extract(epoch FROM pg_conf_load_time())::float8,
                   ARRAY(SELECT s.name::text FROM pg_settings s
                          WHERE s.pending_restart
                            AND NOT EXISTS (SELECT FROM pg_file_settings f
                                             WHERE f.name = s.name AND f.error IS NOT NULL
                                               AND f.sourcefile <> ALL (%s))
                          ORDER BY 1)
            """,
            [[str(path) for path in layout.conf_files]],
        )
    return loaded, tuple(pending)


def _changed_at(layout: Layout) -> float:
    # ctime is the time of the rename, mtime that of the writing before it. The directory's
    # tells of a file that was removed.
    paths = [*layout.conf_files, layout.conf_file.parent]
    return max((path.stat().st_ctime for path in paths if path.exists()), default=0.0)
