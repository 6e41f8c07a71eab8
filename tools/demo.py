"""Deploys a pair on local machines, proves that it replicates, and leaves it running.

Every step looks first whether it is done, so a demo that was interrupted can be run again.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import time
from collections.abc import Callable

import jubilant

from localjuju.host import image
from localjuju.host.errors import HostError
from tools import pack
from tools.psql import Writer, sql
from tools.root import become_root
from tools.terminal import Failed, Steps

JUJU = str(pack.ROOT / "localjuju/bin/juju")
MODEL = "demo"
RELEASE_KEY = "localjuju-release"
APPLICATION = "pg"
UNITS = 2
ARCHIVES = ("/srv/wal-archive", "/srv/wal-archive-2")
SEGMENT = re.compile(r"^[0-9A-F]{24}$", re.MULTILINE)
READY_SECONDS = 300
MOVED_SECONDS = 120
POLL_SECONDS = 0.5
ROWS = 10_000
MAKE_TABLE = "CREATE TABLE IF NOT EXISTS demo (id serial PRIMARY KEY, at timestamptz)"
FILL_TABLE = f"INSERT INTO demo (at) SELECT now() FROM generate_series(1, {ROWS})"  # noqa: S608
INSERT_ROW = "INSERT INTO demo (at) VALUES (now()) RETURNING id"
COUNT_ROWS = "SELECT count(*) FROM demo"
LOOK = (
    f"Look at: localjuju/bin/juju status -m {MODEL}\n"
    f"         localjuju/bin/juju debug-log -m {MODEL} --replay --no-tail\n"
    "Then go on with: make demo, or begin anew with: make down demo"
)
AFTERWARDS = f"""\
The pair is still running. What to try next:

  {{setup}}
  juju status
  juju run {APPLICATION}/1 get-cluster-status
  juju add-unit {APPLICATION}
  juju ssh {APPLICATION}/1 sudo -u postgres psql
  machine --help                        # cut links, pull the plug
  make down                             # take all of it away"""
PATH_SETUP = 'export PATH="$PWD/localjuju/bin:$PATH"'
# sudo has a PATH of its own.
SUDO_SETUP = """\
alias juju="sudo $PWD/localjuju/bin/juju"
  alias machine="sudo $PWD/localjuju/bin/machine\""""


def wait(what: str, seconds: float, reached: Callable[[], bool], why: Callable[[], str]) -> None:
    """Wait for a condition.

    Raises:
        Failed: if it is not reached in time.
    """
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            raise Failed(what, f"not reached within {seconds:.0f} s: {why()}", LOOK)
        time.sleep(POLL_SECONDS)


class Watch:
    """Shows the units' statuses as they change."""

    def __init__(self, juju: jubilant.Juju, steps: Steps):
        self._juju, self._steps = juju, steps
        self._seen: dict[str, tuple[str, str]] = {}

    def all_active(self) -> bool:
        """Look, show what is new, and tell whether all the units are ready and at rest.

        Raises:
            Failed: if a unit cannot get on without a person.
        """
        status = self._juju.status()
        units = status.apps[APPLICATION].units
        for number, machine in status.machines.items():
            if machine.juju_status.current in ("down", "error"):
                raise Failed(f"machine {number}", machine.machine_status.message, LOOK)
        for name, unit in units.items():
            now = (unit.workload_status.current, unit.workload_status.message)
            if self._seen.get(name) != now:
                self._seen[name] = now
                self._steps.status(name, *now)
            if now[0] in ("blocked", "error"):
                raise Failed(f"{name} is {now[0]}", now[1], LOOK)
        return len(units) >= UNITS and all(
            unit.is_active and unit.juju_status.current == "idle" for unit in units.values()
        )

    def mentions(self, word: str) -> bool:
        """Tell whether a unit's message had the word at the last look."""
        return any(word in message for _, message in self._seen.values())

    def summary(self) -> str:
        """Tell how the units stood at the last look."""
        return "; ".join(f"{name} {' '.join(seen)}" for name, seen in self._seen.items())


def run(juju: jubilant.Juju, unit: str, action: str, **parameters: str) -> dict[str, str]:
    """Run an action.

    Raises:
        Failed: with the action's own message.
    """
    try:
        return juju.run(unit, action, parameters or None).results
    except jubilant.TaskError as error:
        report = error.task.results.get("table", "")
        raise Failed(f"{action} on {unit}", f"{error.task.message}\n{report}", LOOK) from error


def segments(juju: jubilant.Juju, unit: str, directory: str) -> set[str]:
    """Name the WAL segments that a unit has in a directory; none if it is not there."""
    listing = juju.ssh(unit, f"sudo find '{directory}' -maxdepth 1 -printf '%f\\n' || true")
    return set(SEGMENT.findall(listing))


