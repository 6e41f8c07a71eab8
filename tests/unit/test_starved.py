"""A standby whose WAL is gone: how sure the charm must be, and how often it is cloned for it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from postgresql import starved
from postgresql.layout import Layout

LINE = (
    "2026-01-01 00:00:00.000 UTC [7] FATAL:  could not receive data from WAL stream: "
    "ERROR:  requested WAL segment {} has already been removed\n"
)
# What another standby is told by this server says nothing of this one.
OF_A_CLIENT = (
    "2026-01-01 00:00:00.000 UTC [8] replicator@[unknown] ERROR:  "
    "requested WAL segment {} has already been removed\n"
)
FILE, OTHER = "000000010000000000000003", "000000010000000000000004"


@dataclasses.dataclass(frozen=True)
class Logged(Layout):
    """A cluster with a log of its own."""

    log: Path = Path("/nowhere")

    @property
    def log_file(self) -> Path:
        return self.log


class TestWanted:
    @pytest.mark.parametrize(
        ("log", "expected"),
        [
            (LINE.format(FILE) * 10, FILE),
            (LINE.format(FILE) * 9, ""),
            (LINE.format(FILE) * 10 + LINE.format(OTHER), ""),
            (LINE.format(FILE) * 10 + LINE.format(OTHER) * 10, OTHER),
            (OF_A_CLIENT.format(FILE) * 10, ""),
            ("", ""),
        ],
    )
    def test_only_what_was_refused_again_and_again(
        self, tmp_path: Path, log: str, expected: str
    ) -> None:
        path = tmp_path / "log"
        path.write_text(log)
        assert starved.wanted(Logged(16, log=path)) == expected
