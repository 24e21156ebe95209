"""ICMP errors, true and forged ones, about questions to the upstream (D6)."""

import concurrent.futures
import itertools
import socket
import struct

import dns.rcode
import pytest

from lab import CLIENT4, CLIENT6, DNS4, DNS6, addresses_of
from process import TOO_LONG, until
from upstream import Later

RESOLVE_ALL = f"{CLIENT4} ~> *\n{CLIENT6} ~> *"
NAME = "www.example.com"
TRUE = f"{NAME}. 60 IN A 10.78.1.1"


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def port_unreachable(request, quote):
    """What says that nobody listens where the request came; it quotes that."""
    address, port = request.peer[:2]
    udp = struct.pack("!HHHH", port, 53, 8 + len(request.wire), 0) + quote
    if ":" in address:
        ip = (struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) +
              socket.inet_pton(socket.AF_INET6, address) +
              socket.inet_pton(socket.AF_INET6, DNS6))
        return struct.pack("!BBHI", 1, 4, 0, 0) + ip + udp
    ip = (struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) +
          socket.inet_aton(address) + socket.inet_aton(DNS4))
    icmp = struct.pack("!BBHI", 3, 3, 0, 0) + ip + udp
    padded = icmp + bytes(len(icmp) % 2)
    return icmp[:2] + struct.pack("!H", checksum(padded)) + icmp[4:]


@pytest.fixture(params=[DNS4, DNS6])
def server(request):
    return request.param


@pytest.fixture
def send_icmp(lab, server):
    family, protocol = socket.AF_INET, socket.IPPROTO_ICMP
    if ":" in server:
        family, protocol = socket.AF_INET6, socket.IPPROTO_ICMPV6
    with lab.internet.entered(), \
            socket.socket(family, socket.SOCK_RAW, protocol) as sock:
        yield lambda request, quote: sock.sendto(
            port_unreachable(request, quote), (request.peer[0], 0))


QUOTES = {
    "no_octet": lambda wire: b"",
    "half_an_id": lambda wire: wire[:1],
    "another_id": lambda wire: bytes([wire[0], wire[1] ^ 1]) + wire[2:],
}


@pytest.mark.parametrize("quote", QUOTES.values(), ids=QUOTES)
def test_D6_who_guesses_the_port_ends_nothing(lab, server, send_icmp, quote):
    """However often: the answer that comes after that counts."""
    program = lab.dnsfw(RESOLVE_ALL, upstream=server)

    def behave(request):
        for _ in range(5):
            send_icmp(request, quote(request.wire))
        return [Later(0.3, request.reply(TRUE))]

    lab.upstream.behave(NAME, behave)
    assert addresses_of(lab.ask(NAME)) == ["10.78.1.1"]
    assert len(lab.upstream.requests(NAME)) == 1
    assert "does not answer" not in str(program.err)


def test_D6_an_error_with_the_id_is_believed(lab, server, send_icmp):
    """As is an answer that has it."""
    lab.dnsfw(RESOLVE_ALL, "--timeout", TOO_LONG, upstream=server)
    lab.upstream.behave(NAME, lambda request: send_icmp(
        request, request.wire) and [])
    assert lab.ask(NAME).rcode() == dns.rcode.SERVFAIL


def test_D6_a_doubtful_error_lets_others_be_asked_sooner(lab, server,
                                                         send_icmp):
    """Before the second that an upstream has: others that were asked for
    sooner, of which there is no error, have to wait for it."""
    other = DNS4 if server == DNS6 else DNS6
    lab.dnsfw(RESOLVE_ALL, "--upstream", other, upstream=server)
    numbers = itertools.count()

    def behave(request):
        if request.local[0] == other:
            return [request.reply(f"{request.name}. 60 IN A 10.78.1.1")]
        if "doubtful" in request.name:
            send_icmp(request, b"")
        return []

    def sooner():
        number = next(numbers)
        names = [f"{word}{number}.example.com"
                 for word in ("silent", "doubtful")]
        for name in names:
            lab.upstream.behave(name, behave)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            silent = pool.submit(lab.ask, names[0])
            lab.upstream.wait_for(names[0])
            for answer in (lab.ask(names[1]), silent.result()):
                assert addresses_of(answer) == ["10.78.1.1"]
        asked = [request.name for request in lab.upstream.received
                 if request.local[0] == other and request.name in names]
        return asked == names[::-1]

    # A machine that is slow for a second proves nothing.
    until(sooner)


def test_D6_an_error_after_the_end_meets_no_other_question(lab, server,
                                                           send_icmp):
    """It was for the same socket, which is used again."""
    program = lab.dnsfw(RESOLVE_ALL, upstream=server)
    first = []

    def behave(request):
        first.append(request)
        return [request.reply(TRUE)]

    def late(request):
        send_icmp(first[0], first[0].wire)
        return [Later(0.3, request.reply(f"next.{NAME}. 60 IN A 10.78.1.2"))]

    lab.upstream.behave(NAME, behave)
    lab.upstream.behave(f"next.{NAME}", late)
    lab.ask(NAME)
    assert addresses_of(lab.ask(f"next.{NAME}")) == ["10.78.1.2"]
    assert "does not answer" not in str(program.err)
