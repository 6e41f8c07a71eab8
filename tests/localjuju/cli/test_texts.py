"""Small texts: names, times, and the examples in the modules' own docstrings."""

from __future__ import annotations

import doctest
from datetime import datetime, timedelta, timezone

import pytest

from localjuju.cli import gotext, goyaml, names
from localjuju.cli.commands import logs, shells
from localjuju.cli.render import ports, structured
from localjuju.controller.wire import JujuError


@pytest.mark.parametrize("module", [gotext, names, logs, shells, ports, structured])
def test_the_examples_in_docstrings_hold(module):
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(milliseconds=10), "just now"),
        (timedelta(seconds=1), "1 second ago"),
        (timedelta(seconds=59), "59 seconds ago"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=2, minutes=59), "2 hours ago"),
        (timedelta(hours=30), "yesterday"),
        (timedelta(days=10), "2026-11-13"),
    ],
)
def test_ages_are_rounded_for_people(ago: timedelta, text: str):
    now = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
    moment = (now - ago).isoformat().replace("+00:00", "Z")
    assert gotext.friendly_age(moment, now) == text


def test_local_times_carry_their_zone(monkeypatch: pytest.MonkeyPatch):
    import time

    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    try:
        text = "2026-11-23T04:27:37.123456Z"
        assert gotext.status_time(text, utc=False) == "23 Nov 2026 10:12:37+05:45"
        assert gotext.clock_time(text, utc=False) == "10:12:37+05:45"
        assert gotext.clock_time(text, utc=True) == "04:27:37Z"
        assert gotext.result_time(text, utc=False) == "2026-11-23 10:12:37 +0545 +0545"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("name", ["pg/0", "pg-hot-standby/12", "a1/0"])
def test_unit_names(name: str):
    assert names.is_unit(name)


@pytest.mark.parametrize(
    "name", ["pg", "pg/", "pg/01", "Pg/0", "pg/leader", "pg-0/0", "/0", "pg/0\n"]
)
def test_what_is_no_unit_name(name: str):
    assert not names.is_unit(name)


@pytest.mark.parametrize("text", ["0", "12", "0/lxd/1"])
def test_machine_ids(text: str):
    assert names.is_machine(text)


@pytest.mark.parametrize("text", ["01", "-1", "a", "", "0/lxd"])
def test_what_is_no_machine_id(text: str):
    assert not names.is_machine(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("y", True),
        ("off", False),
        ("12:30", "12:30"),
        ("2026-13-45", "2026-13-45"),
        ("2026-01-01", "2026-01-01"),
        ("1e3", 1000.0),
        ("0x1F", 31),
        ("017", 15),
        ("1_000", 1000),
        ("-5", -5),
        (".5", 0.5),
        ("1.2.3", "1.2.3"),
        ("", None),
        ("null", None),
        ("'5'", "5"),
        ("[a, {b: c}]", ["a", {"b": "c"}]),
        ("=", "="),
        ("%", JujuError),
        ("{", JujuError),
        ("{1: x}", JujuError),
        (".nan", JujuError),
        ("!!binary aGk=", JujuError),
        ("!!python/object:os.system x", JujuError),
        ("&a [*a]", JujuError),
    ],
)
def test_yaml_is_read_as_juju_reads_it(text: str, value: object):
    if value is JujuError:
        with pytest.raises(JujuError):
            goyaml.load(text)
    else:
        loaded = goyaml.load(text)
        assert loaded == value
        assert type(loaded) is type(value)
