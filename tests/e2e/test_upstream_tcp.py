"""Servers that treat TCP connections badly (D6, D7, RFC 7766)."""

import contextlib
import socket
import struct
import threading
import time

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from lab import (CLIENT4, DNS4, DNS6, GATEWAY4, OTHER4, READY, addresses_of,
                 family_of, receive_tcp, send_tcp)
from process import DEADLINE, stopped, until
from upstream import Close, Later

RESOLVE_ALL = f"{CLIENT4} ~> *\n{OTHER4} ~> *"
BY_TCP = ("--upstream-transport", "tcp")
SO_RCVBUFFORCE = 33     # asm-generic/socket.h; Python has no name for it
NOERROR = dns.rcode.NOERROR
ADDRESS = "10.78.1.1"
STALL = 1       # second without a message on a connection, and it hangs
RESET = struct.pack("ii", 1, 0)   # SO_LINGER: close() is a reset


def query(number, pad=0):
    """A question of its own for each number, which is its id, too."""
    made = dns.message.make_query(
        f"{number}.example.com", "A", use_edns=0,
        options=[dns.edns.GenericOption(dns.edns.PADDING, bytes(pad))])
    made.id = number
    return made.to_wire(max_size=65535)


class Peer:
    """The server's side of one connection."""

    def __init__(self, sock, number):
        self.sock = sock
        self.number = number    # of the server's connections, from 1
        self.asked = []         # messages as they came

    def read(self):
        self.asked.append(dns.message.from_wire(receive_tcp(self.sock)))
        return self.asked[-1]

    def answer(self, question):
        reply = dns.message.make_response(question, recursion_available=True)
        reply.answer.append(dns.rrset.from_text(
            question.question[0].name, 60, "IN", "A", ADDRESS))
        send_tcp(self.sock, reply.to_wire())

    def serve(self):
        """As it should be, to the end."""
        while True:
            self.answer(self.read())


class Server:
    """TCP only; a test's function of a Peer is the conversation."""

    def __init__(self, namespace, talk, address=DNS4, buffer=None):
        self.peers = []
        self._talk = talk
        self.closing = threading.Event()
        self._listener = namespace.socket(family_of(address),
                                          socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                      buffer)
        self._listener.bind((address, 53))
        self._listener.listen(256)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                peer = Peer(self._listener.accept()[0], len(self.peers) + 1)
                self.peers.append(peer)
                threading.Thread(target=self._converse, args=(peer,),
                                 daemon=True).start()

    def _converse(self, peer):
        with contextlib.suppress(EOFError, OSError), peer.sock:
            self._talk(peer)

    def close(self):
        self.closing.set()
        for sock in [self._listener, *(peer.sock for peer in self.peers)]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def serve(lab):
    """Start a Server in the internet."""
    with contextlib.ExitStack() as stack:
        def start(talk, **kwargs):
            server = Server(lab.internet, talk, **kwargs)
            stack.callback(server.close)
            return server
        yield start


def start(lab, *options):
    server = lab.start_dnsfw(RESOLVE_ALL, *BY_TCP, *options)
    server.err.wait_for(READY)
    return server


