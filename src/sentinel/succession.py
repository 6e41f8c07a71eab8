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
_REPLAYED = "SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn()::text"


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
    last_word = LastWord(layout, authority.replaces)
    while True:
        now = read()
        if now is None or now.authority != authority:
            return False
        try:
            prepared = prepared or _prepare(layout, authority, path)
            if last_word.is_there() and _take_over(layout, authority, path):
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


class LastWord:
    """Looks again and again for the last word of a term in this standby's log."""

    def __init__(self, layout: Layout, term: int) -> None:
        self._layout = layout
        self._term = term
        self._replayed = ""
        self._again = 0.0

    def is_there(self) -> bool:
        """Whether the log ends in it, or the promotion has begun already."""
        try:
            with sql.local(self._layout, timeout_s=2) as connection:
                in_recovery, replayed = sql.row(connection, _REPLAYED)
                if not in_recovery:
                    # Only under this authority has it become so.
                    return True
                # Asked for many times, and much cheaper than a look at the log's end.
                if terms.farewell_of(connection) != self._term:
                    return False
        except NotReachable:
            return False
        now = time.monotonic()
        # Where nothing was replayed since, the end is no other; but a look may have failed.
        if replayed == self._replayed and now < self._again:
            return False
        self._replayed, self._again = replayed, now + _AGAIN_S
        # Whether it still receives is no matter: nothing more of that term can come, and the
        # former primary may be following this one already.
        end = logend.look(self._layout)
        return end is not None and end.final == self._term


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
