"""Does harm by many seeds, one line each.

    python -m tests.harm.soak --runs 20 --seed 1

The exit status is 1 if after any of them not all was whole.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
from pathlib import Path

from tests.harm.arena import Arena
from tests.harm.plan import plan
from tests.harm.scenarios import SCENARIOS
from tests.integration.conftest import ROOT, STAND_IN, own_config

LOGS = ROOT / ".build" / "soak"


def main() -> int:
    """Runs the seeds and sums up."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=10, help="how many seeds")
    parser.add_argument("--seed", type=int, help="the first of them; by default a random one")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), help="by default the seed's")
    parser.add_argument("--leave", action="store_true", help="end with the first that fails")
    arguments = parser.parse_args()
    first = (
        arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**6)
    )
    arena = Arena(str(STAND_IN), ROOT / "pg-hot-standby", own_config(str(STAND_IN)))
    healed: list[float] = []
    failed: list[int] = []
    try:
        for seed in range(first, first + arguments.runs):
            outcome = arena.carry_out(plan(seed, arguments.scenario))
            print(outcome, flush=True)
            if not outcome.trouble:
                healed.append(outcome.seconds)
                continue
            failed.append(seed)
            logs = LOGS / f"seed-{seed}"
            arena.keep_logs(logs)
            print(f"  {outcome.trouble}\n  logs: {logs.relative_to(Path.cwd())}", flush=True)
            if arguments.leave:
                break
            arena.abandon()
    finally:
        if not (failed and arguments.leave):
            arena.abandon()
    if healed:
        print(
            f"whole after {statistics.median(healed):.1f} s in the median, "
            f"{max(healed):.1f} s at most"
        )
    print(f"{len(healed)} of {len(healed) + len(failed)} whole", end="")
    print(f"; again: make soak-harm N=1 SEED={failed[0]}" if failed else "")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
