"""Carries out the steps that the decisions name; each finds out itself whether it is needed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from decisions import parameters, steps
from decisions.names import slot_of
from decisions.steps import Step
from postgresql import archive, clone, cluster, hba, recovery, roles, settings, slots, sql
from postgresql.changes import Change
from postgresql.errors import ArchiveRefused, CloneRefused, PostgresqlError, SettingRefused
from postgresql.layout import Layout
from postgresql.recovery import Upstream
from state.credentials import Credentials
from state.options import Problem
from surroundings import Surroundings

logger = logging.getLogger(__name__)

# Without these the steps that follow have nothing to work on.
_ESSENTIAL = (steps.Create, steps.AdoptClone, steps.StartClone, steps.Start)


@dataclass
class Report:
    """What came of the steps so far.

    Attributes:
        changed: whether any step did anything.
        opened: units that have a line in pg_hba.conf.
        admitted: units that have a slot and a line in pg_hba.conf.
        waiting: what has to happen elsewhere first.
        refused: why nothing may be done, and what a person has to do.
        failures: what went wrong.
        problems: options whose values are not taken.
    """

    changed: bool = False
    opened: tuple[str, ...] = ()
    admitted: tuple[str, ...] = ()
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

    def take(self, plan: Sequence[Step]) -> Report:
        """Takes the steps in their order, and goes on past one that fails where that is safe."""
        report = Report()
        for step in plan:
            try:
                self._take(step, report)
            except PostgresqlError as error:
                logger.warning("%s: %s", type(step).__name__, error)
                report.failures.append(str(error))
                if isinstance(step, _ESSENTIAL):
                    break
        return report

    def _take(self, step: Step, report: Report) -> None:
        match step:
            case steps.Wait(reason):
                report.waiting = report.waiting or reason
            case steps.Refuse(reason):
                report.refused = report.refused or reason
            case steps.Create(cluster_id):
                report.changed |= cluster.create(self._layout, cluster_id)
            case steps.Start():
                report.changed |= self._start()
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
            case steps.MakeSlots(units):
                with sql.local(self._layout) as connection:
                    made = slots.ensure(connection, [slot_of(unit) for unit in units])
                report.changed |= bool(made)
                report.admitted = tuple(unit for unit in units if unit in report.opened)
            case steps.DropSlot(slot):
                with sql.local(self._layout) as connection:
                    report.changed |= slots.drop(connection, slot)
            case steps.Archive():
                self._guard(report, "archive-path", self._archive)
            case steps.StartClone(upstream):
                report.changed |= clone.start(
                    self._layout, self._upstream(upstream), on_finish=self._poke
                )
            case steps.AdoptClone(cluster_id, system_id):
                self._adopt(cluster_id, system_id)
                report.changed = True

    def _adopt(self, cluster_id: str, system_id: str) -> None:
        try:
            clone.adopt(self._layout, cluster_id, system_id)
        except CloneRefused:
            # A copy that is no use would be refused in every hook; without it, the next one
            # clones anew.
            clone.forget(self._layout)
            raise

    def _start(self) -> bool:
        if cluster.is_running(self._layout):
            return False
        cluster.start(self._layout)
        return True

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
        upstream = step.upstream
        self._guard(report, "", lambda: settings.ensure(self._layout, wanted))
        if upstream is not None:
            report.changed |= bool(recovery.ensure(self._layout, self._upstream(upstream)))

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
