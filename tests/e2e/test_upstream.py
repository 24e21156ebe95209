"""The way to the upstream and back (D5, D6, D10, D11)."""

import concurrent.futures
import os
import re
import signal
import socket
import time

import dns.flags
import dns.message
import dns.name
import dns.rcode
import pytest

from lab import (ALLOW, CLIENT4, DNS4, DNS6, GATEWAY4, READY,
                 addresses_of)
from process import DEADLINE, TOO_LONG, until
from upstream import Close, Later

RESOLVE_ALL = f"{CLIENT4} ~> *"
NOWHERE = "203.0.113.1"
SERVFAIL = dns.rcode.SERVFAIL
TRUE = "www.example.com. 60 IN A 10.78.1.1"
FALSE = "www.example.com. 60 IN A 10.78.66.66"

# How a client asks, and the options with which dnsfw asks the upstream.
WAYS = [(False, ()), (True, ()), (False, ("--upstream-transport", "tcp"))]
WAY_NAMES = ["by_udp", "by_tcp", "by_option"]


def test_D5_ports_and_ids_are_fresh(lab):
    lab.dnsfw(RESOLVE_ALL)
    ids = []
    for _ in range(100):
        query = dns.message.make_query(lab.site().name, "A")
        ids.append(query.id)
        lab.exchange(query.to_wire())
    ports = [request.peer[1] for request in lab.upstream.received]
    sent = [request.message.id for request in lab.upstream.received]
    # Of 28,232 and 65,536: more than five that are equal is no chance.
    assert len(ports) == 100
    assert len(set(ports)) > 94 and len(set(sent)) > 94
    assert sum(a == b for a, b in zip(ids, sent)) < 3
    assert sum(abs(a - b) < 3 for a, b in zip(ports, ports[1:])) < 5
    assert sum(abs(a - b) < 3 for a, b in zip(sent, sent[1:])) < 5


def other_id(request):
    reply = request.reply(FALSE)
    reply.id ^= 1
    return reply


def other_name(request):
    return request.reply(FALSE).to_wire().replace(b"\3www", b"\3wwx", 1)


def other_type(request):
    return request.reply(FALSE).to_wire().replace(
        b"\3com\0\0\x01", b"\3com\0\0\x1c", 1)


def no_question(request):
    reply = request.reply(FALSE)
    reply.question = []
    return reply


def a_query(request):
    reply = request.reply(FALSE)
    reply.flags &= ~dns.flags.QR
    return reply


def other_opcode(request):
    wire = bytearray(request.reply(FALSE).to_wire())
    wire[2] |= 0x10
    return bytes(wire)


@pytest.mark.parametrize("junk", [
    other_id, other_name, other_type, no_question, a_query, other_opcode,
    lambda request: b"", lambda request: request.wire[:11],
    lambda request: b"\xff" * 600,
], ids=["id", "name", "type", "no_question", "query", "opcode", "empty",
        "short", "noise"])
@pytest.mark.parametrize("tcp, options", WAYS[::2], ids=WAY_NAMES[::2])
def test_D11_what_does_not_match_is_passed_over(lab, fw, junk, tcp, options):
    lab.dnsfw(ALLOW, *options, fw=fw)
    lab.upstream.behave("www.example.com", lambda request: [
        junk(request), junk(request), request.reply(TRUE)])
    assert addresses_of(lab.ask("www.example.com", tcp=tcp)) == ["10.78.1.1"]
    assert [entry.address for entry in fw.entries()] == ["10.78.1.1"]


def test_D5_answers_from_elsewhere_are_passed_over(lab):
    """The right id and question, from another address and another port."""
    lab.dnsfw(RESOLVE_ALL)
    lab.internet.run("ip", "address", "add", "10.77.2.9/24", "dev", "wan")
    forgers = []
    for address in (("10.77.2.9", 53), (DNS4, 5353)):
        forger = lab.internet.socket(socket.AF_INET, socket.SOCK_DGRAM)
        forger.bind(address)
        forgers.append(forger)

    def answer(request):
        for forger in forgers:
            forger.sendto(request.reply(FALSE).to_wire(), request.peer)
        return [Later(0.2, request.reply(TRUE))]

    lab.upstream.behave("www.example.com", answer)
    assert addresses_of(lab.ask("www.example.com")) == ["10.78.1.1"]
    for forger in forgers:
        forger.close()


def test_D5_late_answer_does_not_answer_another_query(lab):
    lab.dnsfw(RESOLVE_ALL, "--timeout", "1")
    lab.upstream.behave("late.example.com", lambda request: [
        Later(1.5, request.reply("late.example.com. 60 IN A 10.78.66.1"))])
    assert lab.ask("late.example.com").rcode() == SERVFAIL
    for _ in range(5):
        site = lab.site()
        lab.upstream.behave(site.name, lambda request, site=site: [
            Later(0.2, request.reply(f"{site.name}. 60 IN A {site.v4}"))])
        assert addresses_of(lab.ask(site.name)) == [site.v4]


