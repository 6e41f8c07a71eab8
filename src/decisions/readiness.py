"""Whether a standby could take the primary's part over now, as the units tell of themselves."""

from __future__ import annotations

from collections.abc import Mapping

from decisions.facts import View
from decisions.quorum import lacking
from state.member import Phase


def unready(view: View, sync_states: Mapping[str, str]) -> tuple[str, ...]:
    """Says why no standby could take over now although one should, or not each of them.

    Args:
        view: of the unit that is asked.
        sync_states: what the primary's server says of each standby: "async", "potential", "sync"
            or "quorum".
    """
    reasons = (lacking(view), _unheld(view, sync_states), *_closed(view))
    return tuple(reason for reason in reasons if reason)


def _unheld(view: View, sync_states: Mapping[str, str]) -> str:
    """That the server's setting is looser than the record: somebody else has changed it."""
    record = view.record
    if record is None or not record.quorum or record.successor is not None:
        return ""
    counted = sum(sync_states.get(unit) in ("sync", "quorum") for unit in record.candidates)
    if counted >= record.quorum:
        return ""
    return (
        f"commits are to wait for {record.quorum} of {', '.join(record.candidates)}, and the "
        f"server counts {counted} of them; see synchronous_standby_names on {record.primary}"
    )


def _closed(view: View) -> list[str]:
    """Standbys that would not let another unit in, were they primary."""
    reasons: list[str] = []
    for member in view.members.values():
        if member.phase is not Phase.standby:
            continue
        opened = member.admits.units if member.admits else dict[str, str]()
        others = (other for other in view.members.values() if other.unit != member.unit)
        missing = sorted(
            other.unit for other in others if other.address != opened.get(other.unit, "")
        )
        if missing:
            reasons.append(f"{member.unit} does not let {', '.join(missing)} in yet")
    return reasons
