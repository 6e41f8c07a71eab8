"""The controller's memory: one sqlite database.

Everything that must survive the daemon lies here and nowhere else. Write-ahead logging with
``synchronous=NORMAL`` loses nothing when the process is killed; only a crash of the host may take
the last moments.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS controller (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sequence (
    model TEXT NOT NULL, name TEXT NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (model, name));
CREATE TABLE IF NOT EXISTS model (
    uuid TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, life TEXT NOT NULL, version TEXT NOT NULL,
    config TEXT NOT NULL, created TEXT NOT NULL, gateway TEXT, port INTEGER, forced REAL);
CREATE TABLE IF NOT EXISTS charm (
    model TEXT NOT NULL, url TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL,
    sha256 TEXT NOT NULL, definition TEXT NOT NULL, PRIMARY KEY (model, url));
CREATE TABLE IF NOT EXISTS application (
    model TEXT NOT NULL, name TEXT NOT NULL, life TEXT NOT NULL, charm TEXT NOT NULL,
    charm_modified INTEGER NOT NULL, charm_forced INTEGER NOT NULL, base TEXT NOT NULL,
    config TEXT NOT NULL, exposed INTEGER NOT NULL, status TEXT, PRIMARY KEY (model, name));
CREATE TABLE IF NOT EXISTS machine (
    model TEXT NOT NULL, id TEXT NOT NULL, life TEXT NOT NULL, base TEXT NOT NULL,
    token TEXT NOT NULL, created TEXT NOT NULL, instance TEXT NOT NULL, message TEXT NOT NULL,
    since TEXT NOT NULL, host TEXT, root TEXT, address TEXT, hostname TEXT, network TEXT,
    agent_since TEXT, forced REAL, PRIMARY KEY (model, id));
CREATE TABLE IF NOT EXISTS unit (
    model TEXT NOT NULL, name TEXT NOT NULL, application TEXT NOT NULL, number INTEGER NOT NULL,
    life TEXT NOT NULL, machine TEXT NOT NULL, charm TEXT, agent TEXT NOT NULL,
    workload TEXT NOT NULL, version TEXT NOT NULL, resolved TEXT NOT NULL, ports TEXT NOT NULL,
    state TEXT NOT NULL, forced REAL, PRIMARY KEY (model, name));
CREATE TABLE IF NOT EXISTS relation (
    model TEXT NOT NULL, id INTEGER NOT NULL, life TEXT NOT NULL, interface TEXT NOT NULL,
    PRIMARY KEY (model, id));
CREATE TABLE IF NOT EXISTS endpoint (
    model TEXT NOT NULL, relation INTEGER NOT NULL, application TEXT NOT NULL,
    name TEXT NOT NULL, role TEXT NOT NULL, settings TEXT NOT NULL, version INTEGER NOT NULL,
    PRIMARY KEY (model, relation, application, name));
CREATE TABLE IF NOT EXISTS member (
    model TEXT NOT NULL, relation INTEGER NOT NULL, unit TEXT NOT NULL, scope TEXT NOT NULL,
    settings TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (model, relation, unit));
CREATE TABLE IF NOT EXISTS lease (
    model TEXT NOT NULL, application TEXT NOT NULL, holder TEXT NOT NULL, expires REAL NOT NULL,
    PRIMARY KEY (model, application));
CREATE TABLE IF NOT EXISTS secret (
    model TEXT NOT NULL, id TEXT NOT NULL, owner_kind TEXT NOT NULL, owner TEXT NOT NULL,
    label TEXT, description TEXT, rotate TEXT, rotates REAL, latest INTEGER NOT NULL,
    created TEXT NOT NULL, updated TEXT NOT NULL, PRIMARY KEY (model, id));
CREATE TABLE IF NOT EXISTS secret_revision (
    model TEXT NOT NULL, secret TEXT NOT NULL, revision INTEGER NOT NULL, content TEXT NOT NULL,
    checksum TEXT NOT NULL, created TEXT NOT NULL, expires REAL,
    PRIMARY KEY (model, secret, revision));
CREATE TABLE IF NOT EXISTS secret_consumer (
    model TEXT NOT NULL, secret TEXT NOT NULL, unit TEXT NOT NULL, label TEXT,
    revision INTEGER NOT NULL, PRIMARY KEY (model, secret, unit));
CREATE TABLE IF NOT EXISTS secret_grant (
    model TEXT NOT NULL, secret TEXT NOT NULL, subject TEXT NOT NULL, relation INTEGER NOT NULL,
    PRIMARY KEY (model, secret, subject));
CREATE TABLE IF NOT EXISTS operation (
    model TEXT NOT NULL, id INTEGER NOT NULL, summary TEXT NOT NULL, enqueued TEXT NOT NULL,
    PRIMARY KEY (model, id));
CREATE TABLE IF NOT EXISTS task (
    model TEXT NOT NULL, id INTEGER NOT NULL, operation INTEGER NOT NULL, receiver TEXT NOT NULL,
    action TEXT NOT NULL, parameters TEXT NOT NULL, status TEXT NOT NULL, message TEXT NOT NULL,
    results TEXT NOT NULL, log TEXT NOT NULL, enqueued TEXT NOT NULL, started TEXT,
    completed TEXT, PRIMARY KEY (model, id));
CREATE TABLE IF NOT EXISTS log (
    id INTEGER PRIMARY KEY, model TEXT NOT NULL, entity TEXT NOT NULL, timestamp TEXT NOT NULL,
    severity TEXT NOT NULL, module TEXT NOT NULL, location TEXT NOT NULL, message TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS log_model ON log (model, id);
CREATE TABLE IF NOT EXISTS status_log (
    id INTEGER PRIMARY KEY, model TEXT NOT NULL, kind TEXT NOT NULL, entity TEXT NOT NULL,
    status TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS status_log_entity ON status_log (model, entity, id);
CREATE TRIGGER IF NOT EXISTS status_of_new_unit AFTER INSERT ON unit BEGIN
    INSERT INTO status_log (model, kind, entity, status)
    VALUES (new.model, 'workload', new.name, new.workload),
        (new.model, 'juju-unit', new.name, new.agent);
END;
CREATE TRIGGER IF NOT EXISTS status_of_workload AFTER UPDATE OF workload ON unit
    WHEN new.workload <> old.workload BEGIN
    INSERT INTO status_log (model, kind, entity, status)
    VALUES (new.model, 'workload', new.name, new.workload);
END;
CREATE TRIGGER IF NOT EXISTS status_of_agent AFTER UPDATE OF agent ON unit
    WHEN new.agent <> old.agent BEGIN
    INSERT INTO status_log (model, kind, entity, status)
    VALUES (new.model, 'juju-unit', new.name, new.agent);
END;
CREATE TRIGGER IF NOT EXISTS status_of_application AFTER UPDATE OF status ON application
    WHEN new.status IS NOT old.status AND new.status IS NOT NULL BEGIN
    INSERT INTO status_log (model, kind, entity, status)
    VALUES (new.model, 'application', new.name, new.status);
END;
CREATE TRIGGER IF NOT EXISTS status_of_machine AFTER UPDATE OF instance, message ON machine
    WHEN new.instance <> old.instance OR new.message <> old.message BEGIN
    INSERT INTO status_log (model, kind, entity, status)
    VALUES (new.model, 'machine', new.id, json_object(
        'current', new.instance, 'message', new.message, 'since', new.since));
END;
"""

