"""This unit's machine, as the charm sees it: look at it, take steps on it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import watch
from carry_out import Actor, Report
from decisions import steps
from decisions.steps import Step
from observation import look
from outcome import Found
from postgresql import (
    archive,
    clone,
    cluster,
    files,
    gate,
    handover,
    install,
    postmaster,
    rewind,
    services,
    sql,
    templates,
    terms,
)
from postgresql.archive import Archiver
from postgresql.errors import PostgresqlError, ServerRefused
from postgresql.layout import NOTES, Layout
from postgresql.terms import Told
from sentinel import unfinished
from surroundings import Surroundings

logger = logging.getLogger(__name__)

# No full disk keeps a unit from leaving.
_RETIRED = Path("/run/pg-hot-standby-retired")


class Machine(Protocol):
    """What the charm asks of a machine; tests have one of their own."""

    def install(self) -> None:
        """Has PostgreSQL installed.

        Raises:
            InstallFailed: in apt's words.
        """
        ...

    def version(self) -> str | None:
        """Returns the version of the installed server, such as 16.4."""
        ...

    def look(self, here: Surroundings) -> Found:
        """Looks at everything and changes nothing."""
        ...

    def take(self, plan: Sequence[Step], here: Surroundings) -> Report:
        """Takes the steps in their order."""
        ...

    def archive(self) -> Archiver | None:
        """Returns how the WAL archive stands; None without a server."""
        ...

    def last_term(self) -> Told | None:
        """Returns how the last term in the log began; None if the server does not tell."""
        ...

    def renew_watch(self) -> None:
        """Has the sentinel run the code of a refreshed charm."""
        ...

    def welcome(self) -> None:
        """Forgets what a unit that was here before noted of its leaving."""
        ...

    def retire(self, unit: str) -> None:
        """Notes that this unit is on its way out, for the hooks that come after."""
        ...

    def has_retired(self, unit: str) -> bool:
        """Whether that was noted: then nothing is to be begun any more."""
        ...

    def stop(self) -> None:
        """Stops what the charm runs; data and archive stay on the disk.

        Raises:
            ServerRefused: the server cannot be stopped.
        """
        ...

    def clean_up(self) -> None:
        """Takes away everything that the charm wrote, except data and archive.

        Raises:
            ServerRefused: the server has been started again, and cannot be stopped.
        """
        ...


class ThisMachine:
    """The machine that the hook runs on."""

    def install(self) -> None:
        """See Machine."""
        templates.keep_in(NOTES / "texts")
        install.ensure_installed()

    def version(self) -> str | None:
        """See Machine."""
        return install.server_version()

    def look(self, here: Surroundings) -> Found:
        """See Machine."""
        return look(Layout.find(), here)

    def take(self, plan: Sequence[Step], here: Surroundings) -> Report:
        """See Machine."""
        layout = Layout.find()
        if layout is None:
            return Report(waiting="for PostgreSQL to be installed")
        unwatched = ""
        # From the first record on: a primary is to be watched as much as a standby is.
        if any(isinstance(step, steps.Instruct) for step in plan):
            try:
                watch.ensure(here.peers.me, layout)
            except PostgresqlError as error:
                logger.warning("nobody watches: %s", error)
                unwatched = str(error)
        report = Actor(layout, here, watch.poke()).take(plan)
        if unwatched:
            # The database goes on; but what only the sentinel can do, this unit does not promise.
            report.instructed = False
            report.failures.append(unwatched)
        unfinished.note(bool(report.failures))
        return report

    def archive(self) -> Archiver | None:
        """See Machine."""
        layout = Layout.find()
        return archive.state(layout) if layout else None

    def last_term(self) -> Told | None:
        """See Machine."""
        layout = Layout.find()
        if layout is None:
            return None
        try:
            with sql.local(layout) as connection:
                return terms.last(connection)
        except PostgresqlError:
            return None

    def renew_watch(self) -> None:
        """See Machine."""
        watch.restart()

    def welcome(self) -> None:
        """See Machine."""
        _RETIRED.unlink(missing_ok=True)

    def retire(self, unit: str) -> None:
        """See Machine."""
        _RETIRED.write_text(unit, encoding="utf-8")

    def has_retired(self, unit: str) -> bool:
        """See Machine."""
        # The name tells it from another unit, which may have been removed by force.
        return files.read(_RETIRED) == unit

    def stop(self) -> None:
        """See Machine."""
        services.remove(watch.SERVICE)
        layout = Layout.find()
        if layout is not None:
            clone.stop(layout)
            if layout.id_file.exists():
                leave(layout)

    def clean_up(self) -> None:
        """See Machine."""
        layout = Layout.find()
        if layout is not None:
            clone.forget(layout)
            rewind.forget(layout)
            if layout.id_file.exists():
                postmaster.stop(layout)
            cluster.release(layout)
        services.remove_all()
        self.welcome()


def leave(layout: Layout) -> None:
    """Stops the server; a primary says its last word first, so that a standby may take over.

    One that cannot, for want of room on its disk, say, leaves all the same, or the unit would be
    in error for ever: a standby that has what was acknowledged takes over without it.

    Raises:
        ServerRefused: the server does not stop.
    """
    try:
        if gate.is_primary(layout):
            with sql.local(layout) as connection:
                reached = terms.reached(connection)
            if reached is not None:
                with contextlib.suppress(ServerRefused):
                    handover.checkpoint(layout)
                handover.hand_over(layout, reached.term)
    except PostgresqlError as error:
        logger.warning("leaving without a last word: %s", error)
        gate.close(layout)
    postmaster.stop(layout)
