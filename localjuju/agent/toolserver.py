"""Answers the hook tools of one unit over its Unix socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

from localjuju.agent import tools_action, tools_relation, tools_secret, tools_unit
from localjuju.agent.hookcontext import HookContext, ToolError
from localjuju.agent.link import CallError, LinkDown
from localjuju.agent.output import Arguments, UsageError
from localjuju.agent.toolcall import Call

Tool = Callable[[HookContext, Call], str]

_NAMES = {
    tools_relation: """relation_ids relation_list relation_get relation_set relation_model_get
        network_get unit_get""",
    tools_secret: """secret_add secret_set secret_get secret_info_get secret_ids secret_grant
        secret_revoke secret_remove""",
    tools_unit: """is_leader config_get status_set status_get application_version_set goal_state
        open_port close_port opened_ports state_get state_set state_delete storage_list
        storage_get storage_add resource_get credential_get""",
    tools_action: "action_get action_set action_fail action_log juju_reboot",
}
TOOLS: dict[str, Tool] = {
    name.replace("_", "-"): getattr(module, name)
    for module, names in _NAMES.items()
    for name in names.split()
}
LOG_TOOL = "juju-log"
_SEVERITIES = {level: level for level in ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR")}
_SEVERITIES.update(WARN="WARNING", CRITICAL="ERROR")


class ToolServer:
    """Listens for a unit's hook tools; answers only those of the hook that runs."""

    def __init__(self, path: Path, log: Callable[[str, str], None], kill: Callable[[], None]):
        self._path = path
        self._log = log
        self._kill = kill
        self._context: HookContext | None = None
        self._context_id = ""
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin to listen."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(self._path))
        self._path.chmod(0o600)
        server.listen(64)
        threading.Thread(target=self._accept, args=(server,), daemon=True).start()

    def begin(self, context_id: str, context: HookContext) -> None:
        """Answer the tools of this hook from now on."""
        self._context_id, self._context = context_id, context

    def end(self) -> None:
        """Answer no more tools."""
        self._context_id, self._context = "", None

    def _accept(self, server: socket.socket) -> None:
        while True:
            sock, _ = server.accept()
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, sock.makefile("rwb") as file:
            length = int.from_bytes(file.read(4), "big")
            request = file.read(length)
            if len(request) < length or not request:
                return
            code, out, err = self._answer(request)
            stdout = out.encode(errors="surrogateescape")
            try:
                file.write(bytes([code]) + len(stdout).to_bytes(4, "big") + stdout)
                file.write(err.encode(errors="surrogateescape"))
                file.flush()
            except OSError:
                return

    def _answer(self, request: bytes) -> tuple[int, str, str]:
        context_id, directory, tool, count, rest = request.split(b"\0", 4)
        *args, stdin = rest.split(b"\0", int(count))
        call = Call(
            tool.decode(),
            # As in Go's JSON, what is no UTF-8 becomes the replacement character.
            [arg.decode(errors="replace") for arg in args],
            Path(directory.decode(errors="surrogateescape")),
            stdin,
        )
        with self._lock:
            context = self._context
            if context is None or context_id.decode() != self._context_id:
                wanted = self._context_id
                return (
                    1,
                    "",
                    f'ERROR expected context id "{wanted}", got "{context_id.decode()}"\n',
                )
            try:
                if call.tool == LOG_TOOL:
                    return 0, self._juju_log(context, call), ""
                answer = TOOLS[call.tool](context, call)
            except UsageError as error:
                return 2, "", f"ERROR {error}\n"
            # A ValueError is text that is no UTF-8, or a number that is none.
            except (ToolError, CallError, LinkDown, ValueError) as error:
                return 1, "", f"ERROR {error}\n"
        if context.reboot == "now":
            self._kill()
        return 0, answer, ""

    def _juju_log(self, context: HookContext, call: Call) -> str:
        args = Arguments(call.args, (("--log-level", "-l"), ("--format",)), ("--debug",))
        if not args.rest:
            raise UsageError("no message specified")
        level = (args.get("--log-level") or "INFO").upper()
        if args.flag("--debug"):
            level = "DEBUG"
        message = " ".join(args.rest)
        hook = context.hook
        if hook is not None and hook.relation is not None:
            badge = next((r for r in context.relations() if r.endswith(f":{hook.relation}")), "")
            message = f"{badge}: {message}"
        self._log(_SEVERITIES.get(level, "INFO"), message)
        return ""


def install_links(directory: Path, script: Path) -> None:
    """Make a unit's hook tools: links to one script."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in (*TOOLS, LOG_TOOL):
        link = directory / name
        if not link.is_symlink():
            link.symlink_to(script)