MODEL_TABLES = (
    *("sequence", "charm", "application", "machine", "unit", "relation", "endpoint", "member"),
    *("lease", "secret", "secret_revision", "secret_consumer", "secret_grant"),
    *("operation", "task", "log", "status_log"),
)

Row = dict[str, Any]


class Store:
    """The database; used from the event loop's thread only."""

    def __init__(self, path: Path) -> None:
        # It holds the secrets' contents; sqlite gives its side files the same mode.
        path.touch(mode=0o600)
        path.chmod(0o600)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)
        self._depth = 0

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def all(self, sql: str, *params: Any) -> list[Row]:
        """Return all rows of a query, each as a dictionary."""
        cursor = self._db.execute(sql, params)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def one(self, sql: str, *params: Any) -> Row | None:
        """Return the first row of a query, or none."""
        rows = self.all(sql, *params)
        return rows[0] if rows else None

    def value(self, sql: str, *params: Any) -> Any:
        """Return the first column of a query's first row, or none."""
        row = self._db.execute(sql, params).fetchone()
        return None if row is None else row[0]

    def run(self, sql: str, *params: Any) -> int:
        """Run a statement; return how many rows it changed."""
        return self._db.execute(sql, params).rowcount

    def insert(self, table: str, **values: Any) -> None:
        """Insert one row."""
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        self._db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))

    def next(self, model: str, name: str, start: int = 0) -> int:
        """Count ``name`` up within a model; numbers are never given twice."""
        with self.transaction():
            self._db.execute(
                "INSERT OR IGNORE INTO sequence (model, name, next) VALUES (?, ?, ?)",
                (model, name, start),
            )
            number = self.value("SELECT next FROM sequence WHERE model=? AND name=?", model, name)
            self.run("UPDATE sequence SET next=next+1 WHERE model=? AND name=?", model, name)
        return int(number)

    @contextlib.contextmanager
    def transaction(self) -> Generator[None]:
        """Do all or nothing; an inner transaction is part of the outer one."""
        if self._depth == 0:
            self._db.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("ROLLBACK")
            raise
        self._depth -= 1
        if self._depth == 0:
            self._db.execute("COMMIT")

    def setting(self, key: str) -> str | None:
        """Return a fact about the controller itself."""
        return self.value("SELECT value FROM controller WHERE key=?", key)

    def set_setting(self, key: str, value: str) -> None:
        """Keep a fact about the controller itself."""
        self.run(
            "INSERT INTO controller (key, value) VALUES (?, ?) "
            "ON CONFLICT (key) DO UPDATE SET value=excluded.value",
            key,
            value,
        )

    def forget_model(self, model: str) -> None:
        """Delete every trace of a model."""
        with self.transaction():
            for table in MODEL_TABLES:
                self.run(f"DELETE FROM {table} WHERE model=?", model)
            self.run("DELETE FROM model WHERE uuid=?", model)


def dump(value: Any) -> str:
    """Render a value for a text column; equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def load(text: str | None) -> Any:
    """Read what ``dump`` wrote; none for none."""
    return None if text is None else json.loads(text)