@pytest.mark.parametrize("tcp, options", WAYS, ids=WAY_NAMES)
def test_D6_silent_upstream_is_servfail_in_time(lab, tcp, options):
    server = lab.dnsfw(RESOLVE_ALL, "--timeout", "2", *options)
    lab.upstream.behave("www.example.com", lambda request: [])
    begin = time.monotonic()
    answer = lab.ask("www.example.com", tcp=tcp, use_edns=0)
    assert answer.rcode() == SERVFAIL
    assert time.monotonic() - begin >= 1.5
    assert answer.flags & dns.flags.RA
    assert any(option.otype == 15 for option in answer.options)
    server.out.wait_for(rf"^{CLIENT4} <! \[\d+\] .+")


def test_D6_a_silent_upstream_is_told(lab):
    """Once a minute, whoever asks for what."""
    server = lab.dnsfw(RESOLVE_ALL, "--timeout", "1")
    lab.upstream.behave("www.example.com", lambda request: [])
    for _ in range(3):
        assert "does not answer" not in str(server.err)
        assert lab.ask("www.example.com").rcode() == SERVFAIL
    server.err.wait_for(rf"\[WARN \] .*{DNS4} does not answer$")
    for _ in range(2):
        lab.resolve(lab.site())
    server.err.wait_for(rf"{DNS4} answers again$")
    for _ in range(3):
        lab.ask("www.example.com")
    lab.resolve(lab.site())
    assert sum("answer" in line for line in server.err.lines) == 2


def test_D6_an_answer_that_is_there_is_not_too_late(lab):
    """Its time is over when the worker, which had no processor, sees it."""
    strace = lab.dnsfw(RESOLVE_ALL, "--timeout", "1", wrapper=(
        "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=sendto",
        "-e", "inject=sendto:delay_exit=1300000:when=1"))
    lab.resolve(lab.site())
    (keeper,) = strace.children()
    os.kill(keeper, signal.SIGTERM)       # strace itself would not end for it
    assert strace.wait_exit() == 0


@pytest.mark.parametrize("tcp, options", WAYS, ids=WAY_NAMES)
def test_D6_no_upstream_there_is_servfail(lab, tcp, options):
    server = lab.start_dnsfw(RESOLVE_ALL, "--timeout", "2", *options,
                             upstream="10.77.2.7")
    server.err.wait_for("Server started")
    assert lab.ask("www.example.com", tcp=tcp).rcode() == SERVFAIL


def test_D6_upstream_that_closes_is_servfail(lab):
    lab.dnsfw(RESOLVE_ALL, "--timeout", TOO_LONG)

    def close(request):
        raise Close

    lab.upstream.behave("www.example.com", close)
    assert lab.ask("www.example.com", tcp=True).rcode() == SERVFAIL


@pytest.mark.parametrize("tcp, options", WAYS, ids=WAY_NAMES)
def test_D6_next_upstream_is_tried_before_the_client_gives_up(lab, tcp,
                                                              options):
    lab.dnsfw(RESOLVE_ALL, "--upstream", DNS6, *options)
    site = lab.site(name="www.example.com")
    lab.upstream.behave("www.example.com", lambda request: (
        [] if request.local[0] == DNS4 else
        [request.reply(f"{site.name}. 60 IN A {site.v4}")]))
    assert addresses_of(lab.ask("www.example.com", tcp=tcp)) == [site.v4]


def test_D6_an_upstream_without_a_route_is_not_silent(lab):
    """It is asked first as soon as there is one."""
    lab.gateway.run("ip", "route", "add", "unreachable", NOWHERE)
    server = lab.dnsfw(RESOLVE_ALL, "--upstream", DNS4, upstream=NOWHERE)
    for _ in range(5):
        lab.resolve(lab.site())
    lab.gateway.run("ip", "route", "replace", NOWHERE, "via", DNS4)
    lab.internet.run("ip", "address", "add", NOWHERE, "dev", "lo")
    lab.start_upstream(NOWHERE)
    begin = len(lab.upstream.received)
    assert lab.ask("www.example.com").rcode() == dns.rcode.NXDOMAIN
    assert len(lab.upstream.received) == begin
    assert "does not answer" not in str(server.err)


def refusing(lab):
    """ICMP says that nobody listens there."""
    lab.internet.run("ip", "address", "add", NOWHERE, "dev", "lo")
    lab.gateway.run("ip", "route", "add", NOWHERE, "via", DNS4)


@pytest.mark.parametrize("make, count", [
    (lambda lab: lab.gateway.run("ip", "route", "add", "unreachable", NOWHERE),
     3), (refusing, 2)], ids=["no_route", "refusing"])
