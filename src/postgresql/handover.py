"""A primary leaves for good in its term, so that whoever takes over has everything."""

from __future__ import annotations

from postgresql import cluster, gate, logend, postmaster, sql, terms
from postgresql.errors import QueryRefused, ServerRefused
from postgresql.layout import Layout

_PATIENCE_S = 3600


def hand_over(layout: Layout, term: int, patience_s: float = _PATIENCE_S) -> None:
    """Say the last word of the term, and stop.

    The standbys that are connected get all of it, up to the shutdown checkpoint. The server is
    left stopped, and whatever starts it brings it up as a standby. May be called again after an
    interruption.

    Args:
        layout: The cluster; its server is the term's primary, or was till this was interrupted.
        term: That ends.
        patience_s: How long to wait for its end, which goes on after that.

    Raises:
        ServerRefused: It is no primary, or its end takes longer; or its end was not a clean one:
            then no standby can know that it has everything.
        NotReachable: It takes no connection.
        QueryRefused: It does not do as told, in its own words.
    """
    what = f"hand over the term {term}"
    if postmaster.status(layout) == "stopping":
        postmaster.stop(layout, wait_s=patience_s, settle=False)
    elif postmaster.is_running(layout):
        end = logend.look(layout)
        if end is None:
            with sql.local(layout) as conn:
                terms.farewell(conn, term)
        elif end.final != term:
            raise ServerRefused(what, "the server is a standby, and has not handed it over")
        gate.close(layout)
        # It is to be up again as a standby before writes go on.
        postmaster.stop(layout, wait_s=patience_s, settle=False)
    state = cluster.state(layout).control_state
    if state not in ("shut down", "shut down in recovery"):
        raise ServerRefused(what, f'the server did not end cleanly: its state is "{state}"')


def checkpoint(layout: Layout, patience_s: float = _PATIENCE_S) -> None:
    """Have the one at its end find little left to write: clients are without a primary then.

    Args:
        layout: The cluster.
        patience_s: How long to wait; it goes on after that.

    Raises:
        ServerRefused: It takes longer, or its disk does not let it.
        NotReachable: It takes no connection.
    """
    try:
        with sql.local(layout, timeout_s=patience_s) as conn:
            sql.rows(conn, "CHECKPOINT")
    except QueryRefused as error:
        raise ServerRefused(
            "hand over to the successor", f"its checkpoint: {error.why}", "it is tried again"
        ) from error
