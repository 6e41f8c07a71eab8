"""The passwords of the cluster, in one secret that belongs to the application."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import ops

LABEL = "replication-credentials"
# 192 bits: not to be guessed, and without a character that a conninfo string or a passfile
# would have to escape.
_PASSWORD_BYTES = 24


@dataclass(frozen=True)
class Credentials:
    """Passwords of the roles that the charm makes.

    Attributes:
        replication_password: of the role with which standbys connect.
        operator_password: of the role with which the charm's actions look at other units.
    """

    replication_password: str = field(repr=False)
    operator_password: str = field(repr=False)


def create(app: ops.Application) -> str:
    """Makes the secret with generated passwords; for the leader.

    Returns:
        The secret's id, which the units find in the peer relation.
    """
    secret = app.add_secret(
        {
            "replication-password": secrets.token_urlsafe(_PASSWORD_BYTES),
            "operator-password": secrets.token_urlsafe(_PASSWORD_BYTES),
        },
        label=LABEL,
        description="Passwords of the roles for replication and for the charm's actions.",
    )
    return secret.id or secret.get_info().id


def follow(secret: ops.Secret) -> None:
    """Has this unit read the newest revision from now on; for the hook that tells of one."""
    secret.get_content(refresh=True)


def read(model: ops.Model, secret_id: str) -> Credentials | None:
    """Reads the secret, in the revision that this unit follows; see `follow`.

    Returns:
        None while there is no secret or it is not to be had yet; the hook that follows its
        creation brings it.
    """
    if not secret_id:
        return None
    try:
        content = model.get_secret(id=secret_id).get_content()
    except ops.SecretNotFoundError:
        return None
    return Credentials(content["replication-password"], content["operator-password"])
