"""What goes wrong with PostgreSQL on this machine, in words for an operator.

Every error says what was being done, why it failed (PostgreSQL's own words where it said any)
and what to do about it. None ever carries a password.
"""

from __future__ import annotations


class PostgresqlError(Exception):
    """Something about PostgreSQL that an operator should read.

    Attributes:
        what: What could not be done, such as "start PostgreSQL 15/main".
        why: The reason, in the words of whoever refused.
        remedy: What to do; empty where nothing better than the reason can be said.
    """

    _SENTENCE = "cannot {}"

    def __init__(self, what: str, why: str, remedy: str = ""):
        self.what = what
        self.why = why.strip()
        self.remedy = remedy
        text = f"{self._SENTENCE.format(what)}: {self.why}"
        super().__init__(f"{text}; {remedy}" if remedy else text)


class InstallFailed(PostgresqlError):
    """A package could not be installed."""


class ServerRefused(PostgresqlError):
    """The server does not start, stop or do as told."""


class NotReachable(PostgresqlError):
    """No connection to a server can be had."""


class Silent(NotReachable):
    """A server that takes connections, and says nothing on them: it stands still."""


class QueryRefused(PostgresqlError):
    """A statement failed on a server that could be reached."""


class FileRefused(PostgresqlError):
    """A file or directory of the charm's cannot be written, in the operating system's words."""


class SettingRefused(PostgresqlError):
    """A setting is not taken; what was in force before is in force still.

    Attributes:
        where: What is refused: the charm's option where one is to blame ("max-connections",
            "extra-postgresql-conf"), else PostgreSQL's setting ("primary_conninfo").
        value: The value as it was given.
    """

    _SENTENCE = "{} is refused"

    def __init__(self, where: str, value: str, reason: str, remedy: str = ""):
        self.where = where
        self.value = value
        super().__init__(f"{where} = {value!r}" if value else where, reason, remedy)


class ArchiveRefused(PostgresqlError):
    """A directory cannot be the WAL archive.

    Attributes:
        path: The directory, as it was given.
    """

    _SENTENCE = "{} is refused"

    def __init__(self, path: str, reason: str, remedy: str = ""):
        self.path = path
        super().__init__(f"archive {path!r}", reason, remedy)


class CloneRefused(PostgresqlError):
    """A base backup cannot be begun, or its result cannot be used."""
