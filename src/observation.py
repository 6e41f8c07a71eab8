"""Looks at this unit's machine and puts what it sees into the decisions' own terms."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from dataclasses import replace

from decisions import election
from decisions.facts import Machine, View
from decisions.names import unit_of
from outcome import NO_REWIND, Found
from postgresql import (
    clone,
    debt,
    install,
    logend,
    observe,
    recovery,
    rewind,
    roles,
    room,
    sql,
    starved,
    synchronous,
    terms,
)
from postgresql.errors import PostgresqlError
from postgresql.layout import Layout
from postgresql.observe import Server
from postgresql.sql import Connection
from sentinel import findings
from sentinel.findings import Findings
from state.member import Member, Phase
from state.messages import Promise
from surroundings import Surroundings

_AT_ONCE_S = 0.5


def look(layout: Layout | None, here: Surroundings) -> Found:
    """Takes one look at everything that a decision needs; changes nothing."""
    server = observe.observe(layout)
    copying = clone.state(layout) if layout else clone.CloneState("absent")
    term = here.peers.record.term if here.peers.record else 0
    seen = findings.read().about(term)
    machine = _machine(layout, server, copying.phase, here.address)
    if layout is not None and server.has_data:
        machine = _with_log(machine, layout, server, here, seen)
        machine = _with_want(machine, layout, server, here)
        machine = _with_heard(machine, seen, here)
    view = View(
        me=here.peers.me,
        leader=here.leader,
        record=here.peers.record,
        members=here.peers.members,
        machine=machine,
        replication_role=here.options.replication_user,
        credentials=here.credentials is not None,
        wanted_quorum=here.options.synchronous_standbys,
    )
    if here.leader and is_electing(here):
        machine = replace(machine, silent=silent(view))
        view = replace(view, machine=machine)
    return Found(
        view,
        server,
        copying,
        rewind.state(layout) if layout else NO_REWIND,
    )


def _with_log(
    machine: Machine, layout: Layout, server: Server, here: Surroundings, seen: Findings
) -> Machine:
    """Adds what the log of this unit tells, and what the sentinel has found."""
    kept = synchronous.read(layout)
    rewinding = rewind.state(layout)
    machine = replace(
        machine,
        streaming=_units((one.name for one in server.standbys if one.state == "streaming"), here),
        promise=Promise(kept.serial, _units(kept.members, here), kept.quorum),
        rewind=rewinding.phase,
        promoted=seen.promoted,
        lost=seen.lost,
        lost_long=seen.lost_long,
        unwell=seen.unwell,
        ailing=seen.ailing,
    )
    if not server.accepting:
        return machine
    with sql.local(layout) as connection:
        reached = terms.reached(connection)
    if reached is not None:
        machine = replace(machine, reached=reached.term, reached_lsn=reached.lsn)
    if not server.in_recovery:
        return machine
    # What the sentinel has seen of its disk was a primary's.
    cramped = _lacking(layout) if _may_have_to_rise(here) else ""
    machine = replace(machine, ailing="", cramped=cramped)
    # What is still received may move the end.
    end = None if server.receiver_status else logend.look(layout)
    if end is not None:
        machine = replace(
            machine,
            log_end=end.lsn
            if end.replayed and debt.is_paid(layout, end.reached, end.lsn)
            else None,
            final=end.final,
            deaf=recovery.follows(layout) is None,
        )
        if end.replayed:
            # Of the same moment as its end: what was asked for before may have been overtaken.
            machine = replace(machine, reached=end.reached, farewell=end.farewell)
    if is_following(server, here.peers.primary):
        return machine
    return replace(machine, diverged=_has_diverged(layout, here))


def _may_have_to_rise(here: Surroundings) -> bool:
    """Whether it matters if this standby has room: a primary is wanted, or its disk ails."""
    primary = here.peers.primary
    return is_electing(here) or (primary is not None and bool(primary.ailing))


def _lacking(layout: Layout) -> str:
    with sql.local(layout) as connection:
        (segment,) = sql.row(
            connection, "SELECT pg_size_bytes(current_setting('wal_segment_size'))"
        )
    return room.lacking(layout, segment)


def is_electing(here: Surroundings) -> bool:
    """Whether there is no primary until enough units have told how far their logs go."""
    return here.peers.record is not None and here.peers.record.primary is None


def silent(view: View, port: int = 5432) -> tuple[str, ...]:
    """The units that an election would wait for in vain, as far as can be told from here."""
    given = election.ballots_of(view.record, view.members) if view.record else {}
    others = (one for one in election.awaited(view, given) if one.unit != view.me)
    return tuple(one.unit for one in others if not one.address or not answers(one.address, port))


def is_following(server: Server, primary: Member | None) -> bool:
    """Whether a standby receives what its primary writes now.

    That it streams does not say so: from a primary whose timeline began before the end of this log
    it receives the timeline before, to its end, and begins anew, again and again.
    """
    behind = primary is not None and (primary.timeline or 0) > server.timeline
    return server.receiver_status == "streaming" and not behind


def _units(names: Iterable[str], here: Surroundings) -> tuple[str, ...]:
    """The units whose application names these are, also of those that have left."""
    found = {unit_of(name, here.peers.me) for name in names}
    return tuple(sorted(unit for unit in found if unit is not None))


def _has_diverged(layout: Layout, here: Surroundings) -> bool:
    """Whether this log goes on where the primary's took another turn; no, where it cannot tell."""
    return _asked_of_primary(here, lambda connection: rewind.diverged(connection, layout))


