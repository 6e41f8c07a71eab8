"""Who is told that a model changed."""

from __future__ import annotations

import asyncio
from collections import defaultdict


class Hub:
    """Wakes whoever waits for a model to change. Changes coalesce."""

    def __init__(self) -> None:
        self._waiters: dict[str, set[asyncio.Future[None]]] = defaultdict(set)

    def changed(self, model: str) -> None:
        """Wake everyone who waits for this model, and those who wait for any (``*``).

        Keys such as ``log:UUID``, for things that no one but their own readers care for, wake
        only those who wait for just them.
        """
        for key in (model,) if ":" in model else (model, "*"):
            for waiter in self._waiters.pop(key, set()):
                if not waiter.done():
                    waiter.set_result(None)

    def watch(self, model: str) -> asyncio.Future[None]:
        """Return a future that the next change of the model completes.

        Take it *before* looking at the state, then wait on it: no change is missed.
        """
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters[model].add(waiter)
        waiter.add_done_callback(lambda done: self._waiters[model].discard(done))
        return waiter

    async def wait(self, waiter: asyncio.Future[None], timeout: float | None) -> bool:
        """Wait for a future of ``watch``; false if ``timeout`` seconds passed first."""
        try:
            await asyncio.wait_for(waiter, timeout)
        except asyncio.TimeoutError:
            return False
        return True
