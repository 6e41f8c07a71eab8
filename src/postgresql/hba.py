"""Who may connect: pg_hba.conf and pg_ident.conf."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence

from postgresql import files, postmaster, sql, templates
from postgresql.errors import NotReachable, ServerRefused
from postgresql.layout import IDENT_MAP, Layout

_BORDER = re.compile(r"^# ---- Lines below this one are yours -*\n", re.MULTILINE)


def ensure(layout: Layout, roles: Sequence[str], peers: Mapping[str, str]) -> bool:
    """One line for each peer address with exactly these roles, next to the local lines.

    What an operator wrote below the charm's part of the file is kept as it is. A running server
    reloads when the file changed.

    Args:
        layout: The cluster.
        roles: Roles that peers connect as, on every database and for replication.
        peers: Unit to IPv4 or IPv6 address (no network, no host name).

    Returns:
        Whether anything changed.

    Raises:
        ServerRefused: The server refuses the file, with line and its words; the former file is
            back in its place.
        ValueError: An address that is not one.
    """
    before = files.read(layout.hba_file)
    changed = files.write(
        layout.ident_file, templates.render("pg_ident.conf.j2", ident_map=IDENT_MAP)
    )
    changed |= files.write(layout.hba_file, _text(before or "", roles, peers))
    if not postmaster.is_running(layout):
        return changed
    try:
        with sql.local(layout) as conn:
            errors = [
                f"line {line}: {error}"
                for line, error in sql.rows(
                    conn,
                    "SELECT line_number, error FROM pg_hba_file_rules"
                    " WHERE error IS NOT NULL ORDER BY 1",
                )
            ]
            (loaded,) = sql.row(conn, "SELECT extract(epoch FROM pg_conf_load_time())::float8")
    except NotReachable:
        # It is starting up: whatever it has read so far, the signal makes it read this.
        postmaster.reload(layout)
        return changed
    if errors:
        # The server would go on with the rules in force, but could not start with this file.
        if before is not None:
            files.write(layout.hba_file, before)
        raise ServerRefused(f"reload {layout.hba_file}", "; ".join(errors), "mend that line")
    # An interrupted call has written the file and not told the server.
    if changed or _changed_at(layout) > loaded:
        postmaster.reload(layout)
    return changed


def _changed_at(layout: Layout) -> float:
    # ctime: the time of the rename, where mtime is that of the writing before it.
    return max(path.stat().st_ctime for path in (layout.hba_file, layout.ident_file))


def _text(before: str, roles: Sequence[str], peers: Mapping[str, str]) -> str:
    border = _BORDER.search(before)
    return templates.render(
        "pg_hba.conf.j2",
        ident_map=IDENT_MAP,
        roles=",".join(_quoted(role) for role in sorted(set(roles))),
        peers=[
            {"unit": unit, "address": _network(address)}
            for unit, address in sorted(peers.items(), key=lambda item: _natural(item[0]))
            if roles
        ],
        kept=before[border.end() :] if border else "",
    )


def _network(address: str) -> str:
    """The network that holds this address alone."""
    host = ipaddress.ip_address(address)
    return f"{host}/{host.max_prefixlen}"


def _quoted(role: str) -> str:
    """A role as pg_hba.conf takes it: bare `all`, `+group` and `/regex` would mean something.

    >>> _quoted("replicator"), _quoted("all")
    ('replicator', '"all"')
    """
    plain = re.fullmatch(r"[a-z_][a-z0-9_]*", role) and role not in ("all", "replication")
    return role if plain else '"' + role.replace('"', '""') + '"'


def _natural(unit: str) -> tuple[str, int]:
    """Sorts pg/10 after pg/9."""
    name, _, number = unit.partition("/")
    return name, int(number) if number.isdigit() else 0
