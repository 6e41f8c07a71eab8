"""Runs the stages of the whole test and counts what came of them.

    tools/stages.py STAGE[+STAGE]...

Each stage is a target of the Makefile. One begins when the one before it has ended, except those
that a + joins, which run side by side; what they print is shown one after the other all the same.
All of them run, also after one has failed, so that one run tells everything; the exit status is 1
if any of them failed.
"""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

WIDTH = 80
# pytest's closing line: "==== 3 failed, 40 passed, 1 skipped in 2.31s ===="
CLOSING_LINE = re.compile(r"^=+ (?P<counts>.+) in [0-9.]+s.* =+$")
COUNT = re.compile(r"(\d+) ([a-z]+)")
# pytest-rerunfailures' line of its summary for a test that failed and was tried again.
TRIED_AGAIN = re.compile(r"^RERUN (?P<test>\S.*)$")
COLOUR_CODE = re.compile(r"\x1b\[[0-9;]*m")
TESTS = ("passed", "failed", "errors", "skipped", "xfailed", "xpassed")


@dataclass(frozen=True)
class Result:
    """What came of one stage."""

    stage: str
    exit_status: int
    seconds: float
    counts: Counter[str] = field(default_factory=Counter[str])
    """Tests by outcome, in pytest's words; empty for a stage without tests."""
    tried_again: tuple[str, ...] = ()
    """Tests that failed once; what came of them in the end is counted."""

    @property
    def word(self) -> str:
        """Say whether the stage holds."""
        return "ok" if self.exit_status == 0 else "FAILED"


def counts_of(line: str) -> Counter[str]:
    """Read pytest's closing line.

    Returns:
        The number of tests for each outcome; empty if the line is any other.

    >>> counts_of("===== 1 failed, 2 passed in 0.12s =====") == Counter(failed=1, passed=2)
    True
    >>> counts_of("== 1 error, 3 warnings in 1.00s (0:00:01) ==") == Counter(errors=1)
    True
    >>> counts_of("collected 3 items")
    Counter()
    """
    closing = CLOSING_LINE.match(COLOUR_CODE.sub("", line).strip())
    if closing is None:
        return Counter()
    found: Counter[str] = Counter()
    for number, outcome in COUNT.findall(closing["counts"]):
        name = "errors" if outcome == "error" else outcome
        if name in TESTS:
            found[name] += int(number)
    return found


def run(stage: str, say: Callable[[str], None]) -> Result:
    """Run one stage.

    Args:
        stage: its target.
        say: is given each line that it prints, as it comes.
    """
    began = time.monotonic()
    counts: Counter[str] = Counter()
    tried_again: list[str] = []
    with subprocess.Popen(
        ["make", "--no-print-directory", stage],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # Targets that have a checking and a changing form take the checking one.
        env={**os.environ, "CHECK": "1"},
    ) as process:
        assert process.stdout is not None  # noqa: S101 - PIPE gives a stream
        for line in process.stdout:
            say(line)
            counts += counts_of(line)
            if again := TRIED_AGAIN.match(COLOUR_CODE.sub("", line).rstrip()):
                tried_again.append(again["test"])
    seconds = time.monotonic() - began
    return Result(stage, process.returncode, seconds, counts, tuple(tried_again))


def run_side_by_side(stages: list[str], number: int, total: int) -> list[Result]:
    """Run stages at the same time, and show what the first prints as it comes.

    What the others have printed meanwhile follows, each under its own title.

    Args:
        stages: they.
        number: of the first of them.
        total: of all stages of the run.
    """
    with ThreadPoolExecutor(len(stages)) as pool:
        lines = [queue.SimpleQueue[str | None]() for _ in stages]
        runs = [
            pool.submit(_run_to_the_end, stage, said)
            for stage, said in zip(stages, lines, strict=True)
        ]
        for place, (stage, said) in enumerate(zip(stages, lines, strict=True)):
            title = f"== {number + place}/{total} {stage} "
            print(f"\n{title:=<{WIDTH}}", flush=True)
            while (line := said.get()) is not None:
                print(line, end="", flush=True)
        return [each.result() for each in runs]


def _run_to_the_end(stage: str, said: queue.SimpleQueue[str | None]) -> Result:
    try:
        return run(stage, said.put)
    finally:
        said.put(None)


def spelled(counts: Counter[str]) -> str:
    """Write counts as pytest does, the greatest worry last.

    >>> spelled(Counter(skipped=1, passed=7))
    '7 passed, 1 skipped'
    """
    return ", ".join(f"{counts[name]} {name}" for name in TESTS if counts[name])


def minutes(seconds: float) -> str:
    """Write a duration.

    >>> minutes(8.24), minutes(75)
    ('8.2 s', '1 min 15 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s"


def summary(results: list[Result], seconds: float) -> str:
    """Write one line per stage and one that counts them all.

    Args:
        results: of the stages.
        seconds: which the whole run took.
    """
    lines = [f"{'== summary ':=<{WIDTH}}"]
    total: Counter[str] = Counter()
    for result in results:
        total += result.counts
        lines.append(
            f"{result.stage:<18} {result.word:<8} {minutes(result.seconds):>13}   "
            f"{spelled(result.counts)}".rstrip()
        )
    failed = [result.stage for result in results if result.exit_status != 0]
    held = f"{len(results) - len(failed)} of {len(results)} stages ok"
    tests = f"{sum(total.values())} tests: {spelled(total)}" if total else "no tests ran"
    lines += [
        "-" * WIDTH,
        f"{held}; {tests}; {minutes(seconds)}",
    ]
    lines += [f"tried again: {test}" for result in results for test in result.tried_again]
    if failed:
        lines.append(f"failed: {', '.join(failed)}; run one alone with: make {failed[0]}")
    return "\n".join(lines)


def main(words: list[str]) -> int:
    """Run the stages that the command line names."""
    if not words:
        print(__doc__, file=sys.stderr)
        return 2
    began = time.monotonic()
    groups = [word.split("+") for word in words]
    total = sum(map(len, groups))
    results: list[Result] = []
    for group in groups:
        results += run_side_by_side(group, len(results) + 1, total)
    print(f"\n{summary(results, time.monotonic() - began)}", flush=True)
    return 1 if any(result.exit_status for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
