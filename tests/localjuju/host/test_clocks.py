"""Machines with a wall clock of their own."""

import time

import pytest

from localjuju.host import clocks, machines
from localjuju.host.errors import HostError
from tests.localjuju.host.support import cli, talk

HOUR = 3600
# How long a command may take to answer on a busy host.
SLOWNESS = 20
WATCH = """
import sys, time
for line in sys.stdin:
    print(time.time(), time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME), flush=True)
"""


@pytest.fixture(scope="module")
def ticking(request):
    """A running machine with a clock of its own."""
    model = "test-clock"
    machines.destroy_model(model)
    request.addfinalizer(lambda: machines.destroy_model(model))
    made = machines.create(model, "0")
    clocks.install(made)
    made.start()
    return made


@pytest.fixture(autouse=True)
def right_again(request):
    """A clock that goes right before each test and after it."""
    yield
    if "ticking" in request.fixturenames:
        clocks.set_ahead(request.getfixturevalue("ticking"), 0)


def off_by(machine, *command):
    """How many seconds a program's clock is ahead of the host's."""
    before = time.time()
    said = float(machine.exec(list(command), check=True).stdout)
    assert abs(time.time() - before) < SLOWNESS
    return said - before


@pytest.mark.parametrize(
    "command",
    [
        ("date", "+%s.%N"),
        ("python3", "-c", "import time; print(time.time())"),
        ("python3", "-c", "import datetime; print(datetime.datetime.now().timestamp())"),
        ("perl", "-e", "print time"),
        ("bash", "-c", "printf '%(%s)T' -1"),
    ],
    ids=lambda words: words[0],
)
def test_programs_see_a_step(ticking, command):
    assert abs(off_by(ticking, *command)) < SLOWNESS
    clocks.step(ticking, HOUR)
    assert abs(off_by(ticking, *command) - HOUR) < SLOWNESS
    clocks.step(ticking, -2 * HOUR)
    assert abs(off_by(ticking, *command) + HOUR) < SLOWNESS


def test_a_process_that_runs_sees_a_step_and_clocks_since_the_boot_go_on(ticking):
    with talk(ticking.command(["python3", "-uc", WATCH])) as watch:

        def look():
            return [float(one) for one in watch.say("").split()]

        first = look()
        for by in (HOUR, -2 * HOUR, HOUR - 0.25):
            wall, *others = look()
            clocks.step(ticking, by)
            later_wall, *later = look()
            assert abs(later_wall - wall - by) < SLOWNESS
            for before, after in zip(others, later, strict=True):
                assert 0 <= after - before < SLOWNESS
        assert clocks.ahead(ticking) == -0.25
        assert abs(look()[0] - first[0]) < SLOWNESS


def test_a_server_of_postgresql_and_systemd_see_a_step(ticking):
    ticking.exec(["pg_createcluster", "--start", "15", "clock"], check=True)
    sql = "SELECT extract(epoch FROM clock_timestamp()), pg_backend_pid()"
    begin = ["psql", "-XAtqF", " ", "-p", "5432", "-d", "postgres"]
    with talk(ticking.command(begin, user="postgres")) as session:

        def ask():
            moment, pid = session.say(f"{sql};").split()
            return float(moment) - time.time(), pid

        before = ask()
        clocks.step(ticking, HOUR)
        after = ask()
    # The same process, whose clock has changed under it.
    assert before[1] == after[1]
    assert abs(after[0] - before[0] - HOUR) < SLOWNESS
    ticking.exec(["systemd-run", "--unit=stepped", "--remain-after-exit", "true"], check=True)
    show = ["systemctl", "show", "--timestamp=unix", "-P", "InactiveExitTimestamp", "stepped"]
    begun = float(ticking.exec(show, check=True).stdout.removeprefix("@"))
    assert abs(begun - time.time() - HOUR) < SLOWNESS


def test_a_step_outlives_a_loss_of_power(ticking):
    clocks.step(ticking, HOUR)
    ticking.kill()
    ticking.start()
    assert abs(off_by(ticking, "date", "+%s") - HOUR) < SLOWNESS


def test_the_host_and_other_machines_are_not_stepped(ticking, pair):
    before, counted = time.time(), time.monotonic()
    clocks.step(ticking, HOUR)
    assert abs((time.time() - before) - (time.monotonic() - counted)) < 1
    assert abs(off_by(pair[0], "date", "+%s")) < SLOWNESS


def test_a_machine_that_was_made_without_a_clock_has_none_to_step(pair):
    with pytest.raises(HostError, match="has no clock of its own"):
        clocks.step(pair[0], 1)
    with pytest.raises(HostError, match="runs already"):
        clocks.install(pair[0])


def test_by_the_command_line(ticking):
    assert cli("clock", ticking.name, "-90.5").returncode == 0
    assert cli("clock", ticking.name, "30").returncode == 0
    assert cli("clock", ticking.name).stdout == "-60.5\n"
