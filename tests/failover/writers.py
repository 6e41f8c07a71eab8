"""Writers that go on whatever happens, and note what they were told.

Three kinds at once: **seekers** do as an application does that names all members and asks for one
that takes writes; **pinned** ones stay with one member each, so that an acknowledgement by one
that is no longer primary is seen; **residents** do the same on the member's own machine, which no
cut link keeps them from.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import select
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2
import psycopg2.extensions

from localjuju.host.errors import HostError
from localjuju.host.machine import Machine
from tests.failover.attempts import Attempt, Log, Outcome

DATABASE = "trials"
ROLE = "trials"
PASSWORD = "trials"
TABLE = "kept"
MADE = (
    (f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'", "postgres"),
    (f"CREATE DATABASE {DATABASE} OWNER {ROLE}", "postgres"),
    (
        f"SET ROLE {ROLE}; CREATE TABLE {TABLE} (writer text, n bigint, PRIMARY KEY (writer, n))",
        DATABASE,
    ),
)
"""What a primary is given before it is written to: statements, and the database of each."""

INSERT = (
    "INSERT INTO kept (writer, n) VALUES ('{writer}', {n}) "
    # The name of a segment begins with its timeline, which is that of this very row.
    "RETURNING pg_walfile_name(pg_current_wal_insert_lsn())"
)
_SEGMENT = re.compile(r"[0-9A-F]{24}")
# Lines that psql shows beside an answer.
_ASIDES = ("WARNING:", "DETAIL:", "HINT:", "NOTICE:")
_CLONE_NEWNET = 0x40000000

# Seconds between two rows of one writer, between two looks for a primary, and between two tries
# at a member that refuses.
_PACE_S = 0.03
_LOOK_AGAIN_S = 0.1
_REFUSED_S = 0.4
# How long is waited for a connection, and for an answer. A backend that waits for a standby does
# not see that its client went, and keeps its place among max_connections.
_CONNECT_S = 2.0
_SEEKER_S = 10.0
_PINNED_S = 40.0


@dataclass(frozen=True)
class Manner:
    """How a writer that stays with one member goes about it; all in seconds.

    Attributes:
        pace: between two rows.
        refused: between two tries at a member that takes none.
        connect: how long is waited for a connection.
        answer: how long for what became of a row.
    """

    pace: float = _PACE_S
    refused: float = _REFUSED_S
    connect: float = _CONNECT_S
    answer: float = _PINNED_S


STUBBORN = Manner()


class GaveUp(Exception):
    """No answer in time."""


class Session:
    """A connection that is given up when no answer comes; libpq's own wait knows no end."""

    def __init__(self, address: str, patience: float = _CONNECT_S) -> None:
        """Connects.

        Args:
            address: of the server.
            patience: seconds.

        Raises:
            psycopg2.Error: if the server cannot be reached or refuses.
            GaveUp: if it says nothing.
        """
        self._connection: Any = psycopg2.connect(
            host=address,
            dbname=DATABASE,
            user=ROLE,
            password=PASSWORD,
            application_name="trial",
            async_=1,
        )
        try:
            self._wait(patience)
        except (psycopg2.Error, GaveUp):
            self.close()
            raise

    def ask(self, statement: str, patience: float) -> Any:
        """Runs a statement; gives the one value that it returns.

        Args:
            statement: with its values.
            patience: seconds.

        Raises:
            psycopg2.Error: whatever the server says, or that it is gone.
            GaveUp: if it says nothing.
        """
        cursor = self._connection.cursor()
        cursor.execute(statement)
        self._wait(patience)
        return cursor.fetchone()[0]

    def close(self) -> None:
        with contextlib.suppress(psycopg2.Error):
            self._connection.close()

    def _wait(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        while (state := self._connection.poll()) != psycopg2.extensions.POLL_OK:
            poll = select.poll()
            writing = state == psycopg2.extensions.POLL_WRITE
            poll.register(self._connection.fileno(), select.POLLOUT if writing else select.POLLIN)
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise GaveUp(f"no answer in {patience:.0f} s")


def timeline_of(segment: str) -> int:
    """The timeline that the name of a WAL segment begins with.

    >>> timeline_of("0000000A0000000000000003")
    10
    """
    return int(segment[:8], 16)


def is_refusal(code: str | None) -> bool:
    """Whether a statement that failed is known to have left nothing.

    The server's own ERROR ends the transaction. What ends the session may come after the commit.

    Args:
        code: the SQLSTATE; None if nothing but a broken connection tells of it.

    >>> is_refusal("25006"), is_refusal("57P01"), is_refusal(None)
    (True, False, False)
    """
    return code is not None and not code.startswith("57P")


class _Writer(threading.Thread):
    """One that numbers its rows."""

    def __init__(self, name: str, log: Log, stop: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self._log = log
        self._stop_asked = stop
        self._own_stop = threading.Event()
        self._n = 0

    def leave(self) -> None:
        """Lets this one end; it may still wait for an answer."""
        self._own_stop.set()

    def _stopping(self) -> bool:
        return self._stop_asked.is_set() or self._own_stop.is_set()

    def _statement(self) -> str:
        self._n += 1
        return INSERT.format(writer=self.name, n=self._n)

    def _note(
        self, outcome: Outcome, begun: float, address: str, timeline: int = 0, words: str = ""
    ) -> None:
        seeking = isinstance(self, Seeker)
        self._log.note(
            Attempt(
                writer=self.name,
                n=self._n,
                outcome=outcome,
                begun=begun,
                ended=time.monotonic(),
                address=address,
                timeline=timeline,
                words=words.strip(),
                seeking=seeking,
            )
        )

    def _try(self, session: Session, address: str, patience: float) -> Outcome:
        """Tries one row; if its fate is unknown, the session is of no more use."""
        statement = self._statement()
        begun = time.monotonic()
        try:
            segment = str(session.ask(statement, patience))
        except psycopg2.Error as error:
            outcome = Outcome.refused if is_refusal(error.pgcode) else Outcome.unknown
            self._note(outcome, begun, address, words=str(error))
            return outcome
        except GaveUp as error:
            self._note(Outcome.unknown, begun, address, words=str(error))
            return Outcome.unknown
        self._note(Outcome.acknowledged, begun, address, timeline_of(segment))
        return Outcome.acknowledged


class _Remote(_Writer):
    """One that writes from a machine of its own, so that no link to a controller matters."""

    def __init__(self, name: str, log: Log, stop: threading.Event, client: int) -> None:
        """Does not begin yet.

        Args:
            name: of the writer.
            log: where it notes.
            stop: ends it.
            client: process id, on this host, of the client machine's PID 1.
        """
        super().__init__(name, log, stop)
        self._client = client

    def run(self) -> None:
        _enter_network(self._client)
        self._write()

    def _write(self) -> None:
        raise NotImplementedError


class Seeker(_Remote):
    """Writes wherever writes are taken."""

    def __init__(
        self,
        name: str,
        log: Log,
        stop: threading.Event,
        client: int,
        addresses: Callable[[], Sequence[str]],
    ) -> None:
        """Does not begin yet.

        Args:
            name: of the writer.
            log: where it notes.
            stop: ends it.
            client: process id, on this host, of the client machine's PID 1.
            addresses: of the members that there are now.
        """
        super().__init__(name, log, stop, client)
        self._addresses = addresses

    def _write(self) -> None:
        found: tuple[Session, str] | None = None
        while not self._stopping():
            if found is None:
                found = self._find()
                if found is None:
                    self._stop_asked.wait(_LOOK_AGAIN_S)
                continue
            if self._try(*found, _SEEKER_S) is not Outcome.acknowledged:
                found[0].close()
                found = None
            self._stop_asked.wait(_PACE_S)
        if found:
            found[0].close()

    def _find(self) -> tuple[Session, str] | None:
        for address in self._addresses():
            try:
                session = Session(address)
            except (psycopg2.Error, GaveUp):
                continue
            with contextlib.suppress(psycopg2.Error, GaveUp):
                if session.ask("SHOW transaction_read_only", _CONNECT_S) == "off":
                    return session, address
            session.close()
        return None


class Pinned(_Remote):
    """Stays with one member."""

    def __init__(
        self,
        name: str,
        log: Log,
        stop: threading.Event,
        client: int,
        address: str,
        manner: Manner = STUBBORN,
    ) -> None:
        super().__init__(name, log, stop, client)
        self._address = address
        self._manner = manner

    def _write(self) -> None:
        manner = self._manner
        session: Session | None = None
        while not self._stopping():
            if session is None:
                try:
                    session = Session(self._address, manner.connect)
                except (psycopg2.Error, GaveUp):
                    self._stop_asked.wait(manner.refused)
                    continue
            outcome = self._try(session, self._address, manner.answer)
            if outcome is Outcome.unknown:
                session.close()
                session = None
            acknowledged = outcome is Outcome.acknowledged
            self._stop_asked.wait(manner.pace if acknowledged else manner.refused)
        if session:
            session.close()


class Shell:
    """A psql on a member's own machine, by its socket."""

    def __init__(self, machine: Machine) -> None:
        """Begins it.

        Raises:
            HostError: if the machine is off or booting.
            OSError: if it goes off just now.
        """
        command = machine.command(["psql", "-XAtq", "-d", DATABASE], user="postgres")
        self._psql = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._said = b""

    def tell(self, statement: str) -> None:
        """Sends a statement.

        Raises:
            OSError: if psql has ended: it could not connect, or lost its connection.
        """
        assert self._psql.stdin
        # What came after an error belongs to the statement before.
        self._said = b""
        self._psql.stdin.write(f"{statement};\n".encode())
        self._psql.stdin.flush()

    def hear(self, patience: float) -> str:
        """The next line that it says; empty if it has ended.

        Args:
            patience: seconds.

        Raises:
            GaveUp: if it says nothing.
        """
        assert self._psql.stdout
        while b"\n" not in self._said:
            if not select.select([self._psql.stdout], [], [], patience)[0]:
                raise GaveUp(f"no answer in {patience:.0f} s")
            more = os.read(self._psql.stdout.fileno(), 65536)
            if not more:
                return ""
            self._said += more
        line, _, self._said = self._said.partition(b"\n")
        return line.decode(errors="replace").strip()

    def end(self) -> None:
        """Ends it; a backend of it may still wait for a standby."""
        self._psql.kill()
        self._psql.wait()
        for pipe in (self._psql.stdin, self._psql.stdout):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()


class Resident(_Writer):
    """Stays with one member, on its own machine."""

    def __init__(
        self, name: str, log: Log, stop: threading.Event, machine: Machine, address: str
    ) -> None:
        super().__init__(name, log, stop)
        self._machine = machine
        self._address = address

    def run(self) -> None:
        shell: Shell | None = None
        while not self._stopping():
            if shell is None:
                try:
                    shell = Shell(self._machine)
                except (HostError, OSError):
                    self._stop_asked.wait(_REFUSED_S)
                    continue
            outcome = self._try_in(shell)
            if outcome is Outcome.unknown:
                shell.end()
                shell = None
            self._stop_asked.wait(_PACE_S if outcome is Outcome.acknowledged else _REFUSED_S)
        if shell:
            shell.end()

    def _try_in(self, shell: Shell) -> Outcome:
        statement = self._statement()
        begun = time.monotonic()
        line = ""
        try:
            shell.tell(statement)
            while (line := shell.hear(_PINNED_S)).startswith(_ASIDES):
                pass
        except (OSError, GaveUp) as error:
            line = str(error)
        outcome, timeline = Outcome.unknown, 0
        if _SEGMENT.fullmatch(line):
            outcome, timeline = Outcome.acknowledged, timeline_of(line)
        elif line.startswith("ERROR:"):
            outcome = Outcome.refused
        words = "" if timeline else line
        self._note(outcome, begun, self._address, timeline, words)
        return outcome


class Writers:
    """All of them, for one run."""

    def __init__(self, run: str, log: Log, client: Machine) -> None:
        """Begins nothing yet.

        Args:
            run: a name that no other run has; the writers' names begin with it.
            log: where they note.
            client: a machine of the model with no unit, to which nobody does harm.
        """
        state = client.state()
        assert state is not None
        self._run = run
        self._log = log
        self._client = state.leader
        self._stop = threading.Event()
        self._threads: list[_Writer] = []
        self._stay: dict[str, list[_Writer]] = {}
        self._addresses: tuple[str, ...] = ()

    def begin(self, members: dict[str, Machine], seekers: int = 3) -> None:
        """Begins, and waits until the first rows are safe.

        Args:
            members: the machines by address.
            seekers: how many of them.
        """
        self.follow(members)
        for number in range(seekers):
            name = f"{self._run}-seeker-{number}"
            self._start(Seeker(name, self._log, self._stop, self._client, self._where))
        self._log.wait(acknowledged(30), timeout=60, what="rows are acknowledged")

    def follow(self, members: dict[str, Machine], stay: Sequence[str] = ()) -> None:
        """Takes note of members that came or went.

        Args:
            members: the machines by address.
            stay: addresses of former members of which those who stay with them go on asking.
        """
        for address in self._stay.keys() - members.keys() - set(stay):
            for writer in self._stay.pop(address):
                writer.leave()
        self._addresses = tuple(members)
        for address in members.keys() - self._stay.keys():
            tail = f"{address.rpartition('.')[2]}-{len(self._threads)}"
            pinned = Pinned(
                f"{self._run}-pinned-{tail}", self._log, self._stop, self._client, address
            )
            resident = Resident(
                f"{self._run}-resident-{tail}", self._log, self._stop, members[address], address
            )
            self._stay[address] = [pinned, resident]
            self._start(pinned)
            self._start(resident)

    def end(self) -> None:
        """Ends; returns when the last answer has come, or is no longer waited for."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_PINNED_S + 20)
            assert not thread.is_alive(), f"{thread.name} does not end"

    def _start(self, writer: _Writer) -> None:
        self._threads.append(writer)
        writer.start()

    def _where(self) -> Sequence[str]:
        return self._addresses


def acknowledged(rows: int, not_at: str = "") -> Callable[[Iterable[Attempt]], bool]:
    """Whether that many rows of seekers are safe, for Log.wait.

    Args:
        rows: how many.
        not_at: an address that does not count.
    """

    def enough(attempts: Iterable[Attempt]) -> bool:
        counted = (
            one
            for one in attempts
            if one.is_acknowledged and one.seeking and one.address != not_at
        )
        return sum(1 for _ in counted) >= rows

    return enough


def _enter_network(pid: int) -> None:
    """Moves the calling thread, and it alone, to the network of a process: setns(2)."""
    handle = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(handle, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(handle)
