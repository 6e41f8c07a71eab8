"""What is in the packed charm, and that it works on the machine that it was packed for."""

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from localjuju.host import image

ROOT = Path(__file__).parents[2]
CHARM = ROOT / "pg-hot-standby"
RELEASE = os.environ.get("LOCALJUJU_RELEASE", "bookworm")
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def packed() -> zipfile.ZipFile:
    if not CHARM.exists():
        pytest.fail("there is no ./pg-hot-standby; make it with: make charm")
    return zipfile.ZipFile(CHARM)


@pytest.fixture(scope="module")
def names(packed: zipfile.ZipFile) -> list[str]:
    return packed.namelist()


def sources(directory: str) -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / directory).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_it_is_a_file_that_juju_takes_for_a_local_zip():
    assert CHARM.is_file()
    assert zipfile.is_zipfile(CHARM)


def test_the_dispatcher_is_executable(packed: zipfile.ZipFile):
    assert packed.getinfo("dispatch").external_attr >> 16 & 0o111 == 0o111


def test_the_dispatcher_runs_the_charm(packed: zipfile.ZipFile):
    assert b"src/charm.py" in packed.read("dispatch")


def test_the_manifest_names_the_base_that_it_was_packed_for(packed: zipfile.ZipFile):
    manifest = yaml.safe_load(packed.read("manifest.yaml"))
    (base,) = manifest["bases"]
    (architecture,) = base["architectures"]
    platform = f"{base['name']}@{base['channel']}:{architecture}"
    assert platform in yaml.safe_load((ROOT / "charmcraft.yaml").read_text())["platforms"]


@pytest.mark.parametrize(
    "name", ["metadata.yaml", "config.yaml", "actions.yaml", "LICENSE", "README.md", "icon.svg"]
)
def test_files_at_the_top_are_the_projects_own(packed: zipfile.ZipFile, name: str):
    assert packed.read(name) == (ROOT / name).read_bytes()


@pytest.mark.parametrize("directory", ["src", "templates"])
def test_the_sources_are_there_whole_and_nothing_else(names: list[str], directory: str):
    inside = {name for name in names if name.startswith(f"{directory}/") and name[-1] != "/"}
    assert inside == sources(directory)


def test_nothing_else_is_at_the_top(names: list[str]):
    # So: no tests, no localjuju, no tools, no lock file.
    assert {name.split("/")[0] for name in names} == {
        *("metadata.yaml", "config.yaml", "actions.yaml", "manifest.yaml", "dispatch"),
        *("LICENSE", "README.md", "icon.svg"),
        *("src", "templates", "venv"),
    }


def test_no_byte_code_is_carried_along(names: list[str]):
    assert [name for name in names if name.endswith(".pyc") or "__pycache__" in name] == []


def test_compiled_modules_are_of_the_packed_python_only(names: list[str]):
    found = {
        match[1]
        for name in names
        if (match := re.match(r"venv/lib/(python3\.\d+)/site-packages/", name))
    }
    assert len(found) == 1
    version = found.pop().removeprefix("python").replace(".", "")
    modules = [name for name in names if re.search(r"\.(cpython|abi)[^/]*\.so$", name)]
    assert any("psycopg2" in name for name in modules)
    assert [name for name in modules if f".cpython-{version}-" not in name] == []


def test_no_command_of_the_packing_machine_is_carried_along(names: list[str]):
    # dispatch links the python3 of the machine that the charm runs on.
    assert [name for name in names if re.match(r"venv/bin/python|venv/.*\.exe$", name)] == []


def test_it_is_small_enough_to_copy_to_many_machines():
    assert CHARM.stat().st_size < 15 * MEGABYTE


def test_the_same_files_give_the_same_bytes(tmp_path: Path):
    again = tmp_path / "again"
    subprocess.run(
        [sys.executable, "-m", "tools.pack", "--release", RELEASE, "--fresh", "--output", again],
        cwd=ROOT,
        check=True,
    )
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (CHARM, again)}
    assert len(digests) == 1


IMPORTS = """
import charmhelpers.core.host
import charmhelpers.fetch
import jinja2
import ops
import psycopg2

import charm
print(charm.__file__, ops.__file__, psycopg2.connect)
"""


def test_the_charm_and_its_dependencies_are_importable_on_its_machine(
    tmp_path: Path, packed: zipfile.ZipFile
):
    packed.extractall(tmp_path)
    (site_packages,) = tmp_path.glob("venv/lib/python3.*/site-packages")
    done = image.ensure(RELEASE).run(
        ["/usr/bin/python3", "-c", IMPORTS],
        binds=[tmp_path],
        env={"PYTHONPATH": f"{tmp_path / 'src'}:{site_packages}"},
        network="none",
        capture=True,
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "src" / "charm.py") in done.stdout
