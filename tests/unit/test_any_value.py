"""Whatever is given for an option is taken or refused with its reason, and nothing else happens.

What needs a server to be judged, tests/integration/test_any_value.py gives to real ones.
"""

from __future__ import annotations

import shlex
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import status
from decisions.facts import Machine, View
from outcome import Found, Outcome
from postgresql import conffile
from postgresql.archive import check_path, paths
from postgresql.clone import CloneState
from postgresql.errors import ArchiveRefused, SettingRefused
from postgresql.observe import Server
from postgresql.settings import check_extra
from state.options import Options, Problem
from tests import values
from tests.commandlines import as_the_server_runs

DEFAULTS: dict[str, Any] = {
    "archive-path": "/var/backups/pgsql/archive",
    "replication-user": "replicator",
    "max-connections": 100,
    "wal-keep-size": 512,
    "max-slot-wal-keep-size": 0,
    "synchronous-standbys": 1,
    "extra-postgresql-conf": "",
}
NUMBERS = {
    "max-connections": (10, 262_143),
    "wal-keep-size": (0, 2_147_483_647),
    "max-slot-wal-keep-size": (0, 2_147_483_647),
    "synchronous-standbys": (0, 100),
}
ARCHIVE_BUFFER = 1024
FOUND = Found(View("pg/0", True, None, {}, Machine(), None, True), Server(), CloneState("absent"))
given_values = st.fixed_dictionaries(
    {},
    optional={
        "archive-path": values.paths,
        "replication-user": values.texts,
        "extra-postgresql-conf": values.settings_texts,
        **dict.fromkeys(NUMBERS, values.numbers),
    },
)


def told(problem: Problem) -> str:
    """The status of a unit with this problem, which must be a line that one can read."""
    line = status.of_unit(Outcome(FOUND, problems=(problem,)))
    assert line.level == "blocked"
    assert line.text.isprintable()
    assert len(line.text) <= 600
    assert line.text.startswith(f"config {problem.option}=")
    return line.text


@settings(max_examples=400, derandomize=True, deadline=None)
@given(given_values)
def test_each_option_is_taken_or_refused_for_itself(config: dict[str, Any]) -> None:
    options = Options.from_config({**DEFAULTS, **config})
    refused = {problem.option for problem in options.problems}
    assert refused <= set(config)
    for option, (least, most) in NUMBERS.items():
        number = {**DEFAULTS, **config}[option]
        taken = getattr(options, option.replace("-", "_"))
        assert taken == (number if least <= number <= most else None)
        assert (option in refused) == (taken is None)
    assert ("replication-user" in refused) == (options.replication_user is None)
    for problem in options.problems:
        assert problem.reason in told(problem)


@settings(max_examples=400, derandomize=True, deadline=None)
@given(values.paths)
def test_a_path_is_refused_or_taken_as_it_is(text: str) -> None:
    try:
        path = check_path(text)
    except ArchiveRefused as refusal:
        assert refusal.why in told(Problem("archive-path", refusal.path, refusal.why))
        return
    assert path.is_absolute()
    assert ".." not in path.parts
    command = paths.archive_command(path, "claim")
    assert len(command.encode()) < ARCHIVE_BUFFER
    read = conffile.values(f"command = {conffile.quote(command)}")["command"]
    words = shlex.split(as_the_server_runs(read, file="segment", path="pg_wal/segment"))
    assert words == [str(paths.PROGRAM), "push", "pg_wal/segment", str(path), "claim"]


@settings(max_examples=800, derandomize=True, deadline=None)
@given(values.settings_texts)
def test_settings_are_refused_with_line_and_reason_or_mean_what_they_say(text: str) -> None:
    try:
        lines = check_extra(text)
    except SettingRefused as refusal:
        assert refusal.where == "extra-postgresql-conf"
        assert refusal.why.startswith("line ")
        assert "line " in told(Problem(refusal.where, refusal.value, refusal.why))
        return
    again = "".join(f"{line.name} = {conffile.quote(line.value)}\n" for line in lines)
    assert [(line.name, line.value) for line in conffile.parse(again)] == [
        (line.name, line.value) for line in lines
    ]
