"""Upstreams that say no, and questions that cannot be sent (D6, D15)."""

import re
import socket
import time

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest

from lab import (ALLOW, CLIENT4, DNS4, DNS6, GATEWAY4, OTHER4, addresses_of)
from process import TOO_LONG, until
from test_real_upstreams import UNBOUND, ZONE, named
from upstream import Later

pytestmark = pytest.mark.inputs

RESOLVE_ALL = f"{CLIENT4} ~> *\n{OTHER4} ~> *"
NAME = "www.example.com"
TRUE = f"{NAME}. 60 IN A 10.78.1.1"
CODES = [dns.rcode.FORMERR, dns.rcode.SERVFAIL, dns.rcode.NOTIMP,
         dns.rcode.REFUSED]
WAYS = [(False, ()), (True, ()), (False, ("--upstream-transport", "tcp"))]
WAY_NAMES = ["by_udp", "by_tcp", "by_option"]
BY = pytest.mark.parametrize("tcp, options", WAYS, ids=WAY_NAMES)


def header(request, rcode):
    """An error without a question, nor anything else."""
    return request.wire[:2] + bytes([0x81, 0x80 | rcode]) + bytes(8)


def whole(request, rcode):
    return request.reply(rcode=rcode)


def asked(lab, name=NAME):
    return [request.local[0] for request in lab.upstream.requests(name)]


def behave(lab, first, second, name=NAME):
    lab.upstream.behave(name, lambda request: (
        first if request.local[0] == DNS4 else second)(request))


@BY
@pytest.mark.parametrize("make", [whole, header])
def test_D6_the_next_upstream_is_asked_after_an_error(lab, make, tcp,
                                                      options):
    server = lab.dnsfw(RESOLVE_ALL, "--upstream", DNS6, *options)
    for number, rcode in enumerate(CODES * 2):
        name = f"{number}.example.com"
        behave(lab, lambda request, rcode=rcode: [make(request, rcode)],
               lambda request, name=name: [
                   request.reply(f"{name}. 60 IN A 10.78.1.1")], name)
        assert addresses_of(lab.ask(name, tcp=tcp)) == ["10.78.1.1"]
        # That one says no does not make it silent, as waiting for it would.
        assert asked(lab, name) == [DNS4, DNS6]
    assert "does not answer" not in str(server.err)
    assert not any("<!" in line for line in server.out.lines)


@BY
@pytest.mark.parametrize("make", [whole, header])
def test_D6_the_last_error_is_the_answer_for_all(lab, fw, make, tcp, options):
    lab.dnsfw(f"{ALLOW}{OTHER4} ~> *.example.com", "--upstream", DNS6,
              *options, fw=fw)
    wire = []

    def last(request):
        reply = request.reply(rcode=dns.rcode.SERVFAIL)
        reply.use_edns(0, payload=1232, options=[
            dns.edns.GenericOption(15, b"\0\6bogus")])
        wire.append(reply.to_wire())
        return [Later(0.3, reply)]

    behave(lab, lambda request: [make(request, dns.rcode.REFUSED)], last)
    kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
    if tcp:
        answers = [lab.exchange(dns.message.make_query(
            NAME, "A", use_edns=0).to_wire(), tcp=True)]
    else:
        with lab.client_socket(CLIENT4, kind) as one, \
                lab.client_socket(OTHER4, kind) as other:
            for sock in (one, other):
                sock.connect((GATEWAY4, 53))
                sock.send(dns.message.make_query(NAME, "A",
                                                 use_edns=0).to_wire())
            answers = [one.recv(4096), other.recv(4096)]
        assert asked(lab) == [DNS4, DNS6]
    for answer in answers:
        assert answer[2:] == wire[0][2:]
    assert fw.entries() == []


@pytest.mark.parametrize("rcode", [dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN,
                                   dns.rcode.NOTAUTH])
def test_D6_what_is_an_answer_asks_nobody_else(lab, rcode):
    lab.dnsfw(RESOLVE_ALL, "--upstream", DNS6)
    behave(lab, lambda request: [request.reply(rcode=rcode)],
           lambda request: [request.reply(TRUE)])
    assert lab.ask(NAME).rcode() == rcode
    assert asked(lab) == [DNS4]


