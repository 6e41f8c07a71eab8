"""Machines with a wall clock of their own, that can be stepped while their processes run.

Machines share the kernel's clock, and stepping it would step the host's. So a library is preloaded
into every process of such a machine, which shifts what `clock_gettime`, `gettimeofday` and `time`
answer for CLOCK_REALTIME; see `clock.c`. CLOCK_MONOTONIC and CLOCK_BOOTTIME are left alone, as a
step leaves them. It is built once for each image, with that release's own compiler.

What the kernel does by its own clock knows no step: times of files, and timers that were asked to
wait until a moment of the wall clock (timerfd, a `pthread_cond_timedwait`, systemd's OnCalendar=).
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from localjuju.host import image
from localjuju.host.definition import DEFAULT_BASE, DEFAULT_RELEASE, Layer
from localjuju.host.errors import HostError

if TYPE_CHECKING:
    from localjuju.host.machine import Machine

SOURCE = Path(__file__).with_name("clock.c")
LIBRARY = "usr/local/lib/localjuju-clock.so"
SHIFT = "etc/localjuju/clock"
PRELOAD = "etc/ld.so.preload"
_NANOSECONDS = struct.Struct("=q")


def layer() -> Layer:
    """An image with a compiler, and the library that it made."""
    source = f"/opt/localjuju/{SOURCE.name}"
    return Layer(
        name="clock",
        packages=("gcc", "libc6-dev"),
        files={source: SOURCE.read_text()},
        commands=(
            (
                *("gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"),
                *(f'-DSHIFT_FILE="/{SHIFT}"', "-o", f"/{LIBRARY}", source),
            ),
        ),
    )


def install(machine: Machine, release: str = DEFAULT_RELEASE, *, base: str = DEFAULT_BASE) -> None:
    """Give a machine that was made and never started a clock of its own; it goes right.

    Args:
        machine: it.
        release: of which its image is.
        base: as which its image poses.

    Raises:
        HostError: if the machine runs: its processes would not see the clock; or if the library
            cannot be built.
    """
    if machine.is_running:
        raise HostError(f"machine {machine.name} gets no clock of its own", "it runs already")
    built = image.ensure(release, layer=layer(), base=base)
    target = machine.root / LIBRARY
    target.write_bytes((built.directory / "tree" / LIBRARY).read_bytes())
    target.chmod(0o755)
    (machine.root / SHIFT).write_bytes(_NANOSECONDS.pack(0))
    # Last, since a program complains of a library that is named here and not there.
    (machine.root / PRELOAD).write_text(f"/{LIBRARY}\n")


def step(machine: Machine, seconds: float) -> None:
    """Step a machine's clock, back where `seconds` are negative; on top of earlier steps.

    Raises:
        HostError: if it has no clock of its own.
    """
    set_ahead(machine, ahead(machine) + seconds)


def set_ahead(machine: Machine, seconds: float) -> None:
    """Let a machine's clock be that far ahead of the host's; 0: right again.

    Raises:
        HostError: if it has no clock of its own.
    """
    _read(machine)
    handle = os.open(machine.root / SHIFT, os.O_WRONLY | os.O_CLOEXEC)
    try:
        # In place and at once: every process has this very file mapped.
        os.pwrite(handle, _NANOSECONDS.pack(round(seconds * 1e9)), 0)
    finally:
        os.close(handle)


def ahead(machine: Machine) -> float:
    """How many seconds a machine's clock is ahead of the host's.

    Raises:
        HostError: if it has no clock of its own.
    """
    return _read(machine) / 1e9


def _read(machine: Machine) -> int:
    try:
        (nanoseconds,) = _NANOSECONDS.unpack((machine.root / SHIFT).read_bytes())
    except FileNotFoundError as error:
        raise HostError(
            f"machine {machine.name} has no clock of its own",
            "it was made without one, and the host's is not to be touched",
            "make the model with: juju add-model NAME --config localjuju-own-clock=true",
        ) from error
    return int(nanoseconds)
