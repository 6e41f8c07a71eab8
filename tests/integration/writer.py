"""A client that keeps writing, and remembers what it was told is safe."""

from __future__ import annotations

import shlex

from tests.integration.cluster import Cluster, wait_until

# Runs on the primary's machine: one numbered row a commit, every 10 ms, each noted in a file
# once the commit is acknowledged.
_SCRIPT = """
psql -XAtq -c 'CREATE TABLE IF NOT EXISTS written (n bigint PRIMARY KEY)'
n=0
while [ -e {flag} ]; do
  n=$((n + 1))
  echo "INSERT INTO written SELECT coalesce(max(n), 0) + 1 FROM written RETURNING n;"
  sleep 0.01
done | psql -XAtq -v ON_ERROR_STOP=0 > {log} 2> {log}.err
"""


class Writer:
    """Writes until it is stopped; `acknowledged` is what the database promised to keep."""

    FLAG = "/var/tmp/writer.on"
    LOG = "/var/tmp/writer.log"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._unit = cluster.primary

    def __enter__(self) -> Writer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begins, and waits until the first rows are safe."""
        script = _SCRIPT.format(flag=self.FLAG, log=self.LOG)
        self._cluster.sh(
            self._unit,
            f"touch {self.FLAG}; systemctl reset-failed writer 2>/dev/null; "
            f"systemd-run --quiet --unit=writer --uid=postgres sh -c {shlex.quote(script)}",
        )
        self.wait_for_more()

    def stop(self) -> None:
        """Ends, if it has not ended by itself because its server did."""
        self._cluster.sh(self._unit, f"rm -f {self.FLAG}")
        wait_until(
            lambda: self._cluster.sh(self._unit, "systemctl is-active writer || true"),
            lambda state: state != "active",
        )

    def acknowledged(self) -> int:
        """The number of rows that are safe."""
        last = self._cluster.sh(self._unit, f"tail -n 1 {self.LOG} 2>/dev/null || true")
        return int(last or 0)

    def wait_for_more(self, rows: int = 20) -> int:
        """Waits until so many more rows are safe; gives how many there are."""
        before = self.acknowledged()
        return wait_until(self.acknowledged, lambda seen: seen >= before + rows)

    def errors(self) -> str:
        """What the database refused."""
        return self._cluster.sh(self._unit, f"cat {self.LOG}.err")
