"""``juju ssh`` and ``juju scp``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from localjuju.cli.command import Command
from localjuju.cli.context import Context, SilentError
from localjuju.cli.flags import Arguments, Kind, Option, UsageError
from localjuju.cli.reach import Reach, reach, run, split_user
from localjuju.controller.wire import JujuError

_WITH_VALUE = frozenset("BbcDEeFIiJLlmOopQRSWw")
"""The options of ssh(1) that take a value."""


def _target(ctx: Context, args: Arguments, text: str) -> Reach:
    user, target = split_user(text)
    return reach(ctx.controller.ssh_target(ctx.model(args), target), user)


def _skip_options(words: list[str]) -> tuple[list[str], bool | None]:
    """Drop options of ssh(1) in front of a command; they concern a connection that is not made.

    Returns:
        The words from the command on, and what ``-t`` and ``-T`` say of a terminal.
    """
    rest = list(words)
    terminal: bool | None = None
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word == "--":
            break
        if "t" in word or "T" in word:
            terminal = "t" in word
        letter = next((char for char in word[1:] if char in _WITH_VALUE), "")
        if letter and word.endswith(letter) and rest:
            rest.pop(0)
    return rest, terminal


def _ssh(ctx: Context, args: Arguments) -> int:
    if not args.positional:
        raise UsageError("no target name specified")
    words, asked = _skip_options(args.positional[1:])
    there = _target(ctx, args, args.positional[0])
    # As sshd does: a login shell, or a shell that gets the words as one command line.
    argv = ["bash", "-c", " ".join(words)] if words else ["bash", "--login"]
    terminal = asked if asked is not None else ctx.stdin.isatty()
    if "pty" in args.given:
        terminal = args.flag("pty")
    if terminal:
        return there.terminal(argv)
    status = run(there, argv)
    if status:
        raise SilentError(status)
    return status


def _scp(ctx: Context, args: Arguments) -> None:
    from localjuju.cli.copying import download, upload

    options = [word for word in args.positional if word.startswith("-") and word != "-"]
    words = [word for word in args.positional if word not in options]
    if len(words) < 2:
        raise UsageError("at least two arguments required")
    letters = "".join(option.lstrip("-") for option in options)
    recursive, keep = "r" in letters, "p" in letters
    *sources, target = words
    remote_target, path = _split(target)
    if remote_target is None:
        if all(_split(source)[0] is None for source in sources):
            raise JujuError("one of the paths must be on a machine: <target>:<path>")
        for source in sources:
            machine, source_path = _split(source)
            if machine is None:
                raise JujuError(f"{source}: copying within this host is not what scp is for")
            there = _target(ctx, args, machine)
            download(there, source_path, Path(path), recursive=recursive, keep=keep)
        return
    with tempfile.TemporaryDirectory() as work:
        local: list[Path] = []
        for source in sources:
            machine, source_path = _split(source)
            if machine is None:
                local.append(Path(source_path))
                continue
            before = set(Path(work).iterdir())
            there = _target(ctx, args, machine)
            download(there, source_path, Path(work), recursive=recursive, keep=keep)
            local += sorted(set(Path(work).iterdir()) - before)
        there = _target(ctx, args, remote_target)
        upload(there, local, path, recursive=recursive, keep=keep)


def _split(text: str) -> tuple[str | None, str]:
    """Split ``target:path``; a colon after a slash of a local path does not count.

    >>> _split("pg/0:/etc/hosts"), _split("./a:b")
    (('pg/0', '/etc/hosts'), (None, './a:b'))
    """
    target, colon, path = text.partition(":")
    if not colon or target.startswith((".", "/")):
        return None, text
    return target, path


_CONNECTION_OPTIONS = (
    Option(("container",), "The container name of the target pod (k8s only)", Kind.TEXT),
    Option(("no-host-key-checks",), "Skip host key checking (INSECURE)"),
    Option(("proxy",), "Proxy through the API server"),
)

COMMANDS = (
    Command(
        "ssh",
        "Initiates an SSH session or executes a command on a Juju machine or container.",
        _ssh,
        arguments="<[user@]target> [openssh options] [command]",
        options=(
            *_CONNECTION_OPTIONS,
            Option(("pty",), "Enable pseudo-tty allocation", default_text="<auto>"),
        ),
        details="The user is ubuntu, who may use sudo without a password.",
        differs="""
The stand-in enters the machine from the host, without SSH: options of ssh are read, and those that
concern the connection have no effect.""",
        examples=("juju ssh pg/0", "juju ssh pg/leader sudo tail /var/log/postgresql/*.log"),
        interspersed=False,
    ),
    Command(
        "scp",
        "Securely transfer files within a model.",
        _scp,
        arguments="[options] <source> <destination>",
        options=_CONNECTION_OPTIONS,
        differs="Of the options of scp, -r and -p have an effect.",
        examples=("juju scp pg/0:/etc/hostname .", "juju scp -- -r dump pg/0:/tmp/"),
        interspersed=False,
    ),
)
