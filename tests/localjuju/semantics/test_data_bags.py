"""juju-semantics: "Data bags"."""

from __future__ import annotations

import pytest

from tests.localjuju.semantics.harness import Model, until


@pytest.fixture
def pair(model: Model) -> tuple[str, str]:
    """The leader and the other unit of a settled pair."""
    model.deploy(units=2)
    leader = model.wait_leader()
    other = next(unit for unit in model.units() if unit != leader)
    return leader, other


def test_a_unit_writes_its_own_bag_and_the_others_read_it(
    model: Model, pair: tuple[str, str]
) -> None:
    leader, other = pair
    model.exec(other, "relation-set -r cluster:0 word=mine")
    model.wait_run(leader, "cluster-relation-changed", 2)
    assert model.json(leader, f"relation-get -r cluster:0 - {other}")["word"] == "mine"
    assert "word" not in model.json(other, f"relation-get -r cluster:0 - {leader}")


def test_only_the_leader_writes_the_app_bag(model: Model, pair: tuple[str, str]) -> None:
    _, other = pair
    results = model.try_exec(other, "relation-set -r cluster:0 --app word=mine")["results"]
    assert results["return-code"] == 1
    assert results["stderr"] == "ERROR cannot write relation settings\n"


def test_every_peer_may_read_the_app_bag(model: Model, pair: tuple[str, str]) -> None:
    leader, _ = pair
    model.exec(leader, "relation-set -r cluster:0 --app word=ours")
    for unit in pair:
        assert model.json(unit, "relation-get -r cluster:0 --app - probe") == {"word": "ours"}


def test_between_applications_only_the_leader_reads_its_own_app_bag(model: Model) -> None:
    model.deploy("server", units=2)
    model.deploy("client")
    model.controller.integrate(model.name, "server:served", "client:used")
    model.wait_run("client/0", "used-relation-changed")
    leader = model.wait_leader("server")
    other = next(unit for unit in model.units("server") if unit != leader)
    relation = model.json(leader, "relation-ids served")[0]
    model.exec(leader, f"relation-set -r {relation} --app word=ours")
    results = model.try_exec(other, f"relation-get -r {relation} --app - server")["results"]
    assert results["return-code"] == 1
    assert results["stderr"] == "ERROR permission denied\n"
    model.settle("client")
    theirs = model.json("client/0", "relation-ids used")[0]
    assert model.json("client/0", f"relation-get -r {theirs} --app - server") == {"word": "ours"}


def test_own_uncommitted_writes_are_visible_in_the_same_hook(
    model: Model, pair: tuple[str, str]
) -> None:
    leader, _ = pair
    out = model.out(
        leader,
        "relation-set -r cluster:0 word=new; relation-set -r cluster:0 --app word=newer;"
        f"relation-get -r cluster:0 word {leader}; relation-get -r cluster:0 --app word probe",
    )
    assert out == "new\nnewer\n"


def test_remote_unit_settings_are_cached_until_a_hook_tells_of_them(
    model: Model, pair: tuple[str, str]
) -> None:
    leader, other = pair
    model.exec(other, "relation-set -r cluster:0 word=one")
    model.wait_run(leader, "cluster-relation-changed", 2)
    read = f"relation-get -r cluster:0 word {other}"
    assert model.out(leader, read) == "one\n"
    # A failing hook keeps the next relation-changed back; the other unit writes meanwhile.
    model.script(leader, "config-changed", f"{read} > $probe/read; exit 1")
    model.configure(text="second")
    model.wait_run(leader, "config-changed", 2)
    model.exec(other, "relation-set -r cluster:0 word=two")
    count = len(model.runs(leader, "config-changed"))
    model.wait_run(leader, "config-changed", count + 2)
    assert (model.probe(leader) / "read").read_text() == "one\n"
    model.script(leader, "config-changed", None)
    model.wait_run(leader, "cluster-relation-changed", 3)
    assert model.out(leader, read) == "two\n"


def test_app_settings_are_fetched_afresh_in_each_hook(model: Model, pair: tuple[str, str]) -> None:
    leader, other = pair
    model.exec(leader, "relation-set -r cluster:0 --app word=one")
    model.wait_run(other, "cluster-relation-changed", 2)
    read = "relation-get -r cluster:0 --app word probe"
    model.script(other, "config-changed", f"{read} > $probe/read; exit 1")
    model.configure(text="second")
    model.wait_run(other, "config-changed", 2)
    assert (model.probe(other) / "read").read_text() == "one\n"
    model.exec(leader, "relation-set -r cluster:0 --app word=two")
    until(lambda: (model.probe(other) / "read").read_text() == "two\n", "the new word")
    model.wait_error(other, "config-changed")


def test_the_leader_also_gets_a_changed_for_its_own_app_bag(
    model: Model, pair: tuple[str, str]
) -> None:
    leader, _ = pair
    model.exec(leader, "relation-set -r cluster:0 --app word=ours")
    for unit in pair:
        until(lambda unit=unit: ("cluster-relation-changed",) in model.abouts(unit), unit)


