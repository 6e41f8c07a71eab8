"""The service that looks every second, between two hooks: what the mandate lets it do.

Whether a server must be stopped, and whether it may come back without a controller, is decided by
the sentinel's own functions.
"""

from __future__ import annotations

from decisions.steps import Authority
from sentinel import comeback, fence, mandate
from tests.checker.hook import Rules, close, fork, hold, row, unhold
from tests.checker.world import Site, World

_LONG_S = 60.0


def look(world: World, site: Site, rules: Rules, most: int = 9) -> None:
    """Takes one look, and does what the mandate allows.

    Args:
        world: where.
        site: of which unit.
        rules: whether it keeps to all of them.
        most: a promotion is cut short after so many effects.
    """
    allowed = _mandate(site)
    if allowed is None:
        return
    if rules.unlocked and _go_on(world, site, rules):
        return
    _probe(world, site)
    followers = {other.name for other in world.receivers(site)}
    isolated = not site.online and not followers & set(allowed.watched)
    if why := fence.reason(site.writable, allowed, isolated):
        world.crash(site)
        world.tell(f"{site.name}: the sentinel stops it: {why}")
    _come_back(world, site, allowed, followers, rules)
    _succeed(world, site, rules, most)


def _mandate(site: Site) -> mandate.Mandate | None:
    """What `watch.instruct` writes down, with units by their names."""
    told = site.mandate
    if told is None:
        return None
    authority = told.authority
    return mandate.Mandate(
        unit=site.name,
        serial=told.serial,
        term=told.term,
        primary=told.writable,
        final=told.final,
        alone=told.alone,
        members=told.members,
        quorum=told.quorum,
        peers=tuple(site.cache),
        upstream=told.probe,
        authority=mandate.Authority(
            authority.replaces + 1,
            authority.promise.members,
            authority.promise.quorum,
            authority.promise.serial,
            authority.replaces,
        )
        if authority
        else None,
        sealed=told.term if told.electing else 0,
    )


def _probe(world: World, site: Site) -> None:
    """Whether the primary takes a write from here."""
    assert site.mandate is not None
    probe = site.mandate.probe
    if probe != site.probed:
        site.probed, site.lost = probe, 0
    other = next((each for each in world.sites.values() if each.address == probe), None)
    answers = other is not None and world.linked(site, other) and other.writable
    site.lost = 0 if answers and not site.alarm and not (other and other.sick) else site.lost + 1
    site.lost = min(site.lost, 4) if probe else 0


def _come_back(
    world: World, site: Site, allowed: mandate.Mandate, followers: set[str], rules: Rules
) -> None:
    """Starts or opens a former primary without the controller: rule R10."""
    gated = (
        site.running
        and site.recovery
        and site.follows is None
        and allowed.primary
        and not allowed.final
    )
    unreachable = None if site.online else _LONG_S
    reached = allowed.term if rules.loose_gate else site.log.reached
    way = comeback.way(allowed, unreachable, site.running, gated, reached, followers)
    if not site.has_data or site.unusable or site.hung:
        return
    if way == "stand":
        site.signal = True
        world.start(site)
    elif way == "open":
        world.stop(site)
        site.signal = False
        world.start(site)
        close(site)
        world.tell(f"{site.name}: the sentinel opens the former primary")


def _succeed(world: World, site: Site, rules: Rules, most: int) -> None:
    """Promotes a successor whose log ends in the last word of the term that it replaces."""
    assert site.mandate is not None
    authority = site.mandate.authority
    if authority is None:
        return
    term = authority.replaces + 1
    if site.writable and site.log.reached == term:
        unhold(world, site, authority.promise)
        site.promoted = term
    elif _ripe(site, authority) or (rules.early and site.running and site.recovery):
        if rules.unlocked:
            # It has looked, and promotes a moment later, whatever it has been told by then.
            site.ripe = authority
        else:
            _promote(world, site, authority, rules, most)


def _go_on(world: World, site: Site, rules: Rules) -> bool:
    """Goes on with a promotion that nothing keeps from going on."""
    authority = site.ripe
    if authority is None or not site.running:
        return False
    if site.recovery:
        _promote(world, site, authority, rules, 9)
    else:
        unhold(world, site, authority.promise)
    if site.in_force == authority.promise:
        site.ripe = None
    return True


def _ripe(site: Site, authority: Authority) -> bool:
    # A walreceiver may be back at the former primary, which has become a standby: nothing more
    # of its term can come from there.
    return site.running and site.recovery and site.log.final == authority.replaces


def _promote(world: World, site: Site, authority: Authority, rules: Rules, most: int) -> None:
    term = authority.replaces + 1
    world.tell(f"{site.name}: the sentinel promotes the successor to term {term}")
    effects = (
        lambda: hold(site, authority.promise, rules),
        lambda: fork(world, site, term),
        lambda: close(site),
        lambda: row(world, site, term),
        lambda: unhold(world, site, authority.promise),
    )
    for effect in effects[:most]:
        effect()
    if site.log.reached == term:
        site.promoted = term