def test_D6_silence_is_counted_once_and_only_where_it_is(lab, make, count):
    """The one upstream is silent, the other one fails at once."""
    make(lab)
    server = lab.dnsfw(RESOLVE_ALL, "--timeout", "3", "--upstream", NOWHERE)
    for number in range(count):
        lab.upstream.behave(f"{number}.example.com", lambda request: [])
    with lab.client_socket(CLIENT4, socket.SOCK_DGRAM) as client:
        client.connect((GATEWAY4, 53))
        for number in range(count):
            client.send(dns.message.make_query(f"{number}.example.com",
                                               "A").to_wire())
        for _ in range(count):
            answer = dns.message.from_wire(client.recv(65535))
            assert answer.rcode() == SERVFAIL
    if count == 3:
        server.err.wait_for(f"{DNS4} does not answer")
    assert f"{NOWHERE} does not answer" not in str(server.err)


SPOIL = {
    "short": lambda wire: wire[:-1],
    "count": lambda wire: wire[:6] + b"\0\x02" + wire[8:],
    "rdlength": lambda wire: wire[:-5] + b"\x05" + wire[-4:],
    "pointer": lambda wire: wire.replace(b"\xc0\x0c", b"\xc0\xff"),
    "label-type": lambda wire: wire.replace(b"\xc0\x0c", b"\x80\x0c"),
}


@pytest.mark.parametrize("tcp", [False, True], ids=["by_udp", "by_tcp"])
def test_D10_broken_answer_is_servfail(lab, fw, tcp):
    """At once over TCP; over UDP in the end, so all are asked together."""
    server = lab.dnsfw(ALLOW, "--timeout", "1", fw=fw)

    def broken(request):
        owner = request.message.question[0].name
        wire = request.reply(f"{owner} 60 IN A 10.78.1.1").to_wire()
        # Compress the owner: the question's name is at octet 12.
        if wire.count(owner.to_wire()) == 2:
            at = wire.rindex(owner.to_wire())
            wire = wire[:at] + b"\xc0\x0c" + wire[
                at + len(owner.to_wire()):]
        return [SPOIL[owner.labels[0].decode()](wire)]

    names = [f"{how}.example.com" for how in SPOIL]
    for name in names:
        lab.upstream.behave(name, broken)
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        for answer in pool.map(lambda name: lab.ask(name, tcp=tcp), names):
            assert answer.rcode() == SERVFAIL
    assert fw.entries() == []
    until(lambda: sum(bool(re.match(rf"{CLIENT4} <! \[\d+\] .", line))
                      for line in server.out.lines) == len(names))


@pytest.mark.parametrize("tcp, options", WAYS, ids=WAY_NAMES)
def test_D6_next_upstream_is_asked_after_a_broken_answer(lab, tcp, options):
    lab.dnsfw(RESOLVE_ALL, "--upstream", DNS6, *options)
    lab.upstream.behave("www.example.com", lambda request: [
        request.reply(TRUE).to_wire()[:-1 if request.local[0] == DNS4
                                      else None]])
    assert addresses_of(lab.ask("www.example.com", tcp=tcp)) == ["10.78.1.1"]


@pytest.mark.long
def test_D6_silent_upstream_is_asked_last_and_looked_at_again(lab):
    server = lab.dnsfw(RESOLVE_ALL, "--timeout", "5", "--upstream", DNS6)
    silent, names = [DNS4], []

    def ask():
        """A new question, which is answered; returns its name."""
        name = f"{len(names)}.example.com"
        names.append(name)
        lab.upstream.behave(name, lambda request: (
            [] if request.local[0] in silent else
            [request.reply(f"{name}. 60 IN A 10.78.1.1")]))
        assert lab.ask(name).answer
        return name

    def asked(name):
        return [request.local[0] for request in lab.upstream.requests(name)]

    for _ in range(3):
        assert asked(ask()) == [DNS4, DNS6]
    server.err.wait_for(f"upstream {DNS4} does not answer: others are asked")
    assert asked(ask()) == [DNS6]
    silent.clear()
    # Every ten seconds, and then not it alone.
    until(lambda: ask() and f"upstream {DNS4} answers again" in
          str(server.err), 2 * DEADLINE)
    until(lambda: [name for name in names[4:]
                   if sorted(asked(name)) == sorted([DNS4, DNS6])])
    assert asked(ask()) == [DNS4]


@pytest.mark.parametrize("more", [(), ("--upstream", DNS6)],
                         ids=["one", "two"])
@pytest.mark.parametrize("tcp, options", WAYS, ids=WAY_NAMES)
def test_D6_upstream_that_refuses_is_servfail_at_once(lab, tcp, options, more):
    """Nobody listens there, and the kernel of that host says so."""
    server = lab.start_dnsfw(RESOLVE_ALL, "--timeout", TOO_LONG, *options,
                             *more)
    server.err.wait_for(READY)
    assert lab.ask("www.example.com", tcp=tcp).rcode() == SERVFAIL
    server.out.wait_for("<! .* no upstream can be reached")
