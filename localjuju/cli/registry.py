"""Where each command stands, so that only the module of the one that is run is loaded."""

from __future__ import annotations

from importlib import import_module

from localjuju.cli.command import Command

MODULES: dict[str, tuple[str, ...]] = {
    "about": ("controllers", "help", "version", "whoami"),
    "actions": ("actions", "run", "show-action"),
    "appconfig": ("config",),
    "applications": ("deploy", "expose", "refresh", "remove-application",
                     "show-application", "trust", "unexpose"),
    "execute": ("exec",),
    "logs": ("debug-log",),
    "machines": ("add-machine", "machines", "remove-machine", "show-machine"),
    "models": ("add-model", "destroy-model", "models", "show-model", "switch"),
    "modelsettings": ("model-config", "model-constraints"),
    "relations": ("integrate", "remove-relation"),
    "secrets": ("secrets", "show-secret"),
    "shells": ("scp", "ssh"),
    "statuses": ("status",),
    "statuslog": ("show-status-log",),
    "tasks": ("cancel-task", "operations", "show-operation", "show-task"),
    "units": ("add-unit", "remove-unit", "resolved", "show-unit"),
    "usersecrets": ("add-secret", "grant-secret", "remove-secret", "revoke-secret",
                    "update-secret"),
}  # fmt: skip
"""Which commands each module of ``localjuju.cli.commands`` has."""

ALIASES = {
    "list-actions": "actions",
    "list-controllers": "controllers",
    "list-machines": "machines",
    "list-models": "models",
    "list-operations": "operations",
    "list-secrets": "secrets",
    "relate": "integrate",
    "resolve": "resolved",
    "show-status": "status",
}
"""Other names of commands."""


def find(name: str) -> Command | None:
    """Return the command of that name or alias, loading only its own module."""
    name = ALIASES.get(name, name)
    for module, names in MODULES.items():
        if name in names:
            loaded = import_module(f"localjuju.cli.commands.{module}")
            return next(one for one in loaded.COMMANDS if one.name == name)
    return None


def names() -> list[str]:
    """Return the names of all commands, sorted."""
    return sorted(name for found in MODULES.values() for name in found)


def every() -> list[Command]:
    """Load all commands, sorted by name."""
    return [command for name in names() if (command := find(name)) is not None]
