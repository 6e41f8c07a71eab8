"""Relations: who is in them, and their data bags."""

from __future__ import annotations

from localjuju.controller import charms
from localjuju.controller.store import Row, dump, load
from localjuju.controller.wire import JujuError
from localjuju.controller.world import World, major, row_number


def add_peers(world: World, model: str, application: str, definition: Row) -> None:
    """Make the peer relations of a new application, or of one that was refreshed."""
    for name, (role, interface) in charms.endpoints(definition).items():
        known = world.store.value(
            "SELECT 1 FROM endpoint WHERE model=? AND application=? AND name=? AND role='peer'",
            model,
            application,
            name,
        )
        if role == "peer" and not known:
            _add(world, model, interface, [(application, name, "peer")])


def _add(world: World, model: str, interface: str, ends: list[tuple[str, str, str]]) -> int:
    number = world.store.next(model, "relation")
    world.store.insert("relation", model=model, id=number, life="alive", interface=interface)
    for application, name, role in ends:
        world.store.insert(
            "endpoint",
            model=model,
            relation=number,
            application=application,
            name=name,
            role=role,
            settings="{}",
            version=0,
        )
    return number


def integrate(world: World, model: str, first: str, second: str) -> None:
    """Relate two applications.

    Raises:
        JujuError: no, more than one, or an existing relation fits, in Juju's words.
    """
    pairs = [
        (one, two)
        for one in _candidates(world, model, first)
        for two in _candidates(world, model, second)
        if one[3] == two[3] and {one[2], two[2]} == {"provider", "requirer"}
    ]
    explicit = [pair for pair in pairs if "juju-info" not in (pair[0][1], pair[1][1])]
    pairs = explicit or pairs
    if not pairs:
        raise JujuError("no relations found", "not found")
    if len(pairs) > 1:
        listed = "; ".join(sorted(f'"{one[0]}:{one[1]} {two[0]}:{two[1]}"' for one, two in pairs))
        raise JujuError(f'ambiguous relation: "{first} {second}" could refer to {listed}')
    one, two = pairs[0]
    if _find(world, model, [one[:2], two[:2]]) is not None:
        raise JujuError(
            f'cannot add relation "{_key(one, two)}": relation {_key(one, two)} already exists',
            "already exists",
        )
    with world.store.transaction():
        _add(world, model, one[3], [one[:3], two[:3]])
    world.hub.changed(model)


def _key(one: tuple[str, str, str, str], two: tuple[str, str, str, str]) -> str:
    ends = sorted((one, two), key=lambda end: end[2] != "requirer")
    return " ".join(f"{end[0]}:{end[1]}" for end in ends)


def _candidates(world: World, model: str, text: str) -> list[tuple[str, str, str, str]]:
    name, colon, endpoint = text.partition(":")
    application = world.application(model, name)
    found = [
        (name, end, role, interface)
        for end, (role, interface) in charms.endpoints(definition_of(world, application)).items()
        if role != "peer" and (not colon or end == endpoint)
    ]
    if colon and not found:
        raise JujuError(f'application "{name}" has no "{endpoint}" relation', "not found")
    return found


def definition_of(world: World, application: Row) -> Row:
    """Return the definition of the charm that an application is to run."""
    text = world.store.value(
        "SELECT definition FROM charm WHERE model=? AND url=?",
        application["model"],
        application["charm"],
    )
    return load(text)


def _find(world: World, model: str, ends: list[tuple[str, str]]) -> int | None:
    (app1, name1), (app2, name2) = ends
    return world.store.value(
        "SELECT a.relation FROM endpoint a JOIN endpoint b ON a.model=b.model AND "
        "a.relation=b.relation WHERE a.model=? AND a.application=? AND a.name=? "
        "AND b.application=? AND b.name=?",
        model,
        app1,
        name1,
        app2,
        name2,
    )


def begin_removal(
    world: World, model: str, first: str, second: str | None, *, force: bool
) -> None:
    """Remove a relation by its endpoints or its id.

    Raises:
        JujuError: there is none.
    """
    if second is None:
        number = row_number(first)
        if not world.store.value("SELECT 1 FROM relation WHERE model=? AND id=?", model, number):
            raise JujuError(f"relation {first} not found", "not found")
    else:
        found = [
            number
            for one in _candidates(world, model, first)
            for two in _candidates(world, model, second)
            if (number := _find(world, model, [one[:2], two[:2]])) is not None
        ]
        if not found:
            raise JujuError(f'relation "{first} {second}" not found', "not found")
        number = found[0]
    if world.store.value(
        "SELECT 1 FROM endpoint WHERE model=? AND relation=? AND role='peer'", model, number
    ):
        raise JujuError(f"cannot remove relation {number}: is a peer relation")
    with world.store.transaction():
        world.store.run("UPDATE relation SET life='dying' WHERE model=? AND id=?", model, number)
        if force:
            world.store.run("DELETE FROM member WHERE model=? AND relation=?", model, number)
        _remove_if_empty(world, model, number)
    world.hub.changed(model)