def test_D6_an_error_waits_for_who_was_asked_before(lab):
    """The first one is slow, the second one says no meanwhile."""
    lab.dnsfw(RESOLVE_ALL, "--upstream", DNS6)
    behave(lab, lambda request: [Later(1.6, request.reply(TRUE))],
           lambda request: [request.reply(rcode=dns.rcode.REFUSED)])
    assert addresses_of(lab.ask(NAME)) == ["10.78.1.1"]
    assert asked(lab) == [DNS4, DNS6]


@BY
def test_D6_an_error_is_better_than_silence(lab, tcp, options):
    server = lab.dnsfw(RESOLVE_ALL, "--upstream", DNS6, "--timeout", "2",
                       *options)
    behave(lab, lambda request: [header(request, dns.rcode.REFUSED)],
           lambda request: [])
    assert lab.ask(NAME, tcp=tcp).rcode() == dns.rcode.REFUSED
    server.out.wait_for("<! .* upstream error REFUSED")


def test_D6_an_error_is_better_than_nobody(lab):
    """ICMP says that the second one is not there."""
    lab.internet.run("ip", "address", "add", "203.0.113.1", "dev", "lo")
    lab.gateway.run("ip", "route", "add", "203.0.113.1", "via", DNS4)
    lab.dnsfw(RESOLVE_ALL, "--upstream", "203.0.113.1", "--timeout", TOO_LONG)
    lab.upstream.behave(NAME, lambda request: [
        header(request, dns.rcode.NOTIMP)])
    assert lab.ask(NAME).rcode() == dns.rcode.NOTIMP


def test_D6_a_client_that_asks_again_has_the_error_at_once(lab):
    """Its second question started another try, whose answer is lost."""
    lab.dnsfw(RESOLVE_ALL, "--timeout", TOO_LONG)
    replies = iter([lambda r: [Later(1, header(r, dns.rcode.REFUSED))],
                    lambda r: []])
    lab.upstream.behave(NAME, lambda request: next(replies)(request))
    query = dns.message.make_query(NAME, "A").to_wire()
    with lab.client_socket(CLIENT4, socket.SOCK_DGRAM) as sock:
        sock.connect((GATEWAY4, 53))
        sock.send(query)
        first = lab.upstream.wait_for(NAME)[0].time
        # Before that it is no second question.
        until(lambda: time.monotonic() > first + 0.6)
        sock.send(query)
        lab.upstream.wait_for(NAME, 2)
        # One answer for both (D24).
        answer = dns.message.from_wire(sock.recv(512))
        assert answer.rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize("options", [(), ("--randomize-case",)],
                         ids=["plain", "random_case"])
def test_D15_short_errors_have_all_else_of_D5(lab, options):
    """Another id, another opcode, no error: passed over."""
    def junk(request):
        good = header(request, dns.rcode.REFUSED)
        return [bytes([good[0] ^ 1]) + good[1:],
                good[:2] + bytes([good[2] | 0x10]) + good[3:],
                good[:2] + bytes([good[2] & 0x7f]) + good[3:],
                header(request, 0), request.reply(TRUE)]

    lab.dnsfw(RESOLVE_ALL, *options)
    lab.upstream.behave(NAME, junk)
    assert addresses_of(lab.ask(NAME)) == ["10.78.1.1"]


# Real ones.

def start_unbound(lab, address, access=""):
    (lab.tmp / "zone").write_text(ZONE)
    config = lab.tmp / f"unbound-{address.replace(':', '-')}"
    config.write_text(UNBOUND.format(tmp=lab.tmp, address=address).replace(
        "    access-control: 0.0.0.0/0 allow\n", access))
    process = lab.start(["unbound", "-d", "-c", str(config)],
                        namespace=lab.internet)
    process.err.wait_for("start of service")


