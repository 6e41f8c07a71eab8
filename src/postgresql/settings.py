"""The charm's settings and the operator's extra ones, in force or refused with the reason.

Each file in conf.d has one reason to change: this module's are the charm's own settings, the
operator's, and the bounds that other units need for a while. The archive's is archive/'s, that
of whom to follow recovery.py's, and that of whose acknowledgement counts synchronous.py's; all
come into force by `configuration.apply`.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from postgresql import conffile, configuration, files, owned, templates, trial
from postgresql.changes import Change
from postgresql.errors import SettingRefused
from postgresql.layout import Layout

HOT_STANDBY_PARAMETERS = (
    "max_connections",
    "max_worker_processes",
    "max_wal_senders",
    "max_prepared_transactions",
    "max_locks_per_transaction",
)
"""What a hot standby must have at least as much of as its primary.

Source: PostgreSQL's manual, "Hot Standby", Administrator's Overview.
"""

EXTRA = "extra-postgresql-conf"
MAX_CONNECTIONS = "max-connections"
_DEFAULTS: Mapping[str, int] = MappingProxyType(
    {"max_connections": 100, "wal_keep_size": 512, "max_slot_wal_keep_size": 0}
)
# The server's own, for those an operator may give among the extra settings.
_SERVER_DEFAULTS: Mapping[str, int] = MappingProxyType(
    {
        "max_worker_processes": 8,
        "max_prepared_transactions": 0,
        "max_locks_per_transaction": 64,
    }
)
_FEWEST_MB = 64
_CERTIFICATE = Path("/etc/ssl/certs/ssl-cert-snakeoil.pem")
_KEY = Path("/etc/ssl/private/ssl-cert-snakeoil.key")


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the charm sets, apart from archive, recovery and synchronous replication.

    Attributes:
        max_connections: None: keep what the charm's file says, or 100.
        wal_keep_size: MB. None: keep what the charm's file says, or 512.
        max_slot_wal_keep_size: MB; 0: a quarter of the disk that holds the WAL. None: keep what
            the charm's file says, or 0.
        max_wal_senders: Connections for standbys and base backups.
        max_replication_slots: One for each standby, and some to spare.
        extra: The operator's lines of postgresql.conf. None: keep those in the file.
        floors: Hot-standby parameters that must not be below the primary's value.
        ceilings: Hot-standby parameters that must not yet be above a standby's value. Where
            both bind, the floor wins.
    """

    max_connections: int | None = None
    wal_keep_size: int | None = None
    max_slot_wal_keep_size: int | None = None
    max_wal_senders: int = 10
    max_replication_slots: int = 10
    extra: str | None = None
    floors: Mapping[str, int] = dataclasses.field(default_factory=dict[str, int])
    ceilings: Mapping[str, int] = dataclasses.field(default_factory=dict[str, int])


def ensure(layout: Layout, settings: Settings, may_restart: bool = True) -> Change:
    """Bring the settings into force, with one reload and at most one restart.

    What the operator gave is proved by a trial start first, where it changed. A part of it that
    is refused keeps its last good value, and all else comes into force before the error tells.

    Args:
        layout: The cluster; its server may be stopped, then the files alone are written.
        settings: What is wanted.
        may_restart: Otherwise what needs a restart waits in `Change.pending_restart`.

    Raises:
        SettingRefused: Whose `where` is the option to blame; its `why` begins with the line
            where there is one.
        ServerRefused: The server came up neither with the new settings nor the former ones.
    """
    trial.clear(layout)
    refusal: SettingRefused | None = None
    change = Change()
    for wanted in _fallbacks(settings):
        # What is to blame was dropped in an earlier round, or is not to be dropped.
        if refusal and not _leaves_out(wanted, refusal):
            continue
        try:
            change = _ensure(layout, wanted, may_restart)
        except SettingRefused as error:
            if wanted.extra is None and wanted.max_connections is None:
                raise refusal or error from None
            refusal = refusal or error
        else:
            break
    if refusal:
        raise refusal
    return change


def check_extra(text: str) -> tuple[conffile.Line, ...]:
    """The operator's extra settings, parsed as the server would and checked for ownership.

    Whether the server takes their names and values, `ensure` finds out.

    Raises:
        SettingRefused: The first line that cannot be taken, and why.
    """
    try:
        lines = conffile.parse(text)
    except conffile.SyntaxRefused as error:
        raise SettingRefused(EXTRA, error.text, f"line {error.number}: {error}") from None
    for line in lines:
        if reason := owned.objection(line.name, line.value):
            raise _refused_line(line, reason)
    return lines


def _fallbacks(settings: Settings) -> Iterable[Settings]:
    """What is wanted, and then with less and less of what an operator gave."""
    yield settings
    yield dataclasses.replace(settings, extra=None)
    yield dataclasses.replace(settings, max_connections=None)
    yield dataclasses.replace(settings, extra=None, max_connections=None)


def _leaves_out(settings: Settings, refusal: SettingRefused) -> bool:
    if refusal.where == EXTRA:
        return settings.extra is None
    if refusal.where == MAX_CONNECTIONS:
        return settings.max_connections is None
    return settings.extra is None and settings.max_connections is None