def have_model(juju: jubilant.Juju, steps: Steps, release: str) -> None:
    """Have a model whose machines are of the release.

    Raises:
        Failed: if there is one of another release from before.
    """
    steps.begin("Make a model", f"juju add-model {MODEL}")
    models = json.loads(juju.cli("models", "--format", "json", include_model=False))["models"]
    if not any(model["short-name"] == MODEL for model in models):
        # The stand-in's own key; a model of a real Juju has none like it.
        own = f"{RELEASE_KEY}={release}"
        juju.cli("add-model", MODEL, "--config", own, include_model=False)
        return
    steps.note(f"the model {MODEL} is there from before")
    before = juju.model_config().get(RELEASE_KEY) or release
    if before != release:
        why = f"the model {MODEL} has machines of {before}"
        raise Failed(f"a demo with {release}", why, "Take it away first, with: make down")


def deploy(juju: jubilant.Juju, steps: Steps, watch: Watch) -> None:
    """Have the pair, and show how it comes up."""
    command = ("deploy", "./pg-hot-standby", APPLICATION, "-n", str(UNITS))
    steps.begin("Deploy the pair", f"juju {' '.join(command)}")
    if APPLICATION in juju.status().apps:
        steps.note(f"{APPLICATION} is there from before and gets this charm")
        juju.refresh(APPLICATION, path=str(pack.RESULT))
    else:
        juju.cli(*command)
    wait("deploying the pair", READY_SECONDS, watch.all_active, watch.summary)


def move_archive(juju: jubilant.Juju, steps: Steps, watch: Watch, primary: str) -> None:
    """Change archive-path with writes going on, and wait until every segment is at the new one.

    Raises:
        Failed: if a segment does not arrive in time, or a write is not acknowledged.
    """
    units = sorted(juju.status().apps[APPLICATION].units)
    old = str(juju.config(APPLICATION)["archive-path"])
    new = next(path for path in ARCHIVES if path != old)
    steps.begin("Move the archive while rows are written", f"juju config pg archive-path={new}")
    before = {unit: segments(juju, unit, old) for unit in units}
    there: dict[str, set[str]] = {}

    def moved() -> bool:
        # So that there is something to archive, under whichever path is in force by now.
        sql(juju, primary, "SELECT pg_switch_wal()")
        there.update({unit: segments(juju, unit, new) for unit in units})
        at_rest = watch.all_active() and not watch.mentions("archive")
        return at_rest and all(before[unit] < there[unit] for unit in units)

    def missing() -> str:
        counts = [f"{len(before[unit] - there[unit])} on {unit}" for unit in units]
        return f"segments not under {new} yet: {', '.join(counts)}"

    with Writer(juju, primary, INSERT_ROW) as writer:
        juju.config(APPLICATION, {"archive-path": new})
        wait(f"moving the archive to {new}", MOVED_SECONDS, moved, missing)
    for unit in units:
        fresh = len(there[unit] - before[unit])
        steps.note(f"{unit}: {len(before[unit])} segments carried over, {fresh} new, none missing")
    steps.note(f"{writer.acknowledged} rows written meanwhile, each acknowledged")


def demo(steps: Steps, release: str) -> None:
    """Go through all the steps."""
    juju = jubilant.Juju(model=MODEL, cli_binary=JUJU)
    steps.begin("Have an image to make machines from")
    steps.note(f"image {image.ensure(release, say=steps.note).name}")
    steps.begin("Pack the charm", "make charm")
    pack.make(release, None, pack.RESULT, say=steps.note)
    have_model(juju, steps, release)
    # One for all steps, so that only what changes is shown.
    watch = Watch(juju, steps)
    deploy(juju, steps, watch)
    primary = run(juju, f"{APPLICATION}/0", "get-cluster-status")["primary"]
    steps.begin(f"Write {ROWS} rows on {primary}", f"juju ssh {primary} sudo -u postgres psql")
    rows = sql(juju, primary, f"{MAKE_TABLE}; {FILL_TABLE}; {COUNT_ROWS}")
    steps.note(f"{rows} rows in the table demo")
    steps.begin("Prove that they replicate", f"juju run {primary} verify-replication")
    steps.text(run(juju, primary, "verify-replication")["table"])
    move_archive(juju, steps, watch, primary)
    parameters = {"database": "postgres", "query": COUNT_ROWS}
    words = " ".join(f"{name}={shlex.quote(value)}" for name, value in parameters.items())
    steps.begin("Prove it again, and compare the rows", f"juju run {primary} \\")
    steps.text(f"    verify-replication {words}")
    steps.text(run(juju, primary, "verify-replication", **parameters)["table"])


def main(release: str) -> int:
    """Run the demo."""
    become_root("Starting local machines")
    steps = Steps(total=8)
    try:
        demo(steps, release)
    except Failed as failure:
        steps.fail(failure)
    except jubilant.CLIError as error:
        command = " ".join(["juju", *error.cmd[1:]])
        steps.fail(Failed(command, f"{error.stderr}{error.stdout}", LOOK))
    except (HostError, pack.PackFailed) as error:
        steps.fail(Failed("preparing", str(error), "Then go on with: make demo"))
    except KeyboardInterrupt:
        print(f"\nInterrupted. {LOOK}", file=sys.stderr)
    else:
        setup = SUDO_SETUP if "SUDO_UID" in os.environ else PATH_SETUP
        print(f"\n{AFTERWARDS.format(setup=setup)}")
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "bookworm"))
