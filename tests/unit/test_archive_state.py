"""What a status says of an archive that is being moved, or does not go on."""

from pathlib import Path

import pytest

from postgresql.archive import Move
from postgresql.archive.keeper.look import Facts
from postgresql.archive.state import _failure
from postgresql.layout import Layout

OLD = (Path("/srv/old"),)


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (Move(OLD, 12, 12 << 24, True), "archive: 12 files on their way from /srv/old, 192.0 MB"),
        (Move(OLD, 1, 300, True), "archive: 1 file on its way from /srv/old, 300 B"),
        (Move(OLD, 0, 0, True), "archive: leaving /srv/old"),
        (
            Move((*OLD, Path("/srv/older")), 2, 2 << 24, True, "/srv/old: away"),
            "archive: 2 files on their way from /srv/old, /srv/older, 32.0 MB (/srv/old: away)",
        ),
    ],
)
def test_a_move_says_what_is_still_on_its_way(move: Move, words: str):
    assert str(move) == words


@pytest.mark.parametrize(
    ("waiting_s", "idle_s", "failure"),
    [
        (300, 300, "archive /srv/new: nothing was archived for 300 s"),
        # Archiving goes on, or the server has just been started; or it had nothing to archive.
        (300, 2, ""),
        (2, 300, ""),
    ],
)
def test_an_archive_is_stuck_once_something_waits_and_nothing_is_archived(
    waiting_s: float, idle_s: float, failure: str
):
    facts = Facts(
        problem="",
        free=1 << 30,
        newest="000000010000000000000008",
        newest_there=False,
        waiting=8,
        waiting_s=waiting_s,
        lacking=[],
        sources=[],
    )
    found = _failure(Layout(16), Path("/srv/new"), facts, False, idle_s)
    assert found == failure
