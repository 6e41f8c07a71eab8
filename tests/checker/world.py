"""The world in which the decisions are tried: machines, their links, Juju's register, clients.

Everything here is what PostgreSQL, Juju and the network do; nothing decides who is primary.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from decisions import steps
from decisions.facts import NO_PROMISE
from state.member import Member
from state.messages import Promise
from state.record import Record
from tests.checker.log import Entry, Kind, begin

# As the PostgreSQL side writes it: a standby of that name never connects.
HOLD = Promise(0, ("pg_hot_standby_hold",), 1)
CLUSTER = "c1"
SYSTEM = "7"


class Broken(AssertionError):
    """One of the things that must always hold does not."""


@dataclass
class Site:
    """One unit's machine: what survives a power cut, what runs, and what its agent knows.

    Attributes:
        name: of the unit.
        address: of the machine.
        powered: it has current.
        frozen: it stands still, and will go on as if nothing had been.
        gone: it never comes back.
        removed: Juju has no such unit any more; the machine may still run.
        online: it reaches the controller.
        has_data: there is a data directory.
        unusable: a rewind broke off in it; no server starts from it.
        log: of the data directory.
        kept: the LSN up to which its log was removed, and can be sent to nobody any more.
        signal: standby.signal is there.
        follows: the unit that primary_conninfo names in the file; None: nobody.
        setting: whose acknowledgement a commit needs, in the file.
        opened: the units that pg_hba.conf lets in.
        mandate: what the last hook told the sentinel.
        promoted: the term to which the sentinel promoted it.
        clone: phase of the base backup.
        copied: what that copied.
        owes: how far the log reached that a copy has taken the place of.
        clone_from: whom it copies.
        rewind: phase of the rewind job.
        rewind_from: whose log it takes.
        running: the server accepts connections.
        recovery: it is a standby.
        upstream: whom the running server is told to follow.
        in_force: the setting of the running server.
        waiting: commits of clients that are not acknowledged, oldest first.
        alarm: the probe of the primary fails although nothing is wrong.
        sick: the server takes no write, and says so.
        full: its disk has no room for more than small writes; a standby could not be primary.
        hung: the disk of its data gives no answer, WAL's does: commits go on, and nothing else.
        lost: for how many looks of the sentinel the probe has failed.
        probed: whom it probed.
        ripe: the sentinel is about to promote it to this term.
        hook: that is under way.
        cache: what Juju has told this unit of the others.
    """

    name: str
    address: str
    powered: bool = True
    frozen: bool = False
    gone: bool = False
    removed: bool = False
    online: bool = True
    has_data: bool = False
    unusable: bool = False
    log: Entry = field(default_factory=begin)
    kept: int = 0
    signal: bool = False
    follows: str | None = None
    setting: Promise = NO_PROMISE
    opened: tuple[str, ...] = ()
    mandate: steps.Instruct | None = None
    promoted: int = 0
    clone: str = "absent"
    copied: Entry | None = None
    owes: tuple[int, int] = (0, 0)
    clone_from: str = ""
    rewind: str = "absent"
    rewind_from: str = ""
    running: bool = False
    recovery: bool = False
    upstream: str | None = None
    in_force: Promise = NO_PROMISE
    waiting: tuple[Entry, ...] = ()
    alarm: bool = False
    sick: bool = False
    full: bool = False
    hung: bool = False
    lost: int = 0
    probed: str = ""
    ripe: steps.Authority | None = None
    hook: Any = None
    cache: dict[str, Member] = field(default_factory=dict[str, Member])

    @property
    def alive(self) -> bool:
        """Whether anything happens on the machine at all."""
        return self.powered and not self.frozen and not self.gone

    @property
    def complete(self) -> bool:
        """Whether its log holds all that it ever told anybody it had."""
        return (self.log.reached, self.log.lsn) >= self.owes

    @property
    def writable(self) -> bool:
        """Whether clients can write."""
        return self.running and not self.recovery


class World:
    """Machines, links, the register, and what was acknowledged.

    Attributes:
        sites: the machines by unit.
        cuts: the pairs of units that do not reach each other.
        record: in Juju's register.
        bags: what each unit has told, as committed.
        holder: the unit that leads.
        epoch: +1 whenever the lease changes hands.
        wanted: the operator's synchronous-standbys.
        acknowledged: the commits whose clients were told so, with the term of each.
        waived: commits of lower terms may be missing: the operator took the loss on himself.
        records: all that were ever committed, by serial.
        begun: the log of each term when it began.
        story: what happened, for a person to read.
    """

    def __init__(self, count: int, wanted: int = 1) -> None:
        self.sites: dict[str, Site] = {}
        self.cuts: set[frozenset[str]] = set()
        self.record: Record | None = None
        self.bags: dict[str, Member] = {}
        self.holder = "pg/0"
        self.epoch = 0
        self.wanted = wanted
        self.acknowledged: dict[Entry, int] = {}
        self.waived = 0
        self.records: dict[int, Record] = {}
        self.begun: dict[int, Entry] = {}
        self.story: list[str] = []
        self.made = 0
        for _ in range(count):
            self.add()

    def copy(self) -> World:
        """Returns a world of its own in the same state."""
        other = copy.copy(self)
        other.sites = {}
        for name, site in self.sites.items():
            twin = other.sites[name] = copy.copy(site)
            twin.cache = dict(site.cache)
            if site.hook is not None:
                twin.hook = site.hook.copy()
        other.cuts = set(self.cuts)
        other.bags = dict(self.bags)
        other.acknowledged = dict(self.acknowledged)
        other.records = dict(self.records)
        other.begun = dict(self.begun)
        other.story = list(self.story)
        return other

    def tell(self, what: str) -> None:
        """Adds a line to the story."""
        self.story.append(what)

    # The network.

    def add(self) -> Site:
        """Adds a unit."""
        name = f"pg/{self.made}"
        site = self.sites[name] = Site(name, f"10.0.0.{self.made}")
        self.made += 1
        return site

    def linked(self, one: Site, other: Site) -> bool:
        """Whether two machines reach each other."""
        return one.alive and other.alive and frozenset((one.name, other.name)) not in self.cuts

    def source(self, site: Site) -> Site | None:
        """Returns the machine from which a standby receives now; None without a walreceiver."""
        if not (site.running and site.recovery and site.upstream and site.alive):
            return None
        other = self.sites.get(site.upstream)
        if other is None or not other.running or not self.linked(site, other):
            return None
        if site.name not in other.opened or not other.log.holds(site.log):
            return None
        return None if self.starves(site) else other

    def starves(self, site: Site) -> bool:
        """Whether a standby's log is a part of its source's, which has not what comes next."""
        other = self.sites.get(site.upstream or "")
        if not (site.running and site.recovery and other and other.writable):
            return False
        if not self.linked(site, other) or not other.log.holds(site.log):
            return False
        return site.log.lsn < other.kept

    def receivers(self, site: Site) -> list[Site]:
        """Returns the standbys that receive from a machine now."""
        if not site.running:
            return []
        return [other for other in self.sites.values() if self.source(other) is site]

    def flushed(self, site: Site, setting: Promise, log: Entry) -> bool:
        """Whether so many members as a setting asks for have flushed a log of this server."""
        return setting.quorum <= sum(
            other.name in setting.members and other.log.lsn >= log.lsn
            for other in self.receivers(site)
        )

    # The server.

    def start(self, site: Site) -> None:
        """Starts the server as its data directory says."""
        site.running, site.recovery = True, site.signal
        site.upstream = site.follows if site.signal else None
        site.in_force = site.setting
        site.waiting = ()
        if not site.signal and site.log.lsn:
            self.append(site, Kind.recovery)
            if self.record and self.record.primary == site.name:
                self._must_hold_all(site, site.log.reached + 1)

    def crash(self, site: Site) -> None:
        """Ends the server at once; what it has written is on its disk."""
        site.running = site.recovery = False
        site.waiting = ()
        site.sick = False

    def stop(self, site: Site) -> None:
        """Shuts the server down; those that receive get all, the last checkpoint too."""
        if site.writable:
            self.append(site, Kind.shutdown)
            for other in self.receivers(site):
                other.log = site.log
        self.crash(site)

    def append(self, site: Site, kind: Kind, number: int = 0) -> Entry:
        """Has the server write an entry."""
        site.log = site.log.then(kind, site.name, number)
        if kind is Kind.term:
            self._begins(site, number)
        return site.log

    def receive(self, site: Site, most: int | None = None) -> None:
        """Has a standby flush what its source has, or so many entries of it."""
        source = self.source(site)
        if source is not None and source.log is not site.log:
            end = source.log.lsn if most is None else min(source.log.lsn, site.log.lsn + most)
            site.log = source.log.at(end)

    def commit(self, site: Site) -> None:
        """Has a client commit, and wait for the acknowledgement."""
        site.waiting = (*site.waiting, self.append(site, Kind.commit))

    # Juju's register.

    def write(self, record: Record) -> None:
        """Commits a record."""
        old, self.record = self.record, record
        if record.serial != (old.serial + 1 if old else 1):
            raise Broken(f"{record} takes the place of a record that its writer never saw: {old}")
        self.records[record.serial] = record
        if old is None or record.primary is None:
            return
        if old.primary is None and record.term == old.term:
            at_risk = old.asynchronous
        elif record.term > old.term:
            taken_over = (record.primary, record.term) == (old.successor, old.term + 1)
            at_risk = not taken_over
        else:
            at_risk = False
        if at_risk:
            self.waived = record.term

    # What must hold.

    def watch(self) -> None:
        """Acknowledges what can be, and looks whether everything that must hold does."""
        for site in self.sites.values():
            if site.waiting and site.alive and site.writable:
                self._acknowledge(site)
        self._check_setting()

    def _acknowledge(self, site: Site) -> None:
        while site.waiting and self.flushed(site, site.in_force, site.waiting[0]):
            entry, *rest = site.waiting
            site.waiting = tuple(rest)
            self._acknowledged(site, entry)

    def _acknowledged(self, site: Site, entry: Entry) -> None:
        # A commit made between a promotion and the row of the new term belongs to it.
        term = site.log.reached
        self.acknowledged[entry] = term
        if term < self.waived:
            return
        begun = self.begun.get(term)
        if begun is None or begun.writer != site.name or not site.log.begun:
            raise Broken(f"{site.name} acknowledged {entry} in no term that it had begun")
        for later, begun in self.begun.items():
            if later > term and not begun.holds(entry):
                raise Broken(
                    f"{site.name} acknowledged {entry} of term {term} "
                    f"behind the back of {begun.writer}, which has begun term {later} without it"
                )

    def _begins(self, site: Site, term: int) -> None:
        begun = self.begun.setdefault(term, site.log)
        if begun.writer != site.name:
            raise Broken(f"both {begun.writer} and {site.name} began term {term}")
        if not any(_allows(record, site.name, term) for record in self.records.values()):
            raise Broken(f"{site.name} began term {term}, for which no record named it")
        self._must_hold_all(site, term)

    def _must_hold_all(self, site: Site, before: int) -> None:
        for entry, term in self.acknowledged.items():
            if self.waived <= term < before and not site.log.holds(entry):
                raise Broken(
                    f"{entry} of term {term} was acknowledged and is missing on {site.name}, "
                    f"which is to be primary of term {site.log.reached}"
                )

    def _check_setting(self) -> None:
        record = self.record
        site = self.sites.get(record.primary or "") if record else None
        if record is None or site is None or not site.writable or site.in_force == HOLD:
            return
        if site.log.reached != record.term or not record.system_id:
            return
        # With k = 0 no ballots of P are counted, so it does not matter whom a commit waits for.
        if record.quorum and not (
            set(site.in_force.members) <= set(record.candidates)
            and site.in_force.quorum >= record.quorum
        ):
            raise Broken(
                f"{site.name} has {site.in_force} in force, the record has "
                f"{record.quorum} of {record.candidates} (serial {record.serial})"
            )


def _allows(record: Record, unit: str, term: int) -> bool:
    if record.primary == unit and record.term == term:
        return True
    return record.successor == unit and record.term + 1 == term
