"""A former primary's way back while no controller, hence no hook, can be had.

A whole site that comes back from a power cut finds its primary behind the start gate, as a
standby of nobody. It may open by the record on its disk only if no election can have named
another unit meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from sentinel.mandate import Mandate

PATIENCE_S = 10.0
"""For so long a controller must have been tried in vain: hooks know more."""


def way(
    mandate: Mandate | None,
    unreachable_s: float | None,
    up: bool,
    gated: bool,
    reached: int,
    connected: Collection[str],
) -> Literal["stand", "open"] | None:
    """Decides what to do with the server.

    Args:
        mandate: of this unit.
        unreachable_s: for how long controllers were tried in vain; None: they were not.
        up: the server runs, whether or not it answers.
        gated: it runs as a standby of nobody.
        reached: the term that its log has reached; 0: not to be asked.
        connected: application names of the standbys that stream from it since it was started.

    Returns:
        "stand": start it, as a standby of nobody; "open": have it accept writes again; None:
        leave it as it is.
    """
    if mandate is None or not mandate.primary or mandate.final:
        return None
    if unreachable_s is None or unreachable_s < PATIENCE_S:
        return None
    if not up:
        return "stand"
    # One that was named and has not begun its term yet is promoted, by a hook. Opened, it would
    # go on in a term that was another's, with what it waited for as a standby: nobody.
    begun = gated and reached == mandate.term
    return "open" if begun and may_open(mandate, connected) else None


def may_open(mandate: Mandate, connected: Collection[str]) -> bool:
    """Whether no election can have named another unit, as far as can be told from here."""
    if not mandate.quorum:
        # One that stands alone is replaced by no election. Of one whose commits wait for nobody
        # by choice that is not true.
        return mandate.alone
    # An election needs so many of them deaf to this unit that fewer than that are left to
    # connect.
    return len(set(mandate.members) & set(connected)) >= mandate.quorum
