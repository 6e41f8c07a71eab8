"""Stops a server that may not accept writes, and cannot wait for a hook to be told so."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence

from postgresql import postmaster
from postgresql.layout import Layout
from sentinel.contact import ISOLATED_S
from sentinel.mandate import Mandate

# An immediate shutdown kills by itself what has not gone after five seconds.
_PATIENCE_S = 8.0


def reason(writable: bool, mandate: Mandate | None, isolated: bool) -> str:
    """Says why the server must be stopped at once; empty if it need not be.

    Args:
        writable: it runs read-write.
        mandate: of this unit; without one nothing is known, and nothing is done.
        isolated: nobody can be reached, neither a standby nor a controller.
    """
    if mandate is None or not writable:
        return ""
    # A planned successor is read-write before the record names it.
    if not mandate.primary and mandate.authority is None:
        return f"the cluster record of term {mandate.term} does not let this unit accept writes"
    # By then the others may have made another unit primary, and commits that wait for one of
    # them will not end. One that stands alone by right cannot have been replaced.
    if isolated and not (mandate.primary and mandate.alone):
        return (
            f"for {ISOLATED_S:.0f} s neither a standby nor a controller of Juju's could be reached"
        )
    return ""


class Fence:
    """Stops the server of a layout, and does not wait for it."""

    def __init__(
        self,
        layout: Layout,
        run: Callable[[Sequence[str]], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._layout = layout
        self._run = run or _run
        self._clock = clock
        self._began: tuple[int, float] | None = None

    def stop(self) -> bool:
        """Has the server end without a shutdown checkpoint; to be called until it has.

        Immediately, so that clients whose commits wait get an error and no answer.

        Returns:
            Whether there was a server.
        """
        pid = postmaster.running_pid(self._layout)
        if pid is None:
            self._began = None
            return False
        now = self._clock()
        if self._began is None or self._began[0] != pid:
            self._began = pid, now
        if now - self._began[1] > _PATIENCE_S:
            # Frozen, perhaps: then the postmaster heeds nothing else, and its children are not
            # to be left to themselves.
            self._began = pid, now
            # Where there is no memory for a process, another try comes.
            with contextlib.suppress(OSError):
                self._run(postmaster.kill_command(self._layout))
        else:
            # What pg_ctl stop -m immediate sends.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)
        return True


def _run(command: Sequence[str]) -> object:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
