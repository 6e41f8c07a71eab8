"""What a client may ask of the controller.

``Controller`` is the client. It speaks JSON lines over the controller's Unix socket (see
``wire.py``) and starts the daemon if none runs. Every result is plain JSON data whose shape a
``TypedDict`` of ``shapes.py`` gives; where Juju has a documented JSON output (``juju status
--format=json``, ``juju show-unit``, ``juju config``, ``juju secrets``), the result *is* that
shape, with Juju's hyphenated keys, so that a command prints it as it comes. Only times differ:
they are RFC 3339 in UTC with microseconds here (``2026-11-23T04:27:37.123456Z``); the ``juju``
command renders them as Juju does for the format and the ``--utc`` option at hand.

``model`` arguments are bare model names. Which model is current is the client's own affair, as
in Juju. Unit arguments may be ``app/leader`` where Juju allows that. Every method raises
``wire.JujuError`` where Juju would refuse, and ``wire.ControllerGoneError`` where the daemon
cannot be reached or ends in mid-call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from typing_extensions import Self

from localjuju.controller import wire
from localjuju.controller.shapes import (
    ControllerInfo,
    Deployed,
    DestroyProgress,
    EnqueuedOperation,
    LogLine,
    MachineAdded,
    ModelSummary,
    Operation,
    PastStatus,
    Refreshed,
    RemovalInfo,
    SshTarget,
    Status,
    Task,
    TaskLog,
)


class Controller:
    """A connection to the controller. Use it as a context manager or close it."""

    def __init__(self, connection: wire.Connection) -> None:
        self._connection = connection

    @classmethod
    def connect(cls, home: Path | None = None, *, start: bool = True) -> Self:
        """Connect to the daemon that keeps its state under ``home``.

        Args:
            home: default ``$LOCALJUJU_HOME``, else ``/var/lib/localjuju``.
            start: start the daemon if none runs; a daemon that was killed is started again and
                finds everything as it was.

        Raises:
            ControllerGoneError: none runs and ``start`` is false, or it cannot be started (with
                the daemon's own words).
        """
        return cls(wire.connect(home, start=start))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _call(self, method: str, **params: Any) -> Any:
        return self._connection.call(method, params)

    def _stream(self, method: str, **params: Any) -> Iterator[Any]:
        return self._connection.stream(method, params)

    # The controller itself

    def info(self) -> ControllerInfo:
        """Tell who the daemon is. Its ``version`` is the agent version of new models."""
        return cast(ControllerInfo, self._call("info"))

    def shutdown(self) -> None:
        """End the daemon. Machines and agents go on and wait for the next one."""
        self._call("shutdown")

    # Models

    def models(self) -> list[ModelSummary]:
        """List all models by name."""
        return cast("list[ModelSummary]", self._call("models"))

    def add_model(
        self,
        name: str,
        *,
        config: Mapping[str, str] | None = None,
        juju_version: str | None = None,
    ) -> ModelSummary:
        """Add a model.

        Args:
            name: of the model.
            config: model-config to begin with.
            juju_version: whose behaviour the model has, such as ``3.6.28`` or ``4.0.15``;
                default ``$LOCALJUJU_JUJU_VERSION`` of the *client*, else the daemon's.

        Raises:
            JujuError: ``already exists``, or the name or a value is not valid.
        """
        return cast(
            ModelSummary,
            self._call(
                "add_model",
                name=name,
                config=dict(config or {}),
                juju_version=juju_version or wire.wanted_juju_version(),
            ),
        )

    def destroy_model(
        self,
        model: str,
        *,
        force: bool = False,
        no_wait: bool = False,
        timeout: float | None = None,
    ) -> Iterator[DestroyProgress]:
        """Destroy a model; yield whenever something more of it has gone; end when all has.

        Without ``force`` every unit runs its removal hooks; with it (or after ``timeout``
        seconds) the machines are just taken down. ``no_wait`` goes with ``force``.
        """
        return self._stream(
            "destroy_model", model=model, force=force, no_wait=no_wait, timeout=timeout
        )

    def show_model(self, model: str) -> dict[str, Any]:
        """Return the object of ``juju show-model --format=json``: keyed by the model's name."""
        return cast("dict[str, Any]", self._call("show_model", model=model))

    def model_config(self, model: str) -> dict[str, dict[str, Any]]:
        """Return ``{key: {"Value": value, "Source": "default" | "model"}}``, as in Juju's JSON."""
        return cast("dict[str, dict[str, Any]]", self._call("model_config", model=model))

    def set_model_config(
        self, model: str, values: Mapping[str, str], *, reset: Sequence[str] = ()
    ) -> None:
        """Set and reset model-config keys, all or none.

        ``update-status-hook-interval`` (``5m``) and ``logging-config`` have an effect; the other
        keys of Juju are kept and shown.
        """
        self._call("set_model_config", model=model, values=dict(values), reset=list(reset))

    # Applications and units

    def deploy(
        self,
        model: str,
        charm: Path,
        *,
        application: str | None = None,
        num_units: int = 1,
        config: Mapping[str, str] | None = None,
        base: str | None = None,
        to: Sequence[str] = (),
        force: bool = False,
    ) -> Deployed:
        """Deploy the local charm ``charm``: a zip file (3.6 also takes a directory).

        Args:
            model: where to.
            charm: path of the packed charm; read before the call returns.
            application: its name; default the charm's name.
            num_units: how many units.
            config: option values as text, checked against config.yaml.
            base: ``ubuntu@24.04``; default the first base of the charm that an image serves.
            to: machine ids, one for each of the first units.
            force: take a base that the charm does not name.
        """
        return cast(
            Deployed,
            self._call(
                "deploy",
                model=model,
                charm=str(charm.absolute()),
                application=application,
                num_units=num_units,
                config=dict(config or {}),
                base=base,
                to=list(to),
                force=force,
            ),
        )

    def add_unit(
        self, model: str, application: str, *, num_units: int = 1, to: Sequence[str] = ()
    ) -> list[str]:
        """Add units; return their names."""
        return cast(
            "list[str]",
            self._call(
                "add_unit", model=model, application=application, num_units=num_units, to=list(to)
            ),
        )

    def remove_unit(
        self,
        model: str,
        units: Sequence[str],
        *,
        force: bool = False,
        no_wait: bool = False,
        dry_run: bool = False,
    ) -> list[RemovalInfo]:
        """Begin the removal of units.

        With ``force`` a unit whose agent does not answer goes too (``no_wait``: at once). A
        machine left without units goes with its last unit.
        """
        return cast(
            "list[RemovalInfo]",
            self._call(
                "remove_unit",
                model=model,
                units=list(units),
                force=force,
                no_wait=no_wait,
                dry_run=dry_run,
            ),
        )

    def move_leadership(self, model: str, unit: str) -> None:
        """Take leadership from the unit that has it, and give it to another; no command of Juju's.

        Who led believes so until it next renews its claim, and cannot commit as leader.
        """
        self._call("move_leadership", model=model, unit=unit)

    def remove_application(
        self,
        model: str,
        applications: Sequence[str],
        *,
        force: bool = False,
        no_wait: bool = False,
        dry_run: bool = False,
    ) -> list[RemovalInfo]:
        """Begin the removal of applications with all their units."""
        return cast(
            "list[RemovalInfo]",
            self._call(
                "remove_application",
                model=model,
                applications=list(applications),
                force=force,
                no_wait=no_wait,
                dry_run=dry_run,
            ),
        )

    def config(self, model: str, application: str) -> dict[str, Any]:
        """Return the object of ``juju config --format=json``.

        ``{"application", "application-config", "charm", "settings": {option: {"value", "default",
        "type", "description", "source": "user" | "default" | "unset"}}}``.
        """
        return cast("dict[str, Any]", self._call("config", model=model, application=application))

    def set_config(
        self,
        model: str,
        application: str,
        values: Mapping[str, str],
        *,
        reset: Sequence[str] = (),
    ) -> None:
        """Set options from text and reset others, all or none."""
        self._call(
            "set_config",
            model=model,
            application=application,
            values=dict(values),
            reset=list(reset),
        )

    def refresh(
        self,
        model: str,
        application: str,
        charm: Path,
        *,
        force_units: bool = False,
        config: Mapping[str, str] | None = None,
    ) -> Refreshed:
        """Upgrade to the local charm ``charm``; with ``force_units`` also units in error."""
        return cast(
            Refreshed,
            self._call(
                "refresh",
                model=model,
                application=application,
                charm=str(charm.absolute()),
                force_units=force_units,
                config=dict(config or {}),
            ),
        )

    def resolved(
        self, model: str, units: Sequence[str], *, all_units: bool = False, retry: bool = True
    ) -> None:
        """Mark units' hook errors resolved; run the hook again unless ``retry`` is false."""
        self._call("resolved", model=model, units=list(units), all_units=all_units, retry=retry)

    def expose(self, model: str, application: str, *, exposed: bool) -> None:
        """Mark an application exposed or not; the stand-in has no firewall to open."""
        self._call("expose", model=model, application=application, exposed=exposed)

    # Machines

    def add_machine(
        self, model: str, *, num_machines: int = 1, base: str | None = None
    ) -> list[MachineAdded]:
        """Add machines without units."""
        return cast(
            "list[MachineAdded]",
            self._call("add_machine", model=model, num_machines=num_machines, base=base),
        )

    def remove_machine(
        self,
        model: str,
        machines: Sequence[str],
        *,
        force: bool = False,
        no_wait: bool = False,
        dry_run: bool = False,
    ) -> list[RemovalInfo]:
        """Remove machines; with ``force`` also those that have units, and dead ones."""
        return cast(
            "list[RemovalInfo]",
            self._call(
                "remove_machine",
                model=model,
                machines=list(machines),
                force=force,
                no_wait=no_wait,
                dry_run=dry_run,
            ),
        )

    def ssh_target(self, model: str, target: str) -> SshTarget:
        """Resolve ``pg/0``, ``pg/leader`` or a machine id."""
        return cast(SshTarget, self._call("ssh_target", model=model, target=target))

    # Relations

    def integrate(self, model: str, first: str, second: str) -> None:
        """Relate two applications (``app`` or ``app:endpoint``)."""
        self._call("integrate", model=model, first=first, second=second)

    def remove_relation(
        self, model: str, first: str, second: str | None = None, *, force: bool = False
    ) -> None:
        """Remove the relation between two endpoints, or the one with id ``first``."""
        self._call("remove_relation", model=model, first=first, second=second, force=force)

    # Actions and commands

    def run(
        self, model: str, units: Sequence[str], action: str, params: Mapping[str, Any]
    ) -> EnqueuedOperation:
        """Enqueue an action on units; parameters are checked against actions.yaml."""
        return cast(
            EnqueuedOperation,
            self._call("run", model=model, units=list(units), action=action, params=dict(params)),
        )

    def exec(
        self,
        model: str,
        command: str,
        *,
        units: Sequence[str] = (),
        applications: Sequence[str] = (),
        machines: Sequence[str] = (),
        all_machines: bool = False,
        timeout: float | None = None,
    ) -> EnqueuedOperation:
        """Enqueue a shell command; on a unit it runs in the unit's hook context."""
        return cast(
            EnqueuedOperation,
            self._call(
                "exec",
                model=model,
                command=command,
                units=list(units),
                applications=list(applications),
                machines=list(machines),
                all_machines=all_machines,
                timeout=timeout,
            ),
        )

    def operation(self, model: str, operation: str, *, wait: float = 0.0) -> Operation:
        """Return an operation, after waiting up to ``wait`` seconds for all its tasks to end."""
        return cast(
            Operation, self._call("operation", model=model, operation=operation, wait=wait)
        )

    def operations(self, model: str) -> list[Operation]:
        """List all operations, the oldest first."""
        return cast("list[Operation]", self._call("operations", model=model))

    def task(self, model: str, task: str, *, wait: float = 0.0) -> Task:
        """Return a task, after waiting up to ``wait`` seconds for its end."""
        return cast(Task, self._call("task", model=model, task=task, wait=wait))

    def task_log(self, model: str, task: str) -> Iterator[TaskLog]:
        """Yield ``action-log`` lines as they come; end when the task does."""
        return self._stream("task_log", model=model, task=task)

    def cancel_task(self, model: str, task: str) -> Task:
        """Cancel a task that is pending; a running one is aborted."""
        return cast(Task, self._call("cancel_task", model=model, task=task))

    # Looking

    def status(self, model: str, *, patterns: Sequence[str] = ()) -> Status:
        """Return the model's status, limited to what the patterns name, as Juju does."""
        return cast(Status, self._call("status", model=model, patterns=list(patterns)))

    def show_unit(self, model: str, units: Sequence[str]) -> dict[str, Any]:
        """Return the object of ``juju show-unit --format=json``: keyed by unit."""
        return cast("dict[str, Any]", self._call("show_unit", model=model, units=list(units)))

    def show_application(self, model: str, applications: Sequence[str]) -> dict[str, Any]:
        """Return the object of ``juju show-application --format=json``: keyed by application."""
        return cast(
            "dict[str, Any]",
            self._call("show_application", model=model, applications=list(applications)),
        )

    def actions(self, model: str, application: str) -> dict[str, dict[str, Any]]:
        """Return ``{action: {"description": …, "params": JSON schema}}``."""
        return cast(
            "dict[str, dict[str, Any]]",
            self._call("actions", model=model, application=application),
        )

    def secrets(self, model: str, *, owner: str | None = None) -> dict[str, Any]:
        """Return the object of ``juju secrets --format=json``: keyed by bare secret id."""
        return cast("dict[str, Any]", self._call("secrets", model=model, owner=owner))

    def show_secret(
        self,
        model: str,
        secret: str,
        *,
        reveal: bool = False,
        revision: int | None = None,
        revisions: bool = False,
    ) -> dict[str, Any]:
        """Return the object of ``juju show-secret --format=json``: keyed by bare secret id."""
        return cast(
            "dict[str, Any]",
            self._call(
                "show_secret",
                model=model,
                secret=secret,
                reveal=reveal,
                revision=revision,
                revisions=revisions,
            ),
        )

    def add_secret(
        self, model: str, name: str, content: Mapping[str, str], *, info: str | None = None
    ) -> str:
        """Add a secret of the user's own; return its URI."""
        return cast(
            str, self._call("add_secret", model=model, name=name, content=dict(content), info=info)
        )

    def update_secret(
        self,
        model: str,
        secret: str,
        *,
        content: Mapping[str, str] | None = None,
        info: str | None = None,
        name: str | None = None,
        auto_prune: bool = False,
    ) -> None:
        """Change a secret of the user's own; what is None stays as it is."""
        self._call(
            "update_secret",
            model=model,
            secret=secret,
            content=None if content is None else dict(content),
            info=info,
            name=name,
            auto_prune=auto_prune,
        )

    def grant_secret(
        self, model: str, secret: str, applications: Sequence[str], *, revoke: bool = False
    ) -> None:
        """Let applications read a secret of the user's own, or not any more."""
        self._call(
            "grant_secret",
            model=model,
            secret=secret,
            applications=list(applications),
            revoke=revoke,
        )

    def remove_secret(self, model: str, secret: str, *, revision: int | None = None) -> None:
        """Remove a secret of the user's own, or one of its revisions."""
        self._call("remove_secret", model=model, secret=secret, revision=revision)

    def status_log(
        self, model: str, entity: str, *, kind: str = "unit", size: int = 20
    ) -> list[PastStatus]:
        """Return past statuses, the oldest first.

        Args:
            model: where.
            entity: a unit, application or machine.
            kind: ``unit`` (both of the following), ``juju-unit``, ``workload``, ``application``,
                ``machine`` or ``juju-machine``.
            size: how many; 0 for all.
        """
        return cast(
            "list[PastStatus]",
            self._call("status_log", model=model, kind=kind, entity=entity, size=size),
        )

    def debug_log(
        self,
        model: str,
        *,
        replay: bool = False,
        lines: int = 10,
        limit: int = 0,
        follow: bool = True,
        level: str | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        include_module: Sequence[str] = (),
        exclude_module: Sequence[str] = (),
    ) -> Iterator[LogLine]:
        """Yield log lines.

        Args:
            model: whose log.
            replay: begin with the first line there is, not with the last ``lines``.
            lines: how many old lines come first.
            limit: end after so many lines; 0 for no limit.
            follow: wait for new lines; else end with the newest.
            level: least severity shown.
            include: entities (``unit-pg-0``, ``pg/0``, ``machine-0``, with ``*``).
            exclude: entities left out.
            include_module: modules, by dotted prefix.
            exclude_module: modules left out.
        """
        return self._stream(
            "debug_log",
            model=model,
            replay=replay,
            lines=lines,
            limit=limit,
            follow=follow,
            level=level,
            include=list(include),
            exclude=list(exclude),
            include_module=list(include_module),
            exclude_module=list(exclude_module),
        )