def _with_want(machine: Machine, layout: Layout, server: Server, here: Surroundings) -> Machine:
    """Adds whether this standby can never catch up by itself."""
    follows_nobody = machine.deaf or server.receiver_status == "streaming"
    if not server.accepting or not server.in_recovery or follows_nobody:
        return machine
    file = starved.wanted(layout)
    if not file or not _asked_of_primary(
        here, lambda connection: starved.is_certain(connection, layout, file)
    ):
        return machine
    return replace(machine, starved=True, patience_s=starved.patience_s(layout))


def _with_heard(machine: Machine, seen: Findings, here: Surroundings) -> Machine:
    """Adds what was heard last of the log of the primary that is lost."""
    record = here.peers.record
    if record is None:
        return machine
    term = record.term if record.primary else record.previous_term
    if seen.heard_term != term:
        return machine
    return replace(machine, heard=seen.heard, heard_at=seen.heard_at)


def _asked_of_primary(here: Surroundings, question: Callable[[Connection], bool]) -> bool:
    """What the primary that the record names answers; no, where it does not."""
    primary = here.peers.primary
    if (
        primary is None
        or primary.unit == here.peers.me
        or primary.phase is not Phase.primary
        or here.credentials is None
        or not primary.address
        or not answers(primary.address)
    ):
        return False
    try:
        with sql.remote(
            primary.address, roles.OPERATOR, here.credentials.operator_password, timeout_s=3
        ) as connection:
            return question(connection)
    except PostgresqlError:
        return False


def answers(address: str, port: int = 5432) -> bool:
    """Whether something there takes a connection at once.

    One to a machine that has lost its power is waited for for seconds, and it is just then that a
    hook must be quick: writes stand still until it has begun the election.
    """
    try:
        socket.create_connection((address, port), _AT_ONCE_S).close()
    except OSError:
        return False
    return True


def _machine(layout: Layout | None, server: Server, copying: str, address: str) -> Machine:
    host = install.machine()
    followed = recovery.follows(layout) if layout and server.receiver_status else None
    return Machine(
        address=address,
        architecture=host.architecture,
        os=host.os,
        major=layout.major if layout else None,
        version=server.version,
        cluster_id=server.cluster_id,
        has_data=server.has_data,
        system_id=server.system_id,
        standby_signal=server.standby_signal,
        running=server.accepting,
        in_recovery=server.in_recovery if server.accepting else None,
        timeline=server.timeline if server.accepting else None,
        upstream=server.upstream_address if server.receiver_status == "streaming" else "",
        upstream_role=followed.user if followed else "",
        clone=copying,
        slots=tuple(slot.name for slot in server.slots),
        replication_roles=server.replication_roles,
        parameters=server.hot_standby_parameters if server.accepting else {},
    )
