"""Grants under way: deadlines, shares, and equal ones (D22, D23)."""

import concurrent.futures
import signal
import socket
import time

import dns.edns
import dns.message
import dns.rcode
import pytest

from lab import (ALLOW, CLIENT4, CLIENT6, GATEWAY4, OTHER4, PORT,
                 addresses_of, receive_tcp, send_tcp, ttls_of)
from process import stopped, until

PORTS = range(PORT, PORT + 4)
ADDRESSES = 64
PER_NAME = ADDRESSES * len(PORTS)
SHARE = 4096        # grants under way of one client
TEXT = "the firewall did not answer in time"
MANY = "".join(f"{client} -> *.example.com:TCP:{port}\n"
               for client in (CLIENT4, OTHER4) for port in PORTS)
BOTH = ALLOW + f"\n{OTHER4} ~> *\n"


def ede_of(answer):
    return [(int(option.code), option.text) for option in answer.options
            if option.otype == dns.edns.EDE]


def name_of_many(lab, number):
    name = f"crowd{number}.example.com"
    lab.upstream.add(name, 900, "A", *(f"10.100.{number}.{i}"
                                       for i in range(1, ADDRESSES + 1)))
    return name


class Pipe:
    """A connection on which a client asks without waiting."""

    def __init__(self, lab, client):
        self._sock = lab.client_socket(client, socket.SOCK_STREAM)
        self._sock.connect((GATEWAY4, 53))

    def send(self, number, name):
        send_tcp(self._sock, dns.message.make_query(
            name, "A", id=number, use_edns=0).to_wire())

    def receive(self):
        answer = dns.message.from_wire(receive_tcp(self._sock))
        return answer.id, answer

    def close(self):
        self._sock.close()


@pytest.fixture
def pipe(lab):
    pipes = []

    def connect(client):
        pipes.append(Pipe(lab, client))
        return pipes[-1]

    yield connect
    for one in pipes:
        one.close()


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_D23_a_grant_that_is_not_acknowledged_is_servfail(lab, fw, tcp):
    server = lab.dnsfw(BOTH, "--timeout", "2", fw=fw)
    sites = [lab.site() for _ in range(3)]
    known = lab.site()
    lab.resolve(known)
    with stopped(server.pid):
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            asked = [pool.submit(lab.ask, site.name, "A", CLIENT4, tcp,
                                 use_edns=0) for site in sites]
            server.out.wait_for(rf"-> \[\d+\] {sites[2].name}")
            # Others need no firewall, and what is known costs nothing: they
            # have no error, as they would if they waited for the keeper.
            lab.resolve(lab.site(), OTHER4, tcp)
            lab.resolve(known, CLIENT4, tcp)
            answers = [one.result() for one in asked]
        assert time.monotonic() - begin > 1.9
        for answer in answers:
            assert answer.rcode() == dns.rcode.SERVFAIL
            assert not answer.answer
            assert ede_of(answer) == [(0, TEXT)]
    server.out.wait_for(rf"<! \[\d+\] .*{TEXT}|<! \[\d+\] {TEXT}")
    server.err.wait_for(r"1 answer turned away: the firewall did not")
    # What was sent is granted all the same, and known then.
    until(lambda: len(fw.entries()) == 4)
    for site in sites:
        lab.resolve(site, CLIENT4, tcp)
        assert lab.reaches(site.v4)
    assert sum("did not acknowledge" in line for line in server.err.lines) == 1


def test_D23_places_come_back_while_the_firewall_is_stuck(lab, fw):
    """More than there are, and each of them."""
    server = lab.dnsfw(ALLOW, "--timeout", "1", "--max-connections", "64",
                       fw=fw)
    with stopped(server.pid), lab.client_socket(
            CLIENT4, socket.SOCK_DGRAM) as sock:
        sock.connect((GATEWAY4, 53))
        for batch in range(3):
            sites = [lab.site() for _ in range(64)]
            for number, site in enumerate(sites):
                sock.send(dns.message.make_query(
                    site.name, "A", id=number, use_edns=0).to_wire())
            answers = [dns.message.from_wire(sock.recv(4096))
                       for _ in sites]
            assert {str(ede_of(answer)) for answer in answers} == {
                str([(0, TEXT)])}, batch
    until(lambda: len(fw.entries()) == 3 * 64)
    lab.resolve(lab.site())


def test_D22_one_clients_many_grants_leave_room_for_another(lab, fw, pipe):
    """64 addresses on 4 ports; the kernel is not asked meanwhile."""
    server = lab.dnsfw(MANY, fw=fw)
    fits, more = SHARE // PER_NAME, 60
    site = lab.site()
    names = [name_of_many(lab, number) for number in range(fits + more)]
    hoarder, other = pipe(CLIENT4), pipe(OTHER4)
    with stopped(server.pid):
        for number, name in enumerate(names):
            hoarder.send(number, name)
        refused = [hoarder.receive()[1] for _ in range(more)]
        assert {str(ede_of(answer)) for answer in refused} == {
            str([(0, "too many grants under way")])}
        other.send(1, site.name)
        server.out.wait_for(rf"{OTHER4} -> \[1\] {site.name}")
    assert addresses_of(other.receive()[1]) == [site.v4]
    for _ in range(fits):
        assert len(addresses_of(hoarder.receive()[1])) == ADDRESSES
    assert len(fw.entries()) == SHARE + len(PORTS)
    assert lab.reaches(site.v4, OTHER4)
    # Once a minute, with the number.
    server.err.wait_for(r"\b1 answer turned away.*too many grants")
    assert sum("too many grants" in line for line in server.err.lines) == 1


