"""A planned hand-over to a standby, and one by force: rules R8 and R4 of README.md."""

from __future__ import annotations

import dataclasses

from decisions import losses, quorum
from decisions.facts import View
from state.member import Member, Phase
from state.messages import Request
from state.record import LogPosition, Record, Takeover

SWITCHOVER = "switchover"
FORCE = "force"


def begun(view: View) -> Record | None:
    """Decides whether the leader names a successor.

    Returns:
        The record with the successor; None if no operator asks and no disk gives reason, or it
        cannot be done now.
    """
    record, primary = view.record, view.primary
    asked = _asked(view, SWITCHOVER)
    unit = asked.unit if asked else _relief(view)
    if record is None or primary is None or not unit or refusal(view, unit):
        return None
    streaming = quorum.following(view, primary)
    others = (other for other in streaming if other != unit)
    candidates = tuple(sorted({*others, primary.unit}))
    wanted = record.quorum if view.wanted_quorum is None else view.wanted_quorum
    return dataclasses.replace(
        record,
        serial=record.serial + 1,
        successor=unit,
        successor_candidates=candidates,
        # Where replication is synchronous it must stay so on the way: rule R8.
        successor_quorum=max(min(wanted, len(candidates)), min(record.quorum, 1)),
    )


def _relief(view: View) -> str:
    """Who takes over from a primary whose data disk is full, or hangs, where no commit waits.

    It goes on acknowledging, and an election could lose that; with a hand-over nothing is lost.
    """
    record, primary = view.record, view.primary
    if record is None or primary is None or not (record.asynchronous and primary.ailing):
        return ""
    roomy = (
        unit
        for unit, member in sorted(view.members.items())
        if member.lost is not None and member.lost.term == record.term
    )
    return next((unit for unit in roomy if not refusal(view, unit)), "")


def refusal(view: View, unit: str) -> str:
    """Says why a unit cannot take over as planned now; empty if it can."""
    record, primary = view.record, view.primary
    if record is None or record.primary is None:
        return "there is no primary now: an election is under way; wait for its end"
    if primary is None or primary.phase is not Phase.primary:
        return f"the primary {record.primary} is not up; see juju status"
    if record.successor is not None:
        return f"{record.successor} is already taking over; see juju status"
    if unit == record.primary:
        return f"{unit} is the primary already"
    if unit not in view.members:
        return f"there is no unit {unit}; the standbys are {_names(view)}"
    if unit not in quorum.following(view, primary):
        return f"{unit} does not stream from {primary.unit} on its timeline; see juju status"
    if unit not in record.candidates:
        return f"{unit} is not a candidate yet; try again in some seconds"
    return ""


def concluded(view: View) -> Record | None:
    """Decides whether the leader records that the successor has taken over.

    Returns:
        The record of the new term; None while it has not.
    """
    record = view.record
    if record is None or record.primary is None or record.successor is None:
        return None
    member = view.members.get(record.successor)
    promotion = member.promotion if member else None
    if promotion is None or promotion.term != record.term + 1:
        return None
    return dataclasses.replace(
        record,
        serial=record.serial + 1,
        term=promotion.term,
        primary=record.successor,
        candidates=record.successor_candidates,
        quorum=record.successor_quorum,
        successor=None,
        successor_candidates=(),
        successor_quorum=0,
        floor=LogPosition(promotion.reached, promotion.lsn),
        takeover=Takeover("switchover", record.primary),
    )


def failed(view: View) -> bool:
    """Whether this unit was to hand over, and its server ended before it had said its last word.

    What its own disk does not hold, no standby was sent: the successor waits in vain.
    """
    record = view.record
    return (
        record is not None
        and view.is_primary
        and record.successor is not None
        and view.owns_data
        and is_unsaid(view, record.term)
    )


def is_unsaid(view: View, term: int) -> bool:
    """Whether the last word of a term that this unit began is nowhere in its log.

    Of a server that is a standby now: while it is one, it says none.
    """
    machine = view.machine
    return (
        machine.in_recovery is True
        and machine.reached == term
        and machine.farewell is not None
        and machine.farewell < term
    )


