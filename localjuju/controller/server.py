"""JSON lines over a stream, for both kinds of the controller's peers."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

LINE_LIMIT = 64 * 1024 * 1024
# What on a command line or in a JSON file is no text; as in Go, it becomes the replacement
# character.
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class LineStream:
    """One connection, a JSON object a line in both directions."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def receive(self, timeout: float | None = None) -> dict[str, Any] | None:
        """Return the next object; none at the end, or after ``timeout`` seconds of silence."""
        try:
            line = await asyncio.wait_for(self._reader.readline(), timeout)
        except (asyncio.TimeoutError, ConnectionError, TimeoutError, ValueError, OSError):
            return None
        if not line.endswith(b"\n"):
            return None
        message: dict[str, Any] = json.loads(line)
        if rb"\ud" in line:
            text = json.dumps(message, ensure_ascii=False)
            message = json.loads(_LONE_SURROGATE.sub("\ufffd", text))
        return message

    def send(self, message: dict[str, Any]) -> None:
        """Queue an object for sending."""
        self._writer.write(json.dumps(message).encode() + b"\n")

    async def drain(self) -> None:
        """Wait until the peer has taken in most of what was queued."""
        await self._writer.drain()

    def close(self) -> None:
        """Close the connection; what was queued is still sent."""
        self._writer.close()

    def abort(self) -> None:
        """Drop the connection with all that was queued."""
        self._writer.transport.abort()