def _remove_if_empty(world: World, model: str, number: int) -> None:
    dying = world.store.value(
        "SELECT 1 FROM relation r WHERE model=? AND id=? AND life='dying' AND NOT EXISTS "
        "(SELECT 1 FROM member m WHERE m.model=r.model AND m.relation=r.id AND m.scope!='left')",
        model,
        number,
    )
    if dying:
        for table, column in (
            ("endpoint", "relation"),
            ("member", "relation"),
            ("relation", "id"),
        ):
            world.store.run(f"DELETE FROM {table} WHERE model=? AND {column}=?", model, number)


def enter(world: World, unit: Row, number: int, version: str) -> None:
    """Let a unit enter a relation's scope, with the settings that Juju itself writes."""
    address = world.machine(unit["model"], unit["machine"])["address"]
    settings = {"ingress-address": address, "egress-subnets": f"{address}/32"}
    if major(version) < 4:
        settings["private-address"] = address
    world.store.run(
        "INSERT INTO member (model, relation, unit, scope, settings, version) "
        "VALUES (?, ?, ?, 'in', ?, 1) "
        "ON CONFLICT (model, relation, unit) DO UPDATE SET scope='in'",
        unit["model"],
        number,
        unit["name"],
        dump(settings),
    )
    world.hub.changed(unit["model"])


def prepare_leave(world: World, model: str, unit: str, number: int) -> None:
    """Let the others see a unit depart while it still may read and write."""
    world.store.run(
        "UPDATE member SET scope='departing' WHERE model=? AND relation=? AND unit=? "
        "AND scope='in'",
        model,
        number,
        unit,
    )
    world.hub.changed(model)


def leave(world: World, model: str, unit: str, number: int) -> None:
    """Let a unit leave a relation's scope; its settings stay readable as long as the relation."""
    with world.store.transaction():
        world.store.run(
            "UPDATE member SET scope='left' WHERE model=? AND relation=? AND unit=?",
            model,
            number,
            unit,
        )
        _remove_if_empty(world, model, number)
    world.hub.changed(model)


def leave_all(world: World, model: str, unit: str) -> None:
    """Let a unit leave every relation."""
    for row in world.store.all(
        "SELECT relation FROM member WHERE model=? AND unit=? AND scope!='left'", model, unit
    ):
        leave(world, model, unit, row["relation"])


def forget_application(world: World, model: str, application: str) -> None:
    """Delete the relations of an application that has no units any more."""
    for row in world.store.all(
        "SELECT relation FROM endpoint WHERE model=? AND application=?", model, application
    ):
        world.store.run(
            "UPDATE relation SET life='dying' WHERE model=? AND id=?", model, row["relation"]
        )
        if world.store.value(
            "SELECT 1 FROM endpoint WHERE model=? AND relation=? AND role='peer'",
            model,
            row["relation"],
        ):
            world.store.run(
                "DELETE FROM member WHERE model=? AND relation=?", model, row["relation"]
            )
        _remove_if_empty(world, model, row["relation"])


def of_application(world: World, model: str, application: str) -> list[Row]:
    """Return the relations of an application, each with its own and the other endpoint.

    The rows hold ``id``, ``life``, ``interface``, ``endpoint``, ``role``, ``settings`` and
    ``version`` (the application's own data bag), ``remote_app``, ``remote_endpoint``,
    ``remote_settings``, ``remote_version``; in a peer relation the remote side is the own one.
    """
    return world.store.all(
        "SELECT r.id, r.life, r.interface, e.name AS endpoint, e.role, e.settings, e.version, "
        "coalesce(o.application, e.application) AS remote_app, "
        "coalesce(o.name, e.name) AS remote_endpoint, "
        "coalesce(o.settings, e.settings) AS remote_settings, "
        "coalesce(o.version, e.version) AS remote_version "
        "FROM relation r JOIN endpoint e ON e.model=r.model AND e.relation=r.id "
        "LEFT JOIN endpoint o ON o.model=r.model AND o.relation=r.id AND "
        "(o.application!=e.application OR o.name!=e.name) "
        "WHERE r.model=? AND e.application=? ORDER BY r.id",
        model,
        application,
    )


def members(world: World, model: str, number: int) -> list[Row]:
    """Return every unit that is or was in a relation."""
    return world.store.all(
        "SELECT * FROM member WHERE model=? AND relation=? ORDER BY unit", model, number
    )


def write(world: World, table: str, where: Row, changes: dict[str, str]) -> None:
    """Merge changes into a data bag; an empty value deletes. Its version moves if it changed."""
    clause = " AND ".join(f"{column}=?" for column in where)
    row = world.store.one(f"SELECT settings FROM {table} WHERE {clause}", *where.values())
    if row is None:
        raise JujuError("relation not found", "not found")
    before = load(row["settings"])
    after = {key: value for key, value in {**before, **changes}.items() if value != ""}
    if after != before:
        world.store.run(
            f"UPDATE {table} SET settings=?, version=version+1 WHERE {clause}",
            dump(after),
            *where.values(),
        )
