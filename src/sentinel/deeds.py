"""What the sentinel does to its server that takes long, as a program of its own.

    python3 -m sentinel.deeds succeed|open|stand --major 16

Beside the service, because the service must go on looking, and because all that is imported for
it would stay in the service's memory.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from postgresql.errors import PostgresqlError
from postgresql.layout import Layout
from sentinel import mandate as mandates

Deed = Literal["succeed", "open", "stand"]

_AGAIN_S = {"succeed": 1.0, "open": 15.0, "stand": 15.0}
# While it works it keeps hooks from writing the mandate.
_LONGEST_S = 120


class Deeds:
    """Has one deed done at a time, and looks after it."""

    def __init__(
        self,
        layout: Layout,
        path: Path = mandates.PATH,
        start: Callable[[Sequence[str]], subprocess.Popen[bytes]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._layout = layout
        self._path = path
        self._start = start or _start
        self._clock = clock
        self._running: subprocess.Popen[bytes] | None = None
        self._last: Deed | None = None
        self._not_before = 0.0
        self._done: tuple[Deed | None, object] | None = None
        self._under: object = None

    def want(self, deed: Deed | None, under: object) -> None:
        """Has the deed done, unless one is under way; returns at once.

        Args:
            deed: what to do; None: nothing.
            under: what it rests on: one that was done is not done again under the same. None:
                it is done as often as it is wanted, with patience.
        """
        if self._running is not None:
            code = self._running.poll()
            if code is None:
                return
            self._running = None
            self._not_before = self._clock() + _AGAIN_S[self._last or "stand"]
            self._done = (self._last, self._under) if code == 0 else None
        if deed is None or (under is not None and (deed, under) == self._done):
            return
        if deed == self._last and self._clock() < self._not_before:
            return
        self._last, self._under = deed, under
        command = [
            sys.executable,
            "-m",
            "sentinel.deeds",
            deed,
            f"--major={self._layout.major}",
            f"--name={self._layout.name}",
            f"--port={self._layout.port}",
            f"--mandate={self._path}",
        ]
        try:
            self._running = self._start(command)
        except OSError:
            # While the charm is refreshed its Python may be away; or there is no memory for one.
            self._not_before = self._clock() + _AGAIN_S[deed]

    @property
    def is_busy(self) -> bool:
        """Whether one is under way."""
        return self._running is not None


def main() -> int:
    """Does one deed; 0: done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("deed", choices=sorted(_AGAIN_S))
    parser.add_argument("--major", required=True, type=int)
    parser.add_argument("--name", default="main")
    parser.add_argument("--port", default=5432, type=int)
    parser.add_argument("--mandate", default=mandates.PATH, type=Path)
    arguments = parser.parse_args()
    layout = Layout(arguments.major, arguments.name, arguments.port)
    try:
        if arguments.deed == "succeed":
            return 0 if _succeed(layout, arguments.mandate) else 1
        return 0 if _come_back(layout, arguments.mandate, arguments.deed == "open") else 1
    except PostgresqlError as error:
        _say(str(error))
        return 1


def _succeed(layout: Layout, path: Path) -> bool:
    from postgresql import sql
    from sentinel import succession

    # What the promotion would import where it needs it, so that this is not done while writes
    # stand still.
    for module in ("jinja2", "charmhelpers.core.host"):
        importlib.import_module(module)
    # A promotion asks the server in a dozen places, and writes stand still for each connection.
    with sql.keeping():
        return succession.succeed(layout, path, _say)


def _come_back(layout: Layout, path: Path, writable: bool) -> bool:
    from postgresql import gate, sql, terms

    if not layout.id_file.exists():
        return False
    signal.alarm(_LONGEST_S)
    with mandates.locked(path):
        # A hook may have come after all.
        now = mandates.read(path)
        if now is None or not now.primary or now.final:
            return False
        if writable:
            # One that was named and has never begun its term lacks what that term begins with.
            with sql.local(layout, timeout_s=2) as connection:
                reached = terms.reached(connection)
            if reached is None or reached.term != now.term:
                return False
            gate.start_as_primary(layout)
        else:
            gate.start_as_standby(layout)
    return True


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    # The service blocks the signals that it waits for, and a child would inherit that.
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, ()),
    )


def _say(text: str) -> None:
    """Into the service's journal."""
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
