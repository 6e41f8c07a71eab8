"""Disks that are full or hang."""

import subprocess

import pytest

from localjuju.host import disks
from localjuju.host.errors import HostError
from tests.localjuju.host.support import talk

PATH = "/srv/archive dir"
SIZE = 8 << 20


def writes(machine, name="x"):
    return machine.exec(["sh", "-c", f"echo some text > '{PATH}/{name}'"]).returncode == 0


def test_a_disk_is_full_when_filled_and_has_room_when_freed(machine):
    machine.start()
    machine.exec(["install", "-d", "-o", "postgres", "-m", "0700", PATH], check=True)
    disks.attach(machine, PATH, SIZE)
    owner = machine.exec(["stat", "-c", "%U %a", PATH]).stdout
    assert owner == "postgres 700\n"
    assert writes(machine)
    assert disks.fill(machine, PATH) > SIZE // 2
    assert not writes(machine, "y")
    disks.free(machine, PATH)
    assert writes(machine, "y")
    machine.reboot()
    assert machine.exec(["ls", PATH]).stdout.split() == ["x", "y"]


def test_writers_wait_for_a_disk_that_hangs(machine):
    disks.attach(machine, PATH, SIZE)
    machine.start()
    disks.hang(machine, PATH)
    command = machine.command(["sh", "-c", f"echo begun; echo text > '{PATH}/x'"])
    with talk(command) as writer:
        assert writer.line() == "begun"
        with pytest.raises(subprocess.TimeoutExpired):
            writer.process.wait(0.3)
        disks.release(machine, PATH)
        assert writer.process.wait(5) == 0


def test_power_can_be_taken_from_a_machine_whose_disk_hangs(machine):
    disks.attach(machine, PATH, SIZE)
    machine.start()
    disks.hang(machine, PATH)
    command = machine.command(["sh", "-c", f"echo begun; echo text > '{PATH}/x'"])
    with talk(command) as writer:
        assert writer.line() == "begun"
        machine.kill()
    machine.start()
    assert writes(machine)


def test_only_a_disk_of_its_own_can_be_harmed(machine):
    for action in (disks.fill, disks.free, disks.hang, disks.release):
        with pytest.raises(HostError, match="machine disk"):
            action(machine, "/srv")
    disks.attach(machine, "/srv", SIZE)
    with pytest.raises(HostError, match="has one at /srv"):
        disks.attach(machine, "/srv/", SIZE)
    for path in ("srv", "/"):
        with pytest.raises(HostError, match="absolute"):
            disks.attach(machine, path, SIZE)


@pytest.mark.parametrize("text", ["", "12", "1K", "-3M", "3 M x"])
def test_sizes_that_are_none(text):
    with pytest.raises(HostError, match="no such size"):
        disks.parse_size(text)
