"""Texts, formats and exit statuses of the commands, on a pair of units."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import jubilant
import pytest
import yaml

from tests.localjuju.cli.conftest import JUJU, Command, Ran, run_juju

On = Callable[..., Ran]


@pytest.fixture
def on(pair: jubilant.Juju) -> On:
    """Run a command on the pair's model."""

    def run(name: str, *words: str, stdin: str = "") -> Ran:
        assert pair.model is not None
        return run_juju(name, "-m", pair.model, *words, stdin=stdin)

    return run


def test_status_for_people(on: On):
    ran = on("status", "--relations")
    sections = [section.splitlines() for section in ran.out.split("\n\n")]
    assert [section[0].split()[0] for section in sections] == [
        "Model", "App", "Unit", "Machine", "Integration",
    ]  # fmt: skip
    assert re.fullmatch(
        r"p    1\.2      active      2  parrot             0  no       all say hello",
        sections[1][1],
    )
    assert re.match(r"p/0\*?  +active +idle +0 +\S+ +7000-7001/tcp +says hello$", sections[2][1])
    assert sections[4][1].split() == ["p:flock", "p:flock", "parrots", "peer"]


def test_status_in_colour_only_where_it_is_wanted(on: On):
    assert "\x1b[" not in on("status").out
    assert "\x1b[32mactive\x1b[0m" in on("status", "--color").out


def test_status_is_coloured_on_a_terminal(pair: jubilant.Juju):
    ours, theirs = pty.openpty()
    words = [JUJU, "status", "-m", str(pair.model)]
    with subprocess.Popen(words, stdout=theirs, env={**os.environ, "TERM": "xterm"}) as process:
        os.close(theirs)
        text = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:
                break
            if not piece:
                break
            text += piece
        assert process.wait() == 0
    os.close(ours)
    assert b"\x1b[32mactive\x1b[0m" in text


def test_status_can_be_limited_to_a_unit(on: On):
    only = json.loads(on("status", "p/1", "--format=json").out)
    assert list(only["applications"]["p"]["units"]) == ["p/1"]
    assert list(only["machines"]) == ["1"]
    nothing = on("status", "zzz")
    assert nothing.status == 0
    assert nothing.err == "Nothing matched specified filter.\n"


