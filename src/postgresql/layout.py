"""Where the packaging of Debian and Ubuntu puts a cluster and its programs.

Source: postgresql-common's pg_createcluster(1) and postgresql@.service.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

PROGRAMS = Path("/usr/lib/postgresql")
DATA = Path("/var/lib/postgresql")
CONFIG = Path("/etc/postgresql")
LOGS = Path("/var/log/postgresql")
SOCKETS = Path("/var/run/postgresql")
WAL_DISK = Path("/var/lib/postgresql-wal")
"""Where a disk is mounted that is for WAL alone (waldisk.py)."""

NOTES = Path("/var/lib/pg-hot-standby")
"""What programs beside the hooks tell of themselves."""

ID_FILE = "pg_hot_standby.id"
"""In the data directory: the cluster id that the charm gave it. A base backup carries it over."""

IDENT_MAP = "pg_hot_standby"
"""Map of pg_ident.conf that lets the system's root and postgres be the server's postgres."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """The places of one cluster.

    Attributes:
        major: PostgreSQL's major version.
        name: The cluster's name in Debian's sense.
        port: TCP port, also part of the socket's name.
    """

    major: int
    name: str = "main"
    port: int = 5432

    @classmethod
    def find(cls, name: str = "main") -> Layout | None:
        """The installed server that has a cluster of this name, else the newest installed one.

        A release upgrade installs a newer server beside the one whose data is in use.

        Returns:
            None where no server is installed.
        """
        majors = sorted(
            int(server.parent.parent.name)
            for server in PROGRAMS.glob("*/bin/postgres")
            if re.fullmatch(r"[0-9]+", server.parent.parent.name)
        )
        layouts = [cls(major, name) for major in reversed(majors)]
        used = [one for one in layouts if (one.data_directory / "PG_VERSION").exists()]
        return next(iter(used + layouts), None)

    @property
    def label(self) -> str:
        """The cluster as people call it: "15/main"."""
        return f"{self.major}/{self.name}"

    @property
    def programs(self) -> Path:
        """Directory of this version's programs (postgres, initdb, pg_controldata)."""
        return PROGRAMS / str(self.major) / "bin"

    @property
    def data_directory(self) -> Path:
        """PGDATA."""
        return DATA / str(self.major) / self.name

    @property
    def wal_directory(self) -> Path:
        """Where WAL is written; may be a symbolic link to another file system."""
        return self.data_directory / "pg_wal"

    @property
    def id_file(self) -> Path:
        """File in the data directory with the cluster id."""
        return self.data_directory / ID_FILE

    @property
    def partial_copy(self) -> Path:
        """A base backup on its way; never a server."""
        return DATA / str(self.major) / f"{self.name}.clone.partial"

    @property
    def finished_copy(self) -> Path:
        """A whole base backup that waits to be adopted."""
        return DATA / str(self.major) / f"{self.name}.clone"

    @property
    def config_directory(self) -> Path:
        """Debian's directory of configuration files, owned by postgres."""
        return CONFIG / str(self.major) / self.name

    @property
    def main_conf_file(self) -> Path:
        """Debian's postgresql.conf, which includes conf.d; the charm leaves it as it is."""
        return self.config_directory / "postgresql.conf"

    @property
    def conf_file(self) -> Path:
        """The charm's settings (settings.py)."""
        return self.config_directory / "conf.d" / "90-pg-hot-standby.conf"

    @property
    def archive_conf_file(self) -> Path:
        """Archive and restore commands (archive.py)."""
        return self.config_directory / "conf.d" / "91-pg-hot-standby-archive.conf"

    @property
    def recovery_conf_file(self) -> Path:
        """Whom to follow (recovery.py)."""
        return self.config_directory / "conf.d" / "92-pg-hot-standby-recovery.conf"

    @property
    def synchronous_conf_file(self) -> Path:
        """Whose acknowledgement a commit waits for (synchronous.py)."""
        return self.config_directory / "conf.d" / "93-pg-hot-standby-synchronous.conf"

    @property
    def extra_conf_file(self) -> Path:
        """The operator's extra settings, after the charm's, so that they win (settings.py)."""
        return self.config_directory / "conf.d" / "95-extra.conf"

    @property
    def bounds_conf_file(self) -> Path:
        """What overrules the operator's settings while other units need it (settings.py)."""
        return self.config_directory / "conf.d" / "97-pg-hot-standby-bounds.conf"

    @property
    def conf_files(self) -> tuple[Path, ...]:
        """The charm's files in conf.d, in the order in which the server reads them."""
        return (
            self.conf_file,
            self.archive_conf_file,
            self.recovery_conf_file,
            self.synchronous_conf_file,
            self.extra_conf_file,
            self.bounds_conf_file,
        )

    @property
    def hba_file(self) -> Path:
        """pg_hba.conf."""
        return self.config_directory / "pg_hba.conf"

    @property
    def ident_file(self) -> Path:
        """pg_ident.conf."""
        return self.config_directory / "pg_ident.conf"

    @property
    def start_conf(self) -> Path:
        """Whether the cluster starts with the machine: auto, manual or disabled."""
        return self.config_directory / "start.conf"

    @property
    def passfile(self) -> Path:
        """libpq password file of the replication connection, outside of the data directory.

        Inside, every base backup would carry it away.
        """
        return DATA / f".pg-hot-standby-{self.major}-{self.name}.pgpass"

    @property
    def socket_directory(self) -> Path:
        """Directory of the server's Unix socket."""
        return SOCKETS

    @property
    def log_file(self) -> Path:
        """The server's log."""
        return LOGS / f"postgresql-{self.major}-{self.name}.log"

    @property
    def service(self) -> str:
        """The packaging's systemd unit of this cluster."""
        return f"postgresql@{self.major}-{self.name}.service"

    @property
    def clone_service(self) -> str:
        """The systemd unit that takes this cluster's base backup."""
        return f"pg-hot-standby-clone@{self.major}-{self.name}.service"

    @property
    def clone_notes(self) -> Path:
        """What the program of that unit tells of itself."""
        return NOTES / f"clone-{self.major}-{self.name}"

    @property
    def rewind_service(self) -> str:
        """The systemd unit that rewinds this cluster."""
        return f"pg-hot-standby-rewind@{self.major}-{self.name}.service"

    @property
    def rewind_notes(self) -> Path:
        """What the program of that unit tells of itself."""
        return NOTES / f"rewind-{self.major}-{self.name}"

    @property
    def standby_signal(self) -> Path:
        """File whose presence makes the server start as a standby."""
        return self.data_directory / "standby.signal"
