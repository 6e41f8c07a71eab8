"""Models: made, chosen, shown, configured, destroyed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import jubilant
import pytest
import yaml

from localjuju.cli.names import CLOUD_REGION
from tests.localjuju.cli.conftest import JUJU, Command


@pytest.fixture
def model(juju: Command) -> Iterator[str]:
    assert juju("add-model", "m").status == 0
    yield "m"
    juju("destroy-model", "m", "--no-prompt", "--force")


def test_a_new_model_is_the_current_one(juju: Command, model: str):
    assert juju("switch").out == "localjuju:admin/m\n"
    assert juju("whoami").out == ("Controller:  localjuju\nModel:       m\nUser:        admin\n")


def test_adding_a_model_says_so(juju: Command):
    ran = juju("add-model", "said")
    assert (ran.status, ran.out) == (0, "")
    assert ran.err == f"Added 'said' model on {CLOUD_REGION} for user 'admin'\n"
    juju("destroy-model", "said", "--no-prompt", "--force")


def test_a_model_may_be_added_without_switching_to_it(juju: Command, model: str):
    juju("add-model", "other", "--no-switch")
    assert juju("switch").out == "localjuju:admin/m\n"
    assert juju("switch", "other").err == "localjuju:admin/m -> localjuju:admin/other\n"
    assert juju("switch", ":other").err == "localjuju:admin/other (no change)\n"
    juju("destroy-model", "other", "--no-prompt")


def test_a_second_model_of_that_name_is_refused(juju: Command, model: str):
    ran = juju("add-model", model)
    assert ran.status == 1
    assert "already exists" in ran.err


def test_switching_to_what_is_not_there(juju: Command, model: str):
    ran = juju("switch", "nowhere")
    assert ran.status == 1
    assert ran.err == 'ERROR "nowhere" is not the name of a model or controller\n'
    ran = juju("switch", "elsewhere:m")
    assert ran.err == "ERROR controller elsewhere not found\n"


def test_the_environment_chooses_the_model_and_then_there_is_no_switching(
    juju: Command, model: str
):
    there = juju("status", env={"JUJU_MODEL": "localjuju:admin/m"})
    assert there.status == 0
    ran = juju("switch", "m", env={"JUJU_MODEL": "m"})
    assert ran.status == 1
    assert 'cannot switch when JUJU_MODEL is overriding the model (set to "m")' in ran.err


@pytest.mark.parametrize("name", ["m", "admin/m", "localjuju:m", "localjuju:admin/m"])
def test_a_model_has_several_names(juju: Command, model: str, name: str):
    assert json.loads(juju("status", "-m", name, "--format=json").out)["model"]["name"] == "m"


def test_a_model_may_be_named_by_its_uuid(juju: Command, model: str):
    uuid = json.loads(juju("show-model", "m", "--format=json").out)["m"]["model-uuid"]
    assert juju("status", "-m", uuid[:8]).status == 0


@pytest.mark.parametrize("name", ["nowhere", "bob/m"])
def test_a_model_that_is_not_there(juju: Command, model: str, name: str):
    ran = juju("status", "-m", name)
    owner, _slash, bare = name.rpartition("/")
    assert ran.status == 1
    assert ran.err == f"ERROR model localjuju:{owner or 'admin'}/{bare} not found\n"


def test_programs_get_an_empty_object_with_an_error(juju: Command):
    ran = juju("status", "-m", "nowhere", "--format=json")
    assert (ran.status, ran.out) == (1, "{}\n")


def test_without_a_model_in_focus_juju_tells_how_to_get_one(juju: Command, tmp_path: Path):
    ran = juju("status", env={"XDG_STATE_HOME": str(tmp_path)})
    assert ran.status == 1
    assert ran.err.startswith('ERROR No model in focus.\n\nPlease use "juju models"')


def test_an_empty_model_says_that_it_is_empty(juju: Command, model: str):
    ran = juju("status", "--utc")
    assert ran.status == 0
    assert ran.out.splitlines()[0].split() == [
        "Model", "Controller", "Cloud/Region", "Version", "Timestamp",
    ]  # fmt: skip
    assert ran.err == '\nModel "admin/m" is empty.\n'


def test_models_are_listed_with_the_current_one_marked(juju: Command, model: str):
    lines = juju("models").out.splitlines()
    assert lines[0] == "Controller: localjuju"
    assert lines[2].split()[0] == "Model"
    assert any(line.startswith("m*") for line in lines)
    listed = json.loads(juju("models", "--format=json").out)
    assert listed["current-model"] == "m"
    assert [one["name"] for one in listed["models"]] == ["admin/m"]


def test_show_model_has_what_jubilant_reads(juju: Command, model: str):
    info = jubilant.Juju(cli_binary=JUJU).show_model("m")
    assert (info.name, info.short_name, info.controller_name) == ("admin/m", "m", "localjuju")
    assert f"{info.cloud}/{info.region}" == CLOUD_REGION
    assert info.agent_version == "3.6.28"
    assert info.status.since.endswith(("now", "ago"))


def test_a_model_behaves_like_the_version_it_was_made_for(juju: Command):
    juju("add-model", "four", "--no-switch", env={"LOCALJUJU_JUJU_VERSION": "4.0.15"})
    assert jubilant.Juju(cli_binary=JUJU).show_model("four").agent_version == "4.0.15"
    juju("destroy-model", "four", "--no-prompt")


def test_model_config_through_jubilant(juju: Command, model: str):
    here = jubilant.Juju(model=model, cli_binary=JUJU)
    assert here.model_config()["update-status-hook-interval"] == "5m"
    here.model_config({"update-status-hook-interval": "2m"})
    assert here.model_config()["update-status-hook-interval"] == "2m"
    here.model_config(reset="update-status-hook-interval")
    assert here.model_config()["update-status-hook-interval"] == "5m"
    assert here.model_constraints() == {}


def test_model_config_for_people(juju: Command, model: str, tmp_path: Path):
    juju("model-config", "update-status-hook-interval=7m")
    assert juju("model-config", "update-status-hook-interval").out == "7m\n"
    table = juju("model-config").out.splitlines()
    assert table[0].split() == ["Attribute", "From", "Value"]
    row = next(line for line in table if line.startswith("update-status-hook-interval"))
    assert row.split() == ["update-status-hook-interval", "model", "7m"]
    shown = yaml.safe_load(juju("model-config", "--format=yaml").out)
    assert shown["update-status-hook-interval"] == {"value": "7m", "source": "model"}
    saved = tmp_path / "config.yaml"
    saved.write_text("update-status-hook-interval: 9m\nagent-version: 1\n")
    assert juju("model-config", "--file", str(saved)).status == 1
    assert juju("model-config", "--file", str(saved), "--ignore-read-only-fields").status == 0
    assert juju("model-config", "update-status-hook-interval").out == "9m\n"


def test_an_unknown_model_config_key(juju: Command, model: str):
    ran = juju("model-config", "nonsense")
    assert ran.status == 1
    assert ran.err == (
        'ERROR "nonsense" is not a key of the currently targeted model: "admin/m"\n'
    )


def test_destroying_a_model_asks_for_its_name(juju: Command, model: str):
    ran = juju("destroy-model", model, stdin="wrong\n")
    assert ran.status == 1
    assert 'This command will destroy the "m" model' in ran.err
    assert ran.err.endswith("ERROR model destruction: aborted\n")
    ran = juju("destroy-model", model, stdin="m\n")
    assert ran.status == 0
    assert ran.err.endswith("Model destroyed.\n")
    assert json.loads(juju("models", "--format=json").out)["models"] == []


def test_a_destroyed_model_is_not_current_any_more(juju: Command):
    juju("add-model", "gone")
    juju("destroy-model", "gone", "--no-prompt")
    assert juju("switch").out == "localjuju\n"


def test_a_temporary_model_of_jubilants_own(controller: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", f"{JUJU.parent}:{os.environ['PATH']}")
    with jubilant.temp_model(config={"update-status-hook-interval": "2m"}) as here:
        assert here.show_model().short_name == here.model
        assert here.model_config()["update-status-hook-interval"] == "2m"
    assert here.model is None
