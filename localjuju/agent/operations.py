"""What a unit's agent does: hooks, actions, commands, and bringing the charm in place.

Each operation writes the unit's state to disk before and after, so that an agent that is cut off
in between knows what it was about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localjuju.agent import charmdir, runner
from localjuju.agent.hookcontext import ActionData, HookContext
from localjuju.agent.link import CallError, LinkDown
from localjuju.agent.runner import Result
from localjuju.agent.state import Hook

if TYPE_CHECKING:
    from localjuju.agent.uniter import Command, Uniter

EXEC = "juju-exec"
KILLED = (-15, -9)
UNITER = "juju.worker.uniter.operation"


def _context(
    uniter: Uniter, hook: Hook | None = None, action: ActionData | None = None
) -> HookContext:
    return HookContext(
        uniter.unit,
        uniter.around.link,
        uniter.state,
        uniter.cache,
        uniter.tracker.is_leader,
        hook,
        action,
    )


def _variables(uniter: Uniter, context_id: str) -> dict[str, str]:
    around = uniter.around
    return runner.environment(
        around.config,
        around.link.welcome,
        uniter.proxies,
        uniter.unit,
        context_id,
        uniter.socket,
    )


def _run(
    uniter: Uniter,
    context: HookContext,
    name: str,
    argv: list[str],
    more: dict[str, str],
    timeout: float | None = None,
) -> Result:
    """Run a process of the charm in a context; its hook tools are answered meanwhile."""
    context_id = uniter.context_id(name)
    log = uniter.log_of(name)
    uniter.tools.begin(context_id, context)
    try:
        return uniter.runner.run(
            argv,
            {**_variables(uniter, context_id), **more},
            uniter.charm,
            lambda line: log("DEBUG", line),
            lambda line: log("WARNING", line),
            timeout,
        )
    except OSError as error:
        log("ERROR", str(error))
        return Result(126, b"", str(error).encode())
    finally:
        uniter.tools.end()


def run_hook(uniter: Uniter, hook: Hook, goal: dict[str, Any]) -> None:
    """Run a hook: commit what it changed if it ends well, else leave it pending for a retry."""
    state = uniter.state
    if hook.kind == "leader-elected" and not uniter.tracker.is_leader():
        uniter.log_of(UNITER)("INFO", 'unit is no longer the leader; skipping "leader-elected"')
        state.proceed("continue")
        uniter.save()
        return
    with uniter.around.lock:
        name = uniter.name_of(hook)
        state.proceed("run-hook", "pending", hook)
        uniter.save()
        _before(uniter, hook, name)
        context = _context(uniter, hook)
        argv = runner.dispatch(uniter.charm, f"hooks/{name}")
        if argv is None:
            uniter.log_of(UNITER)("INFO", f'skipped "{name}" hook (missing)')
        else:
            more = {
                **runner.hook_variables(hook, uniter.endpoint_of(hook)),
                "JUJU_DISPATCH_PATH": f"hooks/{name}",
            }
            if not _ended_well(uniter, context, name, _run(uniter, context, name, argv, more)):
                return
        state.status_set = state.status_set or context.status_set
        _after(uniter, hook)
        commit_hook(uniter, hook, goal)
    if context.reboot:
        uniter.around.reboot()


def _before(uniter: Uniter, hook: Hook, name: str) -> None:
    if hook.relation is not None and hook.remote_unit:
        # What the hook is about is read anew; of other units, what was known stays.
        uniter.cache.forget(hook.relation, hook.remote_unit)
    if hook.kind != "update-status":
        about = hook.remote_unit if hook.relation is not None else ""
        if hook.secret:
            about = f"secret:{hook.secret}"
        uniter.show("executing", f"running {name} hook" + (f" for {about}" if about else ""))
    if hook.kind == "install" and not uniter.state.status_set:
        _set_workload(uniter, "maintenance", "installing charm software")
    elif hook.kind == "stop":
        _set_workload(uniter, "maintenance", "stopping charm software")
    elif hook.kind == "remove":
        _set_workload(uniter, "maintenance", "cleaning up prior to charm deletion")


def _after(uniter: Uniter, hook: Hook) -> None:
    if hook.kind == "start" and not uniter.state.status_set:
        _set_workload(uniter, "unknown", "")
    elif hook.kind == "stop":
        _set_workload(uniter, "maintenance", "")
    elif hook.kind == "remove":
        _set_workload(uniter, "terminated", "")


def _set_workload(uniter: Uniter, current: str, message: str) -> None:
    uniter.call("set_workload", current=current, message=message)


def _ended_well(uniter: Uniter, context: HookContext, name: str, result: Result) -> bool:
    log = uniter.log_of(UNITER)
    if context.reboot == "now" or result.code in KILLED:
        # Not a failure: it is run again, from the start.
        if context.reboot != "now":
            log("WARNING", f'hook "{name}" was terminated')
        uniter.state.step = "queued"
        uniter.save()
        if context.reboot == "now":
            uniter.around.reboot()
        return False
    handler = "via hook dispatching script: dispatch"
    if result.code != 0:
        log("ERROR", f'hook "{name}" ({handler}) failed: exit status {result.code}')
        return False
    changes = context.changes()
    if changes:
        try:
            uniter.call("commit", changes=changes)
        except (CallError, LinkDown) as error:
            log("ERROR", f'hook "{name}" ({handler}) failed: cannot apply changes: {error}')
            return False
    log("INFO", f'ran "{name}" hook ({handler})')
    return True


def commit_hook(uniter: Uniter, hook: Hook, goal: dict[str, Any]) -> None:
    """Note that a hook ran, or was skipped, and what must follow it."""
    state = uniter.state
    follower: Hook | None = None
    if hook.relation is not None:
        _commit_relation(uniter, hook)
    match hook.kind:
        case "install":
            state.installed = True
        case "config-changed":
            state.config_hash, state.address_hash = goal["config_hash"], goal["address_hash"]
            follower = None if state.started else Hook("start")
        case "start":
            state.started, state.stopped = True, False
        case "stop":
            state.stopped = True
        case "remove":
            state.removed = True
        case "upgrade-charm":
            follower = Hook("config-changed")
        case "leader-settings-changed":
            state.leader_settings_seen = True
        case "secret-changed":
            state.secrets_changed[hook.secret] = hook.revision
        case "secret-rotate":
            uniter.call("secret_rotated", secret=hook.secret)
        case "secret-expired":
            state.secrets_done.append(f"expired:{hook.secret}/{hook.revision}")
        case "secret-remove":
            state.secrets_done.append(f"obsolete:{hook.secret}/{hook.revision}")
        case _:
            pass
    if follower is None:
        state.proceed("continue")
    else:
        state.proceed("run-hook", "queued", follower)
    uniter.save()


def _commit_relation(uniter: Uniter, hook: Hook) -> None:
    number = str(hook.relation)
    relation = uniter.state.relations[number]
    match hook.kind:
        case "relation-created":
            relation.created = True
        case "relation-joined":
            relation.members[hook.remote_unit] = hook.version
            relation.changed_pending = hook.remote_unit
        case "relation-changed" if hook.remote_unit:
            relation.changed_pending = ""
            if hook.remote_unit in relation.members:
                relation.members[hook.remote_unit] = hook.version
        case "relation-changed":
            relation.apps[hook.remote_app] = hook.version
        case "relation-departed":
            relation.members.pop(hook.remote_unit, None)
            if relation.changed_pending == hook.remote_unit:
                relation.changed_pending = ""
        case _:
            uniter.call("leave_scope", relation=hook.relation)
            uniter.cache.forget(int(number))
            del uniter.state.relations[number]


def run_action(uniter: Uniter, task: str) -> None:
    """Run an action, or a command of ``juju exec``, and report what became of it."""
    state = uniter.state
    with uniter.around.lock:
        begun = uniter.around.link.call("begin_task", receiver=uniter.unit, task=task)
        if begun is None:
            return
        action = ActionData(task, begun["action"], begun["parameters"])
        before = (state.kind, state.step, state.hook)
        state.kind, state.action = "run-action", task
        uniter.save()
        uniter.show("executing", f"running action {action.name}")
        uniter.running_task = task
        context = _context(uniter, action=action)
        try:
            ended, message = (
                _execute(uniter, context, action)
                if action.name == EXEC
                else _act(uniter, context, action)
            )
        finally:
            uniter.running_task = ""
        uniter.around.link.call(
            "finish_task",
            receiver=uniter.unit,
            task=task,
            ended=ended,
            message=message,
            results=action.results,
        )
        state.proceed(*before)
        uniter.save()


def _note_output(action: ActionData, result: Result) -> None:
    action.results["return-code"] = max(result.code, -1)
    for name, output in (("stdout", result.stdout), ("stderr", result.stderr)):
        if output:
            action.results[name] = output.decode(errors="replace")


def _act(uniter: Uniter, context: HookContext, action: ActionData) -> tuple[str, str]:
    argv = runner.dispatch(uniter.charm, f"actions/{action.name}")
    if argv is None:
        return "failed", f'action not implemented on unit "{uniter.unit}"'
    more = {
        **runner.action_variables(action),
        "JUJU_DISPATCH_PATH": f"actions/{action.name}",
    }
    result = _run(uniter, context, action.name, argv, more)
    _note_output(action, result)
    if result.code in KILLED:
        return "failed", "action terminated"
    if result.code != 0:
        return "failed", f"exit status {result.code}"
    error = _commit(uniter, context)
    if error:
        return "failed", error
    return ("failed" if action.failed else "completed"), action.message


def _commit(uniter: Uniter, context: HookContext) -> str:
    changes = context.changes()
    try:
        if changes:
            uniter.call("commit", changes=changes)
    except CallError as error:
        return f"cannot apply changes: {error}"
    return ""


def _execute(uniter: Uniter, context: HookContext, action: ActionData) -> tuple[str, str]:
    command = str(action.parameters["command"])
    more = runner.action_variables(action)
    timeout = action.parameters.get("timeout")
    argv = ["/bin/bash", "-c", command]
    result = _run(uniter, context, EXEC, argv, more, timeout)
    _note_output(action, result)
    # As in Juju, the command's exit status does not decide about what its hook tools changed.
    error = _commit(uniter, context)
    return ("failed", error) if error else ("completed", "")


def fail_action(uniter: Uniter, task: str) -> None:
    """Fail an action that was cut off: to run it again could do harm."""
    uniter.around.link.call(
        "finish_task",
        receiver=uniter.unit,
        task=task,
        ended="failed",
        message="action terminated",
        results={},
    )
    state = uniter.state
    if state.hook is not None:
        state.proceed("run-hook", "pending", state.hook)
    else:
        state.proceed("continue")
    uniter.save()


def run_command(uniter: Uniter, command: Command) -> None:
    """Run a command of ``juju-exec`` in the unit's context."""
    try:
        with uniter.around.lock:
            uniter.show("executing", "running commands")
            context = _context(uniter)
            argv = ["/bin/bash", "-c", command.text]
            result = _run(uniter, context, "run-commands", argv, {})
            error = _commit(uniter, context)
        command.answer = {
            "code": result.code if result.code >= 0 else 128 - result.code,
            "stdout": result.stdout.decode(errors="replace"),
            "stderr": result.stderr.decode(errors="replace"),
        }
        if error:
            command.answer = {"error": error}
    except LinkDown as error:
        command.answer = {"error": str(error)}
        raise
    finally:
        command.done.set()


def upgrade(uniter: Uniter, charm: dict[str, Any]) -> None:
    """Bring the charm's files in place, for the first time or another time."""
    state = uniter.state
    interrupted = state.hook
    state.kind = "upgrade"
    uniter.save()
    archive = uniter.directory / "charm.zip"
    charmdir.fetch(uniter.around.link, charm["sha256"], archive)
    with uniter.around.lock:
        charmdir.deploy(archive, uniter.charm)
    archive.unlink()
    uniter.call("set_charm", url=charm["url"])
    first = not state.installed
    state.charm, state.charm_modified = charm["url"], charm["modified"]
    if interrupted is not None and not first:
        # As in Juju, a forced upgrade of a failed unit leaves the failed hook to be resolved.
        state.proceed("run-hook", "pending", interrupted)
    else:
        state.proceed("run-hook", "queued", Hook("install" if first else "upgrade-charm"))
    uniter.save()
