"""Machines for one command: booted, used, removed whatever happens."""

from __future__ import annotations

import contextlib
import secrets
import signal
import sys
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

from localjuju.host import disks, image, machines, paths, run
from localjuju.host.definition import DEFAULT_RELEASE, Layer
from localjuju.host.image import Bind
from localjuju.host.machine import Machine
from localjuju.host.progress import Say

VENV = "/opt/localjuju/venv"


def tools() -> Layer:
    """A layer with the checkout's locked dependencies, for the image's own Python.

    The checkout's .venv belongs to the host's Python, which the machine does not have.
    """
    project = "/opt/localjuju/project"
    files = {
        f"{project}/{name}": (paths.REPOSITORY / name).read_text()
        for name in ("pyproject.toml", "uv.lock")
    }
    uv = "/opt/localjuju/uv"
    sync = ("--frozen", "--no-cache", "--no-default-groups", "--group", "functional")
    return Layer(
        name="tools",
        commands=(
            ("python3", "-m", "venv", uv),
            (f"{uv}/bin/pip", "install", "--no-cache-dir", "-q", "uv"),
            (
                *("env", f"UV_PROJECT_ENVIRONMENT={VENV}", "UV_PYTHON_DOWNLOADS=never"),
                *(f"{uv}/bin/uv", "sync", "--project", project, "--python", "/usr/bin/python3"),
                *sync,
            ),
        ),
        files=files,
    )


@contextlib.contextmanager
def machine(
    release: str = DEFAULT_RELEASE,
    *,
    binds: Sequence[Path | Bind] = (),
    sizes: Mapping[str, str] | None = None,
    layer: Layer | None = None,
    say: Say = print,
) -> Generator[Machine]:
    """A running machine in a model of its own, gone when the block is left.

    Args:
        release: Debian's or Ubuntu's code name.
        binds: paths of the host to show in it.
        sizes: path in the machine -> size of a disk for it, such as "64M".
        layer: what the image has on top.
        say: is told when an image has to be built.
    """
    with group(1, release, binds=binds, sizes=sizes, layer=layer, say=say) as made:
        yield made[0]


@contextlib.contextmanager
def group(
    count: int,
    release: str = DEFAULT_RELEASE,
    *,
    binds: Sequence[Path | Bind] = (),
    sizes: Mapping[str, str] | None = None,
    layer: Layer | None = None,
    say: Say = print,
) -> Generator[list[Machine]]:
    """Running machines that reach each other, in a model of their own; arguments as `machine`."""
    base = image.ensure(release, layer=layer, say=say)
    model = f"{paths.THROWAWAY}{secrets.token_hex(3)}"
    paths.ensure_home()
    # If we are killed the lock goes with us, and `cleanup.sweep` knows that nobody wants this.
    with run.locked(paths.owner_lock(model)):
        try:
            made = [
                machines.create(model, str(number), image=base, binds=binds)
                for number in range(count)
            ]
            for one in made:
                for path, size in (sizes or {}).items():
                    disks.attach(one, path, disks.parse_size(size))
                one.start()
            yield made
        finally:
            machines.destroy_model(model)
            paths.owner_lock(model).unlink()


def run_command(
    argv: Sequence[str],
    release: str = DEFAULT_RELEASE,
    *,
    binds: Sequence[Path | Bind] = (),
    sizes: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
) -> int:
    """Run a command as root in a throwaway machine that shows this checkout at its own path.

    `python3` and `pytest` are those of the checkout's locked dependencies. The command has our
    standard streams; if they are a terminal it has one of its own.

    Returns:
        The command's exit code, 128 + n if signal n ended it.
    """
    variables = {
        "PATH": f"{VENV}/bin:{image.INSIDE_PATH}",
        # Compiled files of the machine's Python do not belong into the checkout.
        "PYTHONDONTWRITEBYTECODE": "1",
        **(env or {}),
    }
    here = Path.cwd()
    cwd = here if here.is_relative_to(paths.REPOSITORY) else paths.REPOSITORY

    def on_terminate(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    # A terminated command must clean up as an interrupted one does.
    signal.signal(signal.SIGTERM, on_terminate)

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    everything = [paths.REPOSITORY, *binds]
    with machine(release, binds=everything, sizes=sizes, layer=tools(), say=say) as made:
        if sys.stdin.isatty() and sys.stdout.isatty():
            return made.terminal(argv, env=variables, cwd=str(cwd))
        code = made.exec(
            argv, stdin=sys.stdin, capture=False, env=variables, cwd=str(cwd)
        ).returncode
        return code if code >= 0 else 128 - code
