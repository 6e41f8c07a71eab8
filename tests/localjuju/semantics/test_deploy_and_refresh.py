"""juju-semantics: "juju deploy", and what ``refresh`` and ``config`` do."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from localjuju.controller.wire import JujuError
from tests.localjuju.semantics.conftest import both_versions
from tests.localjuju.semantics.harness import CHARM, Model, pack, until


@both_versions
def test_a_zip_file_of_any_name_is_deployed(model: Model, tmp_path: Path) -> None:
    charm = pack(model.host.home).rename(tmp_path / "probe")
    deployed = model.controller.deploy(model.name, charm)
    assert deployed["charm"] == "local:probe-0"
    assert deployed["units"] == ["probe/0"]
    model.settle()


def _directory(tmp_path: Path, model: Model) -> Path:
    with zipfile.ZipFile(pack(model.host.home)) as archive:
        archive.extractall(tmp_path)
    (tmp_path / "dispatch").chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("model", ["3.6.28"], indirect=True)
def test_3_6_takes_a_directory_too(model: Model, tmp_path: Path) -> None:
    model.controller.deploy(model.name, _directory(tmp_path, model))
    model.settle()


@pytest.mark.parametrize("model", ["4.0.15"], indirect=True)
def test_4_takes_a_zip_file_only(model: Model, tmp_path: Path) -> None:
    with pytest.raises(JujuError, match="zip"):
        model.controller.deploy(model.name, _directory(tmp_path, model))


@pytest.mark.parametrize("missing", ["metadata.yaml", "manifest.yaml", "dispatch"])
def test_what_a_charm_must_have(model: Model, tmp_path: Path, missing: str) -> None:
    charm = tmp_path / "charm.zip"
    with zipfile.ZipFile(charm, "w") as archive:
        for path in CHARM.iterdir():
            if path.is_file() and path.name != missing:
                archive.write(path, path.name)
    with pytest.raises(JujuError, match=missing):
        model.controller.deploy(model.name, charm)


def test_its_manifest_must_name_a_base(model: Model) -> None:
    charm = pack(model.host.home, files={"manifest.yaml": "analysis: {}\n"})
    with pytest.raises(JujuError, match="does not define any bases"):
        model.controller.deploy(model.name, charm)


def test_charmcraft_yaml_is_not_read(model: Model) -> None:
    charmcraft = "name: other\nconfig: {options: {more: {type: string}}}\nactions: {more: {}}\n"
    model.deploy(files={"charmcraft.yaml": charmcraft + "bases: [{name: debian}]\n"})
    app = model.controller.status(model.name)["formatted"]["applications"]["probe"]
    assert (app["charm-name"], app["base"]["name"]) == ("probe", "ubuntu")
    assert "more" not in model.controller.config(model.name, "probe")["settings"]
    assert "more" not in model.controller.actions(model.name, "probe")


def test_a_charm_needs_neither_options_nor_actions(model: Model) -> None:
    charm = model.host.home / "plain.zip"
    with zipfile.ZipFile(charm, "w") as archive:
        for name in ("metadata.yaml", "manifest.yaml", "dispatch"):
            archive.write(CHARM / name, name)
    model.controller.deploy(model.name, charm)
    model.settle()
    assert model.json("probe/0", "config-get") == {}
    assert model.controller.actions(model.name, "probe") == {}


def test_a_dispatch_must_be_executable(model: Model, tmp_path: Path) -> None:
    charm = tmp_path / "charm.zip"
    with zipfile.ZipFile(charm, "w") as archive:
        for path in CHARM.iterdir():
            archive.writestr(path.name, path.read_bytes())
    with pytest.raises(JujuError, match="not executable"):
        model.controller.deploy(model.name, charm)


def test_what_is_not_a_charm_is_refused(model: Model, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no zip")
    with pytest.raises(JujuError, match="not a valid zip file"):
        model.controller.deploy(model.name, tmp_path / "text")
    with pytest.raises(JujuError, match="no charm was found"):
        model.controller.deploy(model.name, tmp_path / "nothing")


def test_an_application_is_deployed_once(model: Model) -> None:
    model.deploy(settled=False)
    with pytest.raises(JujuError, match="application already exists"):
        model.deploy(settled=False)


def test_options_are_checked_before_anything_happens(model: Model) -> None:
    for config, words in (
        ({"nonsense": "1"}, 'unknown option "nonsense"'),
        ({"number": "many"}, 'option "number" expected int, got "many"'),
        ({"switch": "maybe"}, 'option "switch" expected boolean, got "maybe"'),
    ):
        with pytest.raises(JujuError, match=words):
            model.deploy(config=config)
    assert model.units() == {}


def test_config_changed_comes_only_when_a_value_changed(model: Model) -> None:
    model.deploy(config={"text": "given"})
    assert model.json("probe/0", "config-get")["text"] == "given"
    model.configure(text="given")
    model.configure(number="7")
    model.controller.add_unit(model.name, "probe")
    model.settle()
    assert len(model.runs("probe/0", "config-changed")) == 1
    model.configure(text="other")
    model.wait_run("probe/0", "config-changed", 2)
    model.controller.set_config(model.name, "probe", {}, reset=["text"])
    model.wait_run("probe/0", "config-changed", 3)
    assert model.json("probe/0", "config-get")["text"] == "first"


def test_config_shows_value_default_and_source(model: Model) -> None:
    model.deploy(config={"text": "given"}, settled=False)
    settings = model.controller.config(model.name, "probe")["settings"]
    assert settings["text"] == {
        "default": "first",
        "description": "A word.",
        "source": "user",
        "type": "string",
        "value": "given",
    }
    assert settings["number"]["source"] == "default"
    assert "value" not in settings["unset"]


def test_refresh_runs_upgrade_charm_and_then_config_changed(model: Model) -> None:
    model.deploy(files={"old-file": "", "kept": "one"})
    charm_dir = model.root("probe/0") / "var/lib/juju/agents/unit-probe-0/charm"
    (charm_dir / ".unit-state.db").write_text("of ops")
    before = len(model.runs("probe/0"))
    refreshed = model.controller.refresh(
        model.name, "probe", pack(model.host.home, files={"kept": "two", "new-file": ""})
    )
    assert refreshed["charm"] == "local:probe-1"
    model.wait_run("probe/0", "config-changed", 2)
    model.settle()
    assert model.names("probe/0")[before:] == ["upgrade-charm", "config-changed"]
    assert (charm_dir / "kept").read_text() == "two"
    assert (charm_dir / "new-file").exists()
    assert not (charm_dir / "old-file").exists()
    assert (charm_dir / ".unit-state.db").read_text() == "of ops"


def test_the_charm_is_not_replaced_while_a_hook_runs(model: Model) -> None:
    model.deploy(files={"version-file": "one"})
    script = "until [ -e $probe/go ]; do sleep 0.02; done; cat version-file"
    model.script("probe/0", "config-changed", script)
    model.configure(text="second")
    model.wait_run("probe/0", "config-changed", 2, ended=False)
    charm = pack(model.host.home, files={"version-file": "two"})
    model.controller.refresh(model.name, "probe", charm)
    until(lambda: model.unit_status("probe/0").get("upgrading-from"), "the upgrade to show")
    (model.probe("probe/0") / "go").touch()
    assert model.wait_run("probe/0", "config-changed", 2).out == "one"
    assert model.wait_run("probe/0", "config-changed", 3).out == "two"


def test_a_failed_hook_holds_the_upgrade_back_unless_forced(model: Model) -> None:
    model.deploy(scripts={"config-changed": "[ $(config-get text) = first ]"})
    model.configure(text="second")
    model.wait_error("probe/0", "config-changed")
    charm = pack(model.host.home, {"config-changed": "true"})
    model.controller.refresh(model.name, "probe", charm)
    model.wait_run("probe/0", "config-changed", len(model.runs("probe/0", "config-changed")) + 2)
    assert "upgrade-charm" not in model.names("probe/0")
    model.controller.refresh(model.name, "probe", charm, force_units=True)
    model.settle()
    assert model.runs("probe/0", "config-changed")[-1].code == 0
    assert "upgrade-charm" not in model.names("probe/0")


def test_another_charm_is_no_refresh(model: Model) -> None:
    model.deploy(settled=False)
    other = pack(model.host.home, files={"metadata.yaml": "name: other\nsummary: s\n"})
    with pytest.raises(JujuError, match='cannot upgrade "probe" to "other"'):
        model.controller.refresh(model.name, "probe", other)


def test_units_go_to_the_machines_named(model: Model) -> None:
    model.deploy(units=1)
    model.deploy("other", units=2, to=["0"])
    machines = {unit: row["machine"] for unit, row in model.units("other").items()}
    assert machines == {"other/0": "0", "other/1": "1"}


def test_unit_and_machine_numbers_are_never_used_again(model: Model) -> None:
    model.deploy()
    model.controller.remove_unit(model.name, ["probe/0"])
    until(lambda: not model.machines(), "the machine to go")
    model.controller.add_unit(model.name, "probe")
    model.settle()
    assert {unit: row["machine"] for unit, row in model.units().items()} == {"probe/1": "1"}


@pytest.mark.parametrize("text", ["1_000", "0x10", " 7", "7 ", "²", "9" * 19, "7.0", ""])
def test_an_int_is_decimal_and_has_64_bits(model: Model, text: str) -> None:
    with pytest.raises(JujuError, match='option "number" expected int'):
        model.deploy(config={"number": text})


@pytest.mark.parametrize("text", ["inf", "nan", "1_0.5", "0,5", "1e999"])
def test_a_float_is_a_finite_number(model: Model, text: str) -> None:
    with pytest.raises(JujuError, match='option "share" expected float'):
        model.deploy(config={"share": text})


def test_text_that_is_no_utf_8_arrives_with_replacement_characters(model: Model) -> None:
    text = b"a\xffb".decode(errors="surrogateescape")
    model.deploy(config={"text": text}, settled=False)
    settings = model.controller.config(model.name, "probe")["settings"]
    assert settings["text"]["value"] == "a\ufffdb"


def test_numbers_beyond_all_bounds_name_nothing(model: Model) -> None:
    for number in ("9" * 40, "²", "-1"):
        with pytest.raises(JujuError, match="not found"):
            model.controller.task(model.name, number)
        with pytest.raises(JujuError, match="not found"):
            model.controller.operation(model.name, number)
        with pytest.raises(JujuError, match="not found"):
            model.controller.remove_relation(model.name, number)
