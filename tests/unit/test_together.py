"""Several questions at once."""

import threading

import pytest

from state.together import together


def test_the_answers_come_in_the_order_of_the_questions():
    assert together(lambda: 1, lambda: "two", lambda: None) == [1, "two", None]
    assert together() == []


def test_they_are_asked_at_once():
    """Each waits for all the others to have been asked; one after the other, none would end."""
    met = threading.Barrier(3)
    assert sorted(together(*[lambda: met.wait(10)] * 3)) == [0, 1, 2]


def test_the_first_error_is_raised_once_all_have_ended():
    ended: list[str] = []

    def refuse(why: str) -> None:
        ended.append(why)
        raise ValueError(why)

    with pytest.raises(ValueError, match="second"):
        together(lambda: 1, lambda: refuse("second"), lambda: refuse("third"))
    assert sorted(ended) == ["second", "third"]
