"""What a machine is switched on with: a supervisor that outlives logins, and nspawn's options.

The supervisor and those who wait for it share three files in the machine's directory: power.json
(with what to boot, ours), state.json (how far it is, the supervisor's) and supervisor.lock (held
as long as it lives).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localjuju.host import cgroup, paths, run
from localjuju.host.surroundings import Bind


@dataclass(frozen=True)
class State:
    """What a machine's supervisor says of it.

    Attributes:
        pid: the supervisor's process id.
        cgroup: the machine's cgroup.
        boots: how often it has booted since power on.
        phase: "booting", "up" or "off".
        leader: process id, on the host, of the machine's PID 1, or 0.
        error: why it went off unasked, or "".
    """

    pid: int
    cgroup: Path
    boots: int
    phase: str
    leader: int
    error: str


def last_state(directory: Path) -> State | None:
    """What the supervisor of a machine said last, be it alive or not; None if it said nothing."""
    try:
        stored = json.loads((directory / "state.json").read_text())
    except FileNotFoundError:
        return None
    return State(**{**stored, "cgroup": cgroup.mount_point() / stored["cgroup"]})


def write(directory: Path, argv: Sequence[str], port: str) -> None:
    """Tell the supervisor with what to boot next.

    Args:
        directory: the machine's.
        argv: systemd-nspawn with its options.
        port: the host's end of the link, which must not be there when nspawn begins.
    """
    text = json.dumps({"argv": list(argv), "port": port})
    run.write_atomically(directory / "power.json", text, mode=0o600)


def nspawn(
    root: Path, *, name: str, hostname: str, bridge: str, binds: Sequence[Bind]
) -> list[str]:
    """systemd-nspawn(1) with the options for a machine."""
    return [
        *("systemd-nspawn", "--quiet", "--settings=no", "--boot", "--notify-ready=yes"),
        # Nothing is asked of the host's systemd, which may not be there; the cgroup is the
        # supervisor's.
        *("--register=no", "--keep-unit"),
        f"--directory={root}",
        f"--machine={name}",
        f"--hostname={hostname}",
        f"--network-bridge={bridge}",
        *("--console=pipe", "--resolv-conf=off", "--timezone=off", "--link-journal=no"),
        *(f"--bind{'-ro' if b.read_only else ''}={b.source}:{b.target}" for b in binds),
        "systemd.unified_cgroup_hierarchy=1",
    ]


def supervise(directory: Path, label: str) -> None:
    """Start the supervisor of a machine, and return without waiting for it.

    Args:
        directory: the machine's.
        label: tells the machine's cgroup or service from those of others of this home.

    Raises:
        CommandFailed: if systemd refuses the service.
    """
    argv = [
        *("unshare", "--mount", "--propagation", "private", "--"),
        *(sys.executable, "-m", "localjuju.host.supervisor", str(directory), label),
    ]
    env = run.environment(
        {
            "PYTHONPATH": str(paths.REPOSITORY),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LOCALJUJU_HOME": str(paths.home()),
        }
    )
    log = directory / "supervisor.log"
    if cgroup.has_systemd():
        _as_service(f"localjuju-{paths.tag()}-{label}.service", argv, env, log)
        return
    with log.open("w") as output:
        subprocess.run(
            ["setsid", "--fork", *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=env,
            check=True,
        )


def _as_service(unit: str, argv: Sequence[str], env: dict[str, str], log: Path) -> None:
    # systemd may still be busy with the end of the last run, and refuses a second unit of the
    # name till then.
    run.succeeds(["systemctl", "stop", unit])
    run.succeeds(["systemctl", "reset-failed", unit])
    run.run(
        [
            *("systemd-run", "--quiet", "--collect", f"--unit={unit}"),
            *(f"--slice={cgroup.slice_name()}", "--property=Delegate=yes"),
            *("--property=KillMode=mixed", "--property=TasksMax=infinity"),
            *(f"--property=StandardOutput=file:{log}", "--property=StandardError=inherit"),
            *(f"--setenv={name}={value}" for name, value in env.items()),
            *argv,
        ]
    )
