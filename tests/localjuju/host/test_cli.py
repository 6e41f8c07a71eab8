"""The `machine` command."""

import json
import subprocess

from tests.localjuju.host.support import MACHINE, cli, until


def test_list_shows_machines_and_cuts(pair):
    one, two = pair
    rows = {row["machine"]: row for row in json.loads(cli("list", "--format", "json").stdout)}
    assert rows[one.name]["state"] == "up"
    assert rows[two.name]["address"] == two.address
    assert cli("cut", f"{one.name}->{two.name}").returncode == 0
    table = cli("-m", one.model, "list").stdout
    assert one.hostname in table
    assert f"cut: {one.model}: 0 -> 1" in table
    assert cli("-m", one.model, "heal").returncode == 0
    assert "cut:" not in cli("-m", one.model, "list").stdout


def test_one_machine_is_cut_from_all(pair):
    one, two = pair
    assert cli("cut", one.name).returncode == 0
    assert one.exec(["ping", "-c1", "-W1", one.gateway]).returncode != 0
    assert one.exec(["ping", "-c1", "-W1", two.address]).returncode != 0
    assert cli("heal", one.name).returncode == 0
    until(lambda: one.exec(["ping", "-c1", "-W1", two.address]).returncode == 0)


def test_power_and_freezing(machine):
    for command, state in (
        ("start", "up"),
        ("freeze", "frozen"),
        ("thaw", "up"),
        ("reboot", "up"),
        ("kill", "off"),
        ("start", "up"),
        ("stop", "off"),
    ):
        done = cli(command, machine.name)
        assert done.returncode == 0, done.stderr
        rows = json.loads(cli("-m", machine.model, "list", "--format", "json").stdout)
        assert rows[0]["state"] == state


def test_a_disk_from_making_to_freeing(machine):
    for arguments in (
        ("disk", machine.name, "/srv", "8M"),
        ("start", machine.name),
        ("fill", machine.name, "/srv"),
    ):
        assert cli(*arguments).returncode == 0
    assert cli("exec", machine.name, "sh", "-c", "echo x > /srv/x").returncode != 0
    assert cli("free", machine.name, "/srv").returncode == 0
    assert cli("exec", machine.name, "--", "sh", "-c", "echo x > /srv/x").returncode == 0


def test_exec_passes_input_output_and_exit_code(pair):
    done = cli("exec", pair[0].name, "sh", "-c", "cat; exit 9", input="words")
    assert (done.stdout, done.returncode) == ("words", 9)
    assert cli("exec", "--user", "ubuntu", pair[0].name, "id", "-un").stdout == "ubuntu\n"


def test_try_has_postgresql_systemd_the_checkout_and_its_dependencies():
    checkout = MACHINE.parents[2]
    script = (
        "systemctl is-system-running && pwd && pg_lsclusters -h"
        " && python3 -c 'import psycopg2, charmhelpers.fetch, pytest' && df -k /srv && exit 4"
    )
    done = cli("try", "--disk", "/srv=16M", "--", "sh", "-c", script, cwd=checkout)
    assert done.returncode == 4, done.stderr
    assert done.stdout.startswith(f"running\n{checkout}\n")
    assert "/dev/loop" in done.stdout


def test_a_name_that_is_none_fails_before_any_harm(pair):
    done = cli("kill", pair[0].name, "nowhere/0")
    assert done.returncode == 1
    assert done.stderr.startswith("machine: no machine is called nowhere/0")
    assert pair[0].is_running


def test_somebody_else_than_root_is_told_to_use_sudo():
    # Debian's own Python: the one that runs the tests may lie where only root may look.
    argv = ["setpriv", "--reuid=65534", "--clear-groups", "/usr/bin/python3", MACHINE, "list"]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 1
    assert "run it with sudo" in done.stderr
    assert "Traceback" not in done.stderr


def test_prerequisites_are_there():
    assert cli("prerequisites").returncode == 0
