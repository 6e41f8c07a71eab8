"""Does harm to a cluster under writers by many seeds, one line each.

    python -m tests.failover.soak --runs 20 --seed 1

The exit status is 1 if after any of them not all was well.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys

from tests.failover.arena import Arena
from tests.failover.plan import plan
from tests.integration.conftest import ROOT, STAND_IN, own_config

LOGS = ROOT / ".build" / "soak"


def main() -> int:
    """Runs the seeds and sums up."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=10, help="how many seeds")
    parser.add_argument("--seed", type=int, help="the first of them; by default a random one")
    parser.add_argument("--leave", action="store_true", help="end with the first that fails")
    arguments = parser.parse_args()
    first = (
        arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**6)
    )
    arena = Arena(str(STAND_IN), ROOT / "pg-hot-standby", own_config(str(STAND_IN)))
    gaps: list[float] = []
    failed: list[int] = []
    try:
        for seed in range(first, first + arguments.runs):
            result = arena.carry_out(plan(seed))
            print(result, flush=True)
            if not result.trouble:
                gaps.append(result.gap)
                continue
            failed.append(seed)
            logs = LOGS / f"failover-{seed}"
            arena.keep_logs(logs)
            for sentence in result.trouble:
                print(f"  {sentence}")
            print(f"  logs: {logs}", flush=True)
            if arguments.leave:
                break
            arena.abandon()
    finally:
        if not (failed and arguments.leave):
            arena.abandon()
    if gaps:
        print(
            f"write gap {statistics.median(gaps):.1f} s in the median, {max(gaps):.1f} s at most"
        )
    print(f"{len(gaps)} of {len(gaps) + len(failed)} well", end="")
    print(f"; again: make soak-failover N=1 SEED={failed[0]}" if failed else "")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
