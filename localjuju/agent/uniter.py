"""The agent of one unit: asks what is next, does it, remembers where it stands."""

from __future__ import annotations

import dataclasses
import queue
import secrets as tokens
import shutil
import threading
import time
from collections.abc import Callable
from typing import Any

from localjuju.agent import charmdir, operations
from localjuju.agent.backoff import Backoff, jittered
from localjuju.agent.config import AgentConfig
from localjuju.agent.hookcontext import BagCache
from localjuju.agent.leadership import Tracker
from localjuju.agent.link import CallError, Link, LinkDown
from localjuju.agent.logsender import LogSender
from localjuju.agent.resolver import Circumstances, Operation, next_operation
from localjuju.agent.runner import Runner, hook_name
from localjuju.agent.state import Hook, RelationState, UnitState
from localjuju.agent.toolserver import ToolServer, install_links

COMMAND_LOOK_S = 0.2
"""How often one who waits for a command looks whether the controller is still there."""


class Command:
    """A command of ``juju-exec`` that waits for its turn, and what became of it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.done = threading.Event()
        self.answer: dict[str, Any] = {}
        self._taken = threading.Lock()

    def take(self) -> bool:
        """Begin it, or give it up: whoever comes first."""
        return self._taken.acquire(blocking=False)


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What a unit's agent shares with the machine's other units."""

    config: AgentConfig
    link: Link
    log: LogSender
    lock: threading.Lock
    """Held by whoever runs a charm's process: hooks of one machine never overlap."""
    reboot: Callable[[], None]
    rebooted: bool


