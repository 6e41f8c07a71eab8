"""What is done to machines, links and processes, and how it is undone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from localjuju.controller.facade import Controller
from localjuju.controller.wire import ControllerGoneError, JujuError
from localjuju.host import clocks, disks, links, names, paths
from localjuju.host.errors import HostError
from localjuju.host.links import CONTROLLER
from localjuju.host.machine import Machine
from tests.integration.cluster import wait_until

DATA_DISK = "/var/lib/postgresql"
WAL_DISK = "/var/lib/postgresql-wal"
ARCHIVE_DISK = "/var/backups/pgsql"
DISKS = (DATA_DISK, WAL_DISK, ARCHIVE_DISK)

_SERVER = "-x postgres"
_AGENT = "localjuju-agent.service"
_SENTINEL = "pg-hot-standby-sentinel.service"
# More segments than a server keeps at the least to write them again: min_wal_size. Nothing of it
# waits for a standby.
_WRITE_WAL = """
for _ in 1 2 3 4 5 6 7 8; do
    sudo -u postgres psql -XAtq -v ON_ERROR_STOP=1 \\
        -c "SELECT pg_logical_emit_message(false, 'trial', '')" \\
        -c 'SELECT pg_switch_wal()' || break
done
"""
# A command in a machine whose disk hangs may hang, too.
_PATIENCE_S = 20.0
_HOUR_S = 3600.0


@dataclass(frozen=True)
class Ground:
    """The machines to which it is done.

    Attributes:
        struck: those that are meant.
        members: all machines of the application.
        client: the one on which the writers' connections begin.
    """

    struck: Sequence[Machine]
    members: Sequence[Machine]
    client: Machine


Act = Callable[[Ground], None]


@dataclass(frozen=True)
class Kind:
    """One sort of harm.

    Attributes:
        begin: does it.
        end: undoes it; None if it is over at once.
        longest: seconds that it may last.
        takes: what of a machine it takes away, so that two kinds that take the same are not
            done to one machine at a time.
        for_all: whether it may strike all members at once: a power cut of the site, or its switch.
        idle: whether the primary has to stay where it is if nothing else is done.
    """

    begin: Act
    end: Act | None = None
    longest: float = 120.0
    takes: str = "process"
    for_all: bool = False
    idle: bool = False


def run_in(machine: Machine, script: str) -> None:
    """Runs a shell script as root on a machine, and lets it fail.

    Raises:
        HostError: if the machine is off.
        subprocess.TimeoutExpired: if the machine stands still or its disk hangs.
    """
    machine.exec(["sh", "-c", script], timeout=_PATIENCE_S)


def _each(script: str) -> Act:
    def act(ground: Ground) -> None:
        for machine in ground.struck:
            run_in(machine, script)

    return act


def _power(verb: Callable[[Machine], None]) -> Act:
    def act(ground: Ground) -> None:
        for machine in ground.struck:
            verb(machine)

    return act


def _disk(verb: Callable[[Machine, str], object], path: str) -> Act:
    def act(ground: Ground) -> None:
        for machine in ground.struck:
            verb(machine, path)

    return act


def _link(
    peers: bool, controller: bool, client: bool = False, way: str = "both"
) -> tuple[Act, Act]:
    """A cut and its healing.

    Args:
        peers: whether the links to the application's other machines are cut.
        controller: whether the link to the controller is.
        client: whether the link to the writers is.
        way: "out": only what the struck machines send is lost; "in": only what is sent to them.
    """

    def over(verb: Callable[..., None]) -> Act:
        def act(ground: Ground) -> None:
            for machine in ground.struck:
                ends = [
                    *(one for one in ground.members if peers and one.name != machine.name),
                    *([CONTROLLER] if controller else []),
                    *([ground.client] if client else []),
                ]
                for end in ends:
                    a, b = (end, machine) if way == "in" else (machine, end)
                    verb(a, b, one_way=way != "both")

        return act

    return over(links.cut), over(links.heal)


def _step_clock(seconds: float) -> Act:
    def act(ground: Ground) -> None:
        for machine in ground.struck:
            clocks.step(machine, seconds)

    return act


def _move_leadership(ground: Ground) -> None:
    """Takes leadership from who has it; gives it to the first other unit whose agent is there."""
    model = ground.members[0].model
    ours = {unit for machine in ground.members for unit in names.units(machine)}
    try:
        with Controller.connect(start=False) as controller:
            applications = controller.status(model)["formatted"]["applications"]
            units = {
                name: unit
                for application in applications.values()
                for name, unit in application.get("units", {}).items()
                if name in ours
            }
            for name, unit in units.items():
                if not unit.get("leader") and unit["juju-status"]["current"] != "lost":
                    controller.move_leadership(model, name)
                    return
    except (ControllerGoneError, JujuError) as error:
        raise HostError("leadership was not moved", str(error)) from error
    raise HostError("leadership was not moved", "no other unit is there")


def _reboot(ground: Ground) -> None:
    for machine in ground.struck:
        before = machine.boots
        run_in(machine, "systemctl reboot")
        wait_until(
            lambda machine=machine: machine.boots, lambda now, before=before: now > before, 90
        )


def controller_pid() -> int | None:
    """The controller's process id, if it runs."""
    try:
        pid = int((paths.home() / "controller.lock").read_text())
        os.kill(pid, 0)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return None
    return pid


def _stop_controller(_: Ground) -> None:
    if pid := controller_pid():
        os.kill(pid, signal.SIGKILL)
        wait_until(controller_pid, lambda now: now != pid, 20)


