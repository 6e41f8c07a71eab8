"""One hook's view of the model, and what it wants to change there.

Changes are gathered and sent to the controller in one commit when the hook ended well; until then
only this hook sees them. What Juju does at once (statuses, logs, pins of secrets) is done at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from localjuju.agent.link import CallError, Link
from localjuju.agent.secretchanges import SecretChanges
from localjuju.agent.state import Hook, UnitState

Bags = dict[str, dict[str, dict[str, str]]]
"""``{relation id: {"unit" | "app": {key: value}}}``."""


class ToolError(Exception):
    """A hook tool refuses: exit status 1 and ``ERROR`` with this text."""


class BagCache:
    """Remote units' settings, kept between hooks until a hook tells that they changed."""

    def __init__(self) -> None:
        self._bags: dict[tuple[int, str], dict[str, str]] = {}

    def get(self, relation: int, unit: str, fetch: Callable[[], dict[str, str]]) -> dict[str, str]:
        """Return a unit's settings, fetched if they are not known."""
        key = (relation, unit)
        if key not in self._bags:
            self._bags[key] = fetch()
        return self._bags[key]

    def forget(self, relation: int, unit: str | None = None) -> None:
        """Forget a unit's settings, or those of a whole relation."""
        for key in list(self._bags):
            if key[0] == relation and unit in (None, key[1]):
                del self._bags[key]


@dataclasses.dataclass
class ActionData:
    """A running action."""

    id: str
    name: str
    parameters: dict[str, Any]
    results: dict[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    failed: bool = False
    message: str = ""


class HookContext:
    """What hook tools work on."""

    def __init__(
        self,
        unit: str,
        link: Link,
        state: UnitState,
        cache: BagCache,
        is_leader: Callable[[], bool],
        hook: Hook | None = None,
        action: ActionData | None = None,
    ) -> None:
        self.unit = unit
        self.application = unit.rpartition("/")[0]
        self.link = link
        self.hook = hook
        self.action = action
        self.is_leader = is_leader
        self.status_set = False
        self.reboot = ""
        """``after``: reboot when the hook is over; ``now``: it was killed for a reboot."""
        self._cache = cache
        self._state = state
        self._about: dict[str, Any] | None = None
        self._fetched: Bags = {}
        self._remote_apps: dict[tuple[int, str], dict[str, str]] = {}
        self.bags: Bags = {}
        self.secrets = SecretChanges()
        self.ports: list[str] | None = None
        self.charm_state: dict[str, str] | None = None

    def call(self, method: str, **params: Any) -> Any:
        """Call the controller on the unit's behalf.

        Raises:
            ToolError: it refused; the text is the tool's error.
            LinkDown: it cannot be reached.
        """
        try:
            return self.link.call(method, unit=self.unit, **params)
        except CallError as error:
            raise ToolError(str(error)) from error

    @property
    def about(self) -> dict[str, Any]:
        """Options, ports and charm state as they were when the hook first asked."""
        if self._about is None:
            self._about = self.call("context")
        assert self._about is not None
        return self._about

    # Relations

    def relations(self, endpoint: str | None = None) -> list[str]:
        """Return the unit's relations as ``endpoint:id``."""
        return [
            f"{relation.endpoint}:{number}"
            for number, relation in sorted(
                self._state.relations.items(), key=lambda item: int(item[0])
            )
            if endpoint in (None, relation.endpoint)
        ]

    def relation(self, reference: str | None) -> int:
        """Return the relation that a ``-r`` argument names, or the hook's own.

        Raises:
            ToolError: there is none.
        """
        if reference is None:
            if self.hook is None or self.hook.relation is None:
                raise ToolError("no relation id specified")
            return self.hook.relation
        endpoint, _, number = reference.rpartition(":")
        known = self._state.relations.get(number)
        if known is None or (endpoint and known.endpoint != endpoint):
            raise ToolError(f'invalid value "{reference}" for option -r: relation not found')
        return int(number)

    def members(self, relation: int) -> list[str]:
        """Return the units that joined, with the one joining and without the one departing."""
        members = set(self._state.relations[str(relation)].members)
        hook = self.hook
        if hook is not None and hook.relation == relation and hook.remote_unit:
            if hook.kind == "relation-joined":
                members.add(hook.remote_unit)
            elif hook.kind == "relation-departed":
                members.discard(hook.remote_unit)
        return sorted(members)

    def remote_application(self, relation: int) -> str:
        """Return the other side's application; in a peer relation the own one."""
        return self._state.relations[str(relation)].remote_app

    def bag(self, relation: int, member: str) -> dict[str, str]:
        """Return the settings of a unit or an application as this hook sees them.

        Raises:
            ToolError: they may not be read.
        """
        if "/" in member:
            if member == self.unit:
                return self._own(relation, "unit")
            return self._cache.get(
                relation,
                member,
                lambda: self.call("unit_bag", relation=relation, member=member),
            )
        own = member == self.application
        if own and not self._state.relations[str(relation)].peer and not self.is_leader():
            raise ToolError("permission denied")
        if own:
            return self._own(relation, "app")
        key = (relation, member)
        if key not in self._remote_apps:
            self._remote_apps[key] = self.call(
                "application_bag", relation=relation, application=member
            )
        return self._remote_apps[key]

    def _own(self, relation: int, kind: str) -> dict[str, str]:
        fetched = self._fetched.setdefault(str(relation), {})
        if kind not in fetched:
            if kind == "unit":
                fetched[kind] = self.call("unit_bag", relation=relation, member=self.unit)
            else:
                fetched[kind] = self.call(
                    "application_bag", relation=relation, application=self.application
                )
        written = self.bags.get(str(relation), {}).get(kind, {})
        return {key: value for key, value in {**fetched[kind], **written}.items() if value}

    def write_bag(self, relation: int, kind: str, changes: dict[str, str]) -> None:
        """Gather changes of the unit's own or, on the leader, the application's settings.

        Raises:
            ToolError: the unit does not lead.
        """
        if kind == "app" and not self.is_leader():
            raise ToolError("cannot write relation settings")
        self.bags.setdefault(str(relation), {}).setdefault(kind, {}).update(changes)

    # The end

    def changes(self) -> dict[str, Any]:
        """Return what is to be committed; nothing if nothing changed."""
        changes: dict[str, Any] = {}
        if self.bags:
            changes["relations"] = self.bags
        secrets = self.secrets.as_commit()
        if secrets:
            changes["secrets"] = secrets
        if self.ports is not None:
            changes["ports"] = self.ports
        if self.charm_state is not None:
            changes["state"] = self.charm_state
        return changes