class Uniter:
    """One unit's agent. It has a thread of its own; the other methods are called from others."""

    def __init__(self, unit: str, around: Surroundings, goal: dict[str, Any]) -> None:
        self.unit = unit
        self.around = around
        self.goal = goal
        self.runner = Runner()
        self.cache = BagCache()
        self.commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self.proxies: dict[str, str] = goal["proxies"]
        self.directory = around.config.unit_directory(unit)
        self.charm = self.directory / "charm"
        self.socket = around.config.run / f"{self.directory.name}.socket"
        self.tools = ToolServer(self.socket, self.log_of("juju-log"), self.runner.kill)
        self._state_file = self.directory / "state.json"
        self.state = UnitState.load(self._state_file)
        self.tracker = Tracker(unit, around.link, self.wake)
        self._rebooted = around.rebooted
        self._woken = threading.Event()
        self._gone = False
        self._resting = False
        self._shown: tuple[str, str] | None = None
        self._retry_at: float | None = None
        self._backoff = Backoff()
        self._status_at = self._next_status()
        self.running_task = ""

    # Called from other threads

    def start(self) -> None:
        """Begin to work."""
        threading.Thread(target=self._run, name=self.unit, daemon=True).start()

    def wake(self) -> None:
        """Look again at what is to be done."""
        self._woken.set()

    def aim(self, goal: dict[str, Any]) -> None:
        """Take in a new goal."""
        if goal["update_status_s"] != self.goal["update_status_s"]:
            self._status_at = time.monotonic() + goal["update_status_s"]
        self.goal, self.proxies = goal, goal["proxies"]
        self.tracker.seen(goal["leader"])
        if any(task["abort"] and task["id"] == self.running_task for task in goal["tasks"]):
            self.runner.kill()
        self.wake()

    def rest(self) -> None:
        """Begin nothing more."""
        self._resting = True

    def forget(self) -> None:
        """End: the model no longer has the unit."""
        self._gone = True
        self.tracker.stop()
        self.runner.kill()
        self.wake()

    def execute(self, text: str) -> dict[str, Any]:
        """Run a command in the unit's context when its turn comes; return what became of it.

        Without the controller there is no context. Juju's unit agent is then not there at all, and
        ``juju-exec`` fails at once; so it does here, also while it waits.
        """
        command = Command(text)
        self.commands.put(command)
        self.wake()
        while not command.done.wait(COMMAND_LOOK_S):
            if not self.around.link.up.is_set() and command.take():
                return {"error": "connection is shut down"}
        return command.answer

    # The unit's own thread

    def _run(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        install_links(self.around.config.tools(self.unit), self.around.config.code / "hooktool.py")
        self.tools.start()
        self.tracker.seen(self.goal["leader"])
        self.tracker.start()
        while not self._gone:
            self.around.link.up.wait()
            self._woken.clear()
            try:
                self._step()
            except LinkDown:
                # What was shown before is not what the controller shows after its return.
                self._shown = None
                self._pause(0.1)
            except (CallError, charmdir.CharmBroken, OSError) as error:
                self.log_of("juju.worker.uniter")("ERROR", str(error))
                self._pause(1.0)
        self.tracker.stop()
        while not self.commands.empty():
            command = self.commands.get()
            if command.take():
                command.answer = {"error": f'unit "{self.unit}" not found'}
                command.done.set()
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.rmtree(self.around.config.tools(self.unit), ignore_errors=True)

    def _pause(self, seconds: float) -> None:
        self._woken.wait(seconds)

    def _step(self) -> None:
        if self._resting:
            self._pause(1.0)
            return
        if not self.tracker.decided.wait(1.0):
            return
        self._note_failure()
        if not self.state.started:
            self._rebooted = False
        goal = self.goal
        operation = next_operation(self.state, goal, self._circumstances())
        if operation is None:
            if self.state.kind == "continue":
                self.show("idle")
            self._woken.wait(self._until_next())
        else:
            self._do(operation, goal)

    def _circumstances(self) -> Circumstances:
        now = time.monotonic()
        return Circumstances(
            leads=self.tracker.leads,
            rebooted=self._rebooted,
            retry_due=self._retry_at is not None and now >= self._retry_at,
            status_due=now >= self._status_at,
            commands=not self.commands.empty(),
            major=int(self.around.link.welcome["model"]["version"].split(".")[0]),
        )

    def _note_failure(self) -> None:
        """Show a hook that failed, or was cut off, as an error, and set the time of its retry."""
        state = self.state
        if state.kind != "run-hook" or state.step != "pending":
            self._retry_at = None
            return
        assert state.hook is not None
        self.show("error", f'hook failed: "{self.name_of(state.hook)}"')
        if self._retry_at is None and self.goal["retry_hooks"]:
            timing = self.around.link.welcome["timing"]
            wait_s = self._backoff.next(timing["retry_min_s"], timing["retry_max_s"])
            self._retry_at = time.monotonic() + wait_s

    def _next_status(self) -> float:
        return time.monotonic() + jittered(self.goal["update_status_s"])

    def _until_next(self) -> float:
        moments = [self._status_at, *([self._retry_at] if self._retry_at is not None else [])]
        return max(min(moments) - time.monotonic(), 0.0)

    def _do(self, operation: Operation, goal: dict[str, Any]) -> None:
        hook = operation.hook
        match operation.kind:
            case "hook":
                assert hook is not None
                if hook.kind == "update-status":
                    self._status_at = self._next_status()
                if hook.kind == "start":
                    self._rebooted = False
                self._retry_at = None
                operations.run_hook(self, hook, goal)
                if self.state.kind == "continue":
                    self._backoff.reset()
            case "skip-hook":
                assert hook is not None
                operations.commit_hook(self, hook, goal)
            case "clear-resolved-retry" | "clear-resolved-skip":
                assert hook is not None
                self.call("clear_resolved")
                self._retry_at = None
                self._backoff.reset()
                if operation.kind == "clear-resolved-retry":
                    operations.run_hook(self, hook, goal)
                else:
                    operations.commit_hook(self, hook, goal)
            case "action":
                operations.run_action(self, operation.action)
            case "fail-action":
                operations.fail_action(self, operation.action)
            case "command":
                command = self.commands.get()
                if command.take():
                    operations.run_command(self, command)
            case "upgrade":
                operations.upgrade(self, goal["charm"])
            case "accept-leadership":
                self.state.leader = self.state.leader_settings_seen = True
                self.state.proceed("run-hook", "queued", Hook("leader-elected"))
                self.save()
            case "resign-leadership":
                self.state.leader = False
                self.save()
            case "enter-scope":
                self._enter(operation.relation, goal["relations"][operation.relation])
            case "prepare-leave":
                self.call("prepare_leave", relation=int(operation.relation))
                self.state.relations[operation.relation].leaving = True
                self.save()
            case _:
                self.call("unit_dead")
                self.forget()

    def _enter(self, number: str, relation: dict[str, Any]) -> None:
        self.call("enter_scope", relation=int(number))
        self.state.relations[number] = RelationState(
            relation["endpoint"], relation["remote_app"], relation["peer"]
        )
        self.save()

    # What operations use

    def call(self, method: str, **params: Any) -> Any:
        """Call the controller on the unit's behalf.

        Raises:
            LinkDown: it cannot be reached.
            CallError: it refused.
        """
        return self.around.link.call(method, unit=self.unit, **params)

    def save(self) -> None:
        """Write the state to disk."""
        self.state.save(self._state_file)

    def show(self, current: str, message: str = "") -> None:
        """Show the agent's status, if it is another than before."""
        if self._shown != (current, message):
            self.call("set_agent_status", current=current, message=message)
            self._shown = (current, message)

    def log_of(self, module: str) -> Callable[[str, str], None]:
        """Return a function that logs a line (severity, message) under ``unit.NAME.MODULE``.

        Modules of Juju itself (``juju.…``) keep their own name.
        """
        full = module if module.startswith("juju.") else f"unit.{self.unit}.{module}"

        def log(severity: str, message: str) -> None:
            self.around.log.log(self.directory.name, severity, full, message)

        return log

    def name_of(self, hook: Hook) -> str:
        """Return a hook's name as the charm knows it."""
        return hook_name(hook, self.endpoint_of(hook))

    def endpoint_of(self, hook: Hook) -> str:
        """Return the endpoint of a relation hook's relation; empty for other hooks."""
        relation = self.state.relations.get(str(hook.relation))
        return relation.endpoint if relation is not None else ""

    def context_id(self, name: str) -> str:
        """Return a new context id."""
        return f"{self.unit}-{name}-{tokens.token_hex(8)}"
