"""The charm's actions."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import ops

import watch
from carry_out import upstream_of
from decisions import losses, quorum, readiness
from decisions import record as leader_decisions
from decisions import switchover as decisions
from decisions.admission import upstream_for
from decisions.facts import View
from decisions.names import slot_of
from machine import Machine
from outcome import Found
from postgresql import clone, report, roles, sql, takeover
from postgresql.compare import Result, compare
from postgresql.errors import PostgresqlError
from postgresql.layout import Layout
from postgresql.observe import facts
from postgresql.sizes import pretty
from postgresql.verify import Endpoint, Report, verify
from state import peers
from state.member import Member, Phase
from state.messages import Request
from surroundings import Surroundings

LOOPBACK = "127.0.0.1"
# What a standby may lack at the begin of a hand-over: it is sent while the primary stops.
_LITTLE = 64 * 2**20
_FAR = 2**63


def verify_replication(charm: ops.CharmBase, machine: Machine, event: ops.ActionEvent) -> None:
    """Proves with a row that every unit of the relation follows, and that it is archived.

    And that one of them could take over now, where one should.
    """
    here = Surroundings.read(charm)
    database, query = event.params.get("database"), event.params.get("query")
    if bool(database) != bool(query):
        event.fail("a comparison needs both: give database=… and query=…, or neither")
        return
    primary = here.peers.primary
    if primary is None or here.credentials is None or not primary.address:
        event.fail(_no_primary(here))
        return
    password = here.credentials.operator_password
    ends = {
        # pg_hba.conf lets peers in by their addresses, and this machine by the loopback alone.
        name: _endpoint(member, LOOPBACK if name == here.peers.me else member.address, password)
        for name, member in here.peers.members.items()
    }
    first = ends.pop(primary.unit)
    timeout = event.params["timeout"]
    proof = verify(first, list(ends.values()), timeout_s=timeout)
    comparison: Result | None = None
    if database and query and proof.proved:
        try:
            comparison = compare(database, query, first, list(ends.values()), timeout_s=timeout)
        except PostgresqlError as error:
            event.set_results(report.verify_results(proof))
            event.fail(str(error))
            return
    unready = _unready(machine.look(here).view, proof, first, list(ends.values()))
    event.set_results(report.verify_results(proof, comparison, unready))
    if not proof.proved:
        event.fail("; ".join(str(problem) for problem in proof.problems))
    elif unready:
        event.fail(f"every standby follows, but {'; '.join(unready)}")
    elif comparison is not None and not comparison.same:
        event.fail(_differences(comparison))


def _unready(
    view: View, proof: Report, first: Endpoint, others: Sequence[Endpoint]
) -> tuple[str, ...]:
    """What is in the way of a failover, once it is proved that every standby follows."""
    if not proof.proved or not others:
        return ()
    states = {one.unit: one.sync_state for one in proof.standbys}
    found = takeover.problems(first, others)
    return (*readiness.unready(view, states), *(str(problem) for problem in found))


def get_cluster_status(charm: ops.CharmBase, machine: Machine, event: ops.ActionEvent) -> None:
    """Tells who is primary, and how every unit stands."""
    found = machine.look(Surroundings.read(charm))
    record = found.view.record
    if record is None:
        event.fail("there is no cluster yet: no leader has founded it; wait for the deploy")
        return
    standing = report.Standing(
        term=record.term,
        primary=record.primary or "",
        quorum=record.quorum,
        candidates=record.candidates,
        remark=quorum.lacking(found.view),
        takeover=_takeover(found.view, machine),
    )
    rows = [_row(found, member) for member in found.view.members.values()]
    event.set_results(report.cluster_results(standing, rows))


def reinit_standby(charm: ops.CharmBase, machine: Machine, event: ops.ActionEvent) -> None:
    """Begins to clone this standby anew; it serves its old data until the copy is whole."""
    me = charm.unit.name
    if event.params["confirm"] != me:
        event.fail(
            f"nothing was done: confirm={event.params['confirm']!r} does not name this unit; "
            f"to clone it anew: juju run {me} reinit-standby confirm={me}"
        )
        return
    here = Surroundings.read(charm)
    found = machine.look(here)
    if found.view.is_primary:
        event.fail(f"nothing was done: {me} is the primary; only a standby can be cloned anew")
        return
    layout, primary = Layout.find(), here.peers.primary
    follow = upstream_for(me, primary) if primary else None
    if layout is None or follow is None or here.credentials is None:
        event.fail(f"nothing was done: {_no_primary(here)}")
        return
    try:
        begun = clone.start(layout, upstream_of(me, follow, here.credentials), watch.poke())
    except PostgresqlError as error:
        event.fail(f"nothing was done: {error}")
        return
    event.set_results({"result": "cloning" if begun else "already cloning"})


def switchover(charm: ops.CharmBase, machine: Machine, event: ops.ActionEvent) -> None:
    """Asks the leader to hand the primary's part over; the leader's next hook begins it.

    The action ends before it is done: no hook of this machine runs while an action does, and the
    hand-over takes hooks of the primary, the successor and the leader.
    """
    here = Surroundings.read(charm)
    view = machine.look(here).view
    to = event.params.get("to") or _furthest(view, here)
    if view.record is not None and to and to == view.record.primary and not view.record.successor:
        # Also the answer to whoever asked for it before, and was not told how it went.
        done = report.takeover_results(_takeover(view, machine))
        event.set_results({"result": f"{to} is the primary already", **done})
        return
    reason = decisions.refusal(view, to) if to else _no_successor(view)
    if not reason:
        reason = _too_far_behind(here, to)
    if reason or view.record is None:
        event.fail(f"nothing was done: {reason}")
        return
    _ask(charm, view, Request(decisions.SWITCHOVER, view.record.serial, to))
    event.set_results(
        {
            "result": f"{to} is to take over from {view.record.primary}",
            "see": f"juju run {to} get-cluster-status",
        }
    )


def force_promote(charm: ops.CharmBase, machine: Machine, event: ops.ActionEvent) -> None:
    """Has this unit made primary, whatever is lost by it."""
    me = charm.unit.name
    if event.params["confirm"] != me:
        event.fail(
            f"nothing was done: confirm={event.params['confirm']!r} does not name this unit; "
            f"to make it primary: juju run {me} force-promote confirm={me}"
        )
        return
    found = machine.look(Surroundings.read(charm))
    view = found.view
    if reason := decisions.force_refusal(view):
        event.fail(f"nothing was done: {reason}")
        return
    assert view.record is not None  # noqa: S101 - there is no force without a record
    _ask(charm, view, decisions.request_by_force(view))
    event.set_results(
        {
            "result": f"{me} is to be primary",
            "lost": decisions.may_be_lost(view),
            "see": f"juju run {me} get-cluster-status",
        }
    )


def _takeover(view: View, machine: Machine) -> report.Takeover | None:
    """The last change of primary, as the log on this unit tells of it."""
    told, record = machine.last_term(), view.record
    if told is None or record is None:
        return None
    is_present = told.term == record.term
    takeover = record.takeover if is_present else None
    if takeover is not None and not told.kind:
        # Its primary tells its log of it only in its next hook.
        told = dataclasses.replace(told, kind=takeover.kind, former=takeover.former)
    return report.Takeover(
        primary=(record.primary or "") if is_present else "",
        told=told,
        lost=losses.in_words(takeover) if takeover else "",
    )


def _ask(charm: ops.CharmBase, view: View, request: Request) -> None:
    """Has the leader hear of it; the leader, which hears of no change of its own bag, acts."""
    mine = dataclasses.replace(view.members[view.me], request=request)
    peers.publish_member(charm.model, charm.unit, mine)
    if view.leader:
        view = dataclasses.replace(view, members={**view.members, view.me: mine})
        record = leader_decisions.next_record(view, "")
        peers.publish_shared(charm.model, charm.app, record=record, credentials_id=None)


def _furthest(view: View, here: Surroundings) -> str:
    """The standby that is furthest on among those whose acknowledgement counts, or of all."""
    primary = here.peers.primary
    if view.record is None or primary is None:
        return ""
    possible = [unit for unit in view.members if not decisions.refusal(view, unit)]
    counted = primary.promise.members if primary.promise else ()
    lags = _lags(here)
    possible.sort(key=lambda unit: (unit not in counted, lags.get(slot_of(unit), _FAR), unit))
    return possible[0] if possible else ""


def _lags(here: Surroundings) -> dict[str, int]:
    """How many bytes the standbys have not flushed, as the primary knows, by slot."""
    primary = here.peers.primary
    if primary is None or here.credentials is None:
        return {}
    address = LOOPBACK if primary.unit == here.peers.me else primary.address
    try:
        with sql.remote(address, roles.OPERATOR, here.credentials.operator_password) as connection:
            standbys = facts(connection)["standbys"]
    except PostgresqlError:
        return {}
    return {one.name: one.flush_lag_bytes for one in standbys if one.state == "streaming"}


def _too_far_behind(here: Surroundings, to: str) -> str:
    lag = _lags(here).get(slot_of(to))
    if lag is None:
        return f"the primary does not say how far {to} is; see juju status"
    if lag > _LITTLE:
        return (
            f"{to} lags {pretty(lag)} behind, and writes would stand still for as long as it "
            f"takes; wait until it has caught up"
        )
    return ""


def _no_successor(view: View) -> str:
    reasons = {
        unit: decisions.refusal(view, unit)
        for unit in sorted(view.members)
        if view.record is None or unit != view.record.primary
    }
    return "; ".join(dict.fromkeys(reasons.values())) or "there is no standby; juju add-unit"


def _endpoint(member: Member, address: str, password: str) -> Endpoint:
    name = slot_of(member.unit)
    return Endpoint(
        unit=member.unit,
        address=address,
        application_name=name,
        slot=name,
        password=password,
    )


def _no_primary(here: Surroundings) -> str:
    record = here.peers.record
    if record is None:
        return "there is no cluster yet; wait for the deploy"
    if here.peers.primary is None:
        return f"the primary {record.primary} is gone; see juju status"
    return f"the primary {record.primary} is not ready; see juju status"


def _differences(comparison: Result) -> str:
    return "; ".join(
        f"{one.unit}: {one.error or one.verdict}"
        for one in comparison.comparisons
        if one.verdict != "same"
    )


def _row(found: Found, member: Member) -> report.Member:
    server, view = found.server, found.view
    primary = view.record is not None and view.record.primary == member.unit
    walsender = next((one for one in server.standbys if one.name == slot_of(member.unit)), None)
    state = str(member.phase)
    lag: int | None = None
    if primary:
        state = "running" if member.phase is Phase.primary else state
    elif member.unit == view.me and server.receiver_status:
        state, lag = server.receiver_status, server.behind_bytes
    elif walsender is not None:
        state, lag = walsender.state, walsender.replay_lag_bytes
    elif member.phase is Phase.standby:
        # What it told of itself last is all that another standby knows of it; the primary and
        # the unit itself know better.
        others = not view.is_primary and member.unit != view.me
        state = "streaming" if others and member.follows else "not streaming"
    return report.Member(
        unit=member.unit,
        role="primary" if primary else "standby",
        state=state,
        lag_bytes=lag,
        address=member.address,
        version=member.version,
        timeline=member.timeline,
        sync_state=walsender.sync_state if walsender else "",
    )
