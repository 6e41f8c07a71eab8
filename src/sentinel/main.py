"""The program that systemd runs as pg-hot-standby-sentinel.service."""

from __future__ import annotations

import argparse
from pathlib import Path

from postgresql.layout import Layout
from sentinel.courier import Courier
from sentinel.look import Observer
from sentinel.service import Service


def main() -> None:
    """Watches until it is told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--unit", required=True, help="the Juju unit, such as pg/1")
    parser.add_argument("--charm-directory", required=True, type=Path)
    parser.add_argument("--major", required=True, type=int, help="PostgreSQL's major version")
    arguments = parser.parse_args()
    observer = Observer(Layout(arguments.major))
    Service(observer.look, Courier(arguments.unit, arguments.charm_directory)).run()


if __name__ == "__main__":
    main()
