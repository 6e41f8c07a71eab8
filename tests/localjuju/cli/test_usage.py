"""What is refused before the controller is asked: Juju's texts, and exit status 2."""

from __future__ import annotations

import pytest

from localjuju.cli import registry
from tests.localjuju.cli.conftest import Command, run_inside

REFUSED = [
    ("run", "no unit specified"),
    ("run p/0", "no action specified"),
    ("run p/0 q/0 say", "all units must be of the same application"),
    ("run P/0 say", 'invalid unit or action name "P/0"'),
    ("run p/0 say word", 'argument "word" must be of the form key.key.key...=value'),
    (
        "run p/0 say Word=x",
        (
            'key "Word" must start and end with lowercase alphanumeric, and contain only '
            "lowercase alphanumeric and hyphens"
        ),
    ),
    ("run p/0 say --wait=1s --background", "cannot specify both --wait and --background"),
    ("run p/0 say --format=xml", 'invalid value "xml" for option --format: unknown format "xml"'),
    ("exec --unit p/0", "no commands specified"),
    (
        "exec date",
        "You must specify a target, either through --all, --machine, --application or --unit",
    ),
    ("exec --all --unit p/0 date", "You cannot specify --all and individual units"),
    (
        "exec --unit p,p/0 --machine x date",
        (
            "The following exec targets are not valid:\n"
            '  "x" is not a valid machine id\n  "p" is not a valid unit name'
        ),
    ),
    ("config", "no application name specified"),
    ("config word=x", "no application name specified"),
    ("config p a b", "cannot specify multiple keys to get"),
    ("config p a=1 --reset a", 'cannot set and reset key "a" simultaneously'),
    ("config p a b=1", "cannot get value and set key=value pairs simultaneously"),
    ("config p =1", 'expected "key=value", got "=1"'),
    ("config p a=1 a=2", 'key "a" specified more than once'),
    (
        "config p --reset a=1",
        '--reset accepts a comma delimited set of keys "a,b,c", received: "a=1"',
    ),
    ("add-model", "add-model requires a model name"),
    (
        "add-model Bad",
        (
            '"Bad" is not a valid name: model names may only contain lowercase letters, digits '
            "and hyphens"
        ),
    ),
    ("destroy-model", "no model specified"),
    ("destroy-model a b", 'unrecognized args: ["b"]'),
    ("destroy-model a --timeout 1s", "--timeout can only be used with --force (dangerous)"),
    (
        "destroy-model a --destroy-storage --release-storage",
        "--destroy-storage and --release-storage cannot both be specified",
    ),
    ("deploy", "no charm or bundle specified"),
    ("deploy ./x p -n 0", "--num-units must be a positive integer"),
    ("deploy ./x Bad", 'invalid application name "Bad"'),
    ("add-unit", "no application specified"),
    ("add-unit p --to x", 'invalid --to parameter "x"'),
    ("remove-unit", "no units specified"),
    ("remove-unit p", 'invalid unit name "p"'),
    ("remove-unit p/0 --no-wait", "--no-wait without --force not valid"),
    ("remove-unit p/0 --num-units 1", "--num-units for non k8s models not valid"),
    ("remove-application", "no application specified"),
    ("remove-application p/0", 'invalid application name "p/0"'),
    ("remove-machine", "no machines specified"),
    ("remove-machine x", 'invalid machine id "x"'),
    ("show-unit", "an unit name must be supplied"),
    ("show-unit p", "unit name p not valid"),
    ("show-unit p q", "unit names p, q not valid"),
    ("resolved", "no unit specified"),
    ("resolved p", 'unit name "p" not valid'),
    ("resolved p/0 --all", "specifying unit names(s) with --all not supported"),
    ("integrate a", "an integration must involve two applications"),
    ("integrate a: b", 'endpoint "a:" not valid'),
    ("remove-relation a", "a relation must involve two applications"),
    ("refresh", "no application specified"),
    ("refresh p q", 'unrecognized args: ["q"]'),
    ("show-secret", "secret ID is required"),
    (
        "show-secret x --reveal --revisions",
        "specify either --revisions or --reveal but not both",
    ),
    ("add-secret", "secret name needs to be supplied as the first argument"),
    ("add-secret x", "missing secret value or filename"),
    ("add-secret x K=v", 'key "K" not valid'),
    ("add-secret x key", 'key value "key" not valid'),
    ("grant-secret x", "missing secret URI or application name"),
    ("show-status-log", "entity name is missing."),
    ("show-status-log p/0 --type=x", 'unexpected status type "x"'),
    (
        "show-status-log p/0 -n 1 --days 1",
        "backlog size, backlog date and backlog days back cannot be specified together",
    ),
    ("show-task", "no task ID specified"),
    ("show-task x", 'task ID "x" not valid'),
    ("debug-log --tail --no-tail", "setting --tail and --no-tail not valid"),
    ("debug-log --limit 1 -n 1", "setting --limit and --lines not valid"),
    (
        "debug-log --level LOUD",
        'level value "LOUD" is not one of "TRACE", "DEBUG", "INFO", "WARNING", "ERROR"',
    ),
    ("status --color --no-color", "cannot mix --no-color and --color"),
    ("ssh", "no target name specified"),
    ("scp a", "at least two arguments required"),
    ("version x", 'unrecognized args: ["x"]'),
    ("help nonsense", "unknown command or topic for nonsense"),
]


