"""Images: what is in them, what commands in them see, and that half-made ones never count."""

import subprocess
import sys
from pathlib import Path

import pytest

from localjuju.host import cleanup, definition, image, paths, prerequisites
from localjuju.host.errors import HostError
from localjuju.host.image import Bind, Layer


@pytest.fixture(scope="module")
def bookworm():
    return image.ensure("bookworm")


def output(made, *argv, **options):
    return made.run(list(argv), capture=True, check=True, **options).stdout


def test_poses_as_ubuntu_and_says_what_it_is(bookworm):
    text = output(bookworm, "cat", "/etc/os-release", "/etc/lsb-release")
    assert "\nID=ubuntu\n" in text
    assert 'VERSION_ID="24.04"' in text
    assert "DISTRIB_CODENAME=noble" in text
    assert "stand-in on Debian 12" in text


def test_postgresql_is_installed_and_has_no_cluster(bookworm):
    assert output(bookworm, "pg_lsclusters", "--no-header") == ""
    assert output(bookworm, "dpkg", "--verify", "postgresql-common") == ""


def test_apt_finds_everything_installed_without_a_network(bookworm):
    argv = ["apt-get", "install", "--assume-yes", "postgresql", "postgresql-contrib"]
    done = bookworm.run(argv, network="none", capture=True)
    assert done.returncode == 0, done.stderr
    assert "0 newly installed" in done.stdout


def test_what_a_command_writes_is_gone_unless_an_overlay_keeps_it(bookworm, tmp_path):
    bookworm.run(["touch", "/srv/forgotten"], check=True)
    bookworm.run(["touch", "/srv/kept"], overlay=tmp_path, check=True)
    assert output(bookworm, "ls", "/srv") == ""
    assert output(bookworm, "ls", "/srv", overlay=tmp_path) == "kept\n"
    files = [path for path in (tmp_path / "upper").rglob("*") if not path.is_dir()]
    assert files == [tmp_path / "upper/srv/kept"], "mount points of binds stay in a kept overlay"


def test_binds_env_cwd_user_and_exit_code(bookworm, tmp_path):
    (tmp_path / "given").write_text("from the host\n")
    tmp_path.chmod(0o755)
    done = bookworm.run(
        ["sh", "-c", 'cat given; echo "$WORD"; id -un; touch new || exit 7'],
        binds=[Bind(tmp_path, Path("/mnt/there"), read_only=True)],
        env={"WORD": "said"},
        cwd="/mnt/there",
        user="ubuntu",
        capture=True,
    )
    assert done.stdout == "from the host\nsaid\nubuntu\n"
    assert done.returncode == 7


@pytest.mark.parametrize(
    ("argv", "code"),
    [(["/no/such/program"], 127), (["sh", "-c", "kill -TERM $$"], 143)],
)
def test_exit_codes_of_what_cannot_run_or_is_ended(bookworm, argv, code):
    assert bookworm.run(argv, capture=True).returncode == code


def test_the_environment_is_clean(bookworm, monkeypatch):
    monkeypatch.setenv("SECRET_OF_MINE", "x")
    assert "SECRET_OF_MINE" not in output(bookworm, "env")


def test_two_processes_build_a_layer_once(tmp_path):
    count = tmp_path / "count"
    layer = Layer("twice", commands=(("sh", "-c", f"echo {tmp_path.name} > /made"),))
    program = (
        "import sys; from localjuju.host import image; from localjuju.host.image import Layer\n"
        f"layer = {layer!r}\n"
        "image.ensure('bookworm', layer=layer, say=lambda line: print(line, flush=True))\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = "".join(process.communicate(timeout=60)[0] for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert said.count("step 1 of 1") == 1
    made = image.ensure("bookworm", layer=layer)
    assert output(made, "cat", "/made").strip() == tmp_path.name
    assert not count.exists()
    assert made.name in cleanup.prune_images([made.name])


def test_a_layer_that_fails_leaves_nothing_and_says_why():
    layer = Layer("broken", commands=(("sh", "-c", "echo no luck today; exit 3"),))
    with pytest.raises(HostError, match="no luck today"):
        image.ensure("bookworm", layer=layer, say=lambda _: None)
    assert not list(paths.images().glob("*broken*"))
    assert not list(paths.images().glob(".partial-*broken*"))


def test_a_build_that_was_killed_is_swept():
    partial = paths.images() / ".partial-bookworm-killed-000000000000"
    (partial / "tree").mkdir(parents=True)
    cleanup.sweep()
    assert not partial.exists()


def test_an_unknown_release_is_refused_with_those_that_are_known():
    with pytest.raises(HostError, match="bookworm, trixie"):
        image.ensure("sid")


def test_an_ubuntu_is_its_own_base_and_debian_poses_as_any():
    assert definition.base_of("bookworm") == "ubuntu@24.04"
    assert definition.base_of("bookworm", "ubuntu@22.04") == "ubuntu@22.04"
    assert definition.base_of("jammy") == "ubuntu@22.04"
    with pytest.raises(HostError, match=r"jammy is ubuntu@22\.04"):
        image.ensure("jammy", base="ubuntu@24.04")


def test_a_host_without_the_keys_of_ubuntu_is_told_what_brings_them(monkeypatch, tmp_path):
    monkeypatch.setattr(prerequisites, "UBUNTU_KEYRING", tmp_path / "none.gpg")
    prerequisites.require_for("trixie")
    with pytest.raises(HostError, match="install the package ubuntu-keyring"):
        prerequisites.require_for("noble")


def test_a_host_that_does_not_know_an_ubuntu_is_told_what_lists_it(monkeypatch, tmp_path):
    (tmp_path / "keys.gpg").touch()
    (tmp_path / "ubuntu.csv").write_text("24.04 LTS,Noble Numbat,noble,2023-10-12\n")
    monkeypatch.setattr(prerequisites, "UBUNTU_KEYRING", tmp_path / "keys.gpg")
    monkeypatch.setattr(prerequisites, "UBUNTU_RELEASES", tmp_path / "ubuntu.csv")
    prerequisites.require_for("noble")
    with pytest.raises(HostError, match="newest distro-info-data"):
        prerequisites.require_for("resolute")
