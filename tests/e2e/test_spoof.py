"""An off-path forger, and many clients with one question (D5, D11, D12).

DNSFW_SPOOF_COUNT changes the number of forged answers (1000000: the full run).
"""

import contextlib
import ipaddress
import os
import socket
import struct
import subprocess
import time

import dns.message
import dns.rcode
import pytest

from lab import (ALLOW, CLIENT4, GATEWAY4, addresses_of, build_dir,
                 clean_environment)
from process import DEADLINE, stopped, until
from upstream import rrset

COUNT = int(os.environ.get("DNSFW_SPOOF_COUNT") or 40000)
RATE = 40000        # a second, which the worker keeps up with
SEED = 1
# What the worker must see through, and what already the kernel does.
SEEN = {"id", "name", "type", "class", "length", "opcode", "qr", "count"}
UNSEEN = {"port", "address", "server-port"}
SERVER4 = "10.77.2.8"
NAME = "www.example.com"
TRUE = f"{NAME}. 60 IN A 10.78.1.1"
FALSE = f"{NAME}. 60 IN A 10.78.66.66"

CROWD = ipaddress.ip_network("10.79.0.0/16")    # the client's, too
CLIENTS = 10000
GROUP = 200         # queries that are sent before the log must show them
IP_PKTINFO = 8      # <linux/in.h>; Python lacks both
SO_RCVBUFFORCE = 33 # <asm-generic/socket.h>


@pytest.fixture
def server(lab):
    """The upstream's socket: the test itself answers, when it likes."""
    lab.internet.run("ip", "address", "add", f"{SERVER4}/24", "dev", "wan")
    with lab.internet.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((SERVER4, 53))
        sock.settimeout(DEADLINE)
        yield sock


def answer_to(wire, record):
    answer = dns.message.make_response(dns.message.from_wire(wire),
                                       recursion_available=True)
    answer.answer.append(rrset(record))
    return answer.to_wire()


def nothing_more(sock):
    """True if nothing has arrived."""
    sock.setblocking(False)
    try:
        return not sock.recv(65535)
    except BlockingIOError:
        return True
    finally:
        sock.settimeout(DEADLINE)


def datagrams(namespace):
    """How many UDP datagrams its sockets have been given."""
    lines = [line.split() for line in
             namespace.run("cat", "/proc/net/snmp").splitlines()
             if line.startswith("Udp:")]
    return int(dict(zip(*lines))["InDatagrams"])


def forge(lab, peer, answer):
    """Send COUNT answers with one thing wrong each; the kinds' numbers."""
    done = subprocess.run(
        lab.internet.command(build_dir() / "tests" / "e2e" / "spoof", SERVER4,
                             peer[0], str(peer[1]), str(COUNT), str(RATE),
                             str(SEED)),
        input=answer, capture_output=True, env=clean_environment(),
        timeout=DEADLINE + 5 * COUNT / RATE, check=False)
    assert done.returncode == 0, done.stderr
    return {kind: int(n) for kind, n in
            (line.split() for line in done.stdout.decode().splitlines())}


def test_D5_D11_no_forged_answer_is_accepted(lab, fw, server):
    patience = int(2 * DEADLINE + 5 * COUNT / RATE)
    lab.dnsfw(ALLOW, "--timeout", str(patience), upstream=SERVER4, fw=fw)
    with lab.client_socket(CLIENT4, socket.SOCK_DGRAM) as client:
        client.connect((GATEWAY4, 53))
        client.send(dns.message.make_query(NAME, "A").to_wire())
        query, peer = server.recvfrom(65535)
        before = datagrams(lab.gateway)
        sent = forge(lab, peer, answer_to(query, FALSE))
        assert set(sent) == SEEN | UNSEEN and sum(sent.values()) == COUNT
        assert max(sent.values()) - min(sent.values()) <= 1
        assert nothing_more(client), "a forged answer was accepted"
        assert fw.entries() == []
        # Not only lost for want of room: the worker has read them.
        read = datagrams(lab.gateway) - before
        assert read > sum(sent[kind] for kind in SEEN) / 2, read
        server.sendto(answer_to(query, TRUE), peer)
        answer = dns.message.from_wire(client.recv(65535))
    assert addresses_of(answer) == ["10.78.1.1"]
    assert [entry.address for entry in fw.entries()] == ["10.78.1.1"]
    assert nothing_more(server), "one exchange, and no other"


def test_D5_two_answers_in_one_turn(lab, server):
    """The first ends the exchange; the other one is nobody's."""
    dnsfw = lab.dnsfw(f"{CLIENT4} ~> *", upstream=SERVER4)
    tries = []

    def tried_twice():
        client.send(dns.message.make_query(NAME, "A").to_wire())
        with contextlib.suppress(BlockingIOError):
            tries.append(server.recvfrom(65535))
        return len(tries) == 2

    with lab.client_socket(CLIENT4, socket.SOCK_DGRAM) as client:
        client.connect((GATEWAY4, 53))
        server.setblocking(False)
        until(tried_twice, what="a second try")
        server.settimeout(DEADLINE)
        with stopped(dnsfw.children()[-1]):
            for query, peer in tries:
                server.sendto(answer_to(query, TRUE), peer)
        answer = dns.message.from_wire(client.recv(65535))
        assert addresses_of(answer) == ["10.78.1.1"]
        client.send(dns.message.make_query("other.example.com", "A").to_wire())
        assert b"\5other" in server.recvfrom(65535)[0]


