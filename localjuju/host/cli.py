"""The command line of `localjuju/bin/machine`: machines, and harm done to them."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from localjuju.host import (
    cleanup,
    clocks,
    disks,
    image,
    links,
    machines,
    names,
    paths,
    prerequisites,
    throwaway,
)
from localjuju.host.definition import BASES, DEFAULT_RELEASE, RELEASES
from localjuju.host.errors import HostError
from localjuju.host.image import Bind
from localjuju.host.links import CONTROLLER, Controller
from localjuju.host.machine import Machine

Arguments = argparse.Namespace

DESCRIPTION = """\
Machines of localjuju, the stand-in for Juju on one host, and harm done to them on purpose.
A machine is named MODEL/ID, ID where that is enough, or by a unit on it, such as pg/0."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 1 for a failure that is told on standard error."""
    arguments = parser().parse_args(argv)
    handler: Callable[[Arguments], int | None] = arguments.handler
    try:
        if handler is not _prerequisites:
            prerequisites.require()
            cleanup.sweep()
        return handler(arguments) or 0
    except (HostError, ValueError) as error:
        print(f"machine: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """Every command with its arguments."""
    top = argparse.ArgumentParser(prog="machine", description=DESCRIPTION)
    top.add_argument("-m", "--model", help="where to look for ids and units")
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    def command(
        name: str, handler: Callable[[Arguments], int | None], text: str
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(handler=handler)
        return sub

    sub = command("list", _list, "what machines there are")
    sub.add_argument("--format", choices=("table", "json"), default="table")
    for name, handler, text in (
        ("start", _each(Machine.start), "switch on, and wait until it is up"),
        ("stop", _each(Machine.stop), "shut down in order"),
        ("reboot", _each(Machine.reboot), "reboot in order, and wait until it is up"),
        ("kill", _each(Machine.kill), "take the power away: nobody is told, nothing is flushed"),
        ("freeze", _each(Machine.freeze), "let it stand still, connections stay open"),
        ("thaw", _each(Machine.thaw), "undo freeze"),
    ):
        command(name, handler, text).add_argument("names", metavar="MACHINE", nargs="+")
    for name, handler, text in (
        ("cut", _cut, "lose every packet on a link, silently"),
        ("heal", _heal, "undo cut; without arguments every cut of every model"),
    ):
        sub = command(name, handler, text)
        sub.add_argument(
            "ends",
            metavar="END",
            nargs="*",
            help="two of: a machine, `controller`; one machine alone: its link to all; "
            "or FROM->TO with --one-way",
        )
        sub.add_argument(
            "--one-way", action="store_true", help="only from the first to the second"
        )
    sub = command("disk", _disk, "put a disk of limited size at a path of a machine")
    sub.add_argument("name", metavar="MACHINE")
    sub.add_argument("path", metavar="PATH")
    sub.add_argument("size", metavar="SIZE", help="such as 64M")
    for name, action, text in (
        ("fill", disks.fill, "use up what is left on the disk at a path"),
        ("free", disks.free, "undo fill"),
        ("hang", disks.hang, "let every write to the disk at a path wait"),
        ("release", disks.release, "undo hang"),
    ):
        sub = command(name, _on_disk(action), text)
        sub.add_argument("name", metavar="MACHINE")
        sub.add_argument("path", metavar="PATH")
    sub = command("clock", _clock, "step the clock of a machine that has one of its own")
    sub.add_argument("name", metavar="MACHINE")
    sub.add_argument(
        "seconds",
        metavar="SECONDS",
        nargs="?",
        type=float,
        help="by how much, such as 3600 or -90.5; none: tell how far it is ahead of the host's",
    )
    sub = command("exec", _exec, "run a command in a machine as root")
    sub.add_argument("name", metavar="MACHINE")
    sub.add_argument("--user", default="root")
    sub.add_argument("argv", metavar="COMMAND", nargs=argparse.REMAINDER)
    sub = command("shell", _shell, "a shell in a machine")
    sub.add_argument("name", metavar="MACHINE")
    sub.add_argument("--user", default="root")
    sub = command(
        "try", _try, "run a command in a throwaway machine that shows this checkout at its path"
    )
    sub.add_argument("--release", choices=sorted(RELEASES), default=DEFAULT_RELEASE)
    sub.add_argument("--disk", metavar="PATH=SIZE", action="append", default=[])
    sub.add_argument("--bind", metavar="PATH[:TARGET]", action="append", default=[])
    sub.add_argument("-e", "--env", metavar="NAME[=VALUE]", action="append", default=[])
    sub.add_argument("argv", metavar="COMMAND", nargs=argparse.REMAINDER)
    sub = command("image", _image, "build the image of a release, if there is none")
    sub.add_argument("--release", choices=sorted(RELEASES), default=DEFAULT_RELEASE)
    sub.add_argument("--base", choices=sorted(BASES))
    sub.add_argument("--prune", action="store_true", help="remove images that no machine uses")
    command("sweep", lambda _: None, "only clean up after commands that were killed")
    sub = command("prerequisites", _prerequisites, "tell what this host lacks")
    sub.add_argument("--install", action="store_true", help="install it by apt")
    return top


def _each(action: Callable[[Machine], None]) -> Callable[[Arguments], None]:
    def handler(arguments: Arguments) -> None:
        # All names first: a mistyped one must not leave half of the harm done.
        for machine in [names.resolve(name, arguments.model) for name in arguments.names]:
            action(machine)

    return handler


def _list(arguments: Arguments) -> None:
    rows = [
        {
            "machine": machine.name,
            "state": _state(machine),
            "address": machine.address,
            "address6": machine.address6,
            "hostname": machine.hostname,
            "units": names.units(machine),
        }
        for machine in machines.list_machines(arguments.model)
    ]
    if arguments.format == "json":
        print(json.dumps(rows, indent=2))
        return
    print(f"{'Machine':<16}{'State':<10}{'Address':<16}{'Host name':<20}Units")
    for row in rows:
        units = " ".join(names.units(machines.get(*str(row["machine"]).split("/"))))
        print(
            f"{row['machine']:<16}{row['state']:<10}{row['address']:<16}{row['hostname']:<20}{units}"
        )
    for model in [arguments.model] if arguments.model else machines.list_models():
        for source, target in links.list_cut(model):
            print(f"cut: {model}: {source} -> {target}")


def _state(machine: Machine) -> str:
    state = machine.state()
    if state is None:
        return "off"
    return "frozen" if machine.is_frozen else state.phase


def _end(text: str, model: str | None) -> Machine | Controller:
    return CONTROLLER if text == "controller" else names.resolve(text, model)


def _links(arguments: Arguments) -> list[tuple[Machine | Controller, Machine | Controller]]:
    """The links that `cut` and `heal` mean: pairs of ends."""
    texts: list[str] = arguments.ends
    if len(texts) == 1 and "->" in texts[0]:
        texts = texts[0].split("->", 1)
        arguments.one_way = True
    ends = [_end(text.strip(), arguments.model) for text in texts]
    if len(ends) == 2:
        return [(ends[0], ends[1])]
    if len(ends) != 1 or isinstance(ends[0], Controller):
        raise HostError("no such link", shlex.join(texts), "name two ends, or one machine")
    only = ends[0]
    others = [m for m in machines.list_machines(only.model) if m.name != only.name]
    return [(only, other) for other in (CONTROLLER, *others)]


def _cut(arguments: Arguments) -> None:
    for a, b in _links(arguments):
        links.cut(a, b, one_way=arguments.one_way)


def _heal(arguments: Arguments) -> None:
    if not arguments.ends:
        for model in [arguments.model] if arguments.model else machines.list_models():
            links.heal_all(model)
        return
    for a, b in _links(arguments):
        links.heal(a, b, one_way=arguments.one_way)


def _disk(arguments: Arguments) -> None:
    machine = names.resolve(arguments.name, arguments.model)
    disks.attach(machine, arguments.path, disks.parse_size(arguments.size))


def _on_disk(action: Callable[[Machine, str], object]) -> Callable[[Arguments], None]:
    def handler(arguments: Arguments) -> None:
        action(names.resolve(arguments.name, arguments.model), arguments.path)

    return handler


def _clock(arguments: Arguments) -> None:
    machine = names.resolve(arguments.name, arguments.model)
    if arguments.seconds is None:
        print(clocks.ahead(machine))
    else:
        clocks.step(machine, arguments.seconds)


def _command(arguments: Arguments, default: list[str]) -> list[str]:
    argv: list[str] = arguments.argv
    return (argv[1:] if argv[:1] == ["--"] else argv) or default


def _exec(arguments: Arguments) -> int:
    machine = names.resolve(arguments.name, arguments.model)
    argv = _command(arguments, ["true"])
    if sys.stdin.isatty() and sys.stdout.isatty():
        return machine.terminal(argv, user=arguments.user)
    done = machine.exec(argv, stdin=sys.stdin, capture=False, user=arguments.user)
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


def _shell(arguments: Arguments) -> int:
    machine = names.resolve(arguments.name, arguments.model)
    return machine.terminal(["bash", "-l"], user=arguments.user)


def _try(arguments: Arguments) -> int:
    binds: list[Path | Bind] = []
    for text in arguments.bind:
        source, _, target = text.partition(":")
        binds.append(Bind(Path(source).resolve(), Path(target or Path(source).resolve())))
    env: dict[str, str] = {}
    for text in arguments.env:
        name, equals, value = text.partition("=")
        env[name] = value if equals else os.environ.get(name, "")
    sizes: dict[str, str] = {}
    for text in arguments.disk:
        path, equals, size = text.partition("=")
        if not equals:
            raise HostError("no such disk", repr(text), "write it like /srv/archive=64M")
        sizes[path] = size
    argv = _command(arguments, ["bash", "-l"])
    return throwaway.run_command(argv, arguments.release, binds=binds, sizes=sizes, env=env)


def _image(arguments: Arguments) -> None:
    if arguments.prune:
        for name in cleanup.prune_images():
            print(f"removed {paths.images() / name}")
        return
    print(image.ensure(arguments.release, base=arguments.base).directory)


def _prerequisites(arguments: Arguments) -> int:
    if arguments.install:
        prerequisites.install()
    lacking = prerequisites.missing()
    for package in lacking.packages:
        print(f"not installed: {package}")
    for reason in lacking.reasons:
        print(reason)
    return 1 if lacking else 0