def _ensure(layout: Layout, settings: Settings, may_restart: bool) -> Change:
    kept = files.read(layout.extra_conf_file)
    if settings.extra is None:
        extra, lines = kept, conffile.parse(kept or "")
    else:
        extra, lines = _extra(settings.extra), check_extra(settings.extra)
    wanted: dict[Path, str | None] = {
        layout.conf_file: _conf(layout, settings),
        layout.extra_conf_file: extra,
        layout.bounds_conf_file: _bounds(settings, lines),
    }
    try:
        if _is_to_prove(layout, extra or "", kept or "", wanted):
            _prove(layout, wanted, lines)
        return configuration.apply(layout, wanted, may_restart)
    except SettingRefused as error:
        raise _blame(error, lines, settings.max_connections) from None


def _is_to_prove(layout: Layout, extra: str, kept: str, wanted: Mapping[Path, str | None]) -> bool:
    """Whether something of the operator's own choice changes that only a start can refuse."""
    if conffile.values(extra) != conffile.values(kept):
        return True
    default = str(_DEFAULTS["max_connections"])
    before = _in_file(layout).get("max_connections", default)
    after = conffile.values(wanted[layout.conf_file] or "")["max_connections"]
    return before != after


def _prove(
    layout: Layout, wanted: Mapping[Path, str | None], lines: Sequence[conffile.Line]
) -> None:
    """Start a scratch cluster with the files, and find out who is to blame where it refuses.

    Raises:
        SettingRefused: In the server's words.
    """
    with trial.candidate(layout, wanted) as conf_file:
        # Cheaper than a cluster, and it names what it refuses.
        if words := trial.read(layout, conf_file):
            raise configuration.refused(words, ())
    with trial.scratch(layout) as scratch:

        def refusal(texts: Mapping[Path, str | None]) -> str:
            with trial.candidate(layout, texts) as conf_file:
                return scratch.start(conf_file)

        words = refusal(wanted)
        if not words:
            return
        named = configuration.refused(words, ())
        if any(named.where == line.name for line in lines):
            raise named
        for line in lines:
            alone = f"{line.name} = {conffile.quote(line.value)}\n"
            if said := refusal({**wanted, layout.extra_conf_file: alone}):
                # Without any of them it may be refused just so: then none is to blame.
                if refusal({**wanted, layout.extra_conf_file: None}):
                    break
                raise _refused_line(line, said)
        else:
            if lines and not refusal({**wanted, layout.extra_conf_file: None}):
                raise SettingRefused(EXTRA, "", f"together, not one by one: {words}")
        raise configuration.refused(words, ["max_connections"])


def _blame(
    error: SettingRefused, lines: Sequence[conffile.Line], max_connections: int | None = None
) -> SettingRefused:
    """The error laid to the option that the refused setting came from."""
    # Of a setting given twice the last one counts.
    for line in reversed(lines):
        if error.where == line.name:
            return _refused_line(line, error.why)
    if error.where == "max_connections":
        return SettingRefused(MAX_CONNECTIONS, str(max_connections or ""), error.why)
    return error


def _refused_line(line: conffile.Line, reason: str) -> SettingRefused:
    text = f"{line.name} = {line.value}"
    return SettingRefused(EXTRA, text, f"line {line.number} ({line.name}): {reason}")


def _conf(layout: Layout, settings: Settings) -> str:
    before = _in_file(layout)

    def of(name: str, wanted: int | None) -> int:
        return _number(before.get(name), _DEFAULTS[name]) if wanted is None else wanted

    retained = of("max_slot_wal_keep_size", settings.max_slot_wal_keep_size)
    return templates.render(
        "postgresql.conf.j2",
        max_connections=_within(
            "max_connections", of("max_connections", settings.max_connections), settings
        ),
        max_wal_senders=_within("max_wal_senders", settings.max_wal_senders, settings),
        max_replication_slots=settings.max_replication_slots,
        wal_keep_size=of("wal_keep_size", settings.wal_keep_size),
        max_slot_wal_keep_size=retained or _quarter_of_disk(layout, before),
        ssl={"certificate": _CERTIFICATE, "key": _KEY} if _KEY.exists() else None,
    )


def _bounds(settings: Settings, lines: Iterable[conffile.Line]) -> str | None:
    given = {line.name: line.value for line in lines}
    bounds: dict[str, int] = {}
    for name, default in _SERVER_DEFAULTS.items():
        wanted = _number(given.get(name), default)
        within = _within(name, wanted, settings)
        if within != wanted:
            bounds[name] = within
    return templates.render("bounds.conf.j2", bounds=bounds) if bounds else None


def _within(name: str, value: int, settings: Settings) -> int:
    value = min(value, settings.ceilings.get(name, value))
    return max(value, settings.floors.get(name, value))


def _extra(text: str) -> str | None:
    return templates.render("extra.conf.j2", text=text.rstrip("\n")) if text.strip() else None


def _in_file(layout: Layout) -> dict[str, str]:
    return conffile.values(files.read(layout.conf_file) or "")


def _number(text: str | None, default: int) -> int:
    match = re.match(r"\s*([0-9]+)", text or "")
    return int(match[1]) if match else default


def _quarter_of_disk(layout: Layout, before: Mapping[str, str]) -> int:
    """A quarter of the file system that holds the WAL, in MB.

    Some file systems change their size by a little with what others use; the value in the file
    is kept while it is right to a twentieth, so that not every hook reloads the server.
    """
    disk = os.statvfs(layout.wal_directory)
    quarter = max(_FEWEST_MB, disk.f_blocks * disk.f_frsize // 4 // 2**20)
    present = _number(before.get("max_slot_wal_keep_size"), 0)
    return present if abs(present - quarter) <= quarter // 20 else quarter
