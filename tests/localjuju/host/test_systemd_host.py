"""The machine layer on a host whose PID 1 is systemd: a machine plays the host here.

The host of the test run may have another init or a hybrid of cgroup versions; between them both
ways of keeping a machine are tried.
"""

import pytest

from localjuju.host import image, paths, prerequisites, throwaway
from localjuju.host.image import Bind, Layer

HOST = Layer("host", packages=tuple(prerequisites.PACKAGES))

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


@pytest.mark.parametrize("release", ["bookworm", "trixie"])
def test_machines_are_services_that_outlive_their_starter_and_leave_nothing(release, tmp_path):
    below = image.ensure(release)
    (tmp_path / "images" / below.name).mkdir(parents=True)
    cached = Bind(below.directory, tmp_path / "images" / below.name, read_only=True)
    binds = [paths.REPOSITORY, tmp_path, cached]
    with throwaway.machine(release, binds=binds, layer=HOST) as host:

        def run(*argv):
            env = {"LOCALJUJU_HOME": str(tmp_path), "PYTHONPATH": str(paths.REPOSITORY)}
            return host.exec(list(argv), env=env, cwd=str(paths.REPOSITORY), check=True).stdout

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
