"""How often a client may ask (section 6, --client-rate)."""

import contextlib
import re
import signal
import socket
import time

import dns.message
import pytest

from lab import (CLIENT4, CLIENT6, GATEWAY4, GATEWAY6, OTHER4, OTHER6,
                 receive_tcp, send_tcp)
from process import until
from test_control import fine, stats_text

EVERYBODY = "0.0.0.0/0 ~> *\n::/0 ~> *"
NAME = "www.example.com"
RATE = 5


@pytest.fixture(name="start")
def _start(lab):
    """Start dnsfw, and a name that is answered."""
    def start(*options):
        lab.site(name=NAME)
        return lab.dnsfw(EVERYBODY, *options)
    return start


def connect(lab, client, kind):
    sock = lab.client_socket(client, kind)
    sock.connect((GATEWAY6 if ":" in client else GATEWAY4, 53))
    return sock


def query(number):
    return dns.message.make_query(NAME, "A", id=number).to_wire()


def counters(server):
    return fine(server, "stats")[0]["counters"]


def lines(server):
    return [line for line in server.err.lines if "--client-rate" in line]


@pytest.mark.parametrize("client, same, other, options", [
    (CLIENT4, CLIENT4, OTHER4, ()),
    (CLIENT4, CLIENT4, OTHER4, ("--workers=2",)),
    (CLIENT6, OTHER6, CLIENT4, ()),
], ids=["ipv4", "two_workers", "ipv6_network"])
def test_above_the_rate_datagrams_are_dropped(lab, start, client, same, other,
                                              options):
    server = start("--client-rate", str(RATE), *options)
    begin = time.monotonic()
    with connect(lab, client, socket.SOCK_DGRAM) as one, \
            connect(lab, same, socket.SOCK_DGRAM) as two:
        for number in range(40):
            (one if number % 2 else two).send(query(number))
        assert lab.ask(NAME, client=other).answer
        until(lambda: sum(counters(server)[key] for key in (
            "queries", "over_rate")) == 41)
        most = RATE + RATE * (time.monotonic() - begin)
        found = counters(server)
        passed = found["queries"] - 1
        assert RATE <= passed <= most
        # Those have an answer.
        ids = set()
        for sock in (one, two):
            sock.settimeout(0.1)

        def is_answered():
            for sock in (one, two):
                with contextlib.suppress(TimeoutError):
                    ids.add(dns.message.from_wire(sock.recv(4096)).id)
            return len(ids) == passed

        until(is_answered)
    server.err.wait_for(r"\[WARN \] .*\b1 message above --client-rate dropped,"
                        rf" or over TCP delayed; the last one is of "
                        rf"({client}|{same})$")
    # Once a minute.
    assert len(lines(server)) == 1
    dropped = found["over_rate"]
    assert f", turned away 0, over the rate {dropped}, " in stats_text(server)
    server.signal(signal.SIGUSR1)
    server.err.wait_for(rf"turned away 0, over the rate {dropped}, of others")


@pytest.mark.parametrize("client, same, other", [
    (CLIENT4, CLIENT4, OTHER4), (CLIENT6, OTHER6, CLIENT4),
], ids=["ipv4", "ipv6_network"])
def test_above_the_rate_connections_wait(lab, start, client, same, other):
    """For longer than --timeout, as some are taken, and nobody else with them."""
    count = 3 * RATE
    server = start("--client-rate", str(RATE), "--timeout=2")
    begin = time.monotonic()
    with connect(lab, client, socket.SOCK_STREAM) as one, \
            connect(lab, same, socket.SOCK_STREAM) as two:
        for sock in (one, two):
            for number in range(count):
                send_tcp(sock, query(number))
        assert lab.ask(NAME, client=other, tcp=True).answer
        assert lab.ask(NAME, client=other).answer
        for sock in (one, two):
            ids = {dns.message.from_wire(receive_tcp(sock)).id
                   for _ in range(count)}
            assert ids == set(range(count))
    # One may come in advance.
    assert time.monotonic() - begin >= (2 * count - RATE - 1) / RATE
    until(lambda: counters(server)["queries"] == 2 * count + 2)
    assert 0 < counters(server)["over_rate"] <= 2 * count - RATE
    assert re.search(r"\b1 message above --client-rate .* is of "
                     rf"({client}|{same})$", lines(server)[0])
    assert len(lines(server)) == 1


def test_the_rate_is_of_both_transports_together(lab, start):
    """After as many over TCP as there may be, a datagram is one too many."""
    server = start("--client-rate", "1")
    with connect(lab, CLIENT4, socket.SOCK_STREAM) as tcp, \
            connect(lab, CLIENT4, socket.SOCK_DGRAM) as udp:
        for number in range(10):
            send_tcp(tcp, query(number))
        assert receive_tcp(tcp)

        def is_dropped():
            udp.send(query(99))
            return counters(server)["over_rate"] > 10

        # Those ten are counted at most once each, for waiting.
        until(is_dropped)
        assert receive_tcp(tcp)


def test_without_a_rate_nothing_is_dropped(lab, start):
    server = start()
    with connect(lab, CLIENT4, socket.SOCK_DGRAM) as sock:
        for _ in range(10):
            for number in range(50):
                sock.send(query(number))
            ids = {dns.message.from_wire(sock.recv(4096)).id
                   for _ in range(50)}
            assert len(ids) == 50
    until(lambda: counters(server)["queries"] == 500)
    assert counters(server)["over_rate"] == 0
    assert lines(server) == []
