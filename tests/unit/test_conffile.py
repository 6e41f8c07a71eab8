"""postgresql.conf's syntax; tests/functional compares it with the server's own reading."""

import pytest

from postgresql import conffile
from postgresql.conffile import Line


def test_comments_blank_lines_and_the_optional_sign():
    text = "# first\n\n  work_mem 4MB\nA.b='x'#y\r\n\tfsync=on"

    assert conffile.parse(text) == (
        Line(3, "work_mem", "4MB"),
        Line(4, "a.b", "x"),
        Line(5, "fsync", "on"),
    )


def test_only_a_newline_ends_a_line():
    assert conffile.parse("a = 'x\u2028y\x0bz'") == (Line(1, "a", "x\u2028y\x0bz"),)


@pytest.mark.parametrize(
    ("token", "value"),
    [
        (r"'\b\f\n\r\t'", "\b\f\n\r\t"),
        (r"'\7\101'", "\x07A"),
        (r"'\x41'", "x41"),
        (r"'\\\''''", "\\''"),
    ],
)
def test_escapes(token: str, value: str):
    assert conffile.unquote(token) == value


@pytest.mark.parametrize("value", ["", "a'b", "a\\b", "a\nb\r", "\\'", "ü", "%$;#", " x "])
def test_what_is_quoted_is_read_as_it_was(value: str):
    assert conffile.values(f"a = {conffile.quote(value)}") == {"a": value}


def test_the_last_of_a_repeated_name_counts():
    assert conffile.values("a = 1\nA = 2") == {"a": "2"}


@pytest.mark.parametrize(
    ("text", "number", "reason"),
    [
        ("\n= 1", 2, "name"),
        ("a =", 1, "no value"),
        ("a = 1 2", 1, "single quotes"),
        ("a = 'x", 1, "not closed"),
        ("a = 1\nb = ;", 2, "out of place"),
    ],
)
def test_what_is_no_setting(text: str, number: int, reason: str):
    with pytest.raises(conffile.SyntaxRefused, match=reason) as caught:
        conffile.parse(text)
    assert caught.value.number == number