def _start_controller(_: Ground) -> None:
    # The first command that needs it starts it.
    juju = paths.REPOSITORY / "localjuju" / "bin" / "juju"
    subprocess.run([str(juju), "models"], check=False, capture_output=True)


def _freeze_controller(_: Ground) -> None:
    if pid := controller_pid():
        os.kill(pid, signal.SIGSTOP)


def _thaw_controller(_: Ground) -> None:
    if pid := controller_pid():
        os.kill(pid, signal.SIGCONT)


def _kill_all_of(service: str) -> str:
    return f"systemctl kill --signal=KILL {service}"


def _signal_agent(name: str) -> Act:
    return _each(f"systemctl kill --signal={name} {_AGENT}")


def _fill_wal(ground: Ground) -> None:
    """Fills the disk, and has what servers keep of segments to write to come to its end."""
    for machine in ground.struck:
        disks.fill(machine, WAL_DISK)
    for machine in ground.members:
        # All but one are no primary, and that one may end over it.
        with contextlib.suppress(HostError, subprocess.TimeoutExpired):
            run_in(machine, _WRITE_WAL)


def _on_disk(path: str, fills: bool) -> Kind:
    begin, end = (disks.fill, disks.free) if fills else (disks.hang, disks.release)
    longest = 90.0 if fills else 120.0
    return Kind(_disk(begin, path), _disk(end, path), longest, takes="disk")


KINDS: dict[str, Kind] = {
    "kill-server": Kind(_each(f"pkill -9 {_SERVER}"), takes="server", for_all=True),
    "kill-postmaster": Kind(_each(f"pkill -9 -o {_SERVER}"), takes="server"),
    "kill-agent": Kind(_each(_kill_all_of(_AGENT)), takes="agent", idle=True),
    "kill-sentinel": Kind(_each(_kill_all_of(_SENTINEL)), takes="sentinel", idle=True),
    "kill-server-and-agent": Kind(
        _each(f"pkill -9 {_SERVER}; {_kill_all_of(_AGENT)}"), takes="server"
    ),
    "kill-machine": Kind(
        _power(Machine.kill), _power(Machine.start), takes="machine", for_all=True
    ),
    "reboot": Kind(_reboot, takes="machine", for_all=True),
    "freeze-server": Kind(
        _each(f"pkill -STOP {_SERVER}"), _each(f"pkill -CONT {_SERVER}"), takes="server"
    ),
    "freeze-agent": Kind(_signal_agent("STOP"), _signal_agent("CONT"), takes="agent", idle=True),
    "freeze-machine": Kind(
        _power(Machine.freeze), _power(Machine.thaw), takes="machine", for_all=True
    ),
    "stop-controller": Kind(_stop_controller, _start_controller, takes="controller", idle=True),
    "freeze-controller": Kind(_freeze_controller, _thaw_controller, takes="controller", idle=True),
    "move-leadership": Kind(_move_leadership, takes="leadership", idle=True),
    "step-clock-forward": Kind(
        _step_clock(_HOUR_S), _step_clock(-_HOUR_S), takes="clock", for_all=True, idle=True
    ),
    "step-clock-back": Kind(
        _step_clock(-_HOUR_S), _step_clock(_HOUR_S), takes="clock", for_all=True, idle=True
    ),
    "cut-peers": Kind(*_link(peers=True, controller=False), takes="link", for_all=True),
    "cut-controller": Kind(*_link(peers=False, controller=True), takes="link", for_all=True),
    "cut-peers-and-controller": Kind(*_link(peers=True, controller=True), takes="link"),
    "cut-all": Kind(*_link(peers=True, controller=True, client=True), takes="link"),
    "cut-peers-out": Kind(*_link(peers=True, controller=False, way="out"), takes="link"),
    "cut-peers-in": Kind(*_link(peers=True, controller=False, way="in"), takes="link"),
    "cut-controller-out": Kind(*_link(peers=False, controller=True, way="out"), takes="link"),
    "cut-controller-in": Kind(*_link(peers=False, controller=True, way="in"), takes="link"),
    "cut-both-out": Kind(*_link(peers=True, controller=True, way="out"), takes="link"),
    "cut-both-in": Kind(*_link(peers=True, controller=True, way="in"), takes="link"),
    "fill-data": _on_disk(DATA_DISK, fills=True),
    "fill-wal": Kind(_fill_wal, _disk(disks.free, WAL_DISK), 90, "disk"),
    "fill-archive": _on_disk(ARCHIVE_DISK, fills=True),
    "hang-data": _on_disk(DATA_DISK, fills=False),
    "hang-wal": _on_disk(WAL_DISK, fills=False),
    "hang-archive": _on_disk(ARCHIVE_DISK, fills=False),
}


def undo_everything(model: str, members: Sequence[Machine]) -> None:
    """Ends whatever may still be under way, so that what is left to heal is the charm's."""
    nothing = Ground((), (), members[0]) if members else None
    if nothing:
        _thaw_controller(nothing)
        _start_controller(nothing)
    links.heal_all(model)
    for machine in members:
        for path in DISKS:
            # Not hanging, or no such disk.
            with contextlib.suppress(HostError):
                disks.release(machine, path)
            with contextlib.suppress(HostError):
                disks.free(machine, path)
        with contextlib.suppress(HostError):
            clocks.set_ahead(machine, 0)
        with contextlib.suppress(HostError):
            machine.thaw()
        machine.start()
        deadline = time.monotonic() + 60
        while True:
            try:
                run_in(
                    machine,
                    f"pkill -CONT {_SERVER}; systemctl kill --signal=CONT {_AGENT}; true",
                )
                break
            except (HostError, subprocess.TimeoutExpired):
                # It reboots just now.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
