"""A clone and archiving, measured by programs in a throwaway machine."""

from __future__ import annotations

from collections.abc import Iterator

from bench import where
from bench.figures import Figure, Goal

CLONES = 3
PUSHES = 3


def clone_figures() -> Iterator[Figure]:
    """Measure a clone of 1 GB."""
    with where.machine() as made:
        found = where.inside(made, "clone", str(CLONES))
    yield Figure(
        "clone of 1 GB",
        "s",
        found["ours"],
        found["baseline"],
        "bare pg_basebackup with the same options",
        Goal("ratio", "at most", 1.1),
        f"{found['bytes'] / 1e9:.2f} GB",
    )


def archive_figures() -> Iterator[Figure]:
    """Measure how fast waiting segments are archived."""
    with where.machine() as made:
        found = where.inside(made, "archive", str(PUSHES))
    yield Figure(
        "archiving, against cp",
        "1/s",
        found["ours"],
        found["cp"],
        "archive_command = 'cp %p …/%f', which flushes nothing",
        Goal("ratio", "at least", 0.8),
    )
    yield Figure(
        "archiving, against pgBackRest",
        "1/s",
        found["ours"],
        found["pgbackrest"],
        "archive-push, synchronous, lz4",
        Goal("ratio", "at least", 4),
    )
