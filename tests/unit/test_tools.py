"""What the tools print and remember, as far as it needs no machine."""

import doctest
import re
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from localjuju.host import prerequisites
from tools import pack, stages, terminal
from tools.stages import Result


@pytest.mark.parametrize("module", [stages, terminal], ids=lambda module: module.__name__)
def test_the_examples_in_docstrings_hold(module: object):
    assert doctest.testmod(module).failed == 0  # pyright: ignore[reportArgumentType]


def test_the_summary_counts_stages_and_tests_and_names_what_failed():
    results = [
        Result("lint", 0, 1.0),
        Result("unit", 1, 2.0, Counter(passed=10, failed=1)),
        Result("functional", 0, 90.0, Counter(passed=5, skipped=2)),
    ]
    lines = stages.summary(results, 95.0).splitlines()
    assert lines[-2] == ("2 of 3 stages ok; 18 tests: 15 passed, 1 failed, 2 skipped; 1 min 35 s")
    assert lines[-1].startswith("failed: unit")


def test_the_summary_of_a_run_without_failures_ends_with_the_count():
    last = stages.summary([Result("unit", 0, 2.0, Counter(passed=10))], 2.1).splitlines()[-1]
    assert last == "1 of 1 stages ok; 10 tests: 10 passed; 2.1 s"


def test_stages_side_by_side_overlap_and_are_shown_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    # Each waits for what the other does: one after the other, neither would end.
    (tmp_path / "Makefile").write_text(
        "first:\n"
        "\t@echo one; touch a; until [ -e b ]; do sleep 0.05; done; echo two\n"
        "second:\n"
        "\t@echo three; until [ -e a ]; do sleep 0.05; done; touch b; false\n"
        "third:\n"
        "\t@echo four\n"
    )
    monkeypatch.chdir(tmp_path)
    assert stages.main(["first+second", "third"]) == 1
    shown = capfd.readouterr().out
    titles = ["== 1/3 first ", "one", "two", "== 2/3 second ", "three", "== 3/3 third ", "four"]
    places = [shown.index(title) for title in titles]
    assert places == sorted(places)
    assert "2 of 3 stages ok; no tests ran" in shown
    assert "failed: second; run one alone with: make second" in shown


def test_the_summary_names_what_was_tried_again():
    results = [Result("functional", 0, 2.0, Counter(passed=1), ("tests/x.py::test_it",))]
    assert stages.summary(results, 95.0).splitlines()[-1] == "tried again: tests/x.py::test_it"


def test_what_was_tried_again_is_shown_with_all_that_it_said(tmp_path: Path):
    (tmp_path / "test_once.py").write_text(
        "from pathlib import Path\n"
        "def test_fails_once():\n"
        "    there = Path(__file__).with_suffix('.tried')\n"
        "    tries = int(there.read_text()) + 1 if there.exists() else 1\n"
        "    there.write_text(str(tries))\n"
        "    print('said', 'aloud')\n"
        "    assert tries > 1, 'the ' + 'reason'\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    command += ["--reruns=1", "-rR", "--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run(command, cwd=pack.ROOT, capture_output=True, text=True, check=True)
    summary, _, shown = done.stdout.partition("FAILURES THAT WERE TRIED AGAIN")
    assert "AssertionError: the reason" in shown
    assert "said aloud" in shown
    assert "1 passed" in shown
    again = [
        match["test"] for line in summary.splitlines() if (match := stages.TRIED_AGAIN.match(line))
    ]
    assert again == ["test_once.py::test_fails_once"]


def test_steps_keep_to_the_width_of_a_terminal(capsys: pytest.CaptureFixture[str]):
    steps = terminal.Steps(total=1)
    steps.begin("Deploy")
    steps.note("x" * 200)
    steps.status("pg/0", "maintenance", "cloning " * 30)
    out = capsys.readouterr().out.splitlines()
    assert max(map(len, out)) == terminal.WIDTH


def test_no_word_of_a_status_is_lost(capsys: pytest.CaptureFixture[str]):
    message = "primary, 0 of 1 standbys streaming: pg/1 is cloning; archive: 12 files on their way"
    terminal.Steps(total=1).status("pg/0", "active", message)
    assert " ".join(capsys.readouterr().out.split()).endswith(message)


def test_there_is_no_colour_where_nobody_sees_it(capsys: pytest.CaptureFixture[str]):
    terminal.Steps(total=1).status("pg/0", "active", "primary")
    assert "\x1b" not in capsys.readouterr().out


def test_a_failure_says_where_why_and_what_to_do(capsys: pytest.CaptureFixture[str]):
    steps = terminal.Steps(total=3)
    steps.begin("Deploy")
    steps.fail(terminal.Failed("deploying the pair", "pg/0 is blocked", "Look at: juju status"))
    assert capsys.readouterr().err.splitlines()[1:] == [
        "Failed: deploying the pair (step 1 of 3)",
        "  pg/0 is blocked",
        "  Look at: juju status",
    ]


def packed(path: Path, entries: dict[str, tuple[str, int]], year: int) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, (text, mode) in entries.items():
            info = zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0))
            info.external_attr = mode << 16
            archive.writestr(info, text)
    return path


def test_the_order_and_times_of_a_pack_make_no_difference(tmp_path: Path):
    started = "charmcraft-started-at: '{}'\nbases: []\n"
    one = packed(
        tmp_path / "1",
        {"dispatch": ("#!", 0o755), "manifest.yaml": (started.format("today"), 0o644)},
        2001,
    )
    other = packed(
        tmp_path / "2",
        {"manifest.yaml": (started.format("tomorrow"), 0o644), "dispatch": ("#!", 0o755)},
        2002,
    )
    results = [tmp_path / "1n", tmp_path / "2n"]
    for source, result in zip((one, other), results, strict=True):
        pack.normalise(source, result)
    assert results[0].read_bytes() == results[1].read_bytes()
    with zipfile.ZipFile(results[0]) as archive:
        assert archive.getinfo("dispatch").external_attr >> 16 == 0o755
        assert b"bases: []" in archive.read("manifest.yaml")


def test_another_machine_is_another_pack():
    assert pack.key_of("bookworm") != pack.key_of("trixie")
    assert pack.key_of("bookworm") == pack.key_of("bookworm")


def test_the_list_of_commands_fits_a_terminal():
    makefile = (pack.ROOT / "Makefile").read_text()
    # As `make help` prints it: "  make NAME", padded, then the text.
    texts = re.findall(r"^([a-z-]+):.* ## (.+)$", makefile, flags=re.MULTILINE)
    assert texts
    assert not [text for _, text in texts if len(f"  make {'':<16} {text}") > terminal.WIDTH]


def test_setup_installs_all_that_local_machines_need():
    script = (pack.ROOT / "tools" / "setup.sh").read_text()
    listed = re.search(r"^packages=\((.*?)\)", script, flags=re.MULTILINE | re.DOTALL)
    assert listed
    assert set(prerequisites.PACKAGES) <= set(listed[1].split())
