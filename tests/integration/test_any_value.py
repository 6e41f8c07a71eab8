"""Whatever is given to `juju config` and `juju run`: no hook fails, no server stays down.

What is refused is refused with the reason and the way out, and what was in force stays. The values
are drawn by hypothesis, always the same ones; tests/unit/test_any_value.py draws many more for
what needs no server to be judged.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import jubilant
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests import values
from tests.integration.cluster import Cluster, wait_until

SETTING = {
    "max-connections": "max_connections",
    "wal-keep-size": "wal_keep_size",
    "max-slot-wal-keep-size": "max_slot_wal_keep_size",
}
LARGEST = {
    "max-connections": 262_143,
    "wal-keep-size": 2_147_483_647,
    "max-slot-wal-keep-size": 2_147_483_647,
}
LEAST = {"max-connections": 10, "wal-keep-size": 0, "max-slot-wal-keep-size": 0}
ROLE = re.compile(r"[a-z_][a-z0-9_-]{0,62}")


def given_by_hand(text: str) -> bool:
    """Whether an argument of `juju config` means this text; @ begins the name of a file."""
    return "\0" not in text and not text.startswith("@")


sizes = values.numbers.filter(lambda number: -values.LARGEST <= number <= values.LARGEST)
# A great number of connections takes the host's memory, and each good one restarts the servers.
connections = st.sampled_from([0, 9, 10, 101, -1, 2**31, 2**63 - 1]) | sizes.filter(
    lambda number: not 10 <= number <= 262_143
)
config = st.fixed_dictionaries(
    {},
    optional={
        "archive-path": values.paths.filter(given_by_hand),
        "replication-user": values.texts.filter(given_by_hand),
        "extra-postgresql-conf": values.settings_texts.filter(given_by_hand),
        "max-connections": connections,
        "wal-keep-size": sizes,
        "max-slot-wal-keep-size": sizes,
    },
).filter(bool)


def drawn(examples: int) -> settings:
    """Always the same values, and no search for smaller ones: each costs seconds."""
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


@pytest.fixture(scope="module", autouse=True)
def kept(cluster: Cluster) -> None:
    cluster.sql(
        cluster.primary,
        "CREATE TABLE kept AS SELECT generate_series(1, 10) AS n; CREATE SEQUENCE kept_seq",
    )


def hooks_run(cluster: Cluster) -> Counter[str]:
    """How often each unit has run config-changed."""
    log = cluster.juju.cli(
        *("debug-log", "--replay", "--no-tail"),
        *("--include-module", "juju.worker.uniter.operation"),
    )
    return Counter(re.findall(r'^(\S+): .* ran "config-changed" hook', log, re.MULTILINE))


def configure(cluster: Cluster, options: dict[str, Any]) -> None:
    """Gives options, and waits until every unit has taken them and is at rest."""
    before, done = cluster.juju.config("pg"), hooks_run(cluster)
    cluster.juju.config("pg", options)
    if cluster.juju.config("pg") != before:
        wait_until(
            lambda: hooks_run(cluster) - done,
            lambda more: len(more) == len(cluster.units),
            timeout=120,
        )
    status = cluster.juju.wait(
        lambda status: jubilant.all_agents_idle(status, "pg"),
        error=jubilant.any_error,
        timeout=120,
        delay=0.3,
        successes=2,
    )
    for name, unit in status.get_units("pg").items():
        assert unit.workload_status.message.isprintable(), (name, unit.workload_status)


def in_force(cluster: Cluster, unit: str) -> dict[str, str]:
    """What the unit's server, which must answer, has of the numbers."""
    names = ", ".join(f"'{name}'" for name in SETTING.values())
    rows = cluster.sql(unit, f"SELECT name, setting FROM pg_settings WHERE name IN ({names})")
    return dict(row.split("|") for row in rows.splitlines())


def certainly_bad(option: str, value: Any) -> bool:
    """Whether the documentation says that such a value is refused."""
    if option in SETTING:
        return not LEAST[option] <= value <= LARGEST[option]
    if option == "replication-user":
        return not ROLE.fullmatch(value) or value == "postgres" or value.startswith("pg_")
    if option == "archive-path":
        return not value.startswith("/") or ".." in value.split("/") or not value.isprintable()
    return False