def udp(lab, client=CLIENT4):
    sock = lab.client_socket(client, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
    sock.connect((GATEWAY4, 53))
    return sock


def rcodes(sock, count):
    answers = [dns.message.from_wire(sock.recv(65535)) for _ in range(count)]
    assert len({answer.id for answer in answers}) == count
    return [answer.rcode() for answer in answers]


def burst(lab, server, count):
    """The rcodes of so many questions that the worker reads at once."""
    with udp(lab) as sock:
        with stopped(server.children()[-1]):
            for number in range(count):
                sock.send(query(number))
        return set(rcodes(sock, count))


def test_D6_answers_before_a_reset_count(lab, serve):
    """What came is taken, though the next write finds the connection reset."""
    reset, done = threading.Event(), threading.Event()

    def talk(peer):
        if peer.number > 1:
            peer.serve()
        first = peer.read()
        assert reset.wait(DEADLINE)
        peer.answer(first)
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        peer.sock.close()
        done.set()

    upstream = serve(talk, buffer=2048)
    server = start(lab)
    with udp(lab) as sock:
        # More than the kernel takes while the upstream does not read.
        for number in range(100):
            sock.send(query(number, 4000))
            server.out.wait_for(rf"~> \[{number}\]")
        with stopped(server.children()[-1]):
            reset.set()
            assert done.wait(DEADLINE)
        assert set(rcodes(sock, 100)) == {NOERROR}
    names = [message.question[0].name.to_text()
             for peer in upstream.peers[1:] for message in peer.asked]
    assert len(names) == len(set(names)) == 99
    assert "0.example.com." not in names


def test_D7_a_message_that_never_ends(lab, serve):
    """Octets are no answers: the connection counts as hung."""
    def talk(peer):
        if peer.number > 1:
            peer.serve()
        peer.read()
        peer.sock.sendall(b"\xff\xff")
        while not upstream.closing.wait(0.1):
            peer.sock.sendall(b"x")

    upstream = serve(talk)
    start(lab, "--timeout", "1")
    assert lab.ask("www.example.com").rcode() == dns.rcode.SERVFAIL
    until(lambda: lab.ask("www.example.com").rcode() == NOERROR)


def test_D6_a_dead_path_is_left_in_time(lab, serve):
    """What was asked on it is asked on another connection."""
    upstream = serve(Peer.serve)
    start(lab)
    assert lab.ask("www.example.com").rcode() == NOERROR
    port = upstream.peers[0].sock.getpeername()[1]
    lab.gateway.run("nft", "-f", "-", text=f"""
        table ip dead {{
            chain output {{
                type filter hook output priority 0
                tcp sport {port} drop
            }}
        }}""")
    assert lab.ask("www.example.com").rcode() == NOERROR
    assert len(upstream.peers) == 2


def one_each(peer):
    peer.answer(peer.read())


def first_only(peer):
    """The others are read, and nothing comes of them."""
    peer.answer(peer.read())
    while True:
        peer.read()


def a_few(peer):
    for _ in range(7):
        peer.answer(peer.read())


def ask_by_tcp(lab, server, count):
    """Clients over TCP, each with a question; all at once.  Their answers."""
    with contextlib.ExitStack() as stack:
        socks = []
        for number in range(count):
            client = (CLIENT4, OTHER4)[number % 2]
            socks.append(stack.enter_context(
                lab.client_socket(client, socket.SOCK_STREAM)))
            socks[-1].connect((GATEWAY4, 53))
        with stopped(server.children()[-1]):
            for number, sock in enumerate(socks):
                send_tcp(sock, query(number))
        answers = [dns.message.from_wire(receive_tcp(sock))
                   for sock in socks]
    assert [answer.id for answer in answers] == list(range(count))
    return {answer.rcode() for answer in answers}


@pytest.mark.parametrize("talk", [one_each, first_only, a_few])
@pytest.mark.parametrize("options", [(), BY_TCP], ids=["udp", "tcp"])
def test_D6_a_hundred_clients_of_one_that_answers_few(lab, serve, talk,
                                                      options):
    """Over TCP; the upstream has no UDP at all."""
    upstream = serve(talk)
    server = lab.start_dnsfw(RESOLVE_ALL, *options)
    server.err.wait_for(READY)
    assert ask_by_tcp(lab, server, 100) == {NOERROR}
    # How few it answers is known now: nothing waits a second any more, to be
    # asked again on another connection.
    before = len(upstream.peers)
    assert ask_by_tcp(lab, server, 20) == {NOERROR}
    if talk != a_few:
        peers = upstream.peers[before:]
        assert len(peers) == 20
        assert all(len(peer.asked) <= 1 for peer in peers)
    assert "does not answer" not in str(server.err)


@pytest.mark.parametrize("talk", [one_each, first_only])
def test_D6_clients_over_udp_of_one_that_answers_few(lab, serve, talk):
    serve(talk)
    assert burst(lab, start(lab), 100) == {NOERROR}


def test_D6_a_connection_on_which_nothing_comes_is_left(lab, serve):
    """Its questions are asked on another one, and it may still answer."""
    late = threading.Event()

    def talk(peer):
        peer.answer(peer.read())
        slow = peer.read()
        if peer.number == 1:
            assert late.wait(DEADLINE)
            peer.answer(slow)
        peer.serve()

    upstream = serve(talk)
    server = start(lab)
    with udp(lab) as sock:
        sock.send(query(1))
        assert rcodes(sock, 1) == [NOERROR]
        begin = time.monotonic()
        sock.send(query(2))
        # It comes on another connection, which answers only its first.
        assert rcodes(sock, 1) == [NOERROR]
        assert time.monotonic() - begin > STALL * 0.9
        assert len(upstream.peers) == 2
        # The first one is not lost: what it says later is passed over.
        late.set()
        assert lab.ask("www.example.com").rcode() == NOERROR
    assert "does not answer" not in str(server.err)


def test_D6_a_slow_answer_comes_on_the_connection_that_was_left(lab):
    """The second question, of a connection that is quiet else."""
    lab.upstream.behave("2.example.com", lambda request: (
        [Later(2.2, request.reply(f"2.example.com. 60 IN A {ADDRESS}"))]
        if len(lab.upstream.requests("2.example.com")) == 1 else []))
    lab.upstream.add("1.example.com", 60, "A", ADDRESS)
    lab.dnsfw(RESOLVE_ALL, *BY_TCP, "--timeout", "6")
    assert lab.ask("1.example.com").rcode() == NOERROR
    assert addresses_of(lab.ask("2.example.com")) == [ADDRESS]
    assert len(lab.upstream.requests("2.example.com")) == 2


def test_D6_a_connection_that_has_answered_nothing_is_not_left(lab):
    """A fresh one would do no better."""
    lab.upstream.behave("www.example.com", lambda request: [])
    server = lab.dnsfw(RESOLVE_ALL, *BY_TCP, "--timeout", "3")
    assert lab.ask("www.example.com").rcode() == dns.rcode.SERVFAIL
    assert len(lab.upstream.requests("www.example.com")) == 1
    assert "<!" in server.out.wait_for("<! .*")[0]


def test_D6_more_is_tried_again_after_a_while(lab, serve):
    """Patience of five seconds, and then one connection has the proof."""
    few = threading.Event()

    def talk(peer):
        if not few.is_set():
            one_each(peer)
        else:
            peer.serve()

    upstream = serve(talk)
    server = start(lab)
    assert burst(lab, server, 20) == {NOERROR}
    few.set()
    first = len(upstream.peers)

    def one_connection():
        before = len(upstream.peers)
        assert burst(lab, server, 20) == {NOERROR}
        return len(upstream.peers) - before <= 1

    assert not one_connection()
    until(one_connection, 2 * DEADLINE)
    assert len(upstream.peers) > first


def test_D6_next_upstream_has_what_one_never_gets_to(lab, serve):
    serve(one_each)
    serve(Peer.serve, address=DNS6)
    assert burst(lab, start(lab, "--upstream", DNS6), 100) == {NOERROR}


def close_at_the_question(peer):
    peer.read()


def reset(peer):
    peer.read()
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def half_an_answer(peer):
    peer.read()
    peer.sock.sendall(b"\0\x50half")


@pytest.mark.parametrize("talk", [
    None, lambda peer: None, close_at_the_question, reset, half_an_answer],
    ids=["refuse", "close", "close_at_the_question", "reset", "half"])
def test_D6_next_upstream_has_what_one_breaks(lab, serve, talk):
    if talk:
        serve(talk)
    serve(Peer.serve, address=DNS6)
    assert burst(lab, start(lab, "--upstream", DNS6), 20) == {NOERROR}


def test_D7_long_questions_leave_room_for_others(lab, serve):
    """The upstream reads nothing for a while, and one client asks much."""
    go_on = threading.Event()

    def talk(peer):
        assert go_on.wait(DEADLINE)
        peer.serve()

    serve(talk)
    server = start(lab)
    with contextlib.ExitStack() as stack:
        for number in range(200):
            sock = stack.enter_context(
                lab.client_socket(CLIENT4, socket.SOCK_STREAM))
            sock.connect((GATEWAY4, 53))
            send_tcp(sock, query(number, 60000))
            server.out.wait_for(rf"{CLIENT4} ~> \[{number}\]")
        few = stack.enter_context(udp(lab))
        for number in range(200, 400):
            few.send(query(number, 600 if number < 350 else 0))
            server.out.wait_for(rf"{CLIENT4} ~> \[{number}\]")
        other = stack.enter_context(udp(lab, OTHER4))
        other.send(query(1000))
        server.out.wait_for(rf"{OTHER4} ~>")
        go_on.set()
        assert rcodes(other, 1) == [NOERROR]


@pytest.mark.parametrize("options", [(), ("--upstream", DNS6)],
                         ids=["one_upstream", "two_upstreams"])
def test_D7_questions_that_break_connections_spare_others(lab, options):
    """One client asks them all the time, and other answers take long."""
    def poison(request):
        if request.proto == "tcp":
            raise Close
        return []

    def slow(request):
        return [Later(0.1, request.reply(
            f"{request.name}. 60 IN A {ADDRESS}"))]

    for number in range(40):
        lab.upstream.behave(f"{number}.example.com", slow)
        lab.upstream.behave(f"{1000 + number}.example.com", poison)
    server = lab.dnsfw(RESOLVE_ALL, *BY_TCP, *options)
    with udp(lab) as bad, udp(lab, OTHER4) as good:
        for number in range(40):
            bad.send(query(1000 + number))
            good.send(query(number))
            server.out.wait_for(rf"~> \[{number}\]")
            lab.upstream.wait_for(f"{number}.example.com")
        assert set(rcodes(good, 40)) == {NOERROR}
    # Each breaks few connections, and then goes alone.
    for number in range(1000, 1040):
        assert len(lab.upstream.requests(f"{number}.example.com")) <= 6


@pytest.mark.parametrize("payload", [4096, 1232])
def test_D13_what_goes_by_udp_after_all_is_one_fragment(lab, payload):
    def no_tcp(request):
        if request.proto == "tcp":
            raise Close
        return [request.reply(f"{request.name}. 60 IN A {ADDRESS}")]

    lab.upstream.behave("www.example.com", no_tcp)
    lab.dnsfw(RESOLVE_ALL, *BY_TCP)
    answer = lab.ask("www.example.com", use_edns=0, payload=payload)
    assert addresses_of(answer) == [ADDRESS]
    assert [(request.proto, request.message.payload) for request in
            lab.upstream.requests("www.example.com")] == [
                ("tcp", payload), ("tcp", payload), ("udp", 1232)]


def test_D7_clients_over_tcp_wait_for_no_answer_by_udp(lab):
    """It might be truncated, which is no answer over TCP."""
    def truncated(request):
        if request.proto == "tcp":
            raise Close
        reply = request.reply()
        reply.flags |= dns.flags.TC
        return [reply]

    lab.upstream.behave("www.example.com", truncated)
    lab.dnsfw(RESOLVE_ALL, *BY_TCP)
    assert lab.ask("www.example.com").flags & dns.flags.TC
    assert lab.ask("www.example.com", tcp=True).rcode() == dns.rcode.SERVFAIL


def test_D21_slow_names_of_one_client_do_not_stop_others(lab, serve):
    """They look like a server that answers few questions on a connection."""
    def talk(peer):
        while True:
            question = peer.read()
            if len(question.question[0].name.labels[0]) < 4:
                peer.answer(question)

    upstream = serve(talk)
    server = start(lab)
    with udp(lab) as bad, udp(lab, OTHER4) as good:
        bad.send(query(1))
        assert rcodes(bad, 1) == [NOERROR]
        bad.send(query(1000))
        # It is asked again on another connection, where it is the first.
        until(lambda: len(upstream.peers) == 2)
        for number in range(1001, 1030):
            bad.send(query(number))
            server.out.wait_for(rf"~> \[{number}\]")
        for number in range(2, 5):
            good.send(query(number))
            assert rcodes(good, 1) == [NOERROR]
            # Asked again after a connection that hung, but not of one after
            # the other.
            name = f"{number}.example.com."
            assert sum(message.question[0].name.to_text() == name
                       for peer in upstream.peers
                       for message in peer.asked) <= 2
