"""Observe, decide, act: what every hook does."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import ops

from decisions import record as leader_decisions
from decisions import unit as unit_decisions
from machine import Machine
from outcome import Outcome
from postgresql.errors import InstallFailed
from state import credentials, peers
from state.record import Record
from surroundings import Surroundings

# Juju answers `is-leader` with yes only while 30 s of the lease are certain.
_LEADERSHIP_S = 25.0


class LeadershipTooOld(Exception):
    """The hook took longer than the leadership on which it wrote the record is good for.

    It fails before it has written anything.
    """


def reconcile(
    charm: ops.CharmBase, machine: Machine, clock: Callable[[], float] = time.monotonic
) -> Outcome:
    """Brings this unit to what the committed record, its peers and its options ask for."""
    began = clock()
    here = Surroundings.read(charm)
    record = _wanted_record(here)
    if record or _wants_credentials(here):
        # Nothing slow may come between the question who leads and the commit at the end of the
        # hook: rule R6. The record is acted on in the hook that Juju raises for it. Nothing
        # that can fail comes after the writing: what juju-exec has run is committed even then.
        found = machine.look(here)
        if clock() - began > _LEADERSHIP_S:
            raise LeadershipTooOld
        made = credentials.create(charm.app) if _wants_credentials(here) else None
        peers.publish_shared(charm.model, charm.app, record=record, credentials_id=made)
        return Outcome(found, waiting="for the cluster record to be committed")
    try:
        machine.install()
    except InstallFailed as error:
        return Outcome(machine.look(here), failures=(str(error),))
    found = machine.look(here)
    report = machine.take(unit_decisions.steps(found.view), here)
    if report.changed:
        found = machine.look(here)
    if here.peers.joined:
        told = unit_decisions.member(found.view, report.admitted)
        peers.publish_member(charm.model, charm.unit, told)
    return Outcome(
        found=found,
        waiting=report.waiting,
        refused=report.refused,
        failures=tuple(report.failures),
        problems=(*here.options.problems, *report.problems),
    )


def _wanted_record(here: Surroundings) -> Record | None:
    """The record that the leader has to write; None on other units, or if it is right."""
    if not (here.leader and here.peers.joined):
        return None
    known = here.peers
    return leader_decisions.next_record(known.record, known.me, known.members, uuid.uuid4().hex)


def _wants_credentials(here: Surroundings) -> bool:
    return here.leader and here.peers.joined and not here.peers.credentials_id
