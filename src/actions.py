"""The charm's actions."""

from __future__ import annotations

import ops

import watch
from carry_out import upstream_of
from decisions.names import slot_of
from decisions.unit import upstream_for
from machine import Machine
from outcome import Found
from postgresql import clone, report
from postgresql.compare import Result, compare
from postgresql.errors import PostgresqlError
from postgresql.layout import Layout
from postgresql.verify import Endpoint, verify
from state.member import Member, Phase
from surroundings import Surroundings

LOOPBACK = "127.0.0.1"


def verify_replication(charm: ops.CharmBase, event: ops.ActionEvent) -> None:
    """Proves with a row that every unit of the relation follows, and that it is archived."""
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
    event.set_results(report.verify_results(proof, comparison))
    if not proof.proved:
        event.fail("; ".join(str(problem) for problem in proof.problems))
    elif comparison is not None and not comparison.same:
        event.fail(_differences(comparison))


def get_cluster_status(charm: ops.CharmBase, machine: Machine, event: ops.ActionEvent) -> None:
    """Tells who is primary, and how every unit stands."""
    found = machine.look(Surroundings.read(charm))
    record = found.view.record
    if record is None:
        event.fail("there is no cluster yet: no leader has founded it; wait for the deploy")
        return
    event.set_results(
        report.cluster_results(
            record.term, [_row(found, member) for member in found.view.members.values()]
        )
    )


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
