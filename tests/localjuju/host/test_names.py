"""Which machine a name means."""

import pytest

from localjuju.host import names
from localjuju.host.errors import NoSuchMachine


@pytest.fixture
def named(pair):
    (pair[0].directory / "units").write_text("pg/0\nprobe/3\n")
    (pair[1].directory / "units").write_text("pg/1\n")
    yield pair
    for machine in pair:
        (machine.directory / "units").unlink()


def test_ids_units_and_full_names(named):
    one, two = named
    model = one.model
    assert names.resolve(f"{model}/1") == two
    assert names.resolve("1", model) == two
    assert names.resolve("pg/0", model) == one
    assert names.resolve(f"{model}:probe/3") == one
    assert names.units(one) == ["pg/0", "probe/3"]


def test_the_model_of_juju_is_preferred_where_a_name_is_taken_twice(named, machine, monkeypatch):
    (machine.directory / "units").write_text("pg/0\n")
    with pytest.raises(NoSuchMachine, match="more than one"):
        names.resolve("pg/0")
    monkeypatch.setenv("JUJU_MODEL", f"localjuju:{machine.model}")
    assert names.resolve("pg/0") == machine


def test_a_name_that_nobody_has_is_told_with_those_that_exist(named):
    with pytest.raises(NoSuchMachine, match=named[0].name):
        names.resolve("pg/7")
