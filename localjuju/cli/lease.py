"""The command line of `localjuju/bin/lease`: what Juju has no command for."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from localjuju.cli.focus import Focus
from localjuju.controller.facade import Controller
from localjuju.controller.wire import ControllerGoneError, JujuError

DESCRIPTION = """\
Leadership in localjuju, the stand-in for Juju on one host, taken from a unit that lives, as a
controller takes it where a lease ends though its holder is there. Who led goes on believing so
until it next renews its claim, up to 30 s later; what it writes as leader meanwhile is refused."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 1 for a failure that is told on standard error."""
    arguments = parser().parse_args(argv)
    try:
        with Controller.connect(start=False) as controller:
            uuid = controller.info()["uuid"]
            model = arguments.model or Focus(os.environ).model(uuid)
            if model is None:
                raise JujuError("no current model: name one with --model")
            controller.move_leadership(model, arguments.unit)
    except (JujuError, ControllerGoneError) as error:
        print(f"lease: {error}", file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """Every command with its arguments."""
    top = argparse.ArgumentParser(prog="lease", description=DESCRIPTION)
    top.add_argument("-m", "--model", help="whose application it is; the current one by default")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    text = "give the lease of a unit's application to this unit"
    move = commands.add_parser("move", help=text, description=text)
    move.add_argument("unit", metavar="UNIT", help="such as pg/1")
    return top
