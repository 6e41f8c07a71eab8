"""A primary leaves for good in its term, so that whoever takes over has everything."""

from __future__ import annotations

from postgresql import cluster, gate, logend, postmaster, sql, terms
from postgresql.errors import ServerRefused
from postgresql.layout import Layout

_CHECKPOINT_S = 3600


def hand_over(layout: Layout, term: int) -> None:
    """Say the last word of the term, and stop.

    The standbys that are connected get all of it, up to the shutdown checkpoint. The server is
    left stopped, and whatever starts it brings it up as a standby. May be called again after an
    interruption.

    Args:
        layout: The cluster; its server is the term's primary, or was till this was interrupted.
        term: That ends.

    Raises:
        ServerRefused: It is no primary, or its end was not a clean one: then no standby can know
            that it has everything.
        QueryRefused: It does not do as told, in its own words.
    """
    what = f"hand over the term {term}"
    if postmaster.is_running(layout):
        end = logend.look(layout)
        if end is None:
            with sql.local(layout, timeout_s=_CHECKPOINT_S) as conn:
                # The one at the end has little left to write then, and clients are without a
                # primary for so much less.
                sql.rows(conn, "CHECKPOINT")
                terms.farewell(conn, term)
        elif end.final != term:
            raise ServerRefused(what, "the server is a standby, and has not handed it over")
        gate.close(layout)
        # It is to be up again as a standby before writes go on.
        postmaster.stop(layout, settle=False)
    state = cluster.state(layout).control_state
    if state not in ("shut down", "shut down in recovery"):
        raise ServerRefused(what, f'the server did not end cleanly: its state is "{state}"')
