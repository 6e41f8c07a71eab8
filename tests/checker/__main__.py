"""Takes many walks, and tells the shortest row of moves of each that broke something.

make walks N=100000
make walks N=1 SEED=4711
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.checker.hook import Rules
from tests.checker.walks import shortened, story, walk


def main() -> int:
    """Takes them; 0: nothing broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--walks", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rules, broken, began = Rules(), 0, time.monotonic()
    for seed in range(arguments.seed, arguments.seed + arguments.walks):
        found = walk(seed, 2 + seed % 3, rules)
        if found:
            broken += 1
            found = shortened(found, rules)
            print(found, *story(found, rules), sep="\n", flush=True)
    took = time.monotonic() - began
    print(f"{arguments.walks} walks in {took:.0f} s: {broken or 'none'} broke anything")
    return 1 if broken else 0


sys.exit(main())
