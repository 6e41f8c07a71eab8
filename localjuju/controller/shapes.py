"""What the controller answers to its clients: plain JSON data, with these keys and types.

Times are RFC 3339 in UTC with microseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from typing_extensions import NotRequired

Life = Literal["alive", "dying", "dead"]
TaskStatus = Literal["pending", "running", "completed", "failed", "cancelled", "aborted", "error"]


class ControllerInfo(TypedDict):
    """The daemon itself."""

    uuid: str
    name: str
    version: str
    pid: int
    home: str


class ModelSummary(TypedDict):
    """One model, as ``juju models`` and ``juju show-model`` need it."""

    name: str
    uuid: str
    life: Life
    status: str
    message: str
    since: str
    version: str
    base: str
    machines: int
    cores: int
    units: int


class DestroyProgress(TypedDict):
    """What is still there of a model that is being destroyed."""

    machines: int
    applications: int
    units: int
    errors: list[str]


class Deployed(TypedDict):
    """What ``deploy`` made."""

    application: str
    charm: str
    """Charm URL: ``local:pg-hot-standby-0``."""
    charm_name: str
    revision: int
    base: str
    """``ubuntu@24.04``; Juju prints it as ``ubuntu@24.04/stable``."""
    units: list[str]


class Refreshed(TypedDict):
    """What ``refresh`` did."""

    charm: str
    revision: int
    previous: str


class RemovalInfo(TypedDict):
    """What a removal takes along, as Juju tells it before it asks."""

    name: str
    units: NotRequired[list[str]]
    storage_destroyed: NotRequired[list[str]]
    storage_detached: NotRequired[list[str]]
    error: NotRequired[str]


class TaskLog(TypedDict):
    """One ``action-log`` line."""

    timestamp: str
    message: str


class Task(TypedDict):
    """An action or a command on one unit or machine."""

    id: str
    receiver: str
    """``pg/0``, or the machine's id."""
    action: str
    """The action's name; ``juju-exec`` for a command."""
    parameters: dict[str, Any]
    status: TaskStatus
    message: str
    results: dict[str, Any]
    """What ``action-set`` gave, nested, values as strings; with ``return-code`` (int) and, if not
    empty, ``stdout`` and ``stderr``."""
    log: list[TaskLog]
    enqueued: str
    started: str | None
    completed: str | None


class EnqueuedTask(TypedDict):
    """Whether a task could be enqueued; ``id`` or ``error`` is set."""

    receiver: str
    id: str | None
    error: str | None
    error_code: NotRequired[str]


class EnqueuedOperation(TypedDict):
    """An operation that was just made."""

    operation: str
    tasks: list[EnqueuedTask]


class Operation(TypedDict):
    """An operation and its tasks."""

    id: str
    summary: str
    status: TaskStatus
    enqueued: str
    started: str | None
    completed: str | None
    tasks: list[Task]


class RelationLine(TypedDict):
    """One line of the tabular status's relations section."""

    provider: str
    """``app:endpoint``."""
    requirer: str
    interface: str
    type: Literal["peer", "regular", "subordinate"]
    message: str


class Status(TypedDict):
    """``formatted`` is what ``juju status --format=json`` prints; ``relations`` is for tables."""

    formatted: dict[str, Any]
    relations: list[RelationLine]


class PastStatus(TypedDict):
    """One line of ``juju show-status-log``."""

    status: str
    message: NotRequired[str]
    since: str
    type: str


class LogLine(TypedDict):
    """One line of ``juju debug-log``."""

    entity: str
    """``unit-pg-0``, ``machine-0`` or ``controller-0``."""
    timestamp: str
    severity: Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"]
    module: str
    location: str
    message: str


class SshTarget(TypedDict):
    """Where ``ssh`` and ``scp`` go: give it to ``localjuju.host``."""

    model_uuid: str
    machine: str
    """The machine's id in the model."""
    host_machine: str
    """The name that ``localjuju.host`` knows the machine by."""
    root: str
    """Its root directory on this host."""
    address: str
    unit: str | None


class MachineAdded(TypedDict):
    """One machine that ``add_machine`` made."""

    machine: str
