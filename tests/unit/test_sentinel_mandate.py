"""What a hook writes down for the sentinel, and what the sentinel writes down for hooks."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from sentinel import findings, mandate
from sentinel.findings import Findings
from sentinel.mandate import Authority, Mandate

AUTHORITY = Authority(term=8, members=("pg_0", "pg_2"), quorum=1, serial=41, replaces=7)
MANDATE = Mandate(
    unit="pg/1",
    serial=41,
    term=7,
    primary=False,
    members=("pg_1", "pg_2"),
    quorum=1,
    peers=("pg_0", "pg_2"),
    upstream="10.0.0.1",
    password="a secret",
    controllers=("10.0.0.9:17070", "[fd00::9]:17070"),
    authority=AUTHORITY,
    sealed=6,
)


def put(path: Path, value: object) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


class TestMandate:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "mandate.json"

    def test_what_was_written_is_read(self, path: Path) -> None:
        put(path, dataclasses.asdict(MANDATE))
        assert mandate.read(path) == MANDATE

    def test_another_builds_is_read_too(self, path: Path) -> None:
        put(path, {**dataclasses.asdict(MANDATE), "of_a_newer_build": [1]})
        assert mandate.read(path) == MANDATE
        put(path, {"unit": "pg/1", "serial": 1, "term": 1, "primary": True})
        assert mandate.read(path) == Mandate("pg/1", 1, 1, True)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "[]",
            "null",
            {},
            {"unit": "pg/1", "serial": 1, "term": 1},
            {"unit": "pg/1", "serial": 1, "term": 1, "primary": "yes"},
            {"unit": "pg/1", "serial": 1, "term": True, "primary": True},
            {"unit": "pg/1", "serial": 1, "term": 1, "primary": True, "members": [1]},
            {"unit": "pg/1", "serial": 1, "term": 1, "primary": True, "members": "pg_1"},
        ],
    )
    def test_what_is_none_counts_as_none(self, path: Path, text: object) -> None:
        assert mandate.read(put(path, text)) is None

    def test_none_is_none(self, path: Path) -> None:
        assert mandate.read(path) is None

    @pytest.mark.parametrize("given", [7, {}, {**dataclasses.asdict(AUTHORITY), "term": "8"}])
    def test_an_authority_that_is_not_understood_allows_nothing(
        self, path: Path, given: object
    ) -> None:
        put(path, {**dataclasses.asdict(MANDATE), "authority": given})
        assert mandate.read(path) == dataclasses.replace(MANDATE, authority=None)

    def test_the_password_shows_nowhere(self) -> None:
        assert "a secret" not in repr(MANDATE)

    def test_a_reader_sees_every_change(self, path: Path) -> None:
        read = mandate.Reader(path)
        assert read() is None
        put(path, dataclasses.asdict(MANDATE))
        assert read() == MANDATE
        new = dataclasses.replace(MANDATE, serial=42, authority=None)
        put(path.with_suffix(".new"), dataclasses.asdict(new)).replace(path)
        assert read() == new
        path.unlink()
        assert read() is None

    def test_it_knows_an_election(self) -> None:
        sealed = dataclasses.replace(MANDATE, sealed=7, upstream="")
        assert sealed.electing
        assert not MANDATE.electing
        # Named since, in the same term.
        assert not dataclasses.replace(sealed, primary=True).electing
        assert not dataclasses.replace(sealed, upstream="10.0.0.1").electing

    def test_whose_connection_counts(self) -> None:
        primary = dataclasses.replace(MANDATE, primary=True, authority=None)
        assert primary.watched == ("pg_1", "pg_2")
        assert dataclasses.replace(primary, quorum=0, members=()).watched == ("pg_0", "pg_2")
        assert MANDATE.watched == AUTHORITY.members


class TestFindings:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "run" / "sentinel.json"

    def test_what_was_written_is_read(self, path: Path) -> None:
        found = Findings(7, "no route to host", True, 1.8e9, promoted=8, stopped="isolated")
        findings.write(found, path)
        assert findings.read(path) == found
        assert [each.name for each in path.parent.iterdir()] == ["sentinel.json"]

    def test_nothing_is_read_where_nothing_is(self, path: Path) -> None:
        assert findings.read(path) == Findings()

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("{", Findings()),
            ([], Findings()),
            ({"term": 7, "of_a_newer_build": 1}, Findings(term=7)),
            ({"term": "7", "lost": "silent"}, Findings(lost="silent")),
        ],
    )
    def test_what_is_not_understood_is_left_out(
        self, path: Path, value: Any, expected: Findings
    ) -> None:
        path.parent.mkdir()
        assert findings.read(put(path, value)) == expected

    def test_a_former_primary_that_was_lost_says_nothing_of_the_next(self) -> None:
        found = Findings(7, "no route to host", True, 1.8e9, "no space left", promoted=8)
        assert found.about(7) == found
        assert found.about(8) == Findings(8, unwell="no space left", promoted=8)
