"""SQL on a unit's own server as its superuser, by `juju ssh`, as a person would do it."""

from __future__ import annotations

import subprocess
import threading
from types import TracebackType

import jubilant

from tools.terminal import Failed

# SQL comes on standard input, so that no shell in between has to be quoted for.
PSQL = ("sudo", "-u", "postgres", "psql", "-qAtX", "-v", "ON_ERROR_STOP=1")
PAUSE_SECONDS = 0.01


def sql(juju: jubilant.Juju, unit: str, statement: str) -> str:
    """Run statements on a unit.

    Returns:
        The rows of the last one, columns parted by `|`.

    Raises:
        Failed: if the server refuses one.
    """
    try:
        return juju.cli("ssh", unit, *PSQL, stdin=f"{statement};\n").strip()
    except jubilant.CLIError as error:
        raise Failed(f"running SQL on {unit}", str(error.stderr).strip(), statement) from error


class Writer:
    """Writes rows one by one, each in a transaction of its own, while its block runs.

    Attributes:
        acknowledged: how many rows the server has acknowledged.
    """

    def __init__(self, juju: jubilant.Juju, unit: str, insert: str):
        """Prepare to write.

        Args:
            juju: of the unit's model.
            unit: the primary.
            insert: a statement that returns exactly one line.
        """
        command = [juju.cli_binary, "ssh", "-m", str(juju.model), unit, *PSQL]
        self.unit, self.insert, self.acknowledged = unit, insert, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._session = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop writing.

        Raises:
            Failed: if the server did not acknowledge a row, and nothing else has failed.
        """
        self._stop.set()
        self._thread.join()
        _, complaint = self._session.communicate()
        if self._session.returncode and error is None:
            raise Failed(f"writing on {self.unit}", complaint.strip(), "Rows before it are kept.")

    def _write(self) -> None:
        assert self._session.stdin and self._session.stdout  # noqa: S101 - PIPE gives streams
        while not self._stop.is_set():
            try:
                self._session.stdin.write(f"{self.insert};\n")
            except BrokenPipeError:
                return
            if not self._session.stdout.readline():
                return
            self.acknowledged += 1
            self._stop.wait(PAUSE_SECONDS)
