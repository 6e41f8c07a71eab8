"""What ``juju status`` shows of units, machines and applications."""

from __future__ import annotations

import jubilant

from tests.localjuju.semantics.harness import Model, until


def _status(model: Model) -> jubilant.Status:
    return jubilant.Status._from_dict(model.controller.status(model.name)["formatted"])


def test_jubilant_understands_it(model: Model) -> None:
    model.deploy(units=2)
    status = _status(model)
    app = status.apps["probe"]
    assert (app.charm, app.charm_name, app.charm_rev) == ("local:probe-0", "probe", 0)
    assert app.base == jubilant.statustypes.FormattedBase("ubuntu", "24.04")
    assert app.relations["cluster"][0].interface == "probe_peers"
    assert set(app.units) == {"probe/0", "probe/1"}
    assert [unit.leader for unit in app.units.values()].count(True) == 1
    unit = app.units["probe/0"]
    assert unit.juju_status.current == "idle"
    assert unit.juju_status.version == status.model.version
    machine = status.machines[unit.machine]
    assert machine.juju_status.current == "started"
    assert machine.machine_status.current == "running"
    assert machine.ip_addresses == [unit.public_address]


def test_a_unit_is_allocating_then_executing_then_idle(model: Model) -> None:
    model.deploy(scripts={"install": "sleep 0.3"}, settled=False)
    first = _status(model).apps["probe"].units["probe/0"]
    assert (first.juju_status.current, first.workload_status.current) == ("allocating", "waiting")
    until(lambda: model.unit_status("probe/0")["juju-status"]["current"] == "executing", "install")
    unit = _status(model).apps["probe"].units["probe/0"]
    assert unit.juju_status.message == "running install hook"
    assert unit.workload_status.current == "maintenance"
    assert unit.workload_status.message == "installing charm software"
    model.settle()
    assert _status(model).apps["probe"].units["probe/0"].workload_status.current == "unknown"


def test_a_lost_agent_shows_as_lost_and_its_machine_as_down(model: Model) -> None:
    model.deploy()
    model.cut_power("probe/0")
    until(lambda: model.unit_status("probe/0")["juju-status"]["current"] == "lost", "its loss")
    status = _status(model)
    unit = status.apps["probe"].units["probe/0"]
    assert unit.juju_status.message == "agent is not communicating with the server"
    assert unit.workload_status.current == "unknown"
    assert unit.workload_status.message == "agent lost, see 'juju show-status-log probe/0'"
    assert status.machines["0"].juju_status.current == "down"


def test_an_application_has_its_worst_units_status_until_it_sets_one(model: Model) -> None:
    model.deploy(units=3)
    for unit, state in zip(model.units(), ("active", "blocked", "maintenance"), strict=True):
        model.exec(unit, f"status-set {state} 'says {unit}'")
    app = _status(model).apps["probe"]
    assert (app.app_status.current, app.app_status.message) == ("blocked", "says probe/1")
    model.exec(model.wait_leader(), "status-set --application active all")
    app = _status(model).apps["probe"]
    assert (app.app_status.current, app.app_status.message) == ("active", "all")


def test_patterns_limit_it(model: Model) -> None:
    model.deploy("one")
    model.deploy("two", units=2)
    formatted = model.controller.status(model.name, patterns=["two/1"])["formatted"]
    assert list(formatted["applications"]) == ["two"]
    assert list(formatted["applications"]["two"]["units"]) == ["two/1"]
    assert len(formatted["machines"]) == 1


def test_show_unit_shows_the_data_bags(model: Model) -> None:
    model.deploy(units=2)
    leader = model.wait_leader()
    model.exec(leader, "relation-set -r cluster:0 --app word=ours")
    other = next(unit for unit in model.units() if unit != leader)
    shown = model.controller.show_unit(model.name, [other])[other]
    assert shown["leader"] is False
    (relation,) = shown["relation-info"]
    assert relation["endpoint"] == relation["related-endpoint"] == "cluster"
    assert relation["application-data"] == {"word": "ours"}
    assert relation["related-units"][leader]["in-scope"] is True
    assert "ingress-address" in relation["local-unit"]["data"]


def test_debug_log_filters_and_follows(model: Model) -> None:
    model.deploy(units=2)
    model.exec("probe/0", "juju-log -l WARNING zero")
    model.exec("probe/1", "juju-log -l WARNING one")

    def said(**wanted: object) -> list[str]:
        lines = model.controller.debug_log(model.name, replay=True, follow=False, **wanted)  # pyright: ignore[reportArgumentType]
        return [line["message"] for line in lines]

    until(lambda: {"zero", "one"} <= set(said()), "both lines")
    assert "one" not in said(include=["probe/0"])
    assert "one" not in said(exclude=["unit-probe-1"])
    assert "zero" not in said(level="ERROR")
    assert set(said(include_module=["unit.probe/0.juju-log"])) == {"zero"}
    assert said(limit=1) == said()[:1]
