"""What people see: tables, lines, JSON and YAML, from recorded structures."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from localjuju.cli.render import status as render
from localjuju.cli.render.status_lines import oneline, summary
from localjuju.cli.render.structured import Timestamp, to_json, to_yaml
from localjuju.cli.render.table import Section, cell, layout
from localjuju.cli.render.tasks import command_output, plain
from localjuju.controller.shapes import RelationLine

# As ``juju status --format=json`` of a Juju 3.6 controller has it, shortened.
STATUS: dict[str, Any] = {
    "model": {
        "name": "demo",
        "type": "iaas",
        "controller": "localjuju",
        "cloud": "localjuju",
        "region": "host",
        "version": "3.6.28",
        "model-status": {"current": "available", "since": "23 Nov 2026 04:27:37Z"},
        "sla": "unsupported",
    },
    "machines": {
        "0": {
            "juju-status": {"current": "started", "version": "3.6.28"},
            "hostname": "juju-0a1b2c-0",
            "dns-name": "10.171.42.10",
            "instance-id": "juju-0a1b2c-0",
            "machine-status": {"current": "running", "message": "Running"},
            "base": {"name": "ubuntu", "channel": "24.04/stable"},
            "hardware": "arch=amd64 availability-zone=here cores=2",
        },
        "10": {
            "juju-status": {"current": "pending"},
            "instance-id": "pending",
            "machine-status": {"current": "pending"},
            "base": {"name": "ubuntu", "channel": "24.04"},
        },
        "2": {
            "juju-status": {"current": "down", "message": "agent is not communicating"},
            "dns-name": "10.171.42.12",
            "instance-id": "juju-0a1b2c-2",
            "machine-status": {"current": "running", "message": "Running"},
            "base": {"name": "ubuntu", "channel": "24.04"},
        },
    },
    "applications": {
        "pg": {
            "charm": "local:pg-hot-standby-0",
            "charm-origin": "local",
            "charm-name": "pg-hot-standby",
            "charm-rev": 0,
            "exposed": False,
            "application-status": {"current": "active", "message": "2 of 2 standbys"},
            "units": {
                "pg/0": {
                    "workload-status": {"current": "active", "message": "primary"},
                    "juju-status": {"current": "idle", "version": "3.6.28"},
                    "leader": True,
                    "machine": "0",
                    "open-ports": ["5432/tcp"],
                    "public-address": "10.171.42.10",
                },
                "pg/10": {
                    "workload-status": {"current": "waiting", "message": ""},
                    "juju-status": {"current": "allocating", "message": "waiting for machine"},
                    "machine": "10",
                },
                "pg/2": {
                    "workload-status": {"current": "maintenance", "message": "cloning"},
                    "juju-status": {
                        "current": "executing",
                        "message": "running config-changed hook",
                    },
                    "machine": "2",
                    "public-address": "10.171.42.12",
                },
            },
            "version": "15.20.1234567890abc",
        }
    },
    "storage": {},
    "controller": {"timestamp": "04:27:37Z"},
}

RELATIONS: list[RelationLine] = [
    {
        "provider": "pg:cluster",
        "requirer": "pg:cluster",
        "interface": "pg_hot_standby",
        "type": "peer",
        "message": "",
    }
]

TABLE = """\
Model  Controller  Cloud/Region    Version  SLA          Timestamp
demo   localjuju   localjuju/host  3.6.28   unsupported  04:27:37Z

App  Version          Status  Scale  Charm           Channel  Rev  Exposed  Message
pg   15.20.123456...  active    2/3  pg-hot-standby             0  no       2 of 2 standbys

Unit   Workload     Agent       Machine  Public address  Ports     Message
pg/0*  active       idle        0        10.171.42.10    5432/tcp  primary
pg/2   maintenance  executing   2        10.171.42.12              (config-changed) cloning
pg/10  waiting      allocating  10                                 waiting for machine

