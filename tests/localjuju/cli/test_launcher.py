"""``localjuju/bin/juju`` starts from anywhere, fast, and says what is missing."""

from __future__ import annotations

import resource
import shutil
import subprocess
from pathlib import Path

from tests.localjuju.cli.conftest import JUJU


def test_it_starts_from_any_directory_through_a_symbolic_link(tmp_path: Path):
    link = tmp_path / "bin" / "juju"
    link.parent.mkdir()
    link.symlink_to(JUJU)
    again = tmp_path / "j"
    again.symlink_to("bin/juju")
    done = subprocess.run([again, "version"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3.6.")


def test_a_users_python_settings_do_not_reach_it(tmp_path: Path):
    (tmp_path / "json.py").write_text("raise RuntimeError('not the real json')")
    done = subprocess.run(
        [JUJU, "version", "--format", "json"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_without_its_tools_it_says_how_to_get_them(tmp_path: Path):
    launcher = tmp_path / "localjuju/bin/juju"
    launcher.parent.mkdir(parents=True)
    shutil.copy(JUJU, launcher)
    done = subprocess.run([launcher, "status"], capture_output=True, text=True)
    assert done.returncode == 1
    assert f"make -C {tmp_path} setup" in done.stderr


def test_a_command_that_needs_no_controller_takes_no_time_and_starts_none(tmp_path: Path):
    home = tmp_path / "home"
    env = {"LOCALJUJU_HOME": str(home), "PATH": "/usr/bin:/bin"}

    def used() -> float:
        # What the processor did, which a busy host does not make more.
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    took: list[float] = []
    for _ in range(5):
        before = used()
        subprocess.run([JUJU, "version"], env=env, check=True, capture_output=True)
        took.append(used() - before)
    assert min(took) < 0.15
    assert not home.exists()
