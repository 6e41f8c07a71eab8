"""Machines: they boot, have their address, end as told, and leave nothing."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from localjuju.host import disks, machines, network, overlay
from localjuju.host.errors import HostError, NoSuchMachine
from tests.localjuju.host.support import talk, traces, until


def said(machine, *argv, **options):
    return machine.exec(list(argv), check=True, **options).stdout.strip()


def test_a_machine_has_a_systemd_of_its_own_that_is_content(pair):
    for machine in pair:
        assert said(machine, "systemctl", "is-system-running") == "running"
        assert said(machine, "ps", "-o", "comm=", "-p", "1") == "systemd"


def test_a_machine_has_its_name_and_addresses_and_no_way_out(pair):
    one, two = pair
    assert said(one, "hostname") == one.hostname == f"juju-{one.network.short}-0"
    shown = json.loads(said(one, "ip", "-json", "address", "show", "dev", one.interface))
    assert {one.address, one.address6} <= {a["local"] for a in shown[0]["addr_info"]}
    assert said(one, "ip", "route", "show", "default") == ""
    for address in (two.address, two.address6, one.gateway, one.gateway6):
        assert one.exec(["ping", "-c1", "-W2", address]).returncode == 0
    assert said(one, "getent", "hosts", one.hostname).split()[1] == one.hostname


def test_the_host_reaches_a_machine_and_a_machine_a_server_on_the_host(pair):
    for address in (pair[0].gateway, pair[0].gateway6):
        with socket.create_server((address, 0), family=_family(address)) as server:
            port = server.getsockname()[1]
            program = f"import socket; socket.create_connection(({address!r}, {port}), 5)"
            done = pair[0].exec(["python3", "-c", program])
            assert done.returncode == 0, done.stderr


def _family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def test_exec_gives_streams_exit_codes_user_and_directory(pair):
    machine = pair[0]
    done = machine.exec(["sh", "-c", "cat; echo oops >&2; exit 5"], input="in\n")
    assert (done.stdout, done.stderr, done.returncode) == ("in\n", "oops\n", 5)
    assert machine.exec(["no-such-program"]).returncode == 127
    assert machine.exec(["sh", "-c", "kill -9 $$"]).returncode == -9
    assert said(machine, "sh", "-c", "id -un; pwd; echo $HOME", user="ubuntu").split() == [
        "ubuntu",
        "/home/ubuntu",
        "/home/ubuntu",
    ]
    assert said(machine, "sudo", "id", "-u", user="ubuntu") == "0"
    assert said(machine, "pwd", cwd="/var/lib") == "/var/lib"
    assert said(machine, "sh", "-c", "echo $WORD", env={"WORD": "a b"}) == "a b"
    with pytest.raises(HostError, match="no such account"):
        machine.exec(["true"], user="nobody-here")


def test_exec_does_not_inherit_the_environment(pair, monkeypatch):
    monkeypatch.setenv("SECRET_OF_MINE", "x")
    assert "SECRET_OF_MINE" not in said(pair[0], "env")


def test_a_terminal_is_one_of_the_machine(pair):
    master, slave = os.openpty()
    program = (
        "import sys; from localjuju.host import machines;"
        f"sys.exit(machines.get({pair[0].model!r}, '0').terminal(['sh','-c','tty; exit 6']))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=slave, stdout=slave) as process:
        os.close(slave)
        text = os.read(master, 100).decode()
    os.close(master)
    assert process.returncode == 6
    assert text.startswith("/dev/pts/"), text


def test_files_put_below_root_before_the_start_are_there(machine):
    (machine.root / "srv/note").write_text("early")
    machine.start()
    assert said(machine, "cat", "/srv/note") == "early"
    machine.exec(["sh", "-c", "echo late > /srv/note"])
    assert (machine.root / "srv/note").read_text() == "late\n"


def test_reboot_from_inside_is_a_real_one_and_keeps_files_and_addresses(machine):
    machine.start()
    assert machine.boots == 1
    machine.exec(["sh", "-c", "touch /srv/stays /run/goes; systemctl reboot"])
    until(lambda: machine.boots == 2 and machine.state().phase == "up")
    assert machine.exec(["ls", "/srv/stays"]).returncode == 0
    assert machine.exec(["ls", "/run/goes"]).returncode != 0
    assert machine.exec(["ping", "-c1", "-W2", machine.gateway]).returncode == 0
    machine.reboot()
    assert machine.boots == 3


def test_poweroff_inside_and_stop_outside_switch_it_off(machine):
    machine.start()
    machine.exec(["poweroff"])
    until(lambda: not machine.is_running)
    machine.start()
    machine.stop()
    assert not machine.is_running
    with pytest.raises(HostError, match="it is off"):
        machine.exec(["true"])


def test_a_machine_outlives_who_started_it(machine):
    program = (
        "import os; from localjuju.host import machines;"
        f"machines.get({machine.model!r}, '0').start(); os.killpg(0, 9)"
    )
    done = subprocess.run([sys.executable, "-c", program], start_new_session=True)
    assert done.returncode == -signal.SIGKILL
    assert said(machine, "systemctl", "is-system-running") == "running"


def test_two_starts_at_once_make_one_machine(machine):
    program = f"from localjuju.host import machines; machines.get({machine.model!r}, '0').start()"
    starts = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(3)]
    assert [start.wait(30) for start in starts] == [0, 0, 0]
    assert machine.boots == 1


def test_peers_of_a_machine_that_loses_power_hear_nothing(pair):
    one, two = pair
    listen = (
        "import socket,time; s=socket.create_server(('', 7000)); c,_=s.accept(); time.sleep(99)"
    )
    with talk(two.command(["python3", "-c", listen])) as server:
        program = (
            "import socket,sys\n"
            f"while True:\n  try: c=socket.create_connection(({two.address!r}, 7000)); break\n"
            "  except ConnectionRefusedError: pass\n"
            "print('connected', flush=True); c.settimeout(1)\n"
            "try: print(c.recv(1))\n"
            "except TimeoutError: print('silence')\n"
        )
        with talk(one.command(["python3", "-c", program])) as client:
            assert client.line() == "connected"
            two.kill()
            assert client.line() == "silence"
        server.process.wait(10)
    two.start()
    assert said(two, "systemctl", "is-system-running") == "running"


def test_a_frozen_machine_stands_still_and_goes_on(pair):
    machine = pair[1]
    machine.freeze()
    assert machine.is_frozen
    with pytest.raises(subprocess.TimeoutExpired):
        machine.exec(["true"], timeout=0.3)
    machine.thaw()
    assert not machine.is_frozen
    assert machine.exec(["true"]).returncode == 0


def test_power_can_be_taken_from_a_frozen_machine(machine):
    machine.start()
    machine.freeze()
    machine.kill()
    assert not machine.is_running
    machine.start()
    assert not machine.is_frozen


def test_a_machine_starts_after_a_reboot_of_the_host(machine):
    """A host that booted has neither mounts nor bridges; only the directory is there."""
    machine.start()
    machine.exec(["touch", "/srv/stays"])
    machine.kill()
    overlay.unmount(machine.root)
    machine.network.down()
    machine.start()
    assert machine.exec(["ls", "/srv/stays"]).returncode == 0
    assert machine.exec(["ping", "-c1", "-W2", machine.gateway]).returncode == 0


def test_a_machine_that_cannot_boot_says_what_it_said(machine):
    (machine.root / "sbin/init").unlink()
    (machine.root / "usr/lib/systemd/systemd").unlink()
    with pytest.raises(HostError, match=r"(?i)did not start.*init"):
        machine.start()
    assert not machine.is_running


def test_nothing_is_left_of_a_destroyed_model():
    model = "test-leaves-nothing"
    machine = machines.create(model, "0")
    short = machine.network.short
    disks.attach(machine, "/srv/disk", 8 << 20)
    machine.start()
    assert traces(short)
    assert traces(model)
    machines.destroy_model(model)
    assert traces(short) == []
    assert traces(model) == []


def test_destroying_one_machine_leaves_the_others_alone(pair):
    model = pair[0].model
    third = machines.create(model, "2")
    third.start()
    third.destroy()
    third.destroy()
    assert [m.machine_id for m in machines.list_machines(model)] == ["0", "1"]
    assert traces(third.port) == []
    assert pair[0].exec(["ping", "-c1", "-W2", pair[1].address]).returncode == 0


def test_a_running_machine_does_not_keep_another_ones_file_system(pair):
    """Supervisors have copies of the host's mounts, which would hold a destroyed machine's."""
    model = pair[0].model
    first, second = machines.create(model, "8"), machines.create(model, "9")
    second.start()
    state = second.state()
    assert state is not None
    shown = Path(f"/proc/{state.pid}/mountinfo").read_text()
    assert str(second.root) in shown
    assert str(first.root) not in shown
    first.destroy()
    second.destroy()


def test_models_have_subnets_apart_from_each_other_and_the_hosts_routes(pair, machine):
    one, two = pair[0].network, machine.network
    assert not one.subnet.overlaps(two.subnet)
    assert one.subnet6 != two.subnet6
    taken = network.taken()
    assert any(one.subnet.overlaps(other) for other in taken[0])


def test_names_that_cannot_be_are_refused(pair):
    with pytest.raises(HostError, match="it exists"):
        machines.create(pair[0].model, "0")
    with pytest.raises(HostError, match="one to three digits"):
        machines.create(pair[0].model, "0/lxd/1")
    with pytest.raises(NoSuchMachine, match=pair[0].name):
        machines.get(pair[0].model, "77")
    with pytest.raises(HostError):
        machines.create("../up", "0")
