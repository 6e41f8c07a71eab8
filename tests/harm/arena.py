"""A model in which plans are carried out, one after the other, as long as all stays whole."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import jubilant

from tests.harm.hits import Hitter, Strike
from tests.harm.judgement import Before, NotWhole, faults, wait_until_whole
from tests.harm.plan import Plan
from tests.harm.scenarios import APP, CONFIG
from tests.integration.cluster import Cluster
from tests.integration.writer import Writer


@dataclass
class Outcome:
    """What became of a plan.

    Attributes:
        plan: it.
        strikes: what was killed.
        seconds: from the last hit, or the scenario's begin if none landed, until all was whole.
        trouble: what is wrong; empty if nothing is.
    """

    plan: Plan
    strikes: list[Strike] = field(default_factory=list[Strike])
    seconds: float = 0.0
    trouble: str = ""

    def __str__(self) -> str:
        hits = ", ".join(map(str, self.strikes))
        end = f"whole after {self.seconds:.1f} s" if not self.trouble else "NOT WHOLE"
        return f"seed {self.plan.seed}: {self.plan.scenario.name}: {hits}: {end}"


class Arena:
    """Makes models, and carries out plans in them."""

    def __init__(self, command: str, charm_file: Path, config: dict[str, str]) -> None:
        """Makes nothing yet.

        Args:
            command: the juju command.
            charm_file: the packed charm.
            config: of the models.
        """
        self._command = command
        self._charm_file = charm_file
        self._config = config
        self._cluster: Cluster | None = None

    def carry_out(self, plan: Plan) -> Outcome:
        """Does what a plan says, and judges. The model stays for the next one."""
        outcome = Outcome(plan)
        cluster = self._prepare(plan.scenario.units)
        before = Before.of(cluster, deployed=plan.scenario.units > 0)
        assert cluster.juju.model
        hitter = Hitter(cluster.juju.model, cluster.units if plan.scenario.units else [])
        writer = Writer(cluster) if plan.scenario.units else None
        with tempfile.TemporaryDirectory() as files, contextlib.ExitStack() as writing:
            if writer:
                writer.start()
                writing.callback(writer.stop)
            begin = time.monotonic()
            begun = plan.scenario.begin(cluster, Path(files))
            for hit in plan.hits:
                time.sleep(max(0.0, begin + hit.at - time.monotonic()))
                outcome.strikes.append(hitter.strike(hit, begun.units, begun.newborn, begin))
            last = time.monotonic() if any(one.landed for one in outcome.strikes) else begin
            try:
                wait_until_whole(cluster, begun)
                outcome.seconds = time.monotonic() - last
                rows = 0
                if writer:
                    writer.stop()
                    rows = writer.acknowledged()
                found = faults(cluster, before, plan.scenario, outcome.strikes, rows)
                outcome.trouble = "; ".join(found)
            except (NotWhole, jubilant.CLIError) as error:
                outcome.trouble = f"{error} {getattr(error, 'stderr', '') or ''}".strip()
                writing.pop_all()
        return outcome

    def keep_logs(self, directory: Path) -> None:
        """Writes what was said and what is, for somebody who looks for a reason."""
        if self._cluster is None:
            return
        directory.mkdir(parents=True, exist_ok=True)
        juju = self._cluster.juju
        asked = {
            "status": ("status", "--format", "yaml"),
            "debug-log": ("debug-log", "--replay", "--no-tail"),
            "data-bags": ("show-unit", *self._cluster.units),
        }
        for name, words in asked.items():
            with contextlib.suppress(jubilant.CLIError):
                (directory / name).write_text(juju.cli(*words))
        for unit in self._cluster.units:
            for name, command in {
                "journal": "journalctl --no-pager",
                "server": "tail -n 2000 /var/log/postgresql/*.log",
                "files": "ls -laR /var/lib/postgresql/*/ /var/lib/pg-hot-standby /etc/postgresql"
                " | head -n 400; ps axfww",
            }.items():
                with contextlib.suppress(jubilant.CLIError):
                    text = self._cluster.sh(unit, f"{command} 2>&1 || true")
                    (directory / f"{unit.replace('/', '-')}-{name}").write_text(text)

    def abandon(self) -> None:
        """Takes the model away; the next plan gets another."""
        if self._cluster is None:
            return
        juju = self._cluster.juju
        assert juju.model
        juju.destroy_model(juju.model, destroy_storage=True, force=True)
        self._cluster = None

    def _prepare(self, units: int) -> Cluster:
        """A cluster of so many units that nothing is wrong with; 0: a model for one."""
        if self._cluster is not None and units == 0:
            self.abandon()
        if self._cluster is None:
            self._cluster = self._model()
            if units:
                self._cluster.juju.deploy(
                    self._charm_file, APP, num_units=units, config=dict(CONFIG)
                )
        cluster = self._cluster
        if not units:
            return cluster
        present = len(cluster.units)
        if present < units:
            cluster.juju.add_unit(APP, num_units=units - present)
        elif present > units:
            cluster.juju.remove_unit(*cluster.standbys[units - present :])
        cluster.settle(units)
        return cluster

    def _model(self) -> Cluster:
        name = f"harm-{secrets.token_hex(3)}"
        juju = jubilant.Juju(cli_binary=self._command)
        juju.add_model(name, config=dict(self._config))
        juju.model = name
        juju.wait_timeout = 180.0
        return Cluster(juju, APP, self._charm_file)
