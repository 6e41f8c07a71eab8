"""Whatever is killed, whenever: in the end every unit has seen what is, and nothing twice over."""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.localjuju.semantics.harness import Model, until

SEEDS = [int(seed) for seed in os.environ.get("LOCALJUJU_SEEDS", "1 2 3").split()]
# Each hook writes what it saw of the configuration, and adds one to a counter: a commit that was
# lost, or done for a hook that failed, would show in the sum.
RECORD = """
relation-set -r cluster:0 text="$(config-get text)"
count=$(state-get count)
state-set count=$((${count:-0} + 1))
echo committed
sleep 0.0$((RANDOM % 10))
"""


@pytest.mark.parametrize("seed", SEEDS)
def test_all_is_well_in_the_end(model: Model, seed: int) -> None:
    chance = random.Random(seed)
    scripts = {"config-changed": RECORD, "cluster-relation-changed": "sleep 0.03"}
    model.deploy(units=2, scripts=scripts)
    units = list(model.units())
    for number in range(8):
        model.configure(text=f"word-{number}")
        # Moments at which something is killed are drawn, not waited for.
        time.sleep(chance.uniform(0.0, 0.25))
        victim = chance.choice(units)
        match chance.choice(["agent", "machine", "controller", "nothing"]):
            case "agent":
                model.kill_agent(victim)
                model.start_machine(model.machine(victim))
            case "machine":
                model.start_machine(model.cut_power(victim))
            case "controller":
                model.host.kill_controller()
                model.host.start_controller()
            case _:
                pass
    until(lambda: model.leader() in units, "a leader")
    model.settle()
    for unit in units:
        other = next(name for name in units if name != unit)
        bag = model.json(unit, f"relation-get -r cluster:0 - {other}")
        assert bag["text"] == "word-7", (unit, model.abouts(unit)[-5:])
        ended = [run for run in model.runs(unit, "config-changed") if run.code == 0]
        count = int(model.out(unit, "state-get count"))
        # A hook whose end the agent did not live to note is committed and run again.
        assert 1 <= count <= len(ended)
        assert [name for name in model.names(unit) if name in ("install", "leader-elected")]
        assert model.names(unit).count("cluster-relation-created") == 1
