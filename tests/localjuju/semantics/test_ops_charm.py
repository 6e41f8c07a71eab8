"""A charm written with ops finds in the local model all that it asks Juju for."""

from __future__ import annotations

import datetime
import statistics
import sys
from pathlib import Path

import ops
import pytest

from tests.localjuju.semantics.harness import Host, Model, until

SITE = Path(ops.__file__).resolve().parents[1]
DISPATCH = f"""\
#!/bin/sh
exec env PYTHONPATH={SITE} {sys.executable} ./charm.py
"""
CHARM = """\
import logging
import ops

class Probe(ops.CharmBase):
    def __init__(self, framework):
        super().__init__(framework)
        for event in (self.on.install, self.on.config_changed, self.on.leader_elected,
                      self.on.cluster_relation_changed, self.on.secret_changed, self.on.start):
            framework.observe(event, self.reconcile)
        framework.observe(self.on.speak_action, self.speak)
        framework.observe(self.on.collect_unit_status, self.status)
        framework.observe(self.on.collect_app_status, self.app_status)

    @property
    def peers(self):
        return self.model.get_relation("cluster")

    def reconcile(self, event):
        if self.peers is None:
            return
        bag = self.peers.data[self.unit]
        bag["address"] = str(self.model.get_binding("cluster").network.bind_address)
        bag["seen"] = ",".join(sorted(unit.name for unit in self.peers.units))
        if self.unit.is_leader() and not self.peers.data[self.app].get("secret"):
            secret = self.app.add_secret({"word": "hidden"}, label="word")
            self.peers.data[self.app]["secret"] = secret.id
        self.unit.set_workload_version("1.2.3")
        self.unit.set_ports(5432)
        logging.info("reconciled")

    def speak(self, event):
        event.log("speaking")
        found = self.model.get_secret(id=self.peers.data[self.app]["secret"])
        event.set_results({"nested": {"word": event.params["word"]},
                           "secret": found.get_content(refresh=True)["word"]})

    def status(self, event):
        event.add_status(ops.ActiveStatus(f"of {self.app.planned_units()}"))

    def app_status(self, event):
        event.add_status(ops.ActiveStatus("whole"))

ops.main(Probe)
"""


@pytest.fixture(scope="module", params=["3.6.28", "4.0.15"])
def settled(host: Host, request: pytest.FixtureRequest) -> Model:
    """One model for each version: the tests look, and do not disturb each other."""
    model = Model(host, f"ops-{request.param[0]}", request.param)
    model.deploy(units=2, files={"dispatch": DISPATCH, "charm.py": CHARM}, settled=False)
    until(lambda: _statuses(model) == {("active", "of 2", "idle")}, "both units to be active")
    return model


def _statuses(model: Model) -> set[tuple[str, str, str]]:
    return {
        (
            row["workload-status"]["current"],
            row["workload-status"].get("message", ""),
            row["juju-status"]["current"],
        )
        for row in model.units().values()
    }


def test_it_reaches_its_peers(settled: Model) -> None:
    for unit in settled.units():
        other = next(name for name in settled.units() if name != unit)
        until(
            lambda unit=unit, other=other: (
                settled.json(unit, f"relation-get -r cluster:0 - {other}").get("seen") == unit
            ),
            f"{other} to see {unit}",
        )


def test_its_statuses_version_and_ports_are_shown(settled: Model) -> None:
    app = settled.controller.status(settled.name)["formatted"]["applications"]["probe"]
    assert app["application-status"]["message"] == "whole"
    assert app["version"] == "1.2.3"
    assert {tuple(row["open-ports"]) for row in app["units"].values()} == {("5432/tcp",)}


def test_its_action_reads_the_applications_secret_on_every_unit(settled: Model) -> None:
    for unit in settled.units():
        task = settled.act(unit, "speak", word="hello")
        assert task["status"] == "completed", task
        assert task["results"] == {
            "nested": {"word": "hello"},
            "secret": "hidden",
            "return-code": 0,
        }
        assert [line["message"] for line in task["log"]] == ["speaking"]


def test_the_agent_adds_little_to_what_a_hook_costs(settled: Model) -> None:
    """The same dispatch once as a hook's command and once by itself, on the same machine."""
    whole: list[float] = []
    inner: list[float] = []
    for _ in range(5):
        command = 's=$(date +%s%N); "$@"; e=$(date +%s%N); echo $((e - s))'
        task = settled.exec("probe/0", f"set -- true; {command}")
        assert task["started"] is not None
        assert task["completed"] is not None
        whole.append(_seconds(task["completed"]) - _seconds(task["started"]))
        inner.append(int(task["results"]["stdout"]) / 1e9)
    overhead_s = statistics.median(whole) - statistics.median(inner)
    # 10 ms on a machine at rest; the bound leaves room for one that is not.
    assert overhead_s < 0.1


def _seconds(moment: str) -> float:
    return datetime.datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()
