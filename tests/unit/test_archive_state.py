"""What a status says of an archive that is being moved."""

from pathlib import Path

import pytest

from postgresql.archive import Move

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
