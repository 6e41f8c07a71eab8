"""What killed commands leave behind is gone with the next one, and nothing else is."""

import os
import signal
import subprocess

from localjuju.host import cleanup, machines, network, paths
from tests.localjuju.host.support import MACHINE, cli, talk, traces, until

TRY_FOREVER = [MACHINE, "try", "--", "sh", "-c", "hostname; sleep 1000"]


def test_a_machine_dies_with_its_supervisor_and_starts_again(machine):
    machine.start()
    os.kill(machine.state().pid, signal.SIGKILL)
    until(lambda: not machine.is_running)
    cleanup.sweep()
    machine.start()
    assert machine.exec(["systemctl", "is-system-running"]).stdout == "running\n"


def test_a_throwaway_is_removed_after_its_owner_was_killed():
    with talk(TRY_FOREVER, start_new_session=True) as owner:
        short = owner.line().split("-")[1]
        os.killpg(owner.process.pid, signal.SIGKILL)
    assert traces(short)
    assert cli("sweep").returncode == 0
    assert traces(short) == []


def test_a_terminated_throwaway_cleans_up_itself():
    with talk(TRY_FOREVER) as owner:
        short = owner.line().split("-")[1]
        owner.process.terminate()
        assert owner.process.wait(20) == 128 + signal.SIGTERM
    assert traces(short) == []


def test_an_interrupted_destruction_is_finished(machine):
    machine.start()
    net = machine.network
    (net.directory / "destroyed").touch()
    cleanup.sweep()
    cleanup.sweep()
    assert traces(net.short) == []
    assert machine.model not in machines.list_models()


def test_a_half_made_machine_and_model_are_removed(machine):
    (machine.directory / "machine.json").unlink()
    cleanup.sweep()
    assert not machine.directory.exists()
    assert not machine.root.is_mount()
    (machine.network.directory / "network.json").unlink()
    cleanup.sweep()
    assert traces(machine.network.short) == []


def test_what_is_in_the_kernel_and_not_on_disk_is_removed(machine):
    machine.start()
    short = machine.network.short
    os.kill(machine.state().pid, signal.SIGKILL)
    until(lambda: not machine.is_running)
    subprocess.run(["umount", machine.root], check=True)
    subprocess.run(["rm", "-rf", machine.network.directory], check=True)
    assert traces(short)
    cleanup.sweep()
    assert traces(short) == []


def test_another_homes_machines_are_not_touched(pair, elsewhere):
    net = network.ensure_model("other")
    cleanup.sweep()
    assert net.short in {line.split("lj-")[-1][:6] for line in traces(net.bridge)}
    assert pair[0].port in "".join(traces(pair[0].port))
    subprocess.run(["rm", "-rf", net.directory], check=True)
    cleanup.sweep()
    assert traces(net.bridge) == []
    assert traces(pair[0].port)
    assert paths.home() == elsewhere


def test_sweeps_do_not_disturb_who_makes_and_removes_machines():
    model = "test-undisturbed"
    again = f"while test -e {paths.locks() / model}; do {MACHINE} sweep || exit 1; done"
    (paths.locks() / model).touch()
    sweepers = [
        subprocess.Popen(["sh", "-c", again], stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    try:
        for _ in range(3):
            machine = machines.create(model, "0")
            machines.create(model, "1")
            machine.start()
            machines.destroy_model(model)
    finally:
        machines.destroy_model(model)
        (paths.locks() / model).unlink()
    complaints = [sweeper.communicate()[1] for sweeper in sweepers]
    assert complaints == ["", "", ""]
    assert traces(model) == []
