"""Of which release the machines of a model are, and which base they have by default."""

from __future__ import annotations

import os

from localjuju.controller.store import Row, load
from localjuju.host import definition


def of(model: Row) -> str:
    """Return the Debian or Ubuntu release of a model's machines.

    The model-config key ``localjuju-release``, else ``$LOCALJUJU_RELEASE`` of the daemon, else
    bookworm.
    """
    return str(
        load(model["config"]).get("localjuju-release")
        or os.environ.get("LOCALJUJU_RELEASE")
        or definition.DEFAULT_RELEASE
    )


def default_base(model: Row) -> str:
    """Return the base of a machine that is made for no charm.

    The model-config key ``default-base``, else what the model's release is, else what Debian
    poses as. Whether the release can be that base is seen when the machine is made.
    """
    release = definition.RELEASES.get(of(model))
    own = release.base if release else None
    return str(load(model["config"]).get("default-base") or own or definition.DEFAULT_BASE)