def test_status_times_are_local_or_utc(on: On):
    local = yaml.safe_load(on("status", "--format=yaml").out)
    since = local["applications"]["p"]["units"]["p/0"]["workload-status"]["since"]
    assert re.fullmatch(r"\d\d \w{3} \d{4} \d\d:\d\d:\d\dZ", since)
    utc = json.loads(on("status", "--format=json", "--utc").out)
    since = utc["applications"]["p"]["units"]["p/0"]["workload-status"]["since"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", since)


def test_status_watches_until_it_is_interrupted(pair: jubilant.Juju):
    words = [JUJU, "status", "-m", str(pair.model), "--watch", "50ms", "--format=oneline"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        seen = [process.stdout.readline() for _ in range(5)]
        process.terminate()
    assert [line.split(":")[0] for line in seen] == ["- p/0", "- p/1", "- p/0", "- p/1", "- p/0"]


def test_output_goes_to_a_file(on: On, tmp_path: Path):
    ran = on("status", "--format=json", "-o", str(tmp_path / "status"))
    assert ran.out == ""
    assert json.loads((tmp_path / "status").read_text())["model"]["type"] == "iaas"
    ran = on("status", "-o", str(tmp_path / "no" / "where"))
    assert ran.status == 1
    assert "no such file or directory" in ran.err


def test_running_an_action_tells_what_goes_on_beside_the_result(on: On):
    ran = on("run", "p/0", "say", "word=ahoy", "from.name=joe")
    assert ran.status == 0
    assert ran.out == "asker:\n  name: joe\nsaid: ahoy\n\non stdout\n"
    assert re.fullmatch(
        r"Running operation \d+ with 1 task\n"
        r"  - task \d+ on unit-p-0\n"
        r"\n"
        r"Waiting for task \d+\.\.\.\n"
        r"\d\d:\d\d:\d\d clearing its throat\n"
        r"\n",
        ran.err,
    )


def test_quiet_leaves_only_the_result(on: On):
    ran = on("run", "--quiet", "p/0", "say")
    assert ran.err == ""
    assert ran.out.startswith("asker:")


def test_values_are_yaml_unless_asked_otherwise(on: On):
    refused = on("run", "p/0", "say", "word=1000")
    assert refused.out == ""
    assert "failed to schedule any tasks" in refused.err
    assert 'said: "1000"' in on("run", "p/0", "say", "--string-args", "word=1000").out


def test_parameters_come_from_a_file_and_the_command_line_wins(on: On, tmp_path: Path):
    params = tmp_path / "params.yaml"
    params.write_text("word: file\nfrom: {name: ann, age: 3}\n")
    ran = on("run", "p/0", "say", "--params", str(params), "from.name=joe")
    assert "said: file\n" in ran.out
    assert "name: joe\n" in ran.out
    params.write_text("- no\n- map\n")
    ran = on("run", "p/0", "say", "--params", str(params))
    assert ran.status == 1
    assert ran.err == "ERROR params must contain a YAML map with string keys\n"


def test_an_action_on_several_units(on: On):
    ran = on("run", "p/0", "p/1", "say", "word=all")
    shown = yaml.safe_load(ran.out)
    assert sorted(shown) == ["p/0", "p/1"]
    assert shown["p/1"]["status"] == "completed"
    assert "said: all" in shown["p/1"]["output"]


def test_an_action_that_fails_itself_is_no_failure_of_the_command(on: On):
    ran = on("run", "p/0", "fail")
    assert ran.status == 0
    assert re.fullmatch(r"Action id \d+ failed: it would not\ntried: twice\n\n", ran.out)


def test_an_action_that_crashes_is_one(on: On):
    ran = on("run", "p/0", "crash")
    assert ran.status == 1
    assert re.match(r"Action id \d+ failed: exit status 3\n\n", ran.out)
    assert re.search(
        r"ERROR the following task failed:\n - id \"\d+\" with return code 3\n\n"
        r"use 'juju show-task' to inspect the failure\n$",
        ran.err,
    )


def test_an_action_in_the_background_can_be_looked_at_later(on: On):
    ran = on("run", "p/0", "say", "--background")
    assert ran.out == ""
    operation, task = re.match(r"Scheduled operation (\d+) with task (\d+)\n", ran.err).groups()  # type: ignore[union-attr]
    assert f"Check operation status with 'juju show-operation {operation}'\n" in ran.err
    assert f"Check task status with 'juju show-task {task}'\n" in ran.err
    shown = json.loads(on("show-task", task, "--wait=20s", "--format=json").out)
    assert (shown["status"], shown["results"]["said"]) == ("completed", "hello")
    whole = yaml.safe_load(on("show-operation", operation).out)[operation]
    assert (whole["status"], whole["action"]["name"]) == ("completed", "say")
    assert whole["tasks"][task]["host"] == "p/0"
    table = on("operations", "--actions", "say").out.splitlines()
    assert table[0].split() == ["ID", "Status", "Started", "Finished", "Task", "IDs", "Summary"]
    assert any(line.split()[0] == operation for line in table)


def test_actions_are_listed(on: On):
    assert on("actions", "p").out == (
        "Action  Description\n"
        "crash   Ends with exit status 3.\n"
        "fail    Fails with a message.\n"
        "linger  Logs a line and waits until it is let go.\n"
        "say     Says a word.\n"
        "        And tells who asked.\n"
    )
    schema = yaml.safe_load(on("actions", "p", "--schema").out)
    assert schema["say"]["properties"]["word"] == {"type": "string", "default": "hello"}


def test_exec_on_several_units_names_them(on: On):
    ran = on("exec", "--application", "p", "--", "echo", "$JUJU_UNIT_NAME", "it's")
    assert ran.out == "p/0:\n$JUJU_UNIT_NAME it's\n\np/1:\n$JUJU_UNIT_NAME it's\n\n"
    assert ran.err == ""
    assert on("exec", "-u", "p/leader", "echo one; echo two >&2").out == "one\ntwo\n"


def test_config_for_people(on: On, tmp_path: Path):
    shown = yaml.safe_load(on("config", "p").out)
    assert (shown["application"], shown["charm"]) == ("p", "parrot")
    assert shown["settings"]["remark"] == {
        "description": "What it adds; nothing by default.",
        "source": "unset",
        "type": "string",
    }
    assert on("config", "p", "loud").out == "false\n"
    assert on("config", "p", "pitch").out == "1.5\n"
    assert on("config", "p", "remark").out == "\n"
    ran = on("config", "p", "nope")
    assert ran.status == 1
    assert ran.err == 'ERROR key "nope" not found in "p" application config or charm settings.\n'
    ran = on("config", "zzz")
    assert (ran.status, ran.err) == (1, 'ERROR application "zzz" not found\n')


def test_config_from_files(on: On, tmp_path: Path):
    word = tmp_path / "remark"
    word.write_text("a = 'b'\n# ü\n")
    assert on("config", "p", f"remark=@{word}").status == 0
    assert on("config", "p", "remark").out == "a = 'b'\n# ü\n\n"
    settings = tmp_path / "settings.yaml"
    settings.write_text("p:\n  loud: true\n  times: 2\n  remark: ''\n")
    assert on("config", "p", "--file", str(settings), "times=4").status == 0
    assert on("config", "p", "loud").out == "true\n"
    assert on("config", "p", "times").out == "4\n"
    assert on("config", "p", "remark").out == "\n"
    ran = on("config", "p", "remark=@/no/such/file")
    assert ran.status == 1
    assert "cannot read option from file" in ran.err
    settings.write_text("other: {}\n")
    assert on("config", "p", "--file", str(settings)).err == 'ERROR no settings found for "p"\n'
    assert on("config", "p", "--reset", "loud,times,remark").status == 0
    assert on("config", "p", "loud").out == "false\n"


def test_what_one_application_exports_another_takes(on: On, tmp_path: Path):
    on("config", "p", "times=5")
    exported = on("config", "p").out
    on("config", "p", "--reset", "times")
    assert on("config", "p", "--file", "-", stdin=exported).status == 0
    assert on("config", "p", "times").out == "5\n"
    on("config", "p", "--reset", "times")


@pytest.mark.parametrize("value", ["", " x ", "ünï", "a=b", "'q'", '"', "$HOME", "50%", "a\nb"])
def test_any_text_is_a_value(on: On, value: str):
    assert on("config", "p", f"remark={value}").status == 0
    assert on("config", "p", "remark").out == f"{value}\n"
    on("config", "p", "--reset", "remark")


def test_bytes_that_are_no_text_are_refused(pair: jubilant.Juju):
    words = [os.fsencode(JUJU), b"config", b"-m", str(pair.model).encode(), b"p", b"remark=\xff"]
    done = subprocess.run(words, capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stderr == b'ERROR value for option "remark" contains non-UTF-8 sequences\n'


def test_removing_asks_and_takes_no_for_an_answer(on: On):
    ran = on("remove-unit", "p/1", stdin="n\n")
    assert ran.status == 1
    assert ran.out == "will remove unit p/1\n"
    assert ran.err == (
        "WARNING This command will perform the following actions:\n"
        "\nContinue [y/N]? ERROR unit removal: aborted\n"
    )
    ran = on("remove-application", "p", "--dry-run")
    assert ran.status == 0
    assert ran.out == "will remove application p\n- will remove unit p/0\n- will remove unit p/1\n"


def test_removing_what_is_not_there(on: On):
    ran = on("remove-unit", "p/9", "--no-prompt")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == 'ERROR removing unit p/9 failed: unit "p/9" not found\n'
    ran = on("remove-application", "zzz", "--no-prompt")
    assert ran.err == ('ERROR removing application zzz failed: application "zzz" not found\n')


def test_a_model_can_be_told_not_to_ask(on: On):
    on("model-config", "mode=")
    ran = on("remove-unit", "p/9")
    on("model-config", "--reset", "mode")
    assert "Continue" not in ran.err


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("add-unit zzz", 'ERROR application "zzz" not found\n'),
        ("show-unit p/9", 'ERROR unit "p/9" not found\n'),
        ("resolved p/0", 'ERROR unit "p/0" is not in an error state\n'),
        ("refresh p", "ERROR refreshing a local charm requires either --path or --switch\n"),
        ("refresh p --path ./none", 'ERROR no charm was found at "./none"\n'),
        ("deploy ./none", 'ERROR no charm was found at "./none"\n'),
        ("ssh p/9 true", 'ERROR unit "p/9" not found\n'),
        ("show-secret zzz", 'ERROR secret "zzz" not found\n'),
        ("remove-relation p q", 'ERROR application "q" not found\n'),
    ],
)
def test_what_the_controller_refuses(on: On, line: str, text: str):
    ran = on(*line.split())
    assert (ran.status, ran.err) == (1, text)


def test_deploying_says_what_it_found(on: On, parrot: Path):
    ran = on("deploy", str(parrot), "q")
    assert (ran.status, ran.out) == (0, "")
    assert re.fullmatch(
        r'Located local charm "parrot", revision \d+\n'
        r'Deploying "q" from local charm "parrot", revision \d+ on ubuntu@24\.04/stable\n',
        ran.err,
    )
    again = on("deploy", str(parrot), "q")
    assert again.status == 1
    assert "application already exists" in again.err
    gone = on("remove-application", "q", "--no-prompt", "--force")
    assert gone.out == "will remove application q\n- will remove unit q/0\n"


def test_a_charm_without_a_path_is_not_looked_for_elsewhere(on: On):
    ran = on("deploy", "postgresql")
    assert ran.status == 1
    assert "no Charmhub" in ran.err


def test_secrets_for_people(on: On):
    table = on("secrets").out.splitlines()
    assert table[0].split() == ["ID", "Name", "Owner", "Rotation", "Revision", "Last", "updated"]
    id_, name, owner, rotation, revision = table[1].split()[:5]
    assert (name, owner, rotation, revision) == ("-", "p", "never", "1")
    shown = yaml.safe_load(on("show-secret", id_, "--reveal").out)
    assert shown[id_]["content"] == {"place": "the old oak"}
    assert "content" not in yaml.safe_load(on("show-secret", f"secret:{id_}").out)[id_]


def test_a_secrets_content_is_given_in_several_ways(on: On, tmp_path: Path):
    (tmp_path / "value").write_text("from a file")
    words = ["key=plain", "coded#base64=Y29kZWQ=", f"read#file={tmp_path / 'value'}"]
    ran = on("add-secret", "various", *words)
    assert re.fullmatch(r"secret:\w{20}\n", ran.out)
    shown = yaml.safe_load(on("show-secret", "various", "--reveal").out)
    content = next(iter(shown.values()))["content"]
    assert content == {"key": "plain", "coded": "coded", "read": "from a file"}
    assert on("remove-secret", "various").status == 0


def test_past_statuses(on: On):
    lines = on("show-status-log", "p/0", "--utc").out.splitlines()
    assert lines[0].split() == ["Time", "Type", "Status", "Message"]
    pattern = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ  (workload |juju-unit)  \S+ .*"
    assert all(re.fullmatch(pattern, line) for line in lines[1:])
    assert len(lines) <= 21
    work = json.loads(
        on("show-status-log", "p/0", "--type=workload", "-n500", "--format=json").out
    )
    assert work[0]["status"] == "waiting"
    assert ("active", "says hello") in [(one["status"], one.get("message")) for one in work]
    assert all(one["type"] == "workload" for one in work)
    assert len(on("show-status-log", "p/0", "-n", "2").out.splitlines()) == 3
    assert "all say hello" in on("show-status-log", "--type", "application", "p").out
    assert " running " in on("show-status-log", "--type=machine", "0").out
    assert on("show-status-log", "p/9").err == 'ERROR unit "p/9" not found\n'


def test_the_log_can_be_limited(on: On):
    only = on("debug-log", "--no-tail", "--replay", "--include", "p/1").out.splitlines()
    assert only
    assert all(line.startswith("unit-p-1: ") for line in only)
    dated = on("debug-log", "--limit=1", "--date", "--ms", "--utc").out
    assert re.match(r"\S+: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [A-Z]+ \S+ ", dated)
    assert on("debug-log", "--limit=5", "--level", "ERROR", "--include", "p/0").out == ""


def test_the_log_is_followed(pair: jubilant.Juju, on: On):
    words = [JUJU, "debug-log", "-m", str(pair.model), "--tail", "--include", "p/0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        on("exec", "--unit", "p/0", "juju-log 'now hear this'")
        for line in process.stdout:
            if "now hear this" in line:
                break
        process.terminate()


def test_files_are_copied_both_ways_as_scp_does(on: On, tmp_path: Path):
    tree = tmp_path / "tree"
    (tree / "below").mkdir(parents=True)
    (tree / "below" / "a file").write_text("x")
    ran = on("scp", str(tree), "p/0:tmp")
    assert ran.status == 1
    assert "not a regular file" in ran.err
    assert on("scp", "--", "-r", str(tree), "p/0:tmp").status == 0
    back = tmp_path / "back"
    assert on("scp", "--", "-r", "p/0:tmp/tree", str(back)).status == 0
    assert (back / "below" / "a file").read_text() == "x"
    on("ssh", "p/0", "echo 1 > tmp/n1; echo 2 > tmp/n2; chmod 600 tmp/n2")
    assert on("scp", "p/0:tmp/n?", str(back)).status == 0
    assert sorted(path.name for path in back.iterdir()) == ["below", "n1", "n2"]
    assert on("scp", "p/0:tmp/n1", "p/1:tmp/renamed").status == 0
    assert on("ssh", "p/1", "cat", "tmp/renamed").out == "1\n"
    ran = on("scp", "p/0:tmp/none", str(back))
    assert ran.status == 1
    assert "scp: tmp/none: No such file or directory" in ran.err


def test_ssh_passes_standard_input_and_options_on(on: On):
    assert on("ssh", "p/0", "tr a-z A-Z", stdin="hello").out == "HELLO"
    assert on("ssh", "--no-host-key-checks", "p/0", "-o", "X=y", "-v", "echo -n x").out == "x"
    assert on("ssh", "0", "true").status == 0


def test_a_reader_may_stop_reading(pair: jubilant.Juju):
    line = f"{JUJU} debug-log -m {pair.model} --replay --no-tail | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True)
    assert done.stderr == ""


def test_somebody_who_may_not_is_told_to_use_sudo(juju: Command, controller: Path):
    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", JUJU, "models"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "ERROR localjuju's controller makes machines and so runs as root"
    )
    assert f"sudo {JUJU}" in done.stderr
