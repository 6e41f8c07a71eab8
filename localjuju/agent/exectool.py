#!/usr/bin/python3 -ISE
"""``juju-exec``: runs a command in a unit's hook context, from outside a hook."""

import json
import os
import socket
import sys

USAGE = "usage: juju-exec [options] <unit-name> <commands>"


def parse(args: list[str]) -> dict[str, str]:
    """Split the command line as jujud does: options first, then the unit, then the command."""
    options = {"no_context": ""}
    while args and args[0].startswith("-") and args[0] != "--":
        name = args.pop(0)
        if name in ("-u", "--no-context"):
            options["no_context"] = "yes"
        elif name not in ("--force-remote-unit", "--operator", "--skip-remote-unit-check"):
            sys.stderr.write(f"ERROR option provided but not defined: {name}\n")
            sys.exit(2)
    if args and args[0] == "--":
        args.pop(0)
    if not options["no_context"]:
        if not args:
            sys.stderr.write("ERROR missing unit-name\n")
            sys.exit(2)
        unit = args.pop(0)
        if unit.startswith("unit-"):
            unit = "/".join(unit[5:].rsplit("-", 1))
        options["unit"] = unit
    if not args:
        sys.stderr.write("ERROR missing commands\n")
        sys.exit(2)
    options["command"] = " ".join(args)
    return options


def main() -> int:
    """Ask the agent to run the command; return its exit code."""
    options = parse(sys.argv[1:])
    if options["no_context"]:
        os.execv("/bin/bash", ["/bin/bash", "-c", options["command"]])
    # Found by the real path of this file, which tells in whose machine it lies.
    prefix = os.path.realpath(__file__).partition("/usr/lib/localjuju-agent/")[0]
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.connect(prefix + "/run/localjuju/exec.socket")
        sock.sendall(json.dumps(options).encode() + b"\n")
        with sock.makefile("rb") as answers:
            line = answers.readline()
    except OSError as error:
        sys.stderr.write(f"ERROR dial unix: {error.strerror}\n")
        return 1
    if not line:
        sys.stderr.write("ERROR connection is shut down\n")
        return 1
    answer = json.loads(line)
    if "error" in answer:
        sys.stderr.write(f"ERROR {answer['error']}\n")
        return 1
    sys.stdout.write(answer["stdout"])
    sys.stderr.write(answer["stderr"])
    return answer["code"]


sys.exit(main())
