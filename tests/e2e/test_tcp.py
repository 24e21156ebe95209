"""DNS over TCP (D7)."""

import contextlib
import fcntl
import select
import socket
import struct
import sys
import termios
import time

import dns.flags
import dns.message
import pytest

from lab import (CLIENT4, GATEWAY4, OTHER4, receive_tcp, send_tcp)
from process import DEADLINE, stopped
from upstream import Later

RESOLVE_ALL = f"{CLIENT4} ~> *\n{OTHER4} ~> *"


def connect(lab, client=CLIENT4):
    sock = lab.client_socket(client, socket.SOCK_STREAM)
    sock.connect((GATEWAY4, 53))
    return sock


def closes(sock):
    """Wait until the other side closes."""
    with contextlib.suppress(ConnectionResetError):
        assert sock.recv(1) == b""


def query(name="www.example.com", rdtype="A"):
    return dns.message.make_query(name, rdtype)


def test_D7_answers_come_as_they_are_ready(lab):
    lab.dnsfw(RESOLVE_ALL)
    for name, delay in (("slow", 0.6), ("middle", 0.3), ("fast", 0)):
        lab.upstream.behave(name, lambda request, delay=delay: [
            Later(delay, request.reply()) if delay else request.reply()])
    queries = {name: query(name) for name in ("slow", "middle", "fast")}
    with connect(lab) as sock:
        for one in queries.values():
            send_tcp(sock, one.to_wire())
        ids = [dns.message.from_wire(receive_tcp(sock)).id for _ in range(3)]
    assert ids == [queries[name].id for name in ("fast", "middle", "slow")]


def test_D7_many_queries_on_one_connection(lab):
    lab.dnsfw(RESOLVE_ALL)
    queries = [query(lab.site().name) for _ in range(100)]
    with connect(lab) as sock:
        for one in queries:
            send_tcp(sock, one.to_wire())
        answers = [dns.message.from_wire(receive_tcp(sock)) for _ in queries]
        assert {a.id: a.question for a in answers} == {
            q.id: q.question for q in queries}
        # And later ones, too.
        send_tcp(sock, queries[0].to_wire())
        assert receive_tcp(sock)


def test_D7_a_message_in_single_octets(lab):
    lab.dnsfw(RESOLVE_ALL)
    lab.site(name="www.example.com")
    one = query()
    wire = one.to_wire()
    with connect(lab) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in struct.pack("!H", len(wire)) + wire:
            sock.send(bytes([octet]))
        assert one.is_response(dns.message.from_wire(receive_tcp(sock)))


def test_D7_two_messages_in_one_segment(lab):
    lab.dnsfw(RESOLVE_ALL)
    lab.site(name="www.example.com")
    wires = [query().to_wire(), query(rdtype="AAAA").to_wire()]
    with connect(lab) as sock:
        sock.send(b"".join(struct.pack("!H", len(w)) + w for w in wires))
        assert {receive_tcp(sock)[:2], receive_tcp(sock)[:2]} == {
            wire[:2] for wire in wires}


def test_D7_answers_arrive_although_the_client_sends_no_more(lab):
    lab.dnsfw(RESOLVE_ALL)
    lab.upstream.behave("www.example.com", lambda request: [
        Later(0.2, request.reply("www.example.com. 60 IN A 10.78.1.1"))])
    with connect(lab) as sock:
        send_tcp(sock, query().to_wire())
        sock.shutdown(socket.SHUT_WR)
        assert dns.message.from_wire(receive_tcp(sock)).answer


@pytest.mark.parametrize("sent", [b"", b"\0", struct.pack("!H", 40) + b"ab"],
                         ids=["idle", "half_length", "partial"])
def test_D7_idle_and_partial_connections_end(lab, sent):
    lab.dnsfw(RESOLVE_ALL, "--timeout", "1")
    begin = time.monotonic()
    with connect(lab) as sock:
        sock.send(sent)
        closes(sock)
        assert time.monotonic() - begin >= 0.5


