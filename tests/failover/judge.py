"""Whether what the writers were told was true. Pure functions over what they noted.

An acknowledgement is judged by when its statement was *sent*, not by when the answer came: a
server that stands still between "a standby has it" and "tell the client" may tell the client an
hour later, and what it says is true; that the row is kept is looked at for these as for all.
What no server of a former primary may do is to acknowledge a statement that was sent when
another one had acknowledged already.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.failover.attempts import Attempt, Outcome

Row = tuple[str, int]
Reign = tuple[str, int]
"""The address of a member and the timeline on which it is primary: a server that was restarted
goes on with its own, one that becomes primary again has another."""

_EXAMPLES = 3
# A machine that stood still and goes on takes a moment to see what it missed: the sentinel's
# second, and what a busy host makes of it.
_A_MOMENT_S = 5.0


@dataclass(frozen=True)
class Term:
    """How a term began, as the log says.

    Attributes:
        timeline: of its primary.
        at_risk: whether it says that the former primary may have acknowledged what this one lacks.
    """

    timeline: int
    at_risk: bool


def faults(
    attempts: Sequence[Attempt],
    held: Mapping[str, set[Row]],
    terms: Sequence[Term] | None = None,
) -> list[str]:
    """Everything that is wrong.

    Args:
        attempts: what the writers noted, in any order.
        held: which rows each member holds.
        terms: that the log came through, where commits waited for nobody; None where they waited.

    Returns:
        A sentence for each; empty if all is well.
    """
    return [
        *(lost(attempts, held) if terms is None else unstated(attempts, held, terms)),
        *unfounded(attempts, held),
        *apart(held),
        *behind_the_back(attempts, 0.0 if terms is None else _A_MOMENT_S),
    ]


def unstated(
    attempts: Iterable[Attempt], held: Mapping[str, set[Row]], terms: Sequence[Term]
) -> list[str]:
    """Acknowledged rows that a member lacks, and no later term owns up to it."""
    found: list[str] = []
    for member, rows in held.items():
        missing = [one for one in attempts if one.is_acknowledged and one.row not in rows]
        silent = [
            one
            for one in missing
            if not any(term.at_risk and term.timeline > one.timeline for term in terms)
        ]
        if silent:
            found.append(
                f"LOST: {member} lacks {len(silent)} acknowledged rows, and no takeover says that "
                f"something may be missing: {_examples(silent)}"
            )
    return found


def lost(attempts: Iterable[Attempt], held: Mapping[str, set[Row]]) -> list[str]:
    """Acknowledged rows that a member does not hold."""
    acknowledged = {attempt.row: attempt for attempt in attempts if attempt.is_acknowledged}
    found: list[str] = []
    for member, rows in held.items():
        missing = [acknowledged[row] for row in sorted(acknowledged.keys() - rows)]
        if missing:
            found.append(
                f"LOST: {member} lacks {len(missing)} of {len(acknowledged)} acknowledged rows: "
                + _examples(missing)
            )
    return found


def unfounded(attempts: Iterable[Attempt], held: Mapping[str, set[Row]]) -> list[str]:
    """Rows that a member holds though they were refused, or though nobody ever wrote them."""
    outcomes = {attempt.row: attempt.outcome for attempt in attempts}
    found: list[str] = []
    for member, rows in held.items():
        refused = sorted(row for row in rows if outcomes.get(row) is Outcome.refused)
        if refused:
            found.append(f"{member} holds {len(refused)} rows that were refused: {refused[:3]}")
        strange = sorted(rows - outcomes.keys())
        if strange:
            found.append(f"{member} holds {len(strange)} rows nobody wrote: {strange[:3]}")
    return found


def apart(held: Mapping[str, set[Row]]) -> list[str]:
    """Members that do not hold the same rows."""
    if not held:
        return ["no member holds anything"]
    first, *others = held
    found: list[str] = []
    for other in others:
        if held[other] != held[first]:
            more, less = held[first] - held[other], held[other] - held[first]
            found.append(
                f"{first} and {other} differ: {len(more)} rows only on {first} "
                f"{sorted(more)[:3]}, {len(less)} only on {other} {sorted(less)[:3]}"
            )
    return found


def behind_the_back(attempts: Iterable[Attempt], moment: float = 0.0) -> list[str]:
    """Acknowledgements by a former primary of what was sent when a newer one had acknowledged.

    Args:
        attempts: what the writers noted, in any order.
        moment: seconds in which one that comes back from standing still may go on.
    """
    acknowledged = [attempt for attempt in attempts if attempt.is_acknowledged]
    reigns = _first_answers(acknowledged)
    order = sorted(reigns, key=lambda reign: reigns[reign])
    followed = {before: (after, reigns[after]) for before, after in itertools.pairwise(order)}
    found: list[str] = []
    for reign, (after, when) in followed.items():
        late = [one for one in acknowledged if _reign(one) == reign and one.begun > when]
        if late and max(one.begun for one in late) - min(one.begun for one in late) >= moment:
            worst = max(one.begun - when for one in late)
            found.append(
                f"TWO PRIMARIES: {_named(reign)} acknowledged {len(late)} rows that were sent "
                f"up to {worst:.3f} s after {_named(after)} had acknowledged its first: "
                + _examples(late)
            )
    return found


def reigns(attempts: Iterable[Attempt]) -> list[Reign]:
    """Those who acknowledged something, in the order of their first acknowledgements."""
    first = _first_answers(attempt for attempt in attempts if attempt.is_acknowledged)
    return sorted(first, key=lambda reign: first[reign])


def write_gap(attempts: Iterable[Attempt], begin: float, end: float) -> float:
    """The longest time without an acknowledgement for those who seek the primary, in seconds.

    Args:
        attempts: what the writers noted, in any order.
        begin: from when, by time.monotonic().
        end: until when.
    """
    answers = sorted(
        attempt.ended
        for attempt in attempts
        if attempt.is_acknowledged and attempt.seeking and begin < attempt.ended < end
    )
    moments = [begin, *answers, end]
    return max(after - before for before, after in itertools.pairwise(moments))


def _first_answers(acknowledged: Iterable[Attempt]) -> dict[Reign, float]:
    first: dict[Reign, float] = {}
    for attempt in acknowledged:
        reign = _reign(attempt)
        first[reign] = min(first.get(reign, attempt.ended), attempt.ended)
    return first


def _reign(attempt: Attempt) -> Reign:
    return attempt.address, attempt.timeline


def _named(reign: Reign) -> str:
    return f"{reign[0]} on timeline {reign[1]}"


def _examples(attempts: Sequence[Attempt]) -> str:
    shown = [
        f"{one.writer} {one.n} by {one.address} on timeline {one.timeline} at {one.ended:.3f}"
        for one in attempts[:_EXAMPLES]
    ]
    return ", ".join(shown) + (", …" if len(attempts) > _EXAMPLES else "")