def sleeps(pid):
    """It has nothing to do."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rpartition(")")[2].split()[0] == "S"


def test_D6_answers_of_a_pause_are_not_too_late(lab, server):
    """The worker has no processor while their time runs out."""
    dnsfw = lab.dnsfw(f"{CLIENT4} ~> *", "--timeout", "1", upstream=SERVER4)
    with lab.client_socket(CLIENT4, socket.SOCK_DGRAM) as client:
        client.connect((GATEWAY4, 53))
        for i in range(200):
            client.send(dns.message.make_query(f"{i}.example.com",
                                               "A").to_wire())
        tries = [server.recvfrom(65535) for _ in range(200)]
        with stopped(dnsfw.children()[-1]):
            for query, peer in tries:
                server.sendto(answer_to(query, TRUE), peer)
            over = time.monotonic() + 1.5
            until(lambda: time.monotonic() > over)
        rcodes = [dns.message.from_wire(client.recv(65535)).rcode()
                  for _ in tries]
    assert rcodes.count(dns.rcode.NOERROR) == len(tries)


def test_D6_answers_that_are_there_make_room(lab, server):
    """As many queries as there may be, behind the answers to as many."""
    dnsfw = lab.dnsfw(f"{CLIENT4} ~> *", "--max-connections", "4",
                      upstream=SERVER4)
    worker = dnsfw.children()[-1]
    queries = [dns.message.make_query(f"{i}.example.com", "A").to_wire()
               for i in range(8)]
    with lab.client_socket(CLIENT4, socket.SOCK_DGRAM) as client:
        client.connect((GATEWAY4, 53))
        for query in queries[:4]:
            client.send(query)
        tries = [server.recvfrom(65535) for _ in range(4)]
        until(lambda: sleeps(worker))
        with stopped(worker):
            for query, peer in tries:
                server.sendto(answer_to(query, TRUE), peer)
            for query in queries[4:]:
                client.send(query)
        for _ in range(4):
            query, peer = server.recvfrom(65535)
            server.sendto(answer_to(query, TRUE), peer)
        for _ in queries:
            answer = dns.message.from_wire(client.recv(65535))
            assert addresses_of(answer) == ["10.78.1.1"]


class Crowd:
    """Many clients, with one socket."""

    def __init__(self, lab):
        lab.client.run("ip", "route", "add", "local", str(CROWD), "dev", "lo")
        lab.gateway.run("ip", "route", "add", str(CROWD), "via", CLIENT4)
        self.sock = lab.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 25)
        self.sock.settimeout(DEADLINE)
        self.sock.bind(("0.0.0.0", 0))

    def send(self, source, wire):
        info = struct.pack("=i4s4s", 0, source.packed, bytes(4))
        self.sock.sendmsg([wire], [(socket.IPPROTO_IP, IP_PKTINFO, info)], 0,
                          (GATEWAY4, 53))

    def receive(self):
        """(client, message)"""
        wire, info, _, _ = self.sock.recvmsg(65535, 128)
        return ipaddress.ip_address(info[0][2][8:12]), wire


def spelling(name, number):
    """The name with the letters of the number's bits in capitals."""
    return "".join(c.upper() if number >> i & 1 else c
                   for i, c in enumerate(name))


def test_D12_many_clients_with_one_question_are_one_exchange(lab, server):
    dnsfw = lab.dnsfw(f"{CROWD} ~> *.example.com", "--max-connections",
                      str(2 * CLIENTS), "--timeout", "60", upstream=SERVER4)
    crowd = Crowd(lab)
    clients = [CROWD[256 + i] for i in range(CLIENTS)]
    queries = {}
    with contextlib.closing(crowd.sock):
        for i, client in enumerate(clients):
            query = dns.message.make_query(spelling(NAME, i), "A", id=i)
            queries[client] = query.to_wire()
            crowd.send(client, queries[client])
            if (i + 1) % GROUP == 0:
                until(lambda n=i: len(dnsfw.out.lines) > n,
                      what=f"{i + 1} queries in the log")
        query, peer = server.recvfrom(65535)
        server.sendto(answer_to(query, TRUE), peer)
        answers = dict(crowd.receive() for _ in clients)
    assert nothing_more(server), "more than one exchange"
    assert set(answers) == set(clients)
    for client, wire in answers.items():
        # Its own id, and its own spelling; the answer is the same for all.
        size = len(queries[client])
        assert wire[:2] == queries[client][:2]
        assert wire[12:size] == queries[client][12:]
        assert wire[-4:] == socket.inet_aton("10.78.1.1")


@pytest.mark.parametrize("size", [512, 1232, 1233, 4096])
def test_D12_sharing_with_edns(lab, server, size):
    """What goes upstream announces less, but it is still one question."""
    dnsfw = lab.dnsfw(f"{CROWD} ~> *.example.com", upstream=SERVER4)
    crowd = Crowd(lab)
    clients = [CROWD[1], CROWD[2], CROWD[3]]
    query = dns.message.make_query(NAME, "A", use_edns=0, payload=size)
    with contextlib.closing(crowd.sock):
        for client in clients:
            crowd.send(client, query.to_wire())
        until(lambda: len(dnsfw.out.lines) == len(clients))
        wire, peer = server.recvfrom(65535)
        server.sendto(answer_to(wire, TRUE), peer)
        answers = dict(crowd.receive() for _ in clients)
    assert nothing_more(server), "more than one exchange"
    assert set(answers) == set(clients)