def forced(view: View) -> Record | None:
    """Decides whether the leader names a unit because an operator takes the loss upon himself.

    Returns:
        The record that names it; None if nobody asks.
    """
    record, primary = view.record, view.primary
    asked = _asked(view, FORCE)
    if record is None or asked is None or asked.unit not in view.members:
        return None
    if concluded(view) is not None:
        # The successor has taken over, with commits that the unit asked for has not.
        return None
    if primary is not None and _works_for(view.members[asked.unit], primary):
        # It is back: what was asked for would lose commits for nothing.
        return None
    return dataclasses.replace(
        record,
        serial=record.serial + 1,
        # A successor may have taken the next term by itself.
        term=record.term + (2 if record.successor else 1),
        primary=asked.unit,
        candidates=(),
        quorum=0,
        successor=None,
        successor_candidates=(),
        successor_quorum=0,
        floor=None,
        previous_primary=None,
        previous_term=None,
        takeover=Takeover(
            "force",
            _before(record, asked.unit),
            not asked.whole,
            asked.missing,
            asked.heard_at,
        ),
    )


def force_refusal(view: View) -> str:
    """Says why this unit is not made primary by force; empty if it is."""
    record, primary = view.record, view.primary
    if record is None:
        return "there is no cluster yet; wait for the deploy"
    if not view.owns_data:
        return f"{view.me} holds no copy of this cluster's data"
    if view.is_primary and (view.machine.writable or record.successor is None):
        return f"{view.me} is the primary already"
    # Once an election is under way, what it told last may be all that is left of it.
    successor = view.members.get(record.successor or "") if record.primary else None
    if successor is not None and successor.phase is Phase.primary and not view.machine.lost:
        return f"{successor.unit} has taken over; see juju status"
    # What was told of its disk is as old as the last hook, and so is what this unit made of it.
    ails = primary is not None and primary.ailing and view.members[view.me].lost
    works = primary is not None and primary.phase is Phase.primary and not view.machine.lost
    if primary is not None and works and not ails:
        return (
            f"the primary {primary.unit} works; hand over to this unit with: "
            f"juju run {view.me} switchover to={view.me}"
        )
    return ""


def _works_for(member: Member, primary: Member) -> bool:
    """Whether a unit has no reason to take a primary's part over."""
    return primary.phase is Phase.primary and member.lost is None


def request_by_force(view: View) -> Request:
    """What the leader is asked for where this unit is to be primary by force."""
    record, machine = view.record, view.machine
    serial = record.serial if record else 0
    # What a successor may have acknowledged, no last word of its predecessor tells of.
    terms = (record.term, record.previous_term) if record and not record.successor else ()
    if machine.final and machine.final in terms:
        return Request(FORCE, serial, view.me, whole=True)
    if not machine.heard:
        return Request(FORCE, serial, view.me)
    missing = max(0, machine.heard - (machine.log_end or 0)) if machine.log_end else -1
    return Request(FORCE, serial, view.me, False, missing, machine.heard_at)


def may_be_lost(view: View) -> str:
    """Says what is lost for good if this unit becomes primary by force now."""
    record, asked = view.record, request_by_force(view)
    former = _before(record, view.me) if record else ""
    if asked.whole:
        return f"nothing: this unit has all that {former} ever wrote"
    if not view.machine.log_end:
        return (
            f"what {former} wrote and {view.me} has not received; how much that is, "
            f"only {former} knows"
        )
    end = lsn_text(view.machine.log_end)
    if asked.missing < 0:
        return (
            f"what {former} wrote after {end}, where the log of {view.me} ends; how much that is, "
            f"only {former} knows"
        )
    takeover = Takeover(FORCE, former, True, asked.missing, asked.heard_at)
    return f"{losses.in_words(takeover)}; the log of {view.me} ends at {end}"


def _before(record: Record, unit: str) -> str:
    """Who may have acknowledged commits last, of all others."""
    successor = record.successor if record.successor != unit else None
    return successor or record.primary or record.previous_primary or ""


def lsn_text(lsn: int) -> str:
    """Writes an LSN as PostgreSQL does.

    >>> lsn_text(0x1_0300_0148)
    '1/3000148'
    """
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def _asked(view: View, kind: str) -> Request | None:
    for member in view.members.values():
        request = member.request
        if (
            request is not None
            and view.record is not None
            and request.kind == kind
            and request.serial == view.record.serial
        ):
            return request
    return None


def _names(view: View) -> str:
    primary = view.record.primary if view.record else None
    return ", ".join(sorted(name for name in view.members if name != primary)) or "none"
