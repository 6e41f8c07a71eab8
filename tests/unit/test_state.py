"""Values that cross the relation or come from the operator."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from state.member import Admission, Member, Phase
from state.options import Options
from state.record import LogPosition, Record, RecordUnreadable, Takeover

CONFIG: dict[str, Any] = {
    "archive-path": "/var/backups/pgsql/archive",
    "replication-user": "replicator",
    "max-connections": 100,
    "wal-keep-size": 512,
    "max-slot-wal-keep-size": 0,
    "synchronous-standbys": 1,
    "extra-postgresql-conf": "",
}


class TestRecord:
    def test_is_read_as_it_was_written(self) -> None:
        record = Record(
            serial=9,
            term=3,
            primary=None,
            cluster_id="c1",
            system_id="7",
            candidates=("pg/1", "pg/2"),
            quorum=1,
            floor=LogPosition(2, 4096),
            previous_primary="pg/0",
            previous_term=2,
            takeover=Takeover("election", "pg/3", True, 4096, 1770000000),
        )
        assert Record.from_json(record.to_json()) == record

    def test_of_a_newer_build_is_read(self) -> None:
        raw = json.loads(Record(1, 1, "pg/0", "c1").to_json()) | {"novelty": [1]}
        assert Record.from_json(json.dumps(raw)) == Record(1, 1, "pg/0", "c1")

    @pytest.mark.parametrize("takeover", [7, "x", [], {}, {"kind": 1, "former": "pg/0"}])
    def test_what_is_for_people_alone_keeps_no_record_from_being_read(
        self, takeover: object
    ) -> None:
        raw = json.loads(Record(1, 1, "pg/0", "c1").to_json()) | {"takeover": takeover}
        assert Record.from_json(json.dumps(raw)) == Record(1, 1, "pg/0", "c1")

    def test_of_an_older_build_is_read(self) -> None:
        raw = {"serial": 1, "term": 1, "primary": "pg/0", "cluster_id": "c1"}
        assert Record.from_json(json.dumps(raw)) == Record(1, 1, "pg/0", "c1")

    @pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"serial": 1}', "null"])
    def test_that_is_none_is_said_to_be_none(self, text: str) -> None:
        with pytest.raises(RecordUnreadable):
            Record.from_json(text)


class TestMember:
    def test_is_read_as_it_was_written(self) -> None:
        member = Member(
            unit="pg/0",
            address="10.0.0.1",
            architecture="amd64",
            os="ubuntu 24.04",
            major=16,
            version="16.4",
            phase=Phase.primary,
            system_id="7",
            timeline=1,
            follows="",
            parameters={"max_connections": 100},
            admits=Admission("replicator", {"pg/1": "fd00::2"}),
        )
        assert Member.from_bag("pg/0", member.to_bag()) == member

    @given(st.dictionaries(st.sampled_from(sorted(Member("pg/0").to_bag())), st.text()))
    @example({"major": "²"})
    @example({"timeline": "9" * 5000})
    def test_whatever_stands_in_a_bag_is_read_or_counts_as_not_said(
        self, bag: dict[str, str]
    ) -> None:
        assert Member.from_bag("pg/0", bag).unit == "pg/0"


class TestOptions:
    def test_the_defaults_are_taken(self) -> None:
        assert Options.from_config(CONFIG).problems == ()

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("archive-path", ""),
            ("replication-user", ""),
            ("replication-user", "Replicator"),
            ("replication-user", "a" * 64),
            ("replication-user", "x; DROP TABLE y"),
            ("replication-user", "postgres"),
            ("replication-user", "pg_hot_standby"),
            ("replication-user", "pg_monitor"),
            ("max-connections", 9),
            ("max-connections", -1),
            ("max-connections", 262_144),
            ("wal-keep-size", -1),
            ("wal-keep-size", 2**31),
            ("max-slot-wal-keep-size", -5),
            ("synchronous-standbys", -1),
            ("synchronous-standbys", 101),
        ],
    )
    def test_a_bad_value_is_named_with_its_option(self, option: str, value: object) -> None:
        options = Options.from_config({**CONFIG, option: value})
        assert [(problem.option, problem.value) for problem in options.problems] == [
            (option, value)
        ]
        assert option in str(options.problems[0])

    def test_a_long_value_does_not_fill_the_status(self) -> None:
        options = Options.from_config({**CONFIG, "replication-user": "x" * 500})
        assert len(str(options.problems[0])) < 200
