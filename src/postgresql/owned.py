"""Settings that an operator may not give in extra-postgresql-conf, each with the reason.

Three kinds: those the charm sets itself or has an option for, those with which a standby could
no longer follow or take over, and those that break the promise that an acknowledged commit is
kept. Of some only certain values are harmful, and the others may be had.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from postgresql import conffile, files
from postgresql.layout import Layout

_FIRST = "synchronous_standby_names"
_OPTION = "it has an option of its own: {}"
_CHARM = "the charm sets it: {}"
_FOLLOW = "a standby could not follow: {}"
_KEEP = "it could lose data that PostgreSQL has acknowledged: {}"

_NEVER: Mapping[str, str] = MappingProxyType(
    {
        "max_connections": _OPTION.format("max-connections"),
        "wal_keep_size": _OPTION.format("wal-keep-size"),
        "max_slot_wal_keep_size": _OPTION.format("max-slot-wal-keep-size"),
        "archive_mode": _OPTION.format("archive-path"),
        "archive_command": _OPTION.format("archive-path"),
        "archive_library": _OPTION.format("archive-path"),
        "basic_archive.archive_directory": _OPTION.format("archive-path"),
        "restore_command": _OPTION.format("archive-path"),
        "archive_cleanup_command": _KEEP.format("it would delete from the archive"),
        "max_wal_senders": _CHARM.format("it grows with the number of units"),
        "max_replication_slots": _CHARM.format("it grows with the number of units"),
        "primary_conninfo": _CHARM.format("it names the primary"),
        "primary_slot_name": _CHARM.format("every standby has a slot of its own"),
        "synchronous_standby_names": _CHARM.format("it follows the units that stream"),
        "synchronized_standby_slots": _CHARM.format("it follows the units that stream"),
        "hot_standby": _CHARM.format("standbys can be read from, and are verified so"),
        "wal_log_hints": _CHARM.format("a former primary is rewound by it"),
        "listen_addresses": _CHARM.format("the other units connect over the network"),
        "port": _CHARM.format("the other units connect to it"),
        "unix_socket_directories": _CHARM.format("it reaches the server over the socket there"),
        "data_directory": _CHARM.format("the packaging places the data"),
        "config_file": _CHARM.format("the packaging places the configuration"),
        "hba_file": _CHARM.format("the charm keeps pg_hba.conf"),
        "ident_file": _CHARM.format("the charm keeps pg_ident.conf"),
        "external_pid_file": _CHARM.format("systemd follows the server by it"),
        "logging_collector": _CHARM.format("it reads the server's log where the packaging has it"),
        "log_destination": _CHARM.format("it reads the server's log where the packaging has it"),
        "recovery_min_apply_delay": _FOLLOW.format(
            "every standby would lag by it, and none could take over at once"
        ),
        "recovery_end_command": _CHARM.format("a promotion must depend on nothing else"),
        "promote_trigger_file": _CHARM.format("only the charm promotes a standby"),
        "idle_replication_slot_timeout": _FOLLOW.format(
            "the slot of a standby that is away would be lost"
        ),
        "ignore_invalid_pages": _KEEP.format("a standby would go on without damaged pages"),
        "zero_damaged_pages": _KEEP.format("damaged pages would be emptied"),
        "include": "only settings can be given, no other files",
        "include_if_exists": "only settings can be given, no other files",
        "include_dir": "only settings can be given, no other files",
    }
)


def _is_off(value: str) -> bool:
    # A boolean may be cut short as long as it is no other's beginning (parse_bool).
    text = value.strip().lower()
    return text == "0" or any(word.startswith(text) for word in ("false", "no", "off") if text)


def _is_zero(value: str) -> bool:
    return re.fullmatch(r"[-+]?0+(\.0*)?\s*[a-zA-Z]*", value.strip()) is not None


def _is_not_in(*allowed: str) -> Callable[[str], bool]:
    return lambda value: value.strip().lower() not in allowed


def _is_not_english(value: str) -> bool:
    return not re.match(r"(C|POSIX|en)\b|en_|C\.", value.strip() or "C")


_HARMFUL: Mapping[str, tuple[Callable[[str], bool], str]] = MappingProxyType(
    {
        "wal_level": (
            _is_not_in("replica", "logical", "hot_standby", "archive"),
            _FOLLOW.format("it takes replica or logical"),
        ),
        "fsync": (_is_off, _KEEP.format("only on is safe")),
        "full_page_writes": (_is_off, _KEEP.format("base backups and pg_rewind need it on")),
        "synchronous_commit": (
            _is_not_in("on", "remote_apply", "true", "yes", "1"),
            _KEEP.format("only on and remote_apply wait for a standby's disk"),
        ),
        "wal_receiver_status_interval": (
            _is_zero,
            _FOLLOW.format("its slot and synchronous commits wait for its reports"),
        ),
        "wal_sender_timeout": (_is_zero, _FOLLOW.format("a dead connection would never end")),
        "wal_receiver_timeout": (_is_zero, _FOLLOW.format("a dead connection would never end")),
        "superuser_reserved_connections": (
            _is_zero,
            _CHARM.format("it needs a connection when clients hold all others"),
        ),
        "lc_messages": (
            _is_not_english,
            _CHARM.format("it reads the server's log, in English"),
        ),
    }
)


def objection(name: str, value: str) -> str:
    """Why this setting may not be given; "" if it may.

    Args:
        name: In lower case.
        value: With quotes and escapes undone.
    """
    if reason := _NEVER.get(name):
        return reason
    if name.startswith("pg_hot_standby."):
        return _CHARM.format("it keeps notes of its own there")
    if name.startswith("recovery_target"):
        return _FOLLOW.format("its recovery would end before the primary does")
    if name in _HARMFUL:
        is_harmful, reason = _HARMFUL[name]
        return reason if is_harmful(value) else ""
    return ""


def overridden(layout: Layout) -> tuple[tuple[str, str], ...]:
    """What ALTER SYSTEM has set of these: it goes before every file of the charm's.

    Returns:
        Names, each with the reason why it may not be set, the one on which commits depend first;
        also of a server that does not run, or has not read it yet.
    """
    text = files.read(layout.data_directory / "postgresql.auto.conf") or ""
    try:
        found = conffile.values(text)
    except conffile.SyntaxRefused:
        # The server takes nothing of it, and says so.
        return ()
    harmful = {name: why for name, value in found.items() if (why := objection(name, value))}
    return tuple(sorted(harmful.items(), key=lambda one: (one[0] != _FIRST, one[0])))
