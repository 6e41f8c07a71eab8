"""A model in which plans are carried out, one after the other, as long as all stays well."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import jubilant

from localjuju.host import machines
from localjuju.host.errors import HostError
from tests.failover import judge
from tests.failover.faults import KINDS, Ground, undo_everything
from tests.failover.operations import OPERATIONS
from tests.failover.plan import Event, Plan
from tests.failover.stage import Stage, add_machine
from tests.failover.writers import Writers, acknowledged
from tests.integration.cluster import Cluster

APP = "pg"
# A leader's lease ends after 60 s, a failed hook is tried again after 5, 10, 20, 40, 80 s. It is
# less than until update-status, with which whatever nobody was told of comes to light.
_HEALING_S = 180.0
# After the loss of a primary that led: the rest of the lease, an election, the promotion.
_TAKEOVER_S = 180.0


@dataclass
class Result:
    """What became of a plan.

    Attributes:
        plan: it.
        notes: what was struck, and what became of the operation.
        gap: the longest time without an acknowledged row, in seconds.
        healed: seconds from the end of the last harm until all was well.
        rows: how many were acknowledged.
        reigns: how many primaries acknowledged rows.
        trouble: what is wrong, a sentence each; empty if nothing is.
    """

    plan: Plan
    notes: list[str] = field(default_factory=list[str])
    gap: float = 0.0
    healed: float = 0.0
    rows: int = 0
    reigns: int = 0
    trouble: list[str] = field(default_factory=list[str])

    def __str__(self) -> str:
        notes = f" ({'; '.join(self.notes)})" if self.notes else ""
        end = "FAILED" if self.trouble else f"well after {self.healed:.1f} s"
        return (
            f"{self.plan}{notes}: gap {self.gap:.1f} s, {self.reigns} reigns, "
            f"{self.rows} rows: {end}"
        )


class Arena:
    """Makes models, and carries out plans in them."""

    def __init__(self, command: str, charm_file: Path, config: dict[str, str]) -> None:
        """Makes nothing yet.

        Args:
            command: the juju command, which has to be the stand-in's.
            charm_file: the packed charm.
            config: of the models.
        """
        self._command = command
        self._charm_file = charm_file
        self._config = config
        self._stage: Stage | None = None
        self._runs = 0
        self._rows_before = 0

    def carry_out(self, plan: Plan) -> Result:
        """Does what a plan says, and judges. The model stays for the next one."""
        result = Result(plan)
        try:
            stage = self._prepare(plan)
        except (AssertionError, TimeoutError, jubilant.CLIError, HostError) as error:
            result.trouble.append(f"was not made ready: {_told(error)}")
            return result
        self._runs += 1
        run = f"run-{self._runs}"
        stage.writers = Writers(run, stage.log, stage.client)
        begin = time.monotonic()
        try:
            stage.writers.begin(stage.members())
            self._do_harm(stage, plan, result)
            over = time.monotonic()
            with contextlib.suppress(HostError):
                undo_everything(stage.model, list(stage.members().values()))
            units = plan.units
            if plan.operation:
                units = OPERATIONS[plan.operation].units_after(units)
            _heal(stage, units)
            result.healed = time.monotonic() - over
        except (AssertionError, TimeoutError, jubilant.CLIError, jubilant.TaskError) as error:
            result.trouble.append(_told(error))
        finally:
            with contextlib.suppress(HostError, subprocess.TimeoutExpired):
                undo_everything(stage.model, list(stage.members().values()))
            # One that stays with a machine that is gone ends long after the others.
            end = time.monotonic()
            stage.writers.end()
        attempts = stage.log.attempts
        result.gap = judge.write_gap(attempts, begin, end)
        result.rows = sum(attempt.is_acknowledged for attempt in attempts)
        result.reigns = len(judge.reigns(attempts))
        if plan.is_idle and result.reigns > 1:
            result.trouble.append("another became primary, and there was no reason for it")
        self._judge(stage, plan, run, result)
        return result

    def keep_logs(self, directory: Path) -> None:
        """Writes what was said and what is, for somebody who looks for a reason."""
        if self._stage is None:
            return
        stage = self._stage
        directory.mkdir(parents=True, exist_ok=True)
        stage.log.write(directory / "attempts.jsonl")
        juju = stage.cluster.juju
        for name, words in {
            "status": ["status"],
            "show-unit": ["show-unit", *stage.units()],
            "debug-log": ["debug-log", "--replay", "--no-tail", "--limit", "20000"],
        }.items():
            with contextlib.suppress(jubilant.CLIError):
                (directory / name).write_text(juju.cli(*words))
        here = {unit: stage.machine(unit) for unit in stage.units()}
        for unit, machine in {**here, **stage.left()}.items():
            script = (
                "tail -n 3000 /var/log/postgresql/*.log; journalctl --no-pager -o short-precise "
                "-u 'pg-hot-standby*' -u 'postgresql*' -u localjuju-agent"
            )
            with contextlib.suppress(HostError, subprocess.TimeoutExpired):
                done = machine.exec(["sh", "-c", script], timeout=60)
                (directory / unit.replace("/", "-")).write_text(done.stdout)

    def abandon(self) -> None:
        """Destroys the model; the next plan gets a new one."""
        if self._stage is None:
            return
        stage, self._stage = self._stage, None
        with contextlib.suppress(HostError, subprocess.TimeoutExpired):
            undo_everything(stage.model, list(stage.members().values()))
        stage.cluster.juju.destroy_model(stage.model, destroy_storage=True, force=True)

    # How it is made ready

    def _prepare(self, plan: Plan) -> Stage:
        units = plan.units
        stage = self._stage or self._make(units)
        self._stage = stage
        stage.clear_away()
        stage.learn()
        while len(stage.units()) > units:
            primary = stage.cluster.primary
            spare = next(unit for unit in reversed(stage.units()) if unit != primary)
            stage.cluster.juju.remove_unit(spare)
            stage.wait_until_gone(spare)
        while len(stage.units()) < units:
            stage.add_unit()
        stage.make_wait(not plan.asynchronous)
        stage.cluster.settle(units, timeout=_HEALING_S, retried=True)
        for unit in stage.units():
            stage.let_in(unit)
        if not self._rows_before and not self._runs:
            stage.make_table()
        stage.log.clear()
        self._rows_before = stage.number_of_rows(stage.cluster.primary)
        return stage

    def _make(self, units: int) -> Stage:
        self._runs = 0
        self._rows_before = 0
        juju = jubilant.Juju(cli_binary=self._command)
        model = f"trial-{secrets.token_hex(3)}"
        juju.add_model(model, config={**self._config, "localjuju-own-clock": "true"})
        juju.model = model
        juju.wait_timeout = _HEALING_S
        client = machines.get(model, add_machine(juju, bare=True))
        places = [add_machine(juju) for _ in range(units)]
        juju.deploy(
            self._charm_file,
            APP,
            num_units=units,
            to=places,
            # What a disk of a gigabyte has room for.
            config={"wal-keep-size": 64, "max-slot-wal-keep-size": 256},
        )
        return Stage(Cluster(juju, APP, self._charm_file), client)

    # What is done

    def _do_harm(self, stage: Stage, plan: Plan, result: Result) -> None:
        """Runs each event and the operation in a thread of its own, and waits for all."""
        leader = stage.cluster.leader
        began = time.monotonic()
        with ThreadPoolExecutor() as pool:
            doing = [
                pool.submit(_strike, stage, event, leader, began, result) for event in plan.events
            ]
            if plan.operation:
                doing.append(pool.submit(_operate, stage, plan, began, result))
            for one in doing:
                one.result()

    def _judge(self, stage: Stage, plan: Plan, run: str, result: Result) -> None:
        try:
            stage.learn()
            stage.wait_until_replayed()
            held = {unit: stage.rows(unit, run) for unit in stage.units()}
            terms = stage.terms() if plan.asynchronous else None
            result.trouble += judge.faults(stage.log.attempts, held, terms)
            for unit, rows in held.items():
                before = stage.number_of_rows(unit) - len(rows)
                if before != self._rows_before:
                    result.trouble.append(
                        f"LOST: {unit} holds {before} rows of former runs and not "
                        f"{self._rows_before}"
                    )
        except (AssertionError, TimeoutError, jubilant.CLIError) as error:
            result.trouble.append(f"cannot be judged: {_told(error)}")


def _wait_for(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def _strike(stage: Stage, event: Event, leader: str, began: float, result: Result) -> None:
    kind = KINDS[event.kind]
    _wait_for(began + event.at)
    try:
        primary = stage.primary()
        units = {
            "primary": [primary],
            "standby": stage.standbys()[:1],
            "leader": [leader],
            "all": stage.units(),
        }[event.target]
        struck = [stage.machine(unit) for unit in units]
        ground = Ground(struck, list(stage.members().values()), stage.client)
        former = stage.machine(primary).address
    except KeyError:
        result.notes.append(f"{event.kind}: whom it was for is gone")
        return
    result.notes.append(f"{event.kind} {' '.join(units)}")
    try:
        kind.begin(ground)
    except (HostError, subprocess.TimeoutExpired, AssertionError) as error:
        result.notes.append(f"{event.kind} not in full: {_told(error)}")
    if kind.end is None:
        return
    if event.lasts is None:
        try:
            stage.log.wait(
                acknowledged(20, not_at=former), _TAKEOVER_S, "another member takes writes"
            )
        except AssertionError as error:
            result.trouble.append(str(error))
    else:
        _wait_for(time.monotonic() + event.lasts)
    try:
        kind.end(ground)
    except (HostError, subprocess.TimeoutExpired, AssertionError) as error:
        result.notes.append(f"{event.kind} not undone at once: {_told(error)}")


def _operate(stage: Stage, plan: Plan, began: float, result: Result) -> None:
    _wait_for(began + plan.operation_at)
    try:
        result.notes.append(OPERATIONS[plan.operation].act(stage))
    except (AssertionError, TimeoutError, jubilant.CLIError, HostError) as error:
        result.trouble.append(f"{plan.operation}: {_told(error)}")


def _heal(stage: Stage, units: int) -> None:
    """Waits until all is well, and proved to be.

    Raises:
        TimeoutError, AssertionError, jubilant.TaskError: it is not; what says so.
    """
    deadline = time.monotonic() + _HEALING_S
    while True:
        stage.cluster.settle(units, timeout=_HEALING_S, retried=True)
        stage.log.wait(acknowledged(30), timeout=60, what="rows are acknowledged again")
        try:
            stage.cluster.verify()
        except jubilant.TaskError:
            # What was struck a moment ago may not show in the statuses yet.
            if time.monotonic() > deadline:
                raise
        else:
            return


def _told(error: Exception) -> str:
    return f"{error} {getattr(error, 'stderr', '') or ''}".strip()
