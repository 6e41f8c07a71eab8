"""Carries out the steps that the decisions name; each finds out itself whether it is needed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import watch
from decisions import losses, parameters, steps
from decisions.names import slot_of
from decisions.steps import Step
from postgresql import (
    archive,
    clone,
    cluster,
    gate,
    handover,
    hba,
    promotion,
    recovery,
    rewind,
    roles,
    seal,
    settings,
    slots,
    sql,
    starved,
    synchronous,
    terms,
)
from postgresql.changes import Change
from postgresql.errors import (
    ArchiveRefused,
    CloneRefused,
    PostgresqlError,
    ServerRefused,
    SettingRefused,
)
from postgresql.layout import Layout
from postgresql.recovery import Upstream
from state.credentials import Credentials
from state.messages import Promise
from state.options import Problem
from surroundings import Surroundings

logger = logging.getLogger(__name__)

# This may be the leader's unit, whose hooks an election waits for; what takes longer goes on, and
# is tried again.
_HAND_OVER_S = 8.0

# Without these the steps that follow have nothing to work on.
ESSENTIAL = (
    steps.Instruct,
    steps.Create,
    steps.AdoptClone,
    steps.StartClone,
    steps.StartRewind,
    steps.Start,
    steps.Open,
    steps.Seal,
    steps.Promote,
    steps.Checkpoint,
    steps.HandOver,
)


@dataclass
class Report:
    """What came of the steps so far.

    Attributes:
        changed: whether any step did anything.
        opened: units that have a line in pg_hba.conf.
        admitted: units that have a slot and a line in pg_hba.conf; None: no step looked.
        instructed: the sentinel knows what the record allows.
        shut: why the server could not be opened, although the record names this unit; empty if it
            could.
        ended: why the server was ended that was to hand over; empty if it was not.
        proved: the synchronous setting in force has held a commit back as it should.
        waiting: what has to happen elsewhere first.
        refused: why nothing may be done, and what a person has to do.
        failures: what went wrong.
        problems: options whose values are not taken.
    """

    changed: bool = False
    opened: tuple[str, ...] = ()
    admitted: tuple[str, ...] | None = None
    instructed: bool = False
    shut: str = ""
    ended: str = ""
    proved: bool = False
    waiting: str = ""
    refused: str = ""
    failures: list[str] = field(default_factory=list[str])
    problems: list[Problem] = field(default_factory=list[Problem])


class Actor:
    """Takes steps on this machine."""

    def __init__(self, layout: Layout, here: Surroundings, poke: Sequence[str]) -> None:
        self._layout = layout
        self._me = here.peers.me
        self._options = here.options
        self._credentials = here.credentials
        self._poke = poke
        self._here = here

    def take(self, plan: Sequence[Step]) -> Report:
        """Takes the steps in their order, and goes on past one that fails where that is safe."""
        report = Report()
        for step in plan:
            try:
                self._take(step, report)
            except PostgresqlError as error:
                logger.warning("%s: %s", type(step).__name__, error)
                report.failures.append(str(error))
                if isinstance(step, steps.Open):
                    report.shut = str(error)
                if isinstance(step, ESSENTIAL):
                    break
        return report

    def _take(self, step: Step, report: Report) -> None:
        match step:
            case steps.Wait(reason):
                report.waiting = report.waiting or reason
            case steps.Refuse(reason):
                report.refused = report.refused or reason
            case steps.Instruct():
                watch.instruct(step, self._here)
                report.instructed = True
            case steps.Create(cluster_id):
                report.changed |= cluster.create(self._layout, cluster_id)
            case steps.Start():
                # A successor may have been promoted since this was decided. What may not accept
                # writes is sealed.
                report.changed |= gate.start_as_standby(self._layout, depose=False)
            case steps.Open():
                report.changed |= gate.start_as_primary(self._layout)
            case steps.Seal():
                seal.ensure(self._layout)
                report.changed = True
            case steps.Promote(term, promise):
                report.changed = True
                self._promote(term, promise, report)
            case steps.BeginTerm():
                report.changed |= self._begin(step)
                gate.close(self._layout)
            case steps.Synchronise(promise, term):
                self._synchronise(promise, term, report)
            case steps.Checkpoint(or_end):
                self._checkpoint(or_end, report)
            case steps.HandOver(term):
                handover.hand_over(self._layout, term, _HAND_OVER_S)
                report.changed = True
            case steps.StartRewind(upstream):
                report.changed |= rewind.start(
                    self._layout, self._upstream(upstream), on_finish=self._poke
                )
            case steps.ForgetRewind():
                report.changed |= rewind.forget(self._layout)
            case steps.Configure():
                self._configure(step, report)
            case steps.OpenTo(allowed, peers):
                names = sorted({*allowed, roles.OPERATOR})
                report.changed |= hba.ensure(self._layout, names, peers)
                report.opened = tuple(peers)
            case steps.MakeRoles(role):
                report.changed |= self._make_roles(role)
            case steps.DropRole(role):
                with sql.local(self._layout) as connection:
                    report.changed |= roles.drop(connection, role)
            case steps.MakeSlots(units, idle):
                ensure = slots.ensure_on_standby if idle else slots.ensure
                with sql.local(self._layout) as connection:
                    report.changed |= bool(ensure(connection, [slot_of(unit) for unit in units]))
                report.admitted = tuple(unit for unit in units if unit in report.opened)
            case steps.DropSlot(slot):
                with sql.local(self._layout) as connection:
                    report.changed |= slots.drop(connection, slot)
            case steps.Archive():
                self._guard(report, "archive-path", self._archive)
            case steps.StartClone():
                report.changed |= self._start_clone(step)
            case steps.AdoptClone(cluster_id, system_id):
                self._adopt(cluster_id, system_id)
                report.changed = True

    def _checkpoint(self, or_end: bool, report: Report) -> None:
        patience_s = sql.DOUBTED_STATEMENT_S if sql.is_doubted() else _HAND_OVER_S
        try:
            handover.checkpoint(self._layout, patience_s)
        except PostgresqlError as error:
            if not or_end:
                raise
            report.changed, report.ended = True, error.why
            seal.ensure(self._layout)
            raise ServerRefused(
                error.what, error.why, "PostgreSQL was ended, so that a standby can take over"
            ) from error

    def _begin(self, step: steps.BeginTerm) -> bool:
        term, takeover = step.term, step.takeover
        with sql.local(self._layout) as connection:
            reached = terms.reached(connection)
            begun = reached is None or reached.term < term
            if begun:
                terms.begin(connection, term)
            if takeover is None:
                return begun
            known = takeover.missing if takeover.missing >= 0 else None
            missing = known if takeover.at_risk else 0
            if terms.explain(
                connection, term, takeover.kind, takeover.former, missing, takeover.at_risk
            ):
                logger.info("term %d: by %s from %s", term, takeover.kind, takeover.former)
                if words := losses.in_words(takeover):
                    logger.warning("term %d: %s", term, words)
        return begun

    def _start_clone(self, step: steps.StartClone) -> bool:
        begun = clone.start(
            self._layout, self._upstream(step.upstream), on_finish=self._poke, idle=step.starved
        )
        if begun and step.starved:
            starved.note(self._layout)
        return begun

    def _adopt(self, cluster_id: str, system_id: str) -> None:
        try:
            clone.adopt(self._layout, cluster_id, system_id)
        except CloneRefused:
            # A copy that is no use would be refused in every hook; without it, the next one
            # clones anew.
            clone.forget(self._layout)
            raise

    def _promote(self, term: int, promise: Promise, report: Report) -> None:
        """Until those who count follow, no commit is acknowledged; later steps let them in."""
        if not promotion.promote(self._layout, term, _setting(promise)):
            report.waiting = f"for {' or '.join(promise.members)} to follow in term {term}"

    def _synchronise(self, promise: Promise, term: int, report: Report) -> None:
        wanted = _setting(promise)
        if synchronous.read(self._layout) == synchronous.HOLD:
            self._promote(term, promise, report)
        if synchronous.read(self._layout) == synchronous.HOLD:
            return
        report.changed |= bool(synchronous.ensure(self._layout, wanted))
        # What was proved under this very record stays so: it is not loosened under it.
        known = self._here.peers.members[self._me].promise
        report.proved = known == promise or synchronous.proved(self._layout, wanted)

    def _configure(self, step: steps.Configure, report: Report) -> None:
        # The data directory takes its name before Debian's part of the configuration is made.
        report.changed |= cluster.ensure_config(self._layout)
        senders = parameters.wal_senders(step.units)
        wanted = settings.Settings(
            max_connections=self._options.max_connections,
            wal_keep_size=self._options.wal_keep_size,
            max_slot_wal_keep_size=self._options.max_slot_wal_keep_size,
            max_wal_senders=senders,
            max_replication_slots=senders,
            extra=self._options.extra_settings,
            floors=step.floors,
            ceilings=step.ceilings,
        )
        self._guard(report, "", lambda: settings.ensure(self._layout, wanted))
        # A primary follows nobody, also when it is started as a standby.
        upstream = self._upstream(step.upstream) if step.upstream else None
        report.changed |= bool(recovery.ensure(self._layout, upstream))

    def _archive(self) -> Change:
        if self._options.archive_path is None:
            return Change()
        return archive.ensure(self._layout, self._options.archive_path, on_finish=self._poke)

    def _guard(self, report: Report, option: str, ensure: Callable[[], Change]) -> None:
        """Turns a refused value into a problem of its option; what was in force stays."""
        try:
            report.changed |= bool(ensure())
        except SettingRefused as error:
            report.problems.append(Problem(option or error.where, error.value, error.why))
        except ArchiveRefused as error:
            report.problems.append(Problem(option, error.path, error.why))

    def _make_roles(self, role: str) -> bool:
        if self._credentials is None:
            return False
        with sql.local(self._layout) as connection:
            return roles.ensure(
                connection,
                role,
                self._credentials.replication_password,
                self._credentials.operator_password,
            )

    def _upstream(self, upstream: steps.Upstream) -> Upstream:
        if self._credentials is None:
            raise AssertionError("no step follows anybody without the credentials")
        return upstream_of(self._me, upstream, self._credentials)


def _setting(promise: Promise) -> synchronous.Setting:
    """Puts whose acknowledgement a commit needs into the terms of the PostgreSQL side."""
    return synchronous.Setting(
        serial=promise.serial,
        members=tuple(sorted(slot_of(unit) for unit in promise.members)),
        quorum=promise.quorum,
    )


def upstream_of(me: str, upstream: steps.Upstream, credentials: Credentials) -> Upstream:
    """Puts whom to follow into the terms of the PostgreSQL side."""
    name = slot_of(me)
    return Upstream(
        host=upstream.address,
        user=upstream.role,
        password=credentials.replication_password,
        slot=name,
        application_name=name,
    )
