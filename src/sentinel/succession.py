"""The planned successor's promotion, as soon as its log holds the last word of the term."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from postgresql import logend, promotion, sql, synchronous, terms
from postgresql.errors import NotReachable, PostgresqlError
from postgresql.layout import Layout
from postgresql.synchronous import HOLD, Setting
from sentinel import mandate as mandates
from sentinel.mandate import Authority

POLL_S = 0.01
# An error will be there a moment later, too.
_AGAIN_S = 1.0


def succeed(
    layout: Layout, path: Path = mandates.PATH, say: Callable[[str], object] = print
) -> bool:
    """Waits for the primary's last word, and promotes this server then.

    Args:
        layout: the cluster.
        path: of the mandate.
        say: tells of what goes wrong meanwhile.

    Returns:
        Whether the new term has begun with its setting in force; False: the mandate has become
        another.
    """
    read = mandates.Reader(path)
    first = read()
    authority = first.authority if first else None
    if authority is None:
        return False
    prepared = False
    while True:
        now = read()
        if now is None or now.authority != authority:
            return False
        try:
            prepared = prepared or _prepare(layout, authority, path)
            if is_ready(layout, authority) and _take_over(layout, authority, path):
                return True
            time.sleep(POLL_S)
        except PostgresqlError as error:
            say(str(error))
            time.sleep(_AGAIN_S)


def _prepare(layout: Layout, authority: Authority, path: Path) -> bool:
    """Writes on a standby what its promotion begins with, so that it need not then.

    Returns:
        Whether that is done, or needless, as the promotion has begun.
    """
    # Once another hook has made it a primary, its commits must not be held up by this.
    with mandates.locked(path):
        now = mandates.read(path)
        if now is None or now.authority != authority:
            return False
        try:
            with sql.local(layout, timeout_s=2) as connection:
                (in_recovery,) = sql.row(connection, "SELECT pg_is_in_recovery()")
        except NotReachable:
            return False
        if in_recovery:
            synchronous.ensure(layout, HOLD)
        return True


def is_ready(layout: Layout, authority: Authority) -> bool:
    """Whether the log ends in the last word of the term, or the promotion has begun already."""
    try:
        with sql.local(layout, timeout_s=2) as connection:
            (in_recovery,) = sql.row(connection, "SELECT pg_is_in_recovery()")
            if not in_recovery:
                # Only under this authority has it become so.
                return True
            # Asked for many times, and much cheaper than a look at the log's end.
            if terms.farewell_of(connection) != authority.replaces:
                return False
    except NotReachable:
        return False
    # Whether it still receives is no matter: nothing more of that term can come, and the former
    # primary may be following this one already.
    end = logend.look(layout)
    return end is not None and end.final == authority.replaces


def _take_over(layout: Layout, authority: Authority, path: Path) -> bool:
    with mandates.locked(path):
        # An election may have made it void since.
        now = mandates.read(path)
        if now is None or now.authority != authority:
            return False
        return promotion.promote(
            layout,
            authority.term,
            Setting(authority.serial, tuple(sorted(authority.members)), authority.quorum),
        )