@drawn(examples=12)
@given(options=config)
def test_options_of_any_value_are_taken_or_refused_with_the_reason(
    cluster: Cluster, options: dict[str, Any]
) -> None:
    former = {unit: in_force(cluster, unit) for unit in cluster.units}
    configure(cluster, options)
    now = cluster.juju.config("pg")
    bad = {option for option, value in now.items() if certainly_bad(option, value)}
    for unit, before in former.items():
        line = cluster.message(unit)
        refused = re.match(r"blocked: config ([a-z-]+)=.*: .+; the last good value stays", line)
        if bad or line.startswith("blocked"):
            assert refused, (unit, line, bad)
            assert refused[1] in now
        after = in_force(cluster, unit)
        for option in bad & set(SETTING) & set(options):
            assert after[SETTING[option]] == before[SETTING[option]]


def test_options_come_back_to_what_they_were(cluster: Cluster) -> None:
    cluster.juju.config("pg", reset=list(cluster.juju.config("pg")))
    cluster.settle(units=2)
    cluster.verify()


@drawn(examples=30)
@given(
    option=st.sampled_from(sorted(SETTING)),
    text=values.texts.filter(given_by_hand) | values.numbers.map(lambda n: str(n * 2**64 + 2**63)),
)
def test_what_is_no_number_is_refused_by_juju_itself(
    cluster: Cluster, option: str, text: str
) -> None:
    before = cluster.juju.config("pg")
    try:
        cluster.juju.cli("config", "pg", f"{option}={text}")
    except jubilant.CLIError as error:
        assert option in error.stderr or "flag" in error.stderr, error.stderr
        assert "Traceback" not in error.stderr
        assert cluster.juju.config("pg") == before
    else:
        taken = cluster.juju.config("pg")[option]
        assert taken == (int(text, 0) if text.strip() else before[option])
        cluster.juju.config("pg", reset=option)


parameters = st.fixed_dictionaries(
    {},
    optional={
        "timeout": st.sampled_from([1, 2, 3])
        | st.sampled_from([0, -1, 3601, 2**63, "1", 1.5, True]),
        "database": st.sampled_from(["postgres", "template1", "template0", "nowhere"])
        | values.texts,
        "query": values.queries | values.texts,
    },
)
compared = st.fixed_dictionaries(
    {"timeout": st.sampled_from([1, 2]), "database": st.just("postgres"), "query": values.queries}
)
calls = (
    st.tuples(st.just("verify-replication"), compared | parameters)
    | st.tuples(
        st.just("reinit-standby"),
        st.fixed_dictionaries({"confirm": values.texts | values.numbers | st.just("pg/7")}),
    )
    | st.tuples(st.just("get-cluster-status"), st.dictionaries(st.just("x"), values.texts))
)


@drawn(examples=60)
@given(call=calls, where=st.sampled_from(["pg/0", "pg/1"]))
def test_actions_with_any_parameters_end_with_a_result_or_the_reason(
    cluster: Cluster, call: tuple[str, dict[str, Any]], where: str
) -> None:
    action, params = call
    try:
        cluster.juju.run(where, action, params, wait=60)
    except jubilant.TaskError as error:
        assert error.task.status == "failed"
        assert error.task.message
        assert not re.search("exit status|terminated|Traceback", error.task.message)
    except (jubilant.CLIError, ValueError) as error:
        said = f"{error} {getattr(error, 'stderr', '')}"
        assert "Traceback" not in said
        assert any(name in said for name in (*params, "ERROR")), said


def test_nothing_came_of_it_but_answers(cluster: Cluster) -> None:
    cluster.settle(units=2)
    assert cluster.sql(cluster.primary, "SELECT count(*), sum(n) FROM kept") == "10|55"
    assert cluster.sql(cluster.primary, "SELECT is_called FROM kept_seq") == "f"
    assert cluster.sql(cluster.standbys[0], "SELECT pg_is_wal_replay_paused()") == "f"
    cluster.verify()
    log = cluster.juju.cli("debug-log", "--replay", "--no-tail")
    assert not re.findall(r"^.*(?:Traceback|Uncaught|failed: exit status).*$", log, re.MULTILINE)
