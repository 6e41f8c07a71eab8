"""The program that systemd runs as pg-hot-standby-sentinel.service."""

from __future__ import annotations

from sentinel import lean

lean.keep_out()

import argparse
from pathlib import Path

from postgresql import room
from postgresql.layout import Layout
from postgresql.probe import Prober
from sentinel import findings, mandate
from sentinel.contact import Knocker
from sentinel.courier import Courier
from sentinel.deeds import Deeds
from sentinel.disk import Disk
from sentinel.duties import Duties
from sentinel.fence import Fence
from sentinel.look import Observer
from sentinel.probing import Probing, Target
from sentinel.service import Service


def main() -> None:
    """Watches until it is told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--unit", required=True, help="the Juju unit, such as pg/1")
    parser.add_argument("--charm-directory", required=True, type=Path)
    parser.add_argument("--major", required=True, type=int, help="PostgreSQL's major version")
    parser.add_argument("--name", default="main", help="the cluster's name in Debian's sense")
    parser.add_argument("--port", default=5432, type=int)
    parser.add_argument("--mandate", default=mandate.PATH, type=Path)
    parser.add_argument("--findings", default=findings.PATH, type=Path)
    arguments = parser.parse_args()
    layout = Layout(arguments.major, arguments.name, arguments.port)
    duties = Duties(
        Observer(layout),
        mandate.Reader(arguments.mandate),
        Courier(arguments.unit, arguments.charm_directory),
        Probing(lambda target: _prober(layout, target)),
        Knocker(),
        Fence(layout),
        Deeds(layout, arguments.mandate),
        Disk(lambda: room.ailing(layout)),
        arguments.findings,
        # It lies in /run: after a boot Juju raises an event by itself.
        resumed=arguments.findings.exists(),
    )
    Service(duties.turn).run()


def _prober(layout: Layout, target: Target) -> Prober:
    if not target.address:
        return Prober.local(layout)
    return Prober.remote(target.address, target.password, target.port)


if __name__ == "__main__":
    main()
