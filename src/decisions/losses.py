"""What a change of primary may have lost, as far as anybody can know."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable

from state.messages import Ballot
from state.record import Takeover


def of_election(takeover: Takeover, lsn: int, ballots: Iterable[Ballot]) -> Takeover:
    """Adds what the former primary is known to have had beyond the log of its successor.

    It told its standbys so, again and again, and sent them less. What it wrote after the last
    time nobody knows but itself.

    Args:
        takeover: which may lose something.
        lsn: where the log of the successor ends, in bytes.
        ballots: of all that gave one.
    """
    told = [ballot for ballot in ballots if ballot.heard]
    if not told:
        return takeover
    furthest = max(ballot.heard for ballot in told)
    return dataclasses.replace(
        takeover,
        missing=max(0, furthest - lsn),
        heard_at=max(ballot.heard_at for ballot in told),
    )


def in_words(takeover: Takeover) -> str:
    """Says what may be missing; empty if nothing is that was acknowledged.

    >>> in_words(Takeover("election", "pg/0", True, 4096, 1770000000))
    '4096 bytes that pg/0 had by 2026-02-02 02:40:00 UTC may be missing, and what it wrote after'
    >>> in_words(Takeover("election", "pg/0", True, 0, 1770000000))
    'what pg/0 wrote after 2026-02-02 02:40:00 UTC may be missing'
    >>> in_words(Takeover("force", "pg/0", True))
    'what pg/0 wrote last may be missing, and how much that is only pg/0 knows'
    """
    if not takeover.at_risk:
        return ""
    former = takeover.former
    if takeover.missing < 0:
        return f"what {former} wrote last may be missing, and how much that is only {former} knows"
    when = datetime.datetime.fromtimestamp(takeover.heard_at, datetime.timezone.utc)
    by = f"{when:%Y-%m-%d %H:%M:%S} UTC"
    if not takeover.missing:
        return f"what {former} wrote after {by} may be missing"
    known = f"{takeover.missing} bytes that {former} had by {by}"
    return f"{known} may be missing, and what it wrote after"
