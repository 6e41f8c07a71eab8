"""What a seed decides."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.harm.hits import CLONING, KINDS, Hit
from tests.harm.scenarios import SCENARIOS, Scenario

# Hooks are what there is most of, and most to interrupt in.
_WEIGHTS = {"hook": 4, "hook-tree": 3, "server": 2, "machine": 2}
_MOST_HITS = 3
_LONGEST_DELAY_S = 1.0


@dataclass(frozen=True)
class Plan:
    """What is done, and what is killed meanwhile.

    Attributes:
        seed: what all of it came from.
        scenario: what is done.
        hits: in the order of their moments.
    """

    seed: int
    scenario: Scenario
    hits: tuple[Hit, ...]


def plan(seed: int, scenario: str | None = None) -> Plan:
    """Draws a plan.

    Args:
        seed: the same one gives the same plan.
        scenario: the name of one of SCENARIOS; None leaves it to the seed.
    """
    chance = random.Random(seed)
    drawn = chance.choice(sorted(SCENARIOS))
    chosen = SCENARIOS[scenario or drawn]
    kinds = [kind for kind in KINDS if chosen.clones or kind not in CLONING]
    hits = [
        Hit(
            kind=chance.choices(kinds, [_WEIGHTS.get(kind, 1) for kind in kinds])[0],
            at=chance.uniform(0, chosen.span_s),
            delay=chance.uniform(0, _LONGEST_DELAY_S),
            where=chance.random(),
        )
        for _ in range(chance.randint(1, _MOST_HITS))
    ]
    return Plan(seed, chosen, tuple(sorted(hits, key=lambda hit: hit.at)))
