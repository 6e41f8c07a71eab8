"""A machine that exists in memory: it takes the steps that a real one would take."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from carry_out import Report
from decisions import steps
from decisions.facts import Machine as Facts
from decisions.facts import View
from decisions.steps import Step
from outcome import Found
from postgresql.archive import Archiver
from postgresql.clone import CloneState
from postgresql.errors import InstallFailed
from postgresql.observe import Server
from postgresql.terms import Told
from surroundings import Surroundings


class FakeMachine:
    """Keeps the facts of a machine and changes them as steps do.

    Attributes:
        facts: as the decisions see the machine; the tests may change them between events.
        server: what else a status tells of the server.
        clone: the base backup job.
        taken: the steps of all hooks so far.
        told: how the last term in its log began.
        archiver: how the WAL archive stands.
        archive_looks: how often it was asked for that.
        calls: what else was asked of it, in order.
        retired: the unit that is on its way out.
    """

    def __init__(self, facts: Facts | None = None) -> None:
        self.facts = facts or Facts(architecture="x86_64", os="Ubuntu 24.04", major=16)
        self.server = Server()
        self.clone = CloneState("absent")
        self.taken: list[Step] = []
        self.calls: list[str] = []
        self.install_error = ""
        self.retired = ""
        self.told: Told | None = None
        self.archiver: Archiver | None = None
        self.archive_looks = 0

    def install(self) -> None:
        self.calls.append("install")
        if self.install_error:
            raise InstallFailed("install PostgreSQL", self.install_error)

    def version(self) -> str | None:
        return "16.4"

    def look(self, here: Surroundings) -> Found:
        facts = dataclasses.replace(self.facts, address=here.address, clone=self.clone.phase)
        view = View(
            me=here.peers.me,
            leader=here.leader,
            record=here.peers.record,
            members=here.peers.members,
            machine=facts,
            replication_role=here.options.replication_user,
            credentials=here.credentials is not None,
            wanted_quorum=here.options.synchronous_standbys,
        )
        server = dataclasses.replace(
            self.server,
            has_data=facts.has_data,
            running=facts.running,
            accepting=facts.running,
            in_recovery=bool(facts.in_recovery),
            receiver_status="streaming" if facts.upstream else "",
        )
        return Found(view, server, self.clone)

    def take(self, plan: Sequence[Step], here: Surroundings) -> Report:
        self.taken += plan
        report = Report()
        before = self.facts
        for step in plan:
            match step:
                case steps.Instruct():
                    report.instructed = True
                case steps.Wait(reason):
                    report.waiting = reason
                case steps.Refuse(reason):
                    report.refused = reason
                case steps.Create(cluster_id):
                    self._change(has_data=True, cluster_id=cluster_id, system_id="7001")
                case steps.Start():
                    self._change(running=True, in_recovery=True, standby_signal=True)
                case steps.Open():
                    self._change(running=True, in_recovery=False, timeline=1)
                case steps.Seal():
                    self._change(
                        running=True,
                        in_recovery=True,
                        standby_signal=True,
                        upstream="",
                        deaf=True,
                        log_end=self.facts.log_end or 1000,
                    )
                case steps.Promote(term):
                    self._change(in_recovery=False, reached=term, timeline=term)
                case steps.BeginTerm(term):
                    self._change(reached=term)
                case steps.Synchronise(promise):
                    self._change(promise=promise)
                    following = sum(unit in self.facts.streaming for unit in promise.members)
                    report.proved = following >= promise.quorum
                case steps.HandOver():
                    self._change(running=False, in_recovery=None, standby_signal=True)
                case steps.Configure(upstream=upstream) if upstream:
                    self._change(upstream=upstream.address, upstream_role=upstream.role)
                case steps.MakeRoles(role):
                    known = {*self.facts.replication_roles, role}
                    self._change(replication_roles=tuple(sorted(known)))
                case steps.OpenTo(_, peers):
                    report.admitted = tuple(peers)
                case steps.StartClone() if self.clone.phase == "absent":
                    self.clone = CloneState("running")
                    report.changed = True
                case steps.AdoptClone(cluster_id, system_id):
                    self.clone = CloneState("absent")
                    self._change(
                        has_data=True,
                        cluster_id=cluster_id,
                        system_id=system_id,
                        standby_signal=True,
                    )
                case _:
                    pass
        report.changed |= self.facts != before
        return report

    def archive(self) -> Archiver | None:
        self.archive_looks += 1
        return self.archiver

    def last_term(self) -> Told | None:
        return self.told

    def renew_watch(self) -> None:
        self.calls.append("renew_watch")

    def welcome(self) -> None:
        self.retired = ""

    def retire(self, unit: str) -> None:
        self.retired = unit

    def has_retired(self, unit: str) -> bool:
        return self.retired == unit

    def stop(self) -> None:
        self.calls.append("stop")

    def clean_up(self) -> None:
        self.calls.append("clean_up")

    def _change(self, **changes: object) -> None:
        self.facts = dataclasses.replace(self.facts, **changes)  # pyright: ignore[reportArgumentType]
