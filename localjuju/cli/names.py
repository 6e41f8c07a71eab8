"""The forms that Juju allows for names of models, applications, units and machines.

The rules are those of ``github.com/juju/names``.
"""

from __future__ import annotations

import re

USER = "admin"
"""Who owns the models and is logged in."""

CLOUD_REGION = "localjuju/host"
"""Where all machines are: the cloud and its only region, as the controller names them."""

_APPLICATION = r"(?:[a-z][a-z0-9]*(?:-[a-z0-9]*[a-z][a-z0-9]*)*)"
_NUMBER = r"(?:0|[1-9][0-9]*)"
_VALID_APPLICATION = re.compile(_APPLICATION)
_VALID_UNIT = re.compile(f"({_APPLICATION})/({_NUMBER})")
_VALID_LEADER = re.compile(f"({_APPLICATION})/leader")
_VALID_MACHINE = re.compile(f"{_NUMBER}(?:/[a-z]+/{_NUMBER})*")
_VALID_MODEL = re.compile(r"[a-z0-9]+[a-z0-9-]*")
_VALID_ENDPOINT = re.compile(f"({_APPLICATION})(?::([a-z][a-z0-9]*(?:[_-][a-z0-9]+)*))?")
_VALID_ACTION = re.compile(r"[a-z](?:[a-z0-9-]*[a-z0-9])?")
_VALID_KEY = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


def is_application(text: str) -> bool:
    """Tell whether the text may name an application."""
    return _VALID_APPLICATION.fullmatch(text) is not None


def is_unit(text: str) -> bool:
    """Tell whether the text may name a unit."""
    return _VALID_UNIT.fullmatch(text) is not None


def is_leader(text: str) -> bool:
    """Tell whether the text asks for an application's leader: ``pg/leader``."""
    return _VALID_LEADER.fullmatch(text) is not None


def is_machine(text: str) -> bool:
    """Tell whether the text may be a machine's id."""
    return _VALID_MACHINE.fullmatch(text) is not None


def is_model(text: str) -> bool:
    """Tell whether the text may name a model."""
    return _VALID_MODEL.fullmatch(text) is not None


def is_endpoint(text: str) -> bool:
    """Tell whether the text may be ``application`` or ``application:endpoint``."""
    return _VALID_ENDPOINT.fullmatch(text) is not None


def is_action(text: str) -> bool:
    """Tell whether the text may name an action."""
    return _VALID_ACTION.fullmatch(text) is not None


def is_action_key(text: str) -> bool:
    """Tell whether the text may be one part of an action parameter's key."""
    return _VALID_KEY.fullmatch(text) is not None


def application_of(unit: str) -> str:
    """Return the application of a unit's name."""
    return unit.partition("/")[0]


def tag(entity: str) -> str:
    """Return the tag of a unit or machine.

    >>> tag("pg/0"), tag("3")
    ('unit-pg-0', 'machine-3')
    """
    if is_machine(entity):
        return f"machine-{entity.replace('/', '-')}"
    return f"unit-{entity.replace('/', '-')}"


def readable(entity: str) -> str:
    """Return a unit or machine with its kind in front, as in Juju's sentences."""
    return f"{'machine' if is_machine(entity) else 'unit'} {entity}"


def split_model(identifier: str) -> tuple[str, str, str]:
    """Split ``[controller:][user/]model`` into its three parts; what is missing is empty.

    >>> split_model("here:admin/m"), split_model("m")
    (('here', 'admin', 'm'), ('', '', 'm'))
    """
    controller, _, model = identifier.rpartition(":")
    user, _, name = model.rpartition("/")
    return controller, user, name
