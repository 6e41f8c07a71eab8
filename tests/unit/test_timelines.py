"""Where two logs part, by their history files."""

import pytest

from postgresql.timelines import Timeline

HISTORY = """1\t0/3000148\tno recovery target specified

2\t1/A0\tno recovery target specified
"""


def test_a_history_file_is_read():
    assert Timeline.parse(3, HISTORY) == Timeline(3, ((1, 0x3000148), (2, 0x1_000000A0)))
    assert Timeline.parse(1, "") == Timeline(1)


@pytest.mark.parametrize(
    ("one", "other", "fork"),
    [
        (Timeline(1), Timeline(1), None),
        (Timeline(1), Timeline(2, ((1, 700),)), 700),
        (Timeline(1), Timeline(3, ((1, 700), (2, 900))), 700),
        (Timeline(2, ((1, 700),)), Timeline(3, ((1, 700), (2, 900))), 900),
        (Timeline(2, ((1, 700),)), Timeline(2, ((1, 700),)), None),
        # Both took the same number, for another log.
        (Timeline(2, ((1, 600),)), Timeline(2, ((1, 700),)), 600),
        (Timeline(2, ((1, 600),)), Timeline(3, ((1, 700),)), 600),
        # From the same place, by chance.
        (Timeline(2, ((1, 700),)), Timeline(3, ((1, 700),)), 700),
        (Timeline(3, ((1, 700), (2, 900))), Timeline(4, ((1, 700), (2, 800))), 800),
        (Timeline(2), Timeline(3), 0),
    ],
)
def test_two_logs_part_where_one_of_them_turned(one: Timeline, other: Timeline, fork: int | None):
    assert one.fork(other) == fork
    assert other.fork(one) == fork