def test_a_unit_gets_no_changed_for_its_own_bag(model: Model, pair: tuple[str, str]) -> None:
    leader, other = pair
    before = model.abouts(leader)
    model.exec(leader, "relation-set -r cluster:0 word=mine")
    model.wait_run(other, "cluster-relation-changed", 2)
    assert model.abouts(leader) == before


def test_changes_coalesce(model: Model, pair: tuple[str, str]) -> None:
    leader, other = pair
    model.script(leader, "config-changed", "until [ -e $probe/go ]; do sleep 0.02; done")
    model.configure(text="second")
    model.wait_run(leader, "config-changed", 2, ended=False)
    for word in ("one", "two", "three"):
        model.exec(other, f"relation-set -r cluster:0 word={word}")
    before = len(model.runs(leader, "cluster-relation-changed"))
    (model.probe(leader) / "go").touch()
    model.settle()
    assert len(model.runs(leader, "cluster-relation-changed")) == before + 1


def test_a_there_and_back_in_one_hook_gives_no_event(model: Model, pair: tuple[str, str]) -> None:
    leader, other = pair
    model.exec(other, "relation-set -r cluster:0 word=a")
    model.wait_run(leader, "cluster-relation-changed", 2)
    model.exec(other, "relation-set -r cluster:0 word=b; relation-set -r cluster:0 word=a")
    model.exec(other, "relation-set -r cluster:0 end=1")
    model.wait_run(leader, "cluster-relation-changed", 3)
    model.settle()
    assert len(model.runs(leader, "cluster-relation-changed")) == 3


def test_writing_what_is_there_already_gives_no_event(model: Model, pair: tuple[str, str]) -> None:
    leader, other = pair
    model.exec(leader, "relation-set -r cluster:0 --app word=a")
    model.wait_run(other, "cluster-relation-changed", 2)
    model.exec(leader, "relation-set -r cluster:0 --app word=a")
    model.settle()
    assert len(model.runs(other, "cluster-relation-changed")) == 2


def test_an_empty_string_deletes_a_key(model: Model, pair: tuple[str, str]) -> None:
    leader, _ = pair
    model.exec(leader, "relation-set -r cluster:0 word=here")
    model.exec(leader, 'echo \'{"word": ""}\' | relation-set -r cluster:0 --file -')
    assert "word" not in model.json(leader, f"relation-get -r cluster:0 - {leader}")


def _keys(model: Model, unit: str) -> set[str]:
    return set(model.json(unit, f"relation-get -r cluster:0 - {unit}"))


@pytest.mark.parametrize("model", ["3.6.28"], indirect=True)
def test_3_6_writes_all_three_addresses_into_unit_bags(model: Model) -> None:
    model.deploy()
    assert _keys(model, "probe/0") == {"ingress-address", "egress-subnets", "private-address"}


@pytest.mark.parametrize("model", ["4.0.15"], indirect=True)
def test_4_writes_no_private_address(model: Model) -> None:
    model.deploy()
    assert _keys(model, "probe/0") == {"ingress-address", "egress-subnets"}


def test_relation_list_has_those_who_joined_and_no_others(model: Model) -> None:
    model.deploy(units=2, scripts={"start": "relation-list -r cluster:0"})
    for unit in model.units():
        assert model.runs(unit, "start")[0].out == ""
        others = sorted(set(model.units()) - {unit})
        assert model.json(unit, "relation-list -r cluster:0") == others
        assert model.json(unit, "relation-list -r cluster:0 --app") == "probe"


def test_a_leaver_is_still_readable_in_the_departed_hook(
    model: Model, pair: tuple[str, str]
) -> None:
    leader, other = pair
    model.exec(other, "relation-set -r cluster:0 word=last")
    model.wait_run(leader, "cluster-relation-changed", 2)
    model.script(leader, "cluster-relation-departed", f"relation-get -r cluster:0 word {other}")
    model.controller.remove_unit(model.name, [other])
    assert model.wait_run(leader, "cluster-relation-departed").out == "last\n"


def test_a_removed_relation_is_broken_and_gone(model: Model) -> None:
    model.deploy("server")
    model.deploy("client")
    model.controller.integrate(model.name, "server:served", "client:used")
    model.wait_run("client/0", "used-relation-changed")
    model.wait_run("server/0", "served-relation-changed")
    model.controller.remove_relation(model.name, "server:served", "client:used")
    for unit, end in (("server/0", "served"), ("client/0", "used")):
        model.wait_run(unit, f"{end}-relation-broken")
        assert model.names(unit)[-2:] == [f"{end}-relation-departed", f"{end}-relation-broken"]
    model.settle("server")
    assert model.json("server/0", "relation-ids served") == []
    model.controller.integrate(model.name, "server:served", "client:used")
    model.wait_run("client/0", "used-relation-changed", 2)
