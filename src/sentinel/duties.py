"""One turn of the sentinel: everything that it looks after, once."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from postgresql.probe import Verdict
from sentinel import comeback, fence, findings, look, unfinished
from sentinel.contact import Attempt, Contact, Knocker
from sentinel.courier import Courier
from sentinel.deeds import Deeds
from sentinel.events import WATCH_RESUMED, Look, between
from sentinel.findings import Findings
from sentinel.mandate import Mandate
from sentinel.probing import Target
from sentinel.pulse import Heartbeat, Pulse

PERIOD_S = 1.0
# While a successor waits to be told of, clients wait for that, too.
_HASTE_S = 0.2
# So long a successor that has lost its primary is left to its promotion.
_HUSH_S = 1.0


class Observer(Protocol):
    """What looks at the server."""

    def look(self) -> Look:
        """Takes a look."""
        ...

    def term(self) -> int:
        """Asks which term the log has reached."""
        ...


class Probes(Protocol):
    """What makes small writes and hears what comes of them; see probing.py."""

    def turn_to(self, target: Target | None) -> bool:
        """Probes this target from now on."""
        ...

    def heard(self) -> Verdict | None:
        """Gives the best answer since the last call."""
        ...


class Watch(Protocol):
    """What looks at the disk of the server's data; see disk.py."""

    def turn(self, now: float) -> str:
        """Says what is wrong with it."""
        ...

    def rest(self) -> str:
        """Looks no more; says nothing."""
        ...


class Stopper(Protocol):
    """What ends the server at once; see fence.py."""

    def stop(self) -> bool:
        """Has it end, and does not wait for that."""
        ...


