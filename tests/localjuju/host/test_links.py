"""Links: what is cut is silent, what is not goes on, what is healed goes on where it was."""

import pytest

from localjuju.host import links, machines
from localjuju.host.errors import HostError
from localjuju.host.links import CONTROLLER
from tests.localjuju.host.support import talk, until

# Echoes lines until its input ends; the client tells what came back within a second.
SERVER = """
import socket
s = socket.create_server(("", 7001))
print("ready", flush=True)
c, _ = s.accept()
while data := c.recv(100): c.sendall(data)
"""
CLIENT = """
import socket, sys
c = socket.create_connection((sys.argv[1], 7001)); c.settimeout(0.5)
for line in sys.stdin:
    if line != "\\n": c.sendall(line.encode())
    try: print(c.recv(100).decode().strip(), flush=True)
    except TimeoutError: print("silence", flush=True)
"""


@pytest.fixture
def whole(pair):
    """The pair, with every link healed before and after."""
    one, two = pair
    links.heal_all(one.model)
    for source, address in ((one, two.address), (one, one.gateway), (two, two.gateway)):
        until(lambda source=source, address=address: reaches(source, address))
    yield pair
    links.heal_all(pair[0].model)


def reaches(source, address):
    return source.exec(["ping", "-c1", "-W1", address]).returncode == 0


def test_a_cut_is_silent_to_both_sides_and_both_protocols(whole):
    one, two = whole
    links.cut(one, two)
    links.cut(one, two)
    assert not reaches(one, two.address)
    assert not reaches(two, one.address6)
    assert reaches(one, one.gateway)
    assert links.list_cut(one.model) == [("0", "1"), ("1", "0")]
    links.heal(two, one)
    links.heal(two, one)
    # A neighbour that did not answer is asked for again only after a second, as in life.
    until(lambda: reaches(one, two.address))
    assert links.list_cut(one.model) == []


def test_a_connection_outlives_a_cut(whole):
    one, two = whole
    with talk(two.command(["python3", "-c", SERVER])) as server:
        assert server.line() == "ready"
        with talk(one.command(["python3", "-c", CLIENT, two.address])) as client:
            assert client.say("before") == "before"
            links.cut(one, two)
            assert client.say("during") == "silence"
            links.heal(one, two)
            # TCP sends again what got no answer, on the same connection.
            assert "during" in [client.say("") for _ in range(6)]


def test_one_way_loses_only_one_direction(whole):
    one, two = whole
    links.cut(one, two, one_way=True)
    assert links.list_cut(one.model) == [("0", "1")]
    listen = "import socket; s=socket.socket(type=socket.SOCK_DGRAM); s.bind(('',7002));"
    listen += "print('ready',flush=True); s.settimeout(0.7)\n"
    listen += "try: print(s.recv(9).decode(), flush=True)\nexcept TimeoutError: print('silence')"
    for source, target, heard in ((two, one, "hello"), (one, two, "silence")):
        with talk(target.command(["python3", "-c", listen])) as receiver:
            assert receiver.line() == "ready"
            send = "import socket,sys; s=socket.socket(type=socket.SOCK_DGRAM);"
            send += f"s.sendto(b'hello',({target.address!r},7002))"
            # The neighbour's address must be known: asking for it needs both directions.
            mac = target.exec(["cat", f"/sys/class/net/{target.interface}/address"]).stdout.strip()
            source.exec(
                ["ip", "neigh", "replace", target.address, "lladdr", mac, "dev", source.interface]
            )
            source.exec(["python3", "-c", send], check=True)
            assert receiver.line() == heard
            source.exec(["ip", "neigh", "del", target.address, "dev", source.interface])


def test_a_machine_can_lose_the_controller_and_keep_its_peer(whole):
    one, two = whole
    links.cut(one, CONTROLLER)
    assert not reaches(one, one.gateway)
    assert reaches(one, two.address)
    assert reaches(two, two.gateway)
    assert links.list_cut(one.model) == [("0", "controller"), ("controller", "0")]


def test_a_cut_holds_over_a_reboot(whole):
    one, two = whole
    links.cut(one, two)
    two.reboot()
    assert not reaches(two, one.address)
    links.heal_all(one.model)
    until(lambda: reaches(two, one.address))


def test_a_destroyed_machine_is_forgotten(whole):
    third = machines.create(whole[0].model, "3")
    for end in (CONTROLLER, *whole):
        links.cut(third, end)
    assert len(links.list_cut(third.model)) == 6
    third.destroy()
    assert links.list_cut(whole[0].model) == []


def test_a_link_needs_two_ends_of_one_model(whole, machine):
    for ends in ((CONTROLLER, CONTROLLER), (whole[0], whole[0]), (whole[0], machine)):
        with pytest.raises(HostError, match="no such link"):
            links.cut(*ends)