Machine  State    Address       Inst id        Base          AZ    Message
0        started  10.171.42.10  juju-0a1b2c-0  ubuntu@24.04  here  Running
2        down     10.171.42.12  juju-0a1b2c-2  ubuntu@24.04        Running
10       pending                pending        ubuntu@24.04        
"""  # noqa: W291

RELATIONS_TABLE = """
Integration provider  Requirer    Interface       Type  Message
pg:cluster            pg:cluster  pg_hot_standby  peer  
"""  # noqa: W291


def without_colors(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_the_status_table_is_jujus():
    assert render.tabular(STATUS, None, colors=False) == TABLE


def test_relations_come_on_demand():
    assert render.tabular(STATUS, RELATIONS, colors=False) == TABLE + RELATIONS_TABLE


def test_colours_do_not_move_the_columns():
    colored = render.tabular(STATUS, RELATIONS, colors=True)
    assert without_colors(colored) == TABLE + RELATIONS_TABLE


def test_states_are_green_yellow_or_red_and_titles_bold():
    colored = render.tabular(STATUS, None, colors=True)
    for piece in (
        "\x1b[1;39mModel\x1b[0m",
        "\x1b[32mactive\x1b[0m",
        "\x1b[33mmaintenance\x1b[0m",
        "\x1b[31mdown\x1b[0m",
        "\x1b[33m2/3\x1b[0m",
        "\x1b[36m10.171.42.10\x1b[0m",
        "\x1b[95m5432\x1b[0m/tcp",
        "\x1b[37mprimary\x1b[0m",
    ):
        assert piece in colored


def test_an_empty_model_is_one_section():
    empty = {**STATUS, "machines": {}, "applications": {}}
    assert render.tabular(empty, [], colors=False) == "".join(
        line + "\n" for line in TABLE.splitlines()[:2]
    )


def test_a_long_message_is_cut_where_juju_cuts_it():
    assert render.shorten("x" * 121) == "x" * 117 + "..."
    assert render.shorten("x" * 120) == "x" * 120


@pytest.mark.parametrize(
    ("message", "doing"),
    [
        ("running install hook", "install"),
        ("running action verify-replication", "verify-replication"),
        ("running cluster-relation-changed hook for pg/1", ""),
        ("", ""),
    ],
)
def test_what_an_agent_is_doing(message: str, doing: str):
    assert render.agent_doing({"current": "executing", "message": message}) == doing


def test_one_line_for_each_unit():
    assert oneline(STATUS, colors=False) == (
        "- pg/0: 10.171.42.10 (agent:idle, workload:active) 5432/tcp\n"
        "- pg/2: 10.171.42.12 (agent:executing, workload:maintenance)\n"
        "- pg/10:  (agent:allocating, workload:waiting)\n"
    )


def test_the_summary_counts_by_state():
    text = summary(STATUS, colors=False)
    assert "Running on subnets:  10.0.0.0/8\n" in text
    assert "Utilizing ports:  5432/tcp\n" in text
    assert re.search(r"# Machines: +\(3\)", text)
    assert re.search(r"started: +1", text)
    assert re.search(r"pg +0/1 +exposed", text)


def test_columns_are_as_wide_as_what_a_terminal_shows():
    section = Section()
    section.row("日本", "x")
    section.row("abc", "y")
    assert layout([section], colors=False) == "日本  x\nabc   y\n"


def test_a_column_may_stand_on_the_right():
    section = Section(right=frozenset({1}))
    section.row("a", "Scale", "b")
    section.row("a", cell(1), "b")
    assert layout([section], colors=False) == "a  Scale  b\na      1  b\n"


def test_json_is_compact_and_escapes_what_go_escapes():
    assert to_json({"b": "<é>&", "a": 1}) == '{"b":"\\u003cé\\u003e\\u0026","a":1}\n'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": "0"}, 'a: "0"\n'),
        ({"a": "true"}, 'a: "true"\n'),
        ({"a": ""}, 'a: ""\n'),
        ({"a": "b: c"}, "a: 'b: c'\n"),
        ({"a": ["x", "z"]}, "a:\n- x\n- z\n"),
        ({"a": "one\ntwo\n"}, "a: |\n  one\n  two\n"),
        ({"a": {}}, "a: {}\n"),
        ({"a": None}, "a: null\n"),
        ({"": "alpha"}, '"": alpha\n'),
        ({"a": 1.5, "b": False}, "a: 1.5\nb: false\n"),
    ],
)
def test_yaml_looks_like_goyaml(value: Any, text: str):
    assert to_yaml(value) == text
    assert yaml.safe_load(text) == value


def test_yaml_writes_the_same_object_twice_without_references():
    one = {"x": "y"}
    assert to_yaml({"a": one, "b": one}) == 'a:\n  x: "y"\nb:\n  x: "y"\n'


def test_yaml_writes_times_without_quotes():
    assert to_yaml({"a": Timestamp("2026-11-23T05:10:59Z")}) == "a: 2026-11-23T05:10:59Z\n"


def test_the_result_of_one_action_is_plain():
    results = {
        "pg/0": {
            "id": "2",
            "status": "completed",
            "results": {"lag": {"bytes": "0"}, "return-code": 0, "stdout": "done\n"},
        }
    }
    assert plain(results, colors=False) == 'lag:\n  bytes: "0"\n\ndone\n'


def test_a_failed_action_says_so_first():
    results = {
        "pg/0": {
            "id": "2",
            "status": "failed",
            "message": "no standby",
            "results": {"tried": "1", "return-code": 0},
        }
    }
    assert plain(results, colors=False) == 'Action id 2 failed: no standby\ntried: "1"\n\n'


def test_an_action_without_results_leaves_an_empty_line():
    results = {"pg/0": {"id": "2", "status": "completed", "results": {"return-code": 0}}}
    assert plain(results, colors=False) == "\n"


def test_the_results_of_several_actions_are_yaml():
    results = {
        "pg/1": {"id": "3", "status": "completed", "results": {"a": "b", "return-code": 0}},
        "pg/0": {"id": "2", "status": "failed", "message": "no", "results": {"return-code": 1}},
    }
    assert yaml.safe_load(plain(results, colors=False)) == {
        "pg/0": {"id": "2", "message": "no", "output": "", "status": "failed"},
        "pg/1": {"id": "3", "output": "a: b\n", "status": "completed"},
    }


def test_the_output_of_a_command_on_several_units_has_their_names():
    one = {"pg/0": {"results": {"stdout": "a\n", "stderr": "b"}}}
    assert command_output(one) == "a\nb\n"
    several = {**one, "pg/10": {"results": {"stdout": "x"}}, "pg/2": {"results": {}}}
    assert command_output(several) == "pg/0:\na\nb\n\npg/2:\n\npg/10:\nx\n\n"
