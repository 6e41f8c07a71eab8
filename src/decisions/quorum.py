"""Whose acknowledgement a commit needs: the record's side of it and the primary's.

Rules R3 and R4 of README.md: what the primary has in force is never looser than what the record
says. So the record relaxes first and the primary tightens first, and tells the leader so with a
promise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from decisions.facts import View
from state.member import Member, Phase
from state.messages import Promise
from state.record import Record


def setting(record: Record, streaming: tuple[str, ...], wanted: int, kept: Promise) -> Promise:
    """Decides what the primary that the record names has in force.

    Args:
        record: the committed one.
        streaming: the units that stream from the primary.
        wanted: how many standbys the operator asks for.
        kept: what it has promised; under the same serial that is not loosened.
    """
    allowed, least = record.candidates, record.quorum
    if kept.serial == record.serial:
        allowed = tuple(unit for unit in allowed if unit in kept.members)
        least = max(least, kept.quorum)
        if not kept.quorum:
            # Nothing was asked of anybody, so nobody was left out.
            allowed = record.candidates
    following = tuple(sorted(unit for unit in allowed if unit in streaming))
    if len(following) < least:
        # Nobody can be done without: commits wait until one is back, or the record relaxes.
        return Promise(record.serial, tuple(sorted(allowed)), least)
    quorum = max(least, min(wanted, len(following)))
    return Promise(record.serial, following if quorum else (), quorum)


def adjusted(view: View) -> Record | None:
    """Decides whether the leader relaxes or tightens the record, by what the primary tells.

    Returns:
        The new record; None if it is right as it is.
    """
    record, primary = view.record, view.primary
    if record is None or primary is None or primary.phase is not Phase.primary:
        return None
    if primary.term != record.term:
        # It has not said yet who follows it as the primary of this term.
        return None
    wanted = record.quorum if view.wanted_quorum is None else view.wanted_quorum
    new = tuple(unit for unit in following(view, primary) if unit not in record.candidates)
    promise = _promise(record, primary)
    return _relaxed(record, new, primary.streaming, wanted, promise) or _tightened(record, promise)


def following(view: View, primary: Member) -> tuple[str, ...]:
    """Names the units that follow the primary on its timeline, as both sides tell."""
    found = (view.members.get(unit) for unit in primary.streaming)
    return tuple(
        member.unit
        for member in found
        if member is not None
        and member.follows == primary.unit
        and member.timeline == primary.timeline
    )


def lacking(view: View) -> str:
    """Says why no standby could take over now although one should; empty if one could."""
    record = view.record
    if record is None or record.primary is None:
        return "there is no primary: an election is under way"
    if record.successor is not None:
        return f"{record.successor} is taking over from {record.primary}"
    wanted = record.quorum if view.wanted_quorum is None else view.wanted_quorum
    asked = min(wanted, len(view.members) - 1)
    if record.quorum >= asked:
        return ""
    if record.quorum:
        return f"commits wait for {record.quorum} of the {asked} standbys that are asked for"
    others = [member for member in view.members.values() if member.unit != record.primary]
    if any(member.follows == record.primary for member in others):
        return "none could take over now: commits do not wait for any standby yet"
    return f"primary {alone(others)}"


def alone(others: Iterable[Member]) -> str:
    """Says of a primary that nobody could take its part over, and what helps.

    Args:
        others: the units that should and do not follow it; none: there are no others.
    """
    names = " or ".join(sorted(member.unit for member in others))
    return f"alone: no standby to take over; add {f'or repair {names}' if names else 'a unit'}"


def _promise(record: Record, primary: Member) -> Promise | None:
    """What the primary promised under this very record; an older word counts for nothing."""
    promise = primary.promise
    return promise if promise is not None and promise.serial == record.serial else None


def _relaxed(
    record: Record,
    new: tuple[str, ...],
    streaming: tuple[str, ...],
    wanted: int,
    promise: Promise | None,
) -> Record | None:
    # Whether one that counts already is there, the primary's word alone says. The other side's may
    # wait for its turn behind the hooks that the leader's own writing causes, again and again.
    candidates = (*record.candidates, *new)
    quorum = min(record.quorum, wanted, sum(unit in streaming for unit in candidates))
    asynchronous = wanted == 0
    # Under this serial the primary may not take back what it promised; under the next it may.
    stuck = promise is not None and promise.quorum > sum(
        unit in streaming for unit in promise.members
    )
    if not (new or stuck or quorum < record.quorum or asynchronous != record.asynchronous):
        return None
    return dataclasses.replace(
        record,
        serial=record.serial + 1,
        candidates=candidates,
        quorum=quorum,
        asynchronous=asynchronous,
    )


def _tightened(record: Record, promise: Promise | None) -> Record | None:
    if promise is None or not promise.quorum:
        return None
    candidates = tuple(unit for unit in record.candidates if unit in promise.members)
    quorum = max(record.quorum, promise.quorum)
    if (candidates, quorum) == (record.candidates, record.quorum):
        return None
    return dataclasses.replace(
        record, serial=record.serial + 1, candidates=candidates, quorum=quorum
    )
