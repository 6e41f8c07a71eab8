"""The daemon: ``python3 -m localjuju.controller.daemon HOME``."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import socket
import sys
import uuid
from pathlib import Path

from localjuju.controller import agentapi, leases, secretstore, units
from localjuju.controller.clientapi import ClientApi
from localjuju.controller.clock import Timing, now
from localjuju.controller.hub import Hub
from localjuju.controller.presence import Presence
from localjuju.controller.provider import Place, from_environment
from localjuju.controller.provisioner import Provisioner
from localjuju.controller.server import LINE_LIMIT, LineStream
from localjuju.controller.store import Row, Store
from localjuju.controller.wire import SOCKET_NAME, wanted_juju_version
from localjuju.controller.world import DEFAULT_VERSION, World

logger = logging.getLogger("daemon")


class Daemon:
    """Holds the pieces together."""

    def __init__(self, home: Path) -> None:
        store = Store(home / "controller.sqlite")
        if store.setting("uuid") is None:
            store.set_setting("uuid", str(uuid.uuid4()))
        self._world = World(
            home=home,
            store=store,
            hub=Hub(),
            timing=Timing.from_environment(),
            uuid=store.setting("uuid") or "",
            version=wanted_juju_version() or DEFAULT_VERSION,
        )
        self._presence = Presence(self._world.timing.lost_s)
        self._stopped = asyncio.Event()
        self._listeners: dict[str, asyncio.Server] = {}
        self._served: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until told to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopped.set)
        provider = from_environment(self._world)
        provisioner = Provisioner(self._world, provider, self._listen, self._silence)
        background = [
            asyncio.create_task(provisioner.run(), name="provisioner"),
            asyncio.create_task(self._keep_time(), name="clock"),
        ]
        path = self._world.home / SOCKET_NAME
        path.unlink(missing_ok=True)
        api = ClientApi(self._world, self._presence, self._stopped.set)

        async def serve_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            stream = LineStream(reader, writer)
            try:
                await api.serve(stream)
            finally:
                stream.close()

        server = await asyncio.start_unix_server(serve_client, path, limit=LINE_LIMIT)
        path.chmod(0o600)
        stopped = asyncio.create_task(self._stopped.wait())
        ended, _ = await asyncio.wait([stopped, *background], return_when=asyncio.FIRST_COMPLETED)
        server.close()
        path.unlink(missing_ok=True)
        for task in (*background, *self._served):
            task.cancel()
        await asyncio.gather(*background, *self._served, return_exceptions=True)
        self._world.store.close()
        for task in ended:
            task.result()

    async def _listen(self, model: Row, place: Place) -> int:
        async def serve_agent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._served.add(task)
            task.add_done_callback(self._served.discard)
            # Without it, what is being sent when a link is cut is tried for a quarter of an hour.
            writer.get_extra_info("socket").setsockopt(
                socket.IPPROTO_TCP,
                socket.TCP_USER_TIMEOUT,
                int(self._world.timing.silence_s * 1000),
            )
            stream = LineStream(reader, writer)
            await agentapi.serve(self._world, self._presence, model["uuid"], stream)

        server = await asyncio.start_server(serve_agent, place.host, place.port, limit=LINE_LIMIT)
        self._listeners[model["uuid"]] = server
        return int(server.sockets[0].getsockname()[1])

    def _silence(self, model: Row) -> None:
        if server := self._listeners.pop(model["uuid"], None):
            server.close()

    async def _keep_time(self) -> None:
        while True:
            waiter = self._world.hub.watch("*")
            moments = [
                leases.expire(self._world),
                units.overdue(self._world),
                secretstore.next_moment(self._world),
            ]
            next_one = min((moment for moment in moments if moment is not None), default=None)
            delay = None if next_one is None else max(next_one - now(), 0.0) + 0.01
            if not await self._world.hub.wait(waiter, delay):
                for row in self._world.store.all("SELECT uuid FROM model"):
                    self._world.hub.changed(row["uuid"])


def main() -> int:
    """Run the daemon of the home directory given, unless one runs already."""
    home = Path(sys.argv[1])
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    home.mkdir(parents=True, exist_ok=True)
    lock = os.open(home / "controller.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    logger.info("the controller of %s starts, pid %d", home, os.getpid())

    async def run() -> None:
        await Daemon(home).run()
        # Without this, a thread that builds an image would be waited for; what it leaves half made
        # is found and finished by the next daemon, as after any death.
        logging.shutdown()
        os._exit(0)

    asyncio.run(run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
