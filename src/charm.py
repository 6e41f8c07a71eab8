#!/usr/bin/env python3
"""Juju's side of the charm: observes events, has them reconciled, answers actions."""

from __future__ import annotations

import gc
import logging

# Python's collector looks through all that is imported a dozen times while it is, and finds
# nothing; it takes a tenth of a hook that has nothing to do.
gc.disable()

import ops

import status
from machine import Machine, ThisMachine
from outcome import Outcome
from postgresql import sql
from reconcile import reconcile
from sentinel import disk, findings
from sentinel import events as wakeups
from state import credentials
from state.peers import RELATION

PORT = 5432

gc.freeze()
gc.enable()


class Events(ops.CharmEvents):
    """Juju's events, and those that the sentinel raises."""


for _name in wakeups.ALL:
    Events.define_event(_name, ops.EventBase)


class PgHotStandbyCharm(ops.CharmBase):
    """One unit: a PostgreSQL primary or one of its hot standbys."""

    on = Events()  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]
    machine: Machine = ThisMachine()

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self._outcome: Outcome | None = None
        # Whatever happens, the unit is brought to what record, peers and options ask for.
        peers = self.on[RELATION]
        for event in (
            peers.relation_created,
            self.on.leader_elected,
            self.on.config_changed,
            self.on.start,
            # Not on joined, which is followed by changed: it would be the same hook twice.
            peers.relation_changed,
            self.on.update_status,
            *(getattr(self.on, name) for name in wakeups.ALL),
        ):
            framework.observe(event, self._on_anything)
        framework.observe(self.on.install, self._on_install)
        framework.observe(self.on.secret_changed, self._on_secret_changed)
        framework.observe(self.on.upgrade_charm, self._on_upgrade_charm)
        framework.observe(peers.relation_departed, self._on_peer_departed)
        framework.observe(self.on.stop, self._on_stop)
        framework.observe(self.on.remove, self._on_remove)
        framework.observe(self.on.verify_replication_action, self._on_verify_replication)
        framework.observe(self.on.get_cluster_status_action, self._on_get_cluster_status)
        framework.observe(self.on.reinit_standby_action, self._on_reinit_standby)
        framework.observe(self.on.switchover_action, self._on_switchover)
        framework.observe(self.on.force_promote_action, self._on_force_promote)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)
        framework.observe(self.on.collect_app_status, self._on_collect_app_status)

    def _reconcile(self) -> None:
        # What the sentinel raised before it was stopped may come after the stop hook, and what was
        # started then, nobody would stop.
        if not self.machine.has_retired(self.unit.name):
            self._outcome = reconcile(self, self.machine)

    def _on_anything(self, event: ops.EventBase) -> None:
        self._reconcile()
        if isinstance(event, ops.StartEvent):
            self.unit.set_ports(PORT)

    def _on_install(self, _: ops.InstallEvent) -> None:
        # Of a unit of the same name in a model that was destroyed by force.
        self.machine.welcome()
        self._reconcile()
        self.unit.set_ports(PORT)

    def _on_secret_changed(self, event: ops.SecretChangedEvent) -> None:
        credentials.follow(event.secret)
        self._reconcile()

    def _on_upgrade_charm(self, _: ops.UpgradeCharmEvent) -> None:
        self._reconcile()
        self.unit.set_ports(PORT)
        if self._outcome is not None:
            self.machine.renew_watch()

    def _on_peer_departed(self, event: ops.RelationDepartedEvent) -> None:
        # A unit that is being removed hears of every other unit's departure; it must not begin
        # to look after a cluster that it is leaving.
        if event.departing_unit == self.unit:
            self.machine.retire(self.unit.name)
        else:
            self._reconcile()

    def _on_stop(self, _: ops.StopEvent) -> None:
        self.machine.retire(self.unit.name)
        self.machine.stop()

    def _on_remove(self, _: ops.RemoveEvent) -> None:
        self.machine.clean_up()

    # The actions are imported where they are run: a hook does without what they bring.

    def _on_verify_replication(self, event: ops.ActionEvent) -> None:
        import actions

        actions.verify_replication(self, self.machine, event)

    def _on_get_cluster_status(self, event: ops.ActionEvent) -> None:
        import actions

        actions.get_cluster_status(self, self.machine, event)

    def _on_reinit_standby(self, event: ops.ActionEvent) -> None:
        import actions

        actions.reinit_standby(self, self.machine, event)

    def _on_switchover(self, event: ops.ActionEvent) -> None:
        import actions

        actions.switchover(self, self.machine, event)

    def _on_force_promote(self, event: ops.ActionEvent) -> None:
        import actions

        actions.force_promote(self, self.machine, event)

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        # Actions and a unit on its way out leave the status as the last hook found it.
        if self._outcome is None:
            return
        event.add_status(_as_ops(status.of_unit(self._outcome)))
        found = self._outcome.found
        version = found.server.version or self.machine.version()
        # What the unit's bag says of its server, Juju was told in the same hook.
        if version and version != self._outcome.told_version:
            self.unit.set_workload_version(version)

    def _on_collect_app_status(self, event: ops.CollectStatusEvent) -> None:
        if self._outcome is not None:
            event.add_status(_as_ops(status.of_application(self._outcome)))


def _as_ops(line: status.Line) -> ops.StatusBase:
    return ops.StatusBase.from_name(line.level, line.text)


if __name__ == "__main__":
    # ops has two lines for Juju's log in every hook, each of them a program to start; Juju's agent
    # says there by itself which hook it runs.
    logging.disable(logging.DEBUG)
    # A server in which the sentinel sees no write end may not answer at all, and it is just then
    # that a hook must be quick: the others may wait for this unit to begin an election.
    found = findings.read()
    with sql.keeping(gives_up=True, doubts=bool(found.unwell) or found.ailing == disk.HANGS):
        ops.main(PgHotStandbyCharm)