@BY
def test_D15_unbound_that_does_not_know_the_client(lab, tcp, options):
    """Its default: REFUSED without a question."""
    start_unbound(lab, DNS4)
    server = lab.start_dnsfw(RESOLVE_ALL, "--timeout", TOO_LONG, *options)
    server.err.wait_for("Server started")
    for number in range(4):
        answer = lab.ask(f"{number}.{NAME}", tcp=tcp)
        assert answer.rcode() == dns.rcode.REFUSED
    assert "does not answer" not in str(server.err)


def test_D15_unbound_that_does_not_know_the_client_and_one_that_does(lab):
    start_unbound(lab, DNS4)
    start_unbound(lab, DNS6, "    access-control: ::/0 allow\n")
    server = lab.start_dnsfw(RESOLVE_ALL, "--upstream", DNS6)
    server.err.wait_for("Server started")
    for _ in range(2):
        assert addresses_of(lab.ask(NAME)) == ["10.78.1.1"]


def test_D1_cookies_of_bind_stay_there(lab):
    """A client that has them once demands them for ever (RFC 7873 5.3)."""
    process = lab.start(named(lab), namespace=lab.internet)
    cookie = dns.edns.GenericOption(10, b"12345678")
    query = dns.message.make_query(NAME, "A", use_edns=0, options=[cookie])

    def direct():
        with lab.gateway.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(1)
            sock.connect((DNS4, 53))
            sock.send(query.to_wire())
            try:
                return dns.message.from_wire(sock.recv(4096))
            except (OSError, TimeoutError):
                return None

    answer = until(lambda: process.popen.poll() is not None or direct())
    assert [option.otype for option in answer.options] == [10]
    server = lab.start_dnsfw(f"{ALLOW}{CLIENT4} -| local.example.com = "
                             "192.0.2.1\n")
    server.err.wait_for("Server started")
    for name, rcode in ((NAME, "NOERROR"), ("local.example.com", "NOERROR"),
                        ("www.example.net", "REFUSED")):
        for tcp in (False, True):
            answer = lab.ask(name, use_edns=0, options=[cookie], tcp=tcp)
            assert dns.rcode.to_text(answer.rcode()) == rcode
            assert 10 not in [option.otype for option in answer.options]


# What cannot be sent.

def drop(lab, what):
    lab.gateway.run("nft", "-f", "-", text=f"""
        table inet blocked {{
            chain output {{
                type filter hook output priority 0
                udp dport 53 {what} counter drop
            }}
        }}""")


def dropped(lab):
    text = lab.gateway.run("nft", "list", "table", "inet", "blocked")
    return int(re.search(r"counter packets (\d+)", text)[1])


@pytest.mark.parametrize("more", [(), ("--upstream", DNS6)],
                         ids=["one_upstream", "two_upstreams"])
@pytest.mark.parametrize("times", [1, 4])
def test_D6_what_cannot_be_sent_is_sent_again(lab, more, times):
    """Firewalld is loaded anew in 60 ms, an address renewed in a second."""
    server = lab.dnsfw(RESOLVE_ALL, *more)
    count = 2 * times if more else times
    drop(lab, f"limit rate 1/day burst {count} packets")
    lab.resolve(lab.site())
    assert dropped(lab) == count
    assert "does not answer" not in str(server.err)


def test_D6_what_can_never_be_sent_is_servfail_soon(lab):
    server = lab.dnsfw(RESOLVE_ALL, "--timeout", TOO_LONG)
    drop(lab, "")
    assert lab.ask(NAME).rcode() == dns.rcode.SERVFAIL
    assert dropped(lab) == 5
    server.out.wait_for("<! .* no upstream can be reached")
    assert lab.upstream.received == []


@BY
def test_D6_a_route_that_comes_back(lab, tcp, options):
    """ENETUNREACH at the first try."""
    server = lab.dnsfw(RESOLVE_ALL, "--timeout", TOO_LONG, *options)
    lab.site(name=NAME)
    lab.gateway.run("ip", "route", "add", "unreachable", DNS4)
    assert lab.ask(NAME, tcp=tcp).rcode() == dns.rcode.SERVFAIL
    lab.gateway.run("ip", "route", "del", "unreachable", DNS4)
    assert lab.ask(NAME, tcp=tcp).answer
    assert "does not answer" not in str(server.err)
