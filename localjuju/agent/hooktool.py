#!/usr/bin/python3 -ISE
"""A hook tool: says to the agent what was asked of it, and prints the answer.

Charms call tools many times in every hook, so this imports next to nothing; the agent does the
work. The request is NUL-separated: context id, working directory, tool, number of arguments,
arguments, standard input. The answer is the exit code (1 byte), the length of standard output
(4 bytes), standard output, standard error.
"""

# ruff: noqa: I001, PTH109

import os
import sys

import _socket


def main() -> int:
    """Ask the agent; return the exit code."""
    tool = sys.argv[0].rpartition("/")[2]
    args = sys.argv[1:]
    address = os.environ.get("JUJU_AGENT_SOCKET_ADDRESS", "")
    context = os.environ.get("JUJU_CONTEXT_ID", "")
    if not address or not context:
        sys.stderr.write("ERROR JUJU_CONTEXT_ID not set\n")
        return 1
    reads_stdin = "--file=-" in args or "\0--file\0-" in "\0" + "\0".join(args)
    stdin = sys.stdin.buffer.read() if reads_stdin else b""
    fields = [context, os.getcwd(), tool, str(len(args)), *args]
    request = b"\0".join([os.fsencode(field) for field in fields] + [stdin])
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        sock.connect(address.removeprefix("@"))
        sock.sendall(len(request).to_bytes(4, "big") + request)
        answer = bytearray()
        while chunk := sock.recv(65536):
            answer += chunk
    except OSError as error:
        sys.stderr.write(f"ERROR connection to the agent: {error.strerror}\n")
        return 1
    if len(answer) < 5:
        sys.stderr.write("ERROR connection is shut down\n")
        return 1
    end = 5 + int.from_bytes(answer[1:5], "big")
    sys.stdout.buffer.write(answer[5:end])
    sys.stdout.flush()
    sys.stderr.buffer.write(answer[end:])
    return answer[0]


# ``os._exit`` saves the interpreter's own tidying up.
code = main()
sys.stderr.flush()
os._exit(code)
