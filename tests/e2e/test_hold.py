"""--hold-live: a grant does not end under a living connection."""

import socket
import time

import pytest

from lab import ALLOW, CLIENT4, PORT
from process import DEADLINE, until

# Lives 1 s and its grace of 15; held up to 20 from the answer on.
TIMES = ("--min-rule-time", "1", "--max-rule-time", "20")


@pytest.mark.long
@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_a_living_connection_holds_its_grant(lab, fw, proto):
    port = 8500
    lab.dnsfw(f"{CLIENT4} -> *.example.com:{proto}:{port}\n", "--hold-live",
              *TIMES, fw=fw)
    held, idle = lab.site(ttl=1), lab.site(ttl=1)
    kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
    with lab.internet.socket(socket.AF_INET, kind) as server, \
            lab.client_socket(CLIENT4, kind) as client:
        server.bind((held.v4, port))
        begin = time.monotonic()
        lab.resolve(idle)
        lab.resolve(held)
        if proto == "tcp":
            server.listen()
            client.connect((held.v4, port))
            peer = server.accept()[0]
        else:
            client.connect((held.v4, port))
            server.settimeout(DEADLINE)
            peer = server

        def talk():
            client.send(b"x")
            if proto == "udp":
                server.sendto(*server.recvfrom(10))
                client.recv(10)

        talk()
        # While it talks, the other one ends and this one does not.
        until(lambda: talk() or [entry.address for entry in fw.entries()] ==
              [held.v4], 2 * DEADLINE, "the end of the idle one")
        assert time.monotonic() - begin > 14
        (entry,) = fw.entries()
        assert entry.comment.rstrip(".") == held.name
        # But not for longer than the maximum, although it goes on to talk.
        until(lambda: talk() or fw.entries() == [], what="the maximum")
        assert time.monotonic() - begin > 18
        peer.close()


@pytest.mark.long
def test_a_living_connection_among_many_that_are_not(lab):
    """More than are listed for --kill-connections in one go."""
    port = 8500
    fw = lab.set_up_firewall("nftables")
    lab.dnsfw(f"{CLIENT4} -> *.example.com:udp:{port}\n", "--hold-live",
              "--min-rule-time", "1", fw=fw)
    held, idle = lab.site(ttl=1), lab.site(ttl=1)
    with lab.internet.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, \
            lab.client_socket(CLIENT4, socket.SOCK_DGRAM) as client:
        server.bind((held.v4, port))
        server.settimeout(DEADLINE)
        lab.resolve(idle)
        lab.resolve(held)
        client.connect((held.v4, port))
        server.connect(client.getsockname())

        def talk():
            client.send(b"x")
            server.send(server.recv(10))
            client.recv(10)

        for i in range(4000):
            if i % 100 == 0:    # in an emulator they take longer than a grant
                talk()
            with lab.client_socket(CLIENT4, socket.SOCK_DGRAM) as other:
                other.connect((held.v4, port))
                other.send(b"x")
        until(lambda: talk() or [entry.address for entry in fw.entries()] ==
              [held.v4], 2 * DEADLINE, "the end of the idle one")


def test_without_a_connection_and_without_the_option(lab):
    fw = lab.set_up_firewall("nftables")
    lab.dnsfw(ALLOW, "--min-rule-time", "1", "--max-rule-time", "2", fw=fw)
    site = lab.site(ttl=1)
    lab.resolve(site)
    assert lab.reaches(site.v4)
    until(lambda: fw.entries() == [])


def test_not_without_a_firewall(lab):
    status, text = lab.dnsfw_fails(ALLOW, "--hold-live")
    assert status == 2 and "--firewall none" in text
    assert PORT
