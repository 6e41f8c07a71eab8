"""A figure: what was measured, its baseline of the same run, and whether the goal is met."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Goal:
    """What a figure is to reach.

    Attributes:
        of: "value": the median itself; "ratio": median to the baseline's median; "excess": the
            median less the baseline's.
        sense: whether more or less is better.
        bound: in the figure's unit, or without one for a ratio.
    """

    of: Literal["value", "ratio", "excess"]
    sense: Literal["at most", "at least"]
    bound: float

    def met(self, reached: float) -> bool:
        """Tell whether it is reached; exactly at the bound is."""
        return reached <= self.bound if self.sense == "at most" else reached >= self.bound


@dataclass(frozen=True)
class Figure:
    """What was measured, several times.

    Attributes:
        name: what it is.
        unit: of the samples: "s", "ms", "1/s".
        ours: the samples of the charm.
        baseline: the samples of what it is held against; empty if nothing is.
        against: what that is.
        goal: None: told for its own sake.
        note: what else is to be known.
    """

    name: str
    unit: str
    ours: Sequence[float]
    baseline: Sequence[float] = ()
    against: str = ""
    goal: Goal | None = None
    note: str = ""

    @property
    def median(self) -> float:
        """The middle one of ours."""
        return statistics.median(self.ours)

    @property
    def ratio(self) -> float | None:
        """Our median to the baseline's; None without a baseline."""
        return self.median / statistics.median(self.baseline) if self.baseline else None

    @property
    def excess(self) -> float | None:
        """Our median less the baseline's; None without a baseline."""
        return self.median - statistics.median(self.baseline) if self.baseline else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without one.

        Raises:
            ValueError: the goal is of a baseline, and there is none.
        """
        if self.goal is None:
            return None
        reached = {"value": self.median, "ratio": self.ratio, "excess": self.excess}[self.goal.of]
        if reached is None:
            raise ValueError(f"{self.name}: no baseline for a goal of {self.goal.of}")
        return self.goal.met(reached)

    def to_json(self) -> dict[str, Any]:
        """Return all of it, the derived values too."""
        derived = {"median": self.median, "ratio": self.ratio, "excess": self.excess}
        return {**asdict(self), **derived, "met": self.met}


HEADINGS = ("figure", "median", "spread", "baseline", "ratio", "goal", "met")


def table(figures: Sequence[Figure]) -> str:
    """Write figures as lines of columns, numbers to the right; notes and baselines below."""
    rows = [HEADINGS, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = [
        "  ".join(
            cell.ljust(width) if column in (0, 5, 6) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    for figure in figures:
        more = [f"against {figure.against}"] if figure.against else []
        more += [figure.note] if figure.note else []
        if more:
            lines.append(f"{figure.name}: {'; '.join(more)}")
    return "\n".join(lines)


def _row(figure: Figure) -> tuple[str, ...]:
    goal, ratio = figure.goal, figure.ratio
    bound = ""
    if goal is not None:
        of = {"value": "", "ratio": "ratio ", "excess": "excess "}[goal.of]
        unit = "" if goal.of == "ratio" else f" {figure.unit}"
        bound = f"{of}{goal.sense} {goal.bound:g}{unit}"
    return (
        figure.name,
        f"{number(figure.median)} {figure.unit}",
        spread(figure.ours),
        f"{number(statistics.median(figure.baseline))} {figure.unit}" if figure.baseline else "",
        f"{ratio:.2f}" if ratio is not None else "",
        bound,
        {True: "yes", False: "NO", None: ""}[figure.met],
    )


def spread(samples: Sequence[float]) -> str:
    """Write the least and the most.

    >>> spread([3, 1.25, 2])
    '1.25-3.00'
    """
    return f"{number(min(samples))}-{number(max(samples))}"


def number(value: float) -> str:
    """Write a number with three digits that count.

    >>> number(0.0123), number(1.5), number(42), number(1234.5)
    ('0.012', '1.50', '42.0', '1234')
    """
    if abs(value) >= 100:
        return f"{value:.0f}"
    return (
        f"{value:.1f}"
        if abs(value) >= 10
        else f"{value:.2f}"
        if abs(value) >= 1
        else f"{value:.3f}"
    )
