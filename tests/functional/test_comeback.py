"""Without a controller the sentinel opens a former primary only for the term that it has begun."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from postgresql import gate, sql, terms
from postgresql.layout import Layout
from sentinel import mandate
from sentinel.mandate import Mandate
from tests.functional.lab import Lab, value

SRC = Path(__file__).parents[2] / "src"
TERM = 3


@pytest.fixture
def gated(lab: Lab) -> Layout:
    """A server that was primary of the term, and came up behind the start gate."""
    layout = lab.primary()
    with sql.local(layout) as connection:
        terms.begin(connection, TERM)
    gate.start_as_standby(layout)
    return layout


def opened(layout: Layout, term: int, path: Path) -> bool:
    """Whether the sentinel's program opens it under a mandate of this term."""
    mandate.write(Mandate("pg/0", 7, term, primary=True, alone=True), path)
    command = [sys.executable, "-m", "sentinel.deeds", "open", f"--major={layout.major}"]
    command += [f"--name={layout.name}", f"--port={layout.port}", f"--mandate={path}"]
    result = subprocess.run(command, env={"PYTHONPATH": str(SRC), "PATH": "/usr/sbin:/usr/bin"})
    return result.returncode == 0


def test_opens_what_was_primary_of_the_term(gated: Layout, tmp_path: Path) -> None:
    assert opened(gated, TERM, tmp_path / "mandate.json")
    assert value(gated, "SELECT pg_is_in_recovery()") is False
    assert gated.standby_signal.exists()


@pytest.mark.parametrize("term", [TERM - 1, TERM + 1])
def test_leaves_alone_what_has_not_begun_the_term(
    gated: Layout, term: int, tmp_path: Path
) -> None:
    assert not opened(gated, term, tmp_path / "mandate.json")
    assert value(gated, "SELECT pg_is_in_recovery()") is True
