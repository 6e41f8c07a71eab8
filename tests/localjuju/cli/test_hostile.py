"""Whatever is typed, there is an answer and never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import jubilant
import pytest

from tests.localjuju.cli.conftest import JUJU, Ran, run_inside

NASTY = [b"", b"-", b"=", b"\xff", b"a=\xff", b"{", b"p/0", b"x" * 5000, "a=ü💥".encode(),
         b"a={{{", b"--format=yaml", b"999999999999999999999"]  # fmt: skip

COMMANDS = [
    "add-model", "add-unit", "actions", "cancel-task", "config p", "debug-log --no-tail",
    "deploy", "exec --unit p/0 --", "exec", "expose", "help", "integrate p", "machines",
    "model-config", "models", "operations", "refresh", "remove-relation", "remove-unit --dry-run",
    "resolved", "run p/0", "run p/0 say", "run p/0 say --string-args", "secrets", "show-secret",
    "show-task", "show-unit", "status", "switch", "version",
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def no_model_is_left(pair: jubilant.Juju) -> Iterator[None]:
    """Some of the nasty words are good names for models."""
    yield
    for model in json.loads(pair.cli("models", "--format=json", include_model=False))["models"]:
        if model["short-name"] != pair.model:
            pair.destroy_model(model["short-name"], force=True)


def check(nasty: object, ran: Ran) -> None:
    assert ran.status in (0, 1, 2), (nasty, ran.err)
    assert ran.status == 0 or ran.err.startswith("ERROR ") or "\nERROR " in ran.err, (nasty, ran)


@pytest.mark.parametrize("command", COMMANDS)
def test_any_argument_gets_an_answer(pair: jubilant.Juju, command: str):
    for nasty in NASTY:
        words = [*command.split(), os.fsdecode(nasty)]
        check(nasty, run_inside(*words, env={"JUJU_MODEL": str(pair.model)}))


@pytest.mark.parametrize("command", ["ssh", "scp", "status"])
def test_any_argument_gets_an_answer_from_a_process_of_its_own(pair: jubilant.Juju, command: str):
    running = [
        subprocess.Popen(
            [os.fsencode(JUJU), os.fsencode(command), nasty],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "JUJU_MODEL": str(pair.model)},
        )
        for nasty in NASTY
    ]
    for nasty, process in zip(NASTY, running, strict=True):
        out, err = process.communicate(timeout=50)
        assert b"Traceback" not in out + err, (nasty, err.decode(errors="replace"))
        check(nasty, Ran(process.returncode, "", err.decode(errors="replace")))


@pytest.mark.parametrize(
    "text", ["[1, 2]", "5", "", "{1: 2}", "a: !!set {x}", "\x00", "%", "a: &x [*x]"]
)
@pytest.mark.parametrize(
    "line",
    ["config p --file", "model-config --file", "run p/0 say --params", "deploy PARROT z --config"],
)
def test_any_file_gets_an_answer(
    pair: jubilant.Juju, parrot: Path, tmp_path: Path, line: str, text: str
):
    (tmp_path / "file").write_text(text)
    words = [str(parrot) if word == "PARROT" else word for word in line.split()]
    ran = run_inside(*words, str(tmp_path / "file"), env={"JUJU_MODEL": str(pair.model)})
    check(text, ran)
    assert ran.status in (0, 1), ran.err
    if "deploy" in line and ran.status == 0:
        pair.remove_application("z", force=True)
        pair.wait(lambda status: "z" not in status.apps, delay=0.1)
