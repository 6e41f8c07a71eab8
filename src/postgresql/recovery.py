"""Whom this server follows: standby.signal, the passfile and primary_conninfo."""

from __future__ import annotations

import dataclasses

from psycopg2.extensions import make_dsn, parse_dsn

from postgresql import conffile, configuration, files, templates
from postgresql.changes import Change
from postgresql.layout import Layout


@dataclasses.dataclass(frozen=True)
class Upstream:
    """The server that a standby follows.

    Attributes:
        host: IPv4 or IPv6 address.
        user: Replication role.
        password: Its password; written to the passfile only.
        slot: Replication slot on that server for this standby.
        application_name: How pg_stat_replication there shows this standby.
        port: TCP port.
    """

    host: str
    user: str
    password: str = dataclasses.field(repr=False)
    slot: str
    application_name: str
    port: int = 5432


# A connection whose other end is cut off is given up after about ten seconds, whether data is
# under way (tcp_user_timeout) or not (keepalives).
_CONNECTION = {
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}

# The same for the other end. A walsender that is told to go says so to its standby first, and
# waits for as long as that takes: with a standby that is dead a quarter of an hour, in which it
# counts as streaming, and a checkpoint that would release its slot waits for it. Not for a base
# backup, which a slow disk may hold up for longer.
_SENDER = "-c tcp_user_timeout=10000"


def primary_conninfo(layout: Layout, upstream: Upstream) -> str:
    """The connection string, with the passfile in the place of the password."""
    parameters = {
        "host": upstream.host,
        "port": str(upstream.port),
        "user": upstream.user,
        "passfile": str(layout.passfile),
        "application_name": upstream.application_name,
        "sslmode": "prefer",
        **_CONNECTION,
    }
    return make_dsn(None, **parameters)


def write_passfile(layout: Layout, upstream: Upstream) -> bool:
    """Make the passfile hold this upstream's password, for postgres' eyes only.

    Returns:
        Whether it changed.
    """
    # For every host: a base backup of the next primary may begin while this server follows the
    # former one, and SCRAM tells a stranger nothing of the password.
    text = templates.render_secret(
        "pgpass.j2", user=_escaped(upstream.user), password=_escaped(upstream.password)
    )
    return files.write(layout.passfile, text, mode=0o600)


def ensure(layout: Layout, upstream: Upstream | None) -> Change:
    """Make this server a standby of `upstream`; a running one changes over by a reload.

    standby.signal takes effect with the next start: a running primary goes on as one until then.

    Args:
        layout: The cluster.
        upstream: None: a standby of nobody, which cuts a running walreceiver off, and has no
            password to make another connection with.

    Raises:
        SettingRefused: The server would not take the connection string.
    """
    if upstream is None:
        files.remove(layout.passfile)
    else:
        write_passfile(layout, upstream)
    if layout.data_directory.exists():
        files.write(layout.standby_signal, "", mode=0o600)
    # To cut off and to promote is urgent, and an empty string is never refused.
    urgent = upstream is None
    wanted = {layout.recovery_conf_file: text(layout, upstream)}
    return configuration.apply(layout, wanted, check=not urgent)


def text(layout: Layout, upstream: Upstream | None) -> str:
    """What the file in conf.d says of whom to follow."""
    conninfo = make_dsn(primary_conninfo(layout, upstream), options=_SENDER) if upstream else ""
    return templates.render(
        "recovery.conf.j2",
        primary_conninfo=conffile.quote(conninfo),
        primary_slot_name=conffile.quote(upstream.slot if upstream else ""),
    )


def follows(layout: Layout) -> Upstream | None:
    """Whom the written configuration names (password left out); None: nobody."""
    written = conffile.values(files.read(layout.recovery_conf_file) or "")
    connection: dict[str, str] = parse_dsn(written.get("primary_conninfo", ""))
    if "host" not in connection:
        return None
    return Upstream(
        host=connection["host"],
        user=connection.get("user", ""),
        password="",
        slot=written.get("primary_slot_name", ""),
        application_name=connection.get("application_name", ""),
        port=int(connection.get("port", "5432")),
    )


def _escaped(field: str) -> str:
    return field.replace("\\", "\\\\").replace(":", "\\:")