def test_D23_equal_grants_under_way_are_one(lab, fw, pipe):
    """Answers to one name, and to another with the same addresses, of which
    the keeper hears, too (G15)."""
    server = lab.dnsfw(MANY, fw=fw)
    name = name_of_many(lab, 0)
    same = "same.example.com"
    lab.upstream.add(same, 900, "A", *(f"10.100.0.{i}"
                                       for i in range(1, ADDRESSES + 1)))
    client = pipe(CLIENT4)
    count = 40
    with stopped(server.pid):
        for number in range(count):
            client.send(number, same if number % 2 else name)
            server.out.wait_for(rf"-> \[{number}\]")
        # The answers are there as well.
        lab.upstream.wait_for(same, 1)
    for _ in range(count):
        assert len(addresses_of(client.receive()[1])) == ADDRESSES
    server.signal(signal.SIGUSR1)
    asked = server.err.wait_for(r"grants: asked (\d+), known")
    assert int(asked[1]) == 2 * PER_NAME
    assert len(fw.entries()) == PER_NAME


def test_G5_addresses_of_another_family_do_not_count(lab, fw):
    """256 ports for 4 addresses of the client's family fit; 60 others do not."""
    lab.dnsfw("".join(f"{CLIENT6} -> *.example.com:TCP:{port}\n"
                      for port in range(1000, 1256)), fw=fw)
    name = "mixed.example.com"
    lab.upstream.behave(name, lambda request: [request.reply(
        f"{name} 60 IN AAAA " + "fd78::1", *(
            f"{name} 60 IN A 10.78.9.{i}" for i in range(1, 40)))])
    answer = lab.ask(name, "AAAA", client=CLIENT6, tcp=True)
    assert answer.rcode() == dns.rcode.NOERROR
    assert len(fw.entries()) == 256


def test_G2_a_longer_answer_while_a_shorter_grant_is_under_way(lab, fw, pipe):
    """No TTL that leaves is longer than the kernel's entry."""
    server = lab.dnsfw(MANY, fw=fw)
    site = lab.site(ttl=30)
    long = "long.example.com"
    lab.upstream.add(long, 3000, "A", site.v4)
    client = pipe(CLIENT4)
    with stopped(server.pid):
        client.send(1, site.name)
        server.out.wait_for(r"-> \[1\]")
        client.send(2, long)
        server.out.wait_for(r"-> \[2\]")
        lab.upstream.wait_for(long, 1)
    answers = dict(client.receive() for _ in range(2))
    left = {entry.timeout for entry in fw.entries()}
    assert len(fw.entries()) == len(PORTS)
    assert min(left) > 2900
    assert ttls_of(answers[1]) == [30]
    assert ttls_of(answers[2]) == [3000]


@pytest.mark.parametrize("when", ["waiting", "late"])
def test_A9_a_new_list_while_a_grant_is_under_way(lab, fw, pipe, when):
    """What the new list does not give is not answered, nor left granted."""
    server = lab.dnsfw(BOTH, "--timeout", "2", fw=fw)
    site = lab.site()
    argv = server.popen.args
    client = pipe(CLIENT4)
    with stopped(server.pid):
        client.send(1, site.name)
        server.out.wait_for(r"-> \[1\]")
        if when == "late":
            assert client.receive()[1].rcode() == dns.rcode.SERVFAIL
        with open(argv[argv.index("--acl-file") + 1], "w",
                  encoding="utf-8") as file:
            file.write(f"{CLIENT4} -> other.example.com:TCP:{PORT}\n")
        server.signal(signal.SIGHUP)
    server.err.wait_for("the ACL was reloaded")
    if when == "waiting":
        answer = client.receive()[1]
        # Decided again, or revoked after it was there.
        assert answer.rcode() in (dns.rcode.SERVFAIL, dns.rcode.NOERROR)
    until(lambda: not fw.entries())

    def is_refused():
        """A worker on a slow machine may have the new list a moment later."""
        rcode = lab.ask(site.name).rcode()
        assert rcode in (dns.rcode.SERVFAIL, dns.rcode.REFUSED)
        return rcode == dns.rcode.REFUSED

    until(is_refused)
    assert not fw.entries()
    lab.site(name="other.example.com")
    assert lab.ask("other.example.com").answer


def test_D23_a_client_that_closes_while_its_grant_is_under_way(lab, fw, pipe):
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site()
    client = pipe(CLIENT4)
    with stopped(server.pid):
        client.send(1, site.name)
        server.out.wait_for(r"-> \[1\]")
        client.close()
        # Another waits for the same grant.
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asked = pool.submit(lab.resolve, site)
            server.out.wait_for(rf"-> \[(?!1\])\d+\] {site.name}")
            server.signal(signal.SIGCONT)
            asked.result()
    assert lab.reaches(site.v4)
