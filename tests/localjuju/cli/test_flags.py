"""Options are read in the dialect of Juju's own command line."""

from __future__ import annotations

import pytest

from localjuju.cli.flags import Kind, Option, UndefinedOptionError, UsageError, parse

OPTIONS = (
    Option(("f", "force"), ""),
    Option(("v", "verbose"), ""),
    Option(("n", "num-units"), "", Kind.NUMBER, 1),
    Option(("wait",), "", Kind.DURATION),
    Option(("format",), "", Kind.TEXT, default="plain", choices=("plain", "json")),
    Option(("config",), "", Kind.TEXTS),
    Option(("u", "unit"), "", Kind.LIST),
)

NO_NUMBER = (
    'invalid value "x" for option --num-units: strconv.ParseInt: parsing "x": invalid syntax'
)
NO_BOOL = (
    'invalid boolean value "maybe" for option --force: '
    'strconv.ParseBool: parsing "maybe": invalid syntax'
)


def read(*words: str, interspersed: bool = True):
    return parse(OPTIONS, words, interspersed=interspersed)


def test_options_stand_before_between_and_after_arguments():
    args = read("--force", "a", "-n", "3", "b", "--format=json")
    assert args.positional == ["a", "b"]
    assert args.flag("force")
    assert args.number("num-units") == 3
    assert args.text("format") == "json"


def test_options_that_are_not_given_have_their_defaults():
    args = read()
    assert not args.flag("force")
    assert args.number("num-units") == 1
    assert args.seconds("wait") is None
    assert args.texts("config") == []
    assert args.given == frozenset()


def test_a_flag_can_be_switched_off_by_its_value():
    assert not read("--force=false").flag("force")
    assert "force" in read("--force=false").given


def test_a_flag_does_not_take_the_next_word():
    assert read("--force", "true").positional == ["true"]


def test_short_options_stand_together_and_with_their_value():
    args = read("-fvn2")
    assert args.flag("force")
    assert args.flag("verbose")
    assert args.number("num-units") == 2


def test_after_two_dashes_everything_is_an_argument():
    assert read("a", "--", "--force", "-x").positional == ["a", "--force", "-x"]


def test_a_lone_dash_is_an_argument():
    assert read("-").positional == ["-"]


def test_a_command_may_pass_on_what_follows_its_first_argument():
    args = read("--force", "pg/0", "ls", "-la", "--", "x", interspersed=False)
    assert args.flag("force")
    assert args.positional == ["pg/0", "ls", "-la", "--", "x"]


def test_repeated_options_keep_all_values_and_lists_are_split():
    args = read("--config", "a=1,2", "--config=b=2", "-u", "x/0,x/1", "--unit", "x/2")
    assert args.texts("config") == ["a=1,2", "b=2"]
    assert args.texts("unit") == ["x/0", "x/1", "x/2"]


def test_parsing_twice_does_not_remember_the_first_time():
    read("--config", "a=1")
    assert read().texts("config") == []


def test_durations_are_those_of_go():
    assert read("--wait", "1m30s").seconds("wait") == 90
    assert read("--wait=250ms").seconds("wait") == 0.25
    assert read("--wait=-1s").seconds("wait") == -1


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--bogus"], "option provided but not defined: --bogus"),
        (["-z"], "option provided but not defined: -z"),
        (["--forc"], "option provided but not defined: --forc"),
        (["--num-units"], "option needs an argument: --num-units"),
        (["-n"], "option needs an argument: -n"),
        (
            ["--num-units=x"],
            NO_NUMBER,
        ),
        (["--format", "xml"], 'invalid value "xml" for option --format: unknown format "xml"'),
        (
            ["--force=maybe"],
            NO_BOOL,
        ),
        (
            ["--wait", "5"],
            'invalid value "5" for option --wait: time: missing unit in duration "5"',
        ),
        (
            ["--wait", "soon"],
            'invalid value "soon" for option --wait: time: invalid duration "soon"',
        ),
    ],
)
def test_what_is_wrong_is_said_in_jujus_words(words: list[str], text: str):
    with pytest.raises(UsageError) as caught:
        read(*words)
    assert str(caught.value) == text


def test_an_option_that_is_not_there_can_be_told_from_other_mistakes():
    with pytest.raises(UndefinedOptionError) as caught:
        read("--bogus=1")
    assert caught.value.option == "--bogus"
