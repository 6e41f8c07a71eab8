"""Observe, decide, act: what every hook does."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Callable

import ops

from carry_out import Report
from decisions import member as member_decisions
from decisions import record as leader_decisions
from decisions import unit as unit_decisions
from decisions.facts import View
from machine import Machine
from outcome import Found, Outcome
from postgresql.errors import InstallFailed
from state import credentials, peers
from surroundings import Surroundings

# A former primary: stopped, then looked at, then rewound or started, then looked at again.
_ROUNDS = 4
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
    try:
        machine.install()
    except InstallFailed as error:
        return Outcome(machine.look(here), failures=(str(error),), archive=machine.archive())
    found, report = _act(machine, here)
    told = member_decisions.member(
        found.view,
        report.admitted,
        report.proved,
        report.instructed,
        report.shut or report.ended,
    )
    if here.peers.joined:
        peers.publish_member(charm.model, charm.unit, told)
    known = {**found.view.members, told.unit: told}
    found = dataclasses.replace(found, view=dataclasses.replace(found.view, members=known))
    # What the others wait for is committed when the hook ends, and a file system that does not
    # answer would hold that up.
    archive = None if _is_urgent(found.view) else machine.archive()
    if here.leader and here.peers.joined:
        wrote = _lead(charm, here, found.view, lambda: clock() - began)
        if wrote and found.view.record is None:
            return Outcome(found, waiting="for the cluster record to be committed")
    return Outcome(
        found=found,
        waiting=report.waiting,
        refused=report.refused,
        failures=tuple(report.failures),
        told_version=here.peers.members[here.peers.me].version,
        problems=(*here.options.problems, *report.problems),
        archive=archive,
    )


def _is_urgent(view: View) -> bool:
    """Whether there is no primary that works, as far as this unit knows."""
    record, machine = view.record, view.machine
    electing = record is not None and (record.primary is None or record.successor is not None)
    return electing or bool(machine.lost or machine.unwell or machine.ailing)


def _act(machine: Machine, here: Surroundings) -> tuple[Found, Report]:
    """Takes the steps that the committed record asks for, until they change nothing any more.

    A server must run before it can tell what it needs next.
    """
    found = machine.look(here)
    report = Report()
    for _ in range(_ROUNDS):
        plan = unit_decisions.steps(found.view)
        report = machine.take(plan, here)
        if not report.changed:
            break
        found = machine.look(here)
        # One that was ended is another unit's to replace, and its disk may hang.
        if report.ended or unit_decisions.steps(found.view) == plan:
            break
    return found, report


def _lead(
    charm: ops.CharmBase, here: Surroundings, view: View, elapsed: Callable[[], float]
) -> bool:
    """Writes the record that follows from what is known now; for the leader.

    It is acted on in the hook that Juju raises for it: rule R2. Nothing that can fail comes
    after the writing: what juju-exec has run is committed even then.

    Returns:
        Whether it wrote one.

    Raises:
        LeadershipTooOld: before anything is written.
    """
    record = leader_decisions.next_record(view, uuid.uuid4().hex)
    if record is None and not _wants_credentials(here):
        return False
    if elapsed() > _LEADERSHIP_S:
        raise LeadershipTooOld
    made = credentials.create(charm.app) if _wants_credentials(here) else None
    peers.publish_shared(charm.model, charm.app, record=record, credentials_id=made)
    return record is not None


def _wants_credentials(here: Surroundings) -> bool:
    return here.leader and here.peers.joined and not here.peers.credentials_id