def test_D7_slow_sender_ends_although_it_is_not_idle(lab):
    lab.dnsfw(RESOLVE_ALL, "--timeout", "1")
    with connect(lab) as sock:
        end = time.monotonic() + DEADLINE
        with pytest.raises(OSError):
            sock.settimeout(0.2)
            sock.send(struct.pack("!H", 400))
            while time.monotonic() < end:
                sock.send(b"x")
                try:
                    if sock.recv(1) == b"":
                        raise ConnectionResetError
                except TimeoutError:
                    pass


def test_D7_busy_connection_is_not_ended(lab):
    """The upstream takes longer than half of the timeout, each time."""
    lab.dnsfw(RESOLVE_ALL, "--timeout", "2")
    lab.upstream.behave("www.example.com", lambda request: [
        Later(1.2, request.reply())])
    with connect(lab) as sock:
        for _ in range(3):
            send_tcp(sock, query().to_wire())
            assert dns.message.from_wire(receive_tcp(sock)).rcode() == 0


def test_D7_connections_are_limited_and_the_service_goes_on(lab):
    lab.dnsfw(RESOLVE_ALL, "--max-connections", "20", "--timeout", "2")
    lab.site(name="www.example.com")
    flood = [connect(lab) for _ in range(100)]
    try:
        # UDP works meanwhile, and so does TCP when they are gone.
        assert lab.ask("www.example.com").answer
    finally:
        for sock in flood:
            sock.close()
    assert lab.ask("www.example.com", tcp=True).answer


def test_D7_one_client_cannot_take_all_connections(lab):
    lab.dnsfw(RESOLVE_ALL, "--max-connections", "40", "--timeout", "60")
    lab.site(name="www.example.com")
    flood = [connect(lab) for _ in range(100)]
    try:
        assert lab.ask("www.example.com", client=OTHER4, tcp=True).answer
    finally:
        for sock in flood:
            sock.close()


def test_D7_client_that_takes_no_answers_does_not_stop_others(lab):
    lab.dnsfw(RESOLVE_ALL, "--timeout", "2")
    lab.site(name="www.example.com")
    lab.upstream.behave("big.example.com", lambda request: [request.reply(*(
        f'big.example.com. 60 IN TXT "{number:0250}"'
        for number in range(200)))])
    wire = query("big.example.com", "TXT").to_wire()
    with lab.client_socket(CLIENT4, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect((GATEWAY4, 53))
        for _ in range(50):
            send_tcp(sock, wire)
        for _ in range(5):
            assert lab.ask("www.example.com", tcp=True).answer
            assert lab.ask("www.example.com").answer


def octets_sent_ahead(sock):
    """What the other side's kernel takes, if its program reads nothing."""
    sock.setblocking(False)
    sent = 0
    while select.select([], [sock], [], 1)[1]:
        sent += sock.send(bytes(1 << 16))
    left = fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4))
    return sent - int.from_bytes(left, sys.byteorder)


def test_D21_a_client_sends_little_ahead(lab):
    """Each time something is read, the kernel takes the next in our time."""
    server = lab.dnsfw(RESOLVE_ALL)
    with connect(lab) as sock, stopped(server.children()[-1]):
        assert octets_sent_ahead(sock) <= 1 << 15


def test_D6_truncation_over_udp_then_tcp(lab):
    lab.dnsfw(RESOLVE_ALL)

    def truncated(request):
        if request.proto == "tcp":
            return [request.reply("www.example.com. 60 IN TXT full")]
        reply = request.reply()
        reply.flags |= dns.flags.TC
        return [reply]

    lab.upstream.behave("www.example.com", truncated)
    assert lab.ask("www.example.com", "TXT").flags & dns.flags.TC
    assert lab.ask("www.example.com", "TXT", tcp=True).answer
