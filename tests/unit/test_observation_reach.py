"""Whom a hook takes the time to ask."""

from __future__ import annotations

import socket
import time

import observation


def test_one_that_listens_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert observation.answers("127.0.0.1", server.getsockname()[1])


def test_one_that_refuses_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not observation.answers("127.0.0.1", port)


def test_one_that_keeps_silent_does_not_and_is_not_waited_for() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        # It takes no more than its queue holds, and says nothing to who comes then.
        waiting = [socket.socket() for _ in range(8)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(server.getsockname())
        began = time.monotonic()
        assert not observation.answers("127.0.0.1", server.getsockname()[1])
        assert time.monotonic() - began < 2
        for one in waiting:
            one.close()
