"""What one hook wants to change of secrets: gathered, and read back by the same hook.

As Juju's own recorder (internal/worker/uniter/runner/context/secrets.go) does, it keeps one change
for each secret: several ``secret-set`` in a hook make one revision, and a secret that the hook
itself added is still the first revision when the hook ends.
"""

from __future__ import annotations

from typing import Any

Change = dict[str, Any]


class LabelTakenError(Exception):
    """The hook added a secret with this label before."""


class SecretChanges:
    """The changes of one hook."""

    def __init__(self) -> None:
        self._created: dict[str, Change] = {}
        self._updated: dict[str, Change] = {}
        self._deleted: list[Change] = []
        self._granted: list[Change] = []
        self._revoked: list[Change] = []
        self._tracked: set[str] = set()

    @property
    def created(self) -> list[Change]:
        """Secrets that the hook adds: ``id``, ``owner``, ``content``, and what describes them."""
        return list(self._created.values())

    def create(self, new: Change) -> None:
        """Add a secret.

        Raises:
            LabelTakenError: another that this hook adds has the same label.
        """
        label = new.get("label")
        if label and any(other.get("label") == label for other in self._created.values()):
            raise LabelTakenError(f'secret with label "{label}" already exists')
        self._created[new["id"]] = new

    def update(self, change: Change) -> None:
        """Change the content or the description of the secret ``id``."""
        secret = change["id"]
        before = self._created.get(secret) or self._updated.setdefault(secret, {})
        before.update(change)

    def remove(self, secret: str, revision: int | None) -> None:
        """Remove a secret, or one of its revisions."""
        if revision is None:
            self._updated.pop(secret, None)
            self._tracked.discard(secret)
            self._granted = [grant for grant in self._granted if grant["id"] != secret]
            self._revoked = [grant for grant in self._revoked if grant["id"] != secret]
            if self._created.pop(secret, None) is not None:
                return
        self._deleted.append({"id": secret, "revision": revision})

    def grant(self, change: Change) -> None:
        """Let somebody read a secret: ``id``, ``relation``, ``unit``."""
        self._granted.append(change)

    def revoke(self, change: Change) -> None:
        """Take a grant back: ``id``, ``relation``, ``unit``, ``app``."""
        self._revoked.append(change)

    def removed(self, secret: str) -> bool:
        """Tell whether the hook removes a secret altogether."""
        return {"id": secret, "revision": None} in self._deleted

    def about(self, secret: str) -> Change:
        """Return what the hook changes of a secret's label, description, rotation and expiry."""
        known = ("label", "description", "rotate", "expires")
        change = self._updated.get(secret, {})
        return {key: change[key] for key in known if key in change}

    def content(self, secret: str, *, latest: bool, track: bool) -> dict[str, str] | None:
        """Return the content that the hook itself gave a secret, if it is what it would read.

        Args:
            secret: its id.
            latest: whether the newest content is asked for, by ``--refresh`` or ``--peek``; else
                a secret that was there before keeps the revision to which the unit is pinned.
            track: whether the unit's pin moves to it, by ``--refresh``.
        """
        if secret in self._created:
            return self._created[secret]["content"]
        content = self._updated.get(secret, {}).get("content") if latest else None
        if content and track:
            self._tracked.add(secret)
        return content

    def as_commit(self) -> dict[str, list[Any]]:
        """Return what is to be committed, by kind; kinds without changes are left out."""
        changes: dict[str, list[Any]] = {
            "create": self.created,
            "update": list(self._updated.values()),
            "delete": self._deleted,
            "grant": self._granted,
            "revoke": self._revoked,
            "track": sorted(self._tracked),
        }
        return {kind: entries for kind, entries in changes.items() if entries}
