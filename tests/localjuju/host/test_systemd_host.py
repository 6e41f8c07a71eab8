"""The machine layer on a host whose PID 1 is systemd: a machine plays the host here.

The host of the test run may have another init or a hybrid of cgroup versions; between them both
ways of keeping a machine are tried.
"""

from contextlib import contextmanager

import pytest

from localjuju.host import image, paths, prerequisites, throwaway
from localjuju.host.image import Bind, Layer

HOST = Layer("host", packages=(*prerequisites.PACKAGES, "iptables"))

LIFE = """
import sys
from localjuju.host import machines
one, two = (machines.create("nested", number, sys.argv[1]) for number in "01")
one.start()
two.start()
assert one.exec(["systemctl", "is-system-running"], check=True).stdout == "running\\n"
one.exec(["ping", "-c1", "-W2", two.address6], check=True)
one.reboot()
assert one.boots == 2
one.freeze()
assert one.is_frozen
one.thaw()
for _ in range(3):
    two.kill()
    two.start()
one.stop()
assert not one.is_running
one.start()
"""


FIREWALL = """
import subprocess
from localjuju.host import machines
for program in ("iptables", "ip6tables"):
    for chain in ("INPUT", "FORWARD"):
        subprocess.run([program, "--policy", chain, "DROP"], check=True)
one, two = (machines.create("walled", number) for number in "01")
one.start()
two.start()
for address in (two.address, two.address6, one.gateway, one.gateway6):
    one.exec(["ping", "-c1", "-W2", address], check=True)
machines.destroy_model("walled")
"""


@contextmanager
def host(release, home):
    """A running machine as host; what it gives runs commands there and returns their output."""
    below = image.ensure(release)
    (home / "images" / below.name).mkdir(parents=True)
    cached = Bind(below.directory, home / "images" / below.name, read_only=True)
    binds = [paths.REPOSITORY, home, cached]
    env = {"LOCALJUJU_HOME": str(home), "PYTHONPATH": str(paths.REPOSITORY)}
    with throwaway.machine(release, binds=binds, layer=HOST) as machine:

        def run(*argv):
            return machine.exec(argv, env=env, cwd=str(paths.REPOSITORY), check=True).stdout

        yield run


@pytest.mark.parametrize("release", ["bookworm", "trixie"])
def test_machines_are_services_that_outlive_their_starter_and_leave_nothing(release, tmp_path):
    with host(release, tmp_path) as run:
        run("python3", "-c", LIFE, release)
        services = run(
            "systemctl", "list-units", "--no-legend", "--plain", "localjuju-*-0.service"
        )
        assert "active running" in services, "a service of its own, not a child of who started it"
        assert "nested/1" in run("localjuju/bin/machine", "list")
        run("python3", "-c", "from localjuju.host import machines as m; m.destroy_model('nested')")
        assert "lj-" not in run("ip", "-oneline", "link")
        assert run("nft", "list", "tables") == ""
        assert str(tmp_path / "models") not in run("cat", "/proc/mounts")
        left = run("systemctl", "list-units", "--no-legend", "--plain", "--all", "localjuju*")
        assert left.split()[0] == "localjuju-network.service", "the machine's own, of its image"
        assert len(left.splitlines()) == 1
        assert list((tmp_path / "models").iterdir()) == []


def test_a_firewall_that_drops_what_it_does_not_know_is_no_obstacle(tmp_path):
    """As Docker's FORWARD policy together with br_netfilter is, and ufw's INPUT policy."""
    with host("bookworm", tmp_path) as run:
        run("python3", "-c", FIREWALL)
        for program in ("iptables", "ip6tables"):
            assert "lj-" not in run(program, "--list-rules")
