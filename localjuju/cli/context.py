"""What a running command has at hand: its streams, the controller and the model it works on."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from localjuju.cli import names
from localjuju.cli.flags import Arguments
from localjuju.cli.focus import Focus
from localjuju.cli.render.color import paint
from localjuju.controller.facade import Controller
from localjuju.controller.shapes import ControllerInfo
from localjuju.controller.wire import ControllerGoneError, JujuError

NO_MODEL_IN_FOCUS = """No model in focus.

Please use "juju models" to see models available to you.
You can set current model by running "juju switch"
or specify any other model on the command line using the "-m" option.
"""


class SilentError(Exception):
    """The command failed and has said why; it ends with ``status``."""

    def __init__(self, status: int = 1) -> None:
        super().__init__(status)
        self.status = status


class Context:
    """One run of one command."""

    def __init__(
        self,
        *,
        stdin: TextIO | None = None,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.stdin = stdin or sys.stdin
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr
        self.env = os.environ if env is None else env
        self.quiet = False
        self.verbose = False
        self.output_written = False
        self._controller: Controller | None = None
        self._info: ControllerInfo | None = None

    def info(self, text: str) -> None:
        """Tell the user something, on standard error, unless ``--quiet``."""
        if not self.quiet:
            self._say(text)

    def detail(self, text: str) -> None:
        """Tell the user something that only ``--verbose`` asks for."""
        if self.verbose:
            self._say(text)

    def warn(self, text: str) -> None:
        """Warn as Juju does."""
        self._say(paint("WARNING", "yellow", self.colors(self.stderr)) + f" {text}")

    def error(self, text: str) -> None:
        """Report an error as Juju does."""
        self._say(paint("ERROR", "bright-red", self.colors(self.stderr)) + f" {text}")

    def _say(self, text: str) -> None:
        self.stderr.write(text if text.endswith("\n") else text + "\n")
        self.stderr.flush()

    def print(self, text: str) -> None:
        """Write one line of the command's result."""
        self.stdout.write(text + "\n")

    def colors(self, stream: TextIO, args: Arguments | None = None) -> bool:
        """Tell whether to write colours to a stream.

        ``--no-color``, then ``--color``, then the environment's ``NO_COLOR`` and ``TERM=dumb``
        decide, and else whether it is a terminal.
        """
        if args is not None and args.has("no-color") and args.flag("no-color"):
            return False
        if args is not None and args.has("color") and args.flag("color"):
            return True
        if "NO_COLOR" in self.env or self.env.get("TERM") == "dumb":
            return False
        return stream.isatty()

    @property
    def controller(self) -> Controller:
        """The connection to the controller, which is started if need be.

        Raises:
            JujuError: it cannot be reached; the text tells what to do.
        """
        if self._controller is None:
            self._controller = self.connect()
        return self._controller

    def connect(self) -> Controller:
        """Make another connection, for what has to go on beside the first one."""
        try:
            return Controller.connect()
        except (ControllerGoneError, OSError) as error:
            if os.geteuid() != 0:
                script = Path(__file__).resolve().parents[1] / "bin" / "juju"
                raise JujuError(
                    "localjuju's controller makes machines and so runs as root, "
                    f"and you may not use it: {error}\nRun it with sudo: sudo {script} ..."
                ) from error
            raise JujuError(str(error)) from error

    @property
    def controller_info(self) -> ControllerInfo:
        """Who the controller is."""
        if self._info is None:
            self._info = self.controller.info()
        return self._info

    @property
    def focus(self) -> Focus:
        """The user's note of the current model."""
        return Focus(self.env)

    def close(self) -> None:
        """Close the connection to the controller, if there is one."""
        if self._controller is not None:
            self._controller.close()

    def model(self, args: Arguments) -> str:
        """Return the name of the model that the command works on.

        It is that of ``--model``, else of ``$JUJU_MODEL``, else the current one.

        Raises:
            JujuError: none is given, or there is no such model or controller.
        """
        identifier = args.text("model") or self.env.get("JUJU_MODEL", "") or self.current_model()
        if not identifier:
            raise JujuError(NO_MODEL_IN_FOCUS)
        return self.resolve_model(identifier)

    def current_model(self) -> str | None:
        """Return the model that the user switched to, if it still exists."""
        name = self.focus.model(self.controller_info["uuid"])
        if name and any(model["name"] == name for model in self.controller.models()):
            return name
        return None

    def resolve_model(self, identifier: str) -> str:
        """Return the bare name of ``[controller:][user/]model`` or of a model's UUID.

        Raises:
            JujuError: there is no such model or controller.
        """
        controller, user, name = names.split_model(identifier)
        self.check_controller(controller)
        for model in self.controller.models():
            by_uuid = len(name) > 5 and model["uuid"].startswith(name)
            if (model["name"] == name and user in ("", names.USER)) or by_uuid:
                return model["name"]
        qualified = f"{user or names.USER}/{name}"
        raise JujuError(f"model {self.controller_info['name']}:{qualified} not found", "not found")

    def check_controller(self, name: str) -> None:
        """Refuse any controller but the one there is.

        Raises:
            JujuError: it has another name.
        """
        if name and name != self.controller_info["name"]:
            raise JujuError(f"controller {name} not found", "not found")
