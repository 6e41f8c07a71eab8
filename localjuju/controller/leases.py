"""Leadership: a lease for each application, which runs out unless it is renewed.

Times are the host's clock, as in Juju's own lease table, so a controller that was down for longer
than the lease finds it run out, and the first unit to claim it then leads.
"""

from __future__ import annotations

from localjuju.controller import clock
from localjuju.controller.store import Row
from localjuju.controller.wire import JujuError
from localjuju.controller.world import World


def claim(world: World, unit: Row) -> bool:
    """Claim or renew a unit's leadership of its application; false if another unit holds it."""
    model, application, name = unit["model"], unit["application"], unit["name"]
    now = clock.now()
    lease = world.store.one(
        "SELECT * FROM lease WHERE model=? AND application=?", model, application
    )
    if lease is not None and lease["holder"] != name and lease["expires"] > now:
        return False
    _give(world, unit)
    if lease is None or lease["holder"] != name:
        world.hub.changed(model)
    return True


def move(world: World, unit: Row) -> None:
    """Take the lease from whoever holds it, and give it to a unit.

    The former holder learns of it as in Juju: when it renews its claim, or commits what only a
    leader may.

    Raises:
        JujuError: the unit is going away.
    """
    if unit["life"] != "alive":
        raise JujuError(f'unit "{unit["name"]}" is not alive')
    _give(world, unit)
    world.hub.changed(unit["model"])


def expire(world: World) -> float | None:
    """Drop leases that ran out, telling those who wait; return when the next one will."""
    now = clock.now()
    for row in world.store.all("SELECT * FROM lease WHERE expires<=?", now):
        world.store.run(
            "DELETE FROM lease WHERE model=? AND application=? AND expires<=?",
            row["model"],
            row["application"],
            now,
        )
        world.hub.changed(row["model"])
    return world.store.value("SELECT min(expires) FROM lease")


def holder(world: World, model: str, application: str) -> str | None:
    """Return the unit that leads an application now."""
    return world.store.value(
        "SELECT holder FROM lease WHERE model=? AND application=? AND expires>?",
        model,
        application,
        clock.now(),
    )


def require(world: World, unit: Row) -> None:
    """Check that a unit leads its application.

    Raises:
        JujuError: it does not (any more).
    """
    if holder(world, unit["model"], unit["application"]) != unit["name"]:
        raise JujuError(
            f'"{unit["name"]}" is not leader of "{unit["application"]}"', "unauthorized access"
        )


def _give(world: World, unit: Row) -> None:
    world.store.run(
        "INSERT INTO lease (model, application, holder, expires) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (model, application) DO UPDATE SET holder=excluded.holder, "
        "expires=excluded.expires",
        unit["model"],
        unit["application"],
        unit["name"],
        clock.now() + world.timing.lease_s,
    )
