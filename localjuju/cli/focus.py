"""Which model a user works on: the client's own note, as in Juju.

It stands in the user's state directory, one line per controller, so that several users and several
controllers (tests have their own) do not disturb each other.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast


class Focus:
    """The current model of each controller.

    Args:
        env: the user's environment: ``XDG_STATE_HOME`` or ``HOME`` says where the note stands.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        state = env.get("XDG_STATE_HOME") or Path(env.get("HOME") or Path.home()) / ".local/state"
        self._file = Path(state) / "localjuju" / "current-model.json"

    def _read(self) -> dict[str, str]:
        try:
            return cast("dict[str, str]", json.loads(self._file.read_text()))
        except (OSError, ValueError):
            return {}

    def model(self, controller_uuid: str) -> str | None:
        """Return the name of the current model, if one was chosen."""
        return self._read().get(controller_uuid)

    def choose(self, controller_uuid: str, model: str | None) -> None:
        """Make a model the current one; None: there is none any more."""
        chosen = self._read()
        chosen.pop(controller_uuid, None)
        if model is not None:
            chosen[controller_uuid] = model
        if not chosen:
            with contextlib.suppress(OSError):
                self._file.unlink(missing_ok=True)
                self._file.parent.rmdir()
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        new = self._file.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(chosen))
        new.replace(self._file)
