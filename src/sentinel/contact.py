"""Whether a primary can reach anybody: a standby, or a controller of Juju's."""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

ISOLATED_S = 20.0
"""A primary that has had no contact for so long is isolated."""
_ATTEMPT_S = 2.0
_PERIOD_S = 1.0
# A try that is older says nothing of now: the machine may have stood still since. While they are
# made, the last finished one is never as old: two seconds each, and one to be seen and to begin.
_FRESH_S = 7.0


@dataclass(frozen=True)
class Attempt:
    """A finished try to reach a controller.

    Attributes:
        began: when, by the monotonic clock.
        ok: whether one took the connection.
    """

    began: float
    ok: bool


class Contact:
    """Keeps the time of the last contact. Times by the monotonic clock."""

    def __init__(self, now: float) -> None:
        self._heard: frozenset[tuple[str, str]] = frozenset()
        self._standby = now
        self._controller = now
        self._unreachable_since: float | None = None
        self._now = now

    def turn(self, now: float, heard: frozenset[tuple[str, str]], attempt: Attempt | None) -> None:
        """Takes note.

        Args:
            now: the time.
            heard: what standbys last sent, as names and marks that change with every message.
                A connection that was cut keeps its row for a while, but not a new mark.
            attempt: the last try to reach a controller that has finished; None: none was made.
        """
        self._now = now
        if heard - self._heard:
            self._standby = now
        self._heard = heard
        if attempt is None or now - attempt.began > _FRESH_S:
            self._unreachable_since = None
        elif attempt.ok:
            self._controller = max(self._controller, attempt.began)
            self._unreachable_since = None
        elif self._unreachable_since is None:
            self._unreachable_since = attempt.began

    @property
    def is_quiet(self) -> bool:
        """Whether no standby was heard of lately, so that a controller must be tried."""
        return self._now - self._standby > 2 * _PERIOD_S

    @property
    def isolated(self) -> bool:
        """Whether nobody could be reached for `ISOLATED_S`, and no controller even now."""
        last = max(self._standby, self._controller)
        return self.unreachable_s is not None and self._now - last >= ISOLATED_S

    @property
    def unreachable_s(self) -> float | None:
        """For how long controllers were tried in vain; None if one answered, or none was tried."""
        if self._unreachable_since is None:
            return None
        return self._now - self._unreachable_since


class Knocker:
    """Tries the controllers, at most once a second and without ever waiting."""

    def __init__(
        self,
        reaches: Callable[[Sequence[str]], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reaches = reaches or reaches_any
        self._clock = clock
        self._thread: threading.Thread | None = None
        self._began: float | None = None
        self._last: Attempt | None = None

    @property
    def last(self) -> Attempt | None:
        """The last try that has finished."""
        return self._last

    def knock(self, controllers: Sequence[str]) -> None:
        """Begins a try, unless one is under way or was begun less than a second ago."""
        now = self._clock()
        if self._thread is not None and self._thread.is_alive():
            return
        if self._began is not None and now - self._began < _PERIOD_S * 0.9:
            return
        self._began = now
        self._thread = threading.Thread(
            target=self._try, args=[tuple(controllers), now], name="knocker", daemon=True
        )
        self._thread.start()

    def _try(self, controllers: Sequence[str], began: float) -> None:
        self._last = Attempt(began, self._reaches(controllers))


def reaches_any(controllers: Sequence[str], timeout_s: float = _ATTEMPT_S) -> bool:
    """Whether one of them takes a TCP connection.

    Args:
        controllers: host:port, an IPv6 address in brackets. Names are tried only where no
            address is given: where the network is gone, looking them up takes long.
        timeout_s: for all of them together.
    """
    targets = [_split(each) for each in controllers]
    numeric = [target for target in targets if _is_address(target[0])]
    waiting: dict[int, socket.socket] = {}
    deadline = time.monotonic() + timeout_s
    try:
        for host, port in numeric or targets:
            with contextlib.suppress(OSError):
                if _begin(host, port, waiting):
                    return True
        while waiting and (left := deadline - time.monotonic()) > 0:
            poller = select.poll()
            for number in waiting:
                poller.register(number, select.POLLOUT)
            for number, _ in poller.poll(left * 1000):
                with waiting.pop(number) as connection:
                    if not connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                        return True
        return False
    finally:
        for connection in waiting.values():
            connection.close()


def _begin(host: str, port: int, waiting: dict[int, socket.socket]) -> bool:
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        connection = socket.socket(family, kind, protocol)
        connection.setblocking(False)
        code = connection.connect_ex(address)
        if code == errno.EINPROGRESS:
            waiting[connection.fileno()] = connection
        else:
            connection.close()
            if code == 0:
                return True
    return False


def _split(controller: str) -> tuple[str, int]:
    host, _, port = controller.rpartition(":")
    return host.strip("[]"), int(port) if port.isdigit() else 0


def _is_address(host: str) -> bool:
    # Looks nothing up. The module ipaddress would be a quarter of a megabyte more.
    try:
        return bool(socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST))
    except OSError:
        return False
