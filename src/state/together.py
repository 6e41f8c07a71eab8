"""Several questions to Juju, asked at once.

Each is a program that is started, asks the unit's agent and ends; asked one after the other, they
take longer than all else in a hook that has nothing to do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


def together(*asks: Callable[[], Any]) -> list[Any]:
    """Ask, and wait for all the answers.

    Each must be of something of its own, since ops knows no threads: another bag, the options.

    Returns:
        The answers, in the order of the questions.

    Raises:
        BaseException: What the first of them in this order raised, if any did.
    """
    answers: list[Any] = [None] * len(asks)
    errors: list[BaseException | None] = [None] * len(asks)

    def ask(number: int) -> None:
        try:
            answers[number] = asks[number]()
        except BaseException as error:  # noqa: BLE001 - raised by the caller's own thread
            errors[number] = error

    threads = [threading.Thread(target=ask, args=[number]) for number in range(1, len(asks))]
    for thread in threads:
        thread.start()
    if asks:
        ask(0)
    for thread in threads:
        thread.join()
    for error in errors:
        if error is not None:
            raise error
    return answers