@pytest.mark.parametrize(("line", "text"), REFUSED, ids=[line for line, _ in REFUSED])
def test_a_wrong_command_line_is_refused_in_jujus_words(line: str, text: str):
    ran = run_inside(*line.split())
    assert (ran.status, ran.out, ran.err) == (2, "", f"ERROR {text}\n")


@pytest.mark.parametrize("line", ["bootstrap lxd", "frobnicate"])
def test_a_command_that_is_not_there_is_named_and_the_readme_pointed_to(juju: Command, line: str):
    ran = juju(*line.split())
    assert ran.status == 2
    assert f"does not have the command {line.split()[0]}" in ran.err
    assert "stand-in for Juju" in ran.err
    assert "localjuju/README.md" in ran.err


def test_a_misspelled_command_is_guessed(juju: Command):
    ran = juju("stat")
    assert 'juju: "stat" is not a juju command. See "juju --help".' in ran.err
    assert "Did you mean:\n\tstatus\n" in ran.err


@pytest.mark.parametrize(
    "line", ["deploy ./x --storage data=1G", "status --bogus", "--bogus status", "status -Z"]
)
def test_an_option_that_is_not_there_is_named_and_the_readme_pointed_to(juju: Command, line: str):
    ran = juju(*line.split())
    assert ran.status == 2
    assert ran.err.startswith("ERROR option provided but not defined: -")
    assert "does not have the option" in ran.err
    assert "localjuju/README.md" in ran.err


@pytest.mark.parametrize(
    "line", ["run --help", "help run", "run -h", "-h run", "run p/0 x --help"]
)
def test_help_is_there_wherever_it_is_asked_for(juju: Command, line: str):
    ran = juju(*line.split())
    assert ran.status == 0
    assert ran.out.startswith("Usage: juju run [options] <unit>")
    assert "--string-args (= false)" in ran.out


@pytest.mark.parametrize("command", registry.names())
def test_what_help_tells_of_the_stand_in_fits_80_columns(command: str):
    usage, _, told = run_inside("help", command).out.partition("\n")
    assert usage.startswith(f"Usage: juju {command} ")
    # The summary is Juju's own line.
    lines = told.splitlines()
    assert max(len(line) for line in lines if line not in lines[1:3]) <= 80


@pytest.mark.parametrize("line", ["", "help", "--help", "-h"])
def test_without_a_command_there_is_help(juju: Command, line: str):
    ran = juju(*line.split())
    assert ran.status == 0
    assert "localjuju is a stand-in for Juju on one host." in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80


@pytest.mark.parametrize("line", ["--version", "version"])
def test_the_version(juju: Command, line: str):
    assert juju(line).out.startswith("3.6.28-genericlinux-")


def test_the_version_is_that_of_the_behaviour_asked_for(juju: Command):
    assert juju("version", env={"LOCALJUJU_JUJU_VERSION": "4.0.15"}).out.startswith("4.0.15-")