class Duties:
    """Looks, judges, does what cannot wait, and raises what a hook should know."""

    def __init__(
        self,
        observer: Observer,
        mandate: Callable[[], Mandate | None],
        courier: Courier,
        probing: Probes,
        knocker: Knocker,
        stopper: Stopper,
        deeds: Deeds,
        disk: Watch,
        note: Path = findings.PATH,
        left: Path = unfinished.PATH,
        resumed: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Looks at nothing yet.

        Args:
            observer: of the server.
            mandate: what the record allows this unit, as the last hook wrote it down.
            courier: raises events.
            probing: makes small writes.
            knocker: tries the controllers.
            stopper: ends the server.
            deeds: what is done without a hook.
            disk: looks at the disk of the server's data.
            note: where to write what was found.
            left: where a hook notes that it left a step undone.
            resumed: something has watched here before, and no hook knows what it missed.
            clock: one that is never set.
        """
        self._observer = observer
        self._mandate = mandate
        self._courier = courier
        self._probing = probing
        self._knocker = knocker
        self._stopper = stopper
        self._deeds = deeds
        self._disk = disk
        self._note = note
        self._left = left
        self._resumed = resumed
        self._clock = clock
        self._before: Look | None = None
        self._noted: Findings | None = None
        self._stopped = ""
        self._heard_last = (0, 0, 0)
        self._pulse = Pulse()
        self._turned: float | None = None
        self._contact = Contact(clock())
        self._apart_since: float | None = None

    def turn(self) -> float:
        """Takes one turn.

        Returns:
            Seconds until the next.
        """
        now = self._clock()
        mandate = self._mandate()
        seen = self._observer.look()
        seen = self._judged(seen, mandate, now)
        attempt = self._knock(seen, mandate)
        self._contact.turn(now, self._heard(seen, mandate), attempt)
        self._keep_out(seen, mandate)
        self._do(seen, mandate)
        hush = self._is_taking_over(seen, mandate, now)
        if any(seen.told) and mandate is not None and mandate.upstream:
            self._heard_last = (*seen.told, mandate.term)
        self._tell(seen, mandate, hush)
        if hush or (mandate is not None and mandate.authority is not None and not seen.promoted):
            return _HASTE_S
        return PERIOD_S

    def _judged(self, seen: Look, mandate: Mandate | None, now: float) -> Look:
        """Adds what the mandate makes of it."""
        beat = self._heartbeat(target(seen, mandate), now)
        own = seen.writable
        lost = "" if own else beat.lost
        promoted = 0
        if mandate is not None and mandate.authority is not None and seen.writable:
            term = mandate.authority.term
            # It counts from its first commit on: until then nobody could tell of it.
            promoted = term if self._observer.term() == term else 0
        at_work = seen.clone in ("running", "finished") or seen.rewind == "running"
        again = look.unrest(now)
        return dataclasses.replace(
            seen,
            unrest=0 if at_work or seen.running else again,
            lost=lost,
            lost_long=beat.lost_long and bool(lost),
            since=self._since(beat) if lost else 0.0,
            unwell=beat.lost if own else "",
            ailing=self._disk.turn(now) if own else self._disk.rest(),
            electing=mandate is not None and mandate.electing,
            gated=again if is_gated(seen, mandate) else 0,
            apart=again if is_apart(seen, mandate, lost) else 0,
            unfinished=again if unfinished.is_noted(self._left) else 0,
            promoted=promoted,
        )

    def _since(self, beat: Heartbeat) -> float:
        if self._before is not None and self._before.lost:
            return self._before.since
        return float(round(time.time() - beat.silent_s))

    def _heartbeat(self, wanted: Target | None, now: float) -> Heartbeat:
        elapsed = 0.0 if self._turned is None else now - self._turned
        self._turned = now
        if self._probing.turn_to(wanted):
            self._pulse = Pulse()
            return Heartbeat()
        if wanted is None:
            return Heartbeat()
        return self._pulse.turn(elapsed, self._probing.heard())

    def _knock(self, seen: Look, mandate: Mandate | None) -> Attempt | None:
        """Tries a controller where the answer matters, and gives what the last try found."""
        if mandate is None or not (mandate.primary or mandate.authority):
            return None
        by_right = mandate.primary and mandate.alone
        if seen.writable and (by_right or not self._contact.is_quiet):
            return None
        self._knocker.knock(mandate.controllers)
        return self._knocker.last

    def _heard(self, seen: Look, mandate: Mandate | None) -> frozenset[tuple[str, str]]:
        watched = mandate.watched if mandate else ()
        return frozenset(each for each in seen.heard if each[0] in watched)

    def _keep_out(self, seen: Look, mandate: Mandate | None) -> None:
        reason = fence.reason(seen.writable, mandate, self._contact.isolated)
        if reason:
            if reason != self._stopped:
                _say(f"stopping PostgreSQL: {reason}")
            self._stopped = reason
            self._stopper.stop()
        elif seen.writable or seen.streaming:
            self._stopped = ""

    def _do(self, seen: Look, mandate: Mandate | None) -> None:
        if mandate is not None and mandate.authority is not None:
            self._deeds.want("succeed", mandate.authority)
            return
        connected = {name for name, state, *_ in seen.standbys if state == "streaming"}
        unreachable_s = self._contact.unreachable_s
        reached = self._observer.term() if seen.gated and unreachable_s is not None else 0
        gated = bool(seen.gated)
        way = comeback.way(mandate, unreachable_s, seen.up, gated, reached, connected)
        self._deeds.want(way, None)

    def _is_taking_over(self, seen: Look, mandate: Mandate | None, now: float) -> bool:
        """Whether a successor is just being promoted, as far as can be told.

        A hook could only wait for it then, and would take processor time from it, while writes
        stand still.
        """
        if mandate is None or mandate.authority is None or seen.streaming:
            self._apart_since = None
            return False
        if self._apart_since is None:
            self._apart_since = now
        return self._deeds.is_busy and now - self._apart_since < _HUSH_S

    def _tell(self, seen: Look, mandate: Mandate | None, hush: bool) -> None:
        # Also while it streams: a hook that makes the server deaf tells so before the next turn.
        heard, heard_at, heard_term = self._heard_last
        self._write(
            Findings(
                term=mandate.term if mandate else 0,
                lost=seen.lost,
                lost_long=seen.lost_long,
                since=seen.since,
                unwell=seen.unwell,
                ailing=seen.ailing,
                promoted=seen.promoted,
                heard=heard,
                heard_at=heard_at,
                heard_term=heard_term,
                stopped=self._stopped,
            )
        )
        # What the hook will read is written before.
        if self._resumed:
            # As it stood while nobody looked, something may have changed and stayed so.
            self._resumed = False
            self._courier.take((WATCH_RESUMED,))
        self._courier.take(between(self._before, seen))
        self._before = seen
        if not hush:
            self._courier.work()

    def _write(self, found: Findings) -> None:
        if found == self._noted:
            return
        try:
            findings.write(found, self._note)
            self._noted = found
        except OSError as error:
            _say(f"cannot write {self._note}: {error.strerror or error}")


def target(seen: Look, mandate: Mandate | None) -> Target | None:
    """Whom to probe: a primary itself, a standby the primary that it looks after."""
    if mandate is None:
        return None
    if seen.writable:
        return Target("", mandate.port, "", mandate.term)
    if mandate.upstream and mandate.password:
        return Target(mandate.upstream, mandate.port, mandate.password, mandate.term)
    return None


def is_apart(seen: Look, mandate: Mandate | None, lost: str) -> bool:
    """Whether a standby is to follow somebody, does not, and nothing beside it works on that.

    Or follows nobody as one is elected: what kept it from giving a ballot may be over.
    """
    busy = seen.streaming or seen.clone in ("running", "finished") or seen.rewind == "running"
    if mandate is None or not seen.in_recovery or busy:
        return False
    return mandate.electing or (bool(mandate.upstream) and not lost)


def is_gated(seen: Look, mandate: Mandate | None) -> bool:
    """Whether the server may accept writes and does not, as the charm did not start it."""
    return mandate is not None and mandate.primary and not mandate.final and seen.deaf


def _say(text: str) -> None:
    """Into the journal."""
    sys.stderr.write(f"{text}\n")
