"""What one question, and one client, may take (D22, D24); the end under load."""

import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
import threading

import dns.edns
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from lab import (CLIENT4, CLIENT6, GATEWAY4, GATEWAY6, OTHER4, OTHER6,
                 build_dir, clean_environment, receive_tcp, send_tcp)
from process import DEADLINE, ran, stopped, until
from upstream import Later

RESOLVE_ALL = "\n".join(f"{client} ~> *" for client in (
    CLIENT4, CLIENT6, OTHER4, OTHER6))
NAME = "busy.example.com"
SILENT = "silent.example.com"
VARIANTS = 250
OPEN_MAX = 4
A, CNAME = 1, 5      # types


def variant(number):
    """The same question, and an option of its own."""
    option = dns.edns.GenericOption(65001, number.to_bytes(2, "big"))
    return dns.message.make_query(NAME, "A", id=number, use_edns=0,
                                  options=[option]).to_wire()


@contextlib.contextmanager
def variants(lab, tcp):
    kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
    with lab.client_socket(CLIENT4, kind) as sock:
        sock.connect((GATEWAY4, 53))
        for number in range(VARIANTS):
            if tcp:
                send_tcp(sock, variant(number))
            else:
                sock.send(variant(number))
        yield sock


def receive_all(sock, tcp):
    """The rcodes of all answers, each to a variant of its own."""
    rcodes = {}
    while len(rcodes) < VARIANTS:
        answer = dns.message.from_wire(
            receive_tcp(sock) if tcp else sock.recv(65535))
        assert answer.id not in rcodes
        rcodes[answer.id] = answer.rcode()
    return set(rcodes.values())


class Crowd:
    """An upstream's behaviour that counts the questions without an answer."""

    def __init__(self, delay=0.02):
        self.asked = self.open = 0      # questions, and those without an answer
        self.most = 0                   # that were open at once
        self._delay = delay
        self._lock = threading.Lock()

    def __call__(self, request):
        with self._lock:
            self.asked += 1
            self.open += 1
            self.most = max(self.most, self.open)
            # The first ones have the time to be there together.
            delay = 0.5 if self.asked <= OPEN_MAX else self._delay
        return [Later(delay, Leaving(self, request))]

    def leaves(self):
        with self._lock:
            self.open -= 1


class Leaving:
    """An answer of a Crowd, which counts it when it is sent."""

    def __init__(self, crowd, request):
        self._crowd = crowd
        self._reply = request.reply(f"{NAME} 60 IN A 10.78.9.9")

    def to_wire(self, **options):
        self._crowd.leaves()
        return self._reply.to_wire(**options)


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_D24_four_of_one_question_are_open(lab, tcp):
    crowd = Crowd()
    lab.upstream.behave(NAME, crowd)
    site = lab.site()
    lab.dnsfw(RESOLVE_ALL)
    with variants(lab, tcp) as sock:
        lab.upstream.wait_for(NAME, OPEN_MAX)
        assert lab.resolve(site, OTHER4)
        assert receive_all(sock, tcp) == {dns.rcode.NOERROR}
    assert crowd.asked == VARIANTS
    assert crowd.most == OPEN_MAX


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_D24_who_waits_has_its_own_deadline(lab, tcp):
    lab.upstream.behave(NAME, lambda request: [])
    site = lab.site()
    lab.dnsfw(RESOLVE_ALL, "--timeout", "2")
    with variants(lab, tcp) as sock:
        lab.upstream.wait_for(NAME, OPEN_MAX)
        assert lab.resolve(site, OTHER4)
        assert receive_all(sock, tcp) == {dns.rcode.SERVFAIL}
    # Those with a few milliseconds left have them, when the first four end.
    assert len(lab.upstream.requests(NAME)) <= 5 * OPEN_MAX
    # Nothing is left of them.
    lab.upstream.behave(NAME, Crowd())
    assert lab.ask(NAME, client=OTHER4).answer


@pytest.mark.parametrize("joins", [False, True], ids=["alone", "joins"])
def test_D24_who_asks_once_need_not_wait_for_all_of_another(lab, joins):
    """Also where the other one has a query like that, behind all of its."""
    crowd = Crowd(0.1)
    lab.upstream.behave(NAME, crowd)
    server = lab.dnsfw(RESOLVE_ALL)
    with variants(lab, False), lab.client_socket(
            OTHER4, socket.SOCK_DGRAM) as sock:
        server.out.wait_for(rf"~> \[{VARIANTS - 1}\]")
        sock.connect((GATEWAY4, 53))
        sock.send(variant(VARIANTS - 1 if joins else VARIANTS))
        assert dns.message.from_wire(sock.recv(65535)).answer
        assert crowd.asked < VARIANTS / 2


@pytest.mark.parametrize("client, gateway", [
    (CLIENT4, GATEWAY4), (CLIENT6, GATEWAY6)], ids=["ipv4", "ipv6"])
def test_D24_retransmissions_take_one_place_and_one_answer(lab, client,
                                                           gateway):
    """Of 64 places 63 are in use besides, so there is none for a second."""
    answers = []
    lab.upstream.behave(SILENT, lambda request: [])
    lab.upstream.behave(NAME, lambda request: list(map(
        lambda _: request.reply(f"{NAME} 60 IN A 10.78.9.9"), answers)))
    server = lab.dnsfw(RESOLVE_ALL, "--max-connections", "64")
    wire = dns.message.make_query(NAME, "A", id=1).to_wire()
    with lab.client_socket(client, socket.SOCK_DGRAM) as others, \
            lab.client_socket(client, socket.SOCK_DGRAM) as sock:
        others.connect((gateway, 53))
        sock.connect((gateway, 53))
        for number in range(62):
            others.send(dns.message.make_query(
                SILENT, "A", id=number).to_wire())
            server.out.wait_for(rf"~> \[{number}\] silent")
        for _ in range(10):
            sock.send(wire)
        # Another question of the same port and id is one of its own.
        sock.send(dns.message.make_query(SILENT, "A", id=1).to_wire())
        sock.send(dns.message.make_query(SILENT, "AAAA", id=1).to_wire())
        answer = dns.message.from_wire(sock.recv(65535))
        assert answer.rcode() == dns.rcode.SERVFAIL
        assert answer.question[0].rdtype == dns.rdatatype.AAAA
        lab.upstream.wait_for(NAME)
        # After a while it is another try, which is answered.
        answers.append(True)

        def again():
            sock.send(wire)
            return select.select([sock], [], [], 0.1)[0]
        until(again)
        assert len(lab.upstream.requests(NAME)) == 2
        assert dns.message.from_wire(sock.recv(65535)).answer
        assert not select.select([sock], [], [], 0.3)[0]


def test_D22_one_ipv6_subnet_has_one_share_of_requests(lab):
    lab.upstream.behave(SILENT, lambda request: [])
    site = lab.site()
    server = lab.dnsfw(RESOLVE_ALL, "--max-connections", "256")
    with contextlib.ExitStack() as stack:
        for client, count in ((CLIENT6, 32), (OTHER6, 31)):
            sock = stack.enter_context(
                lab.client_socket(client, socket.SOCK_DGRAM))
            sock.connect((GATEWAY6, 53))
            for number in range(count):
                sock.send(dns.message.make_query(
                    SILENT, "A", id=number).to_wire())
                server.out.wait_for(rf"^{client} ~> \[{number}\]")
        assert lab.resolve(site, CLIENT6)
        sock.send(dns.message.make_query(SILENT, "A", id=99).to_wire())
        server.out.wait_for(rf"^{OTHER6} ~> \[99\]")
        for client in (CLIENT6, OTHER6):
            assert lab.ask(site.name, client=client).rcode() == \
                dns.rcode.SERVFAIL
        assert lab.resolve(site, CLIENT4)


def hoard_places(lab, stack, server, clients, count=64):
    """So many questions of each client wait; returns the clients' sockets."""
    lab.upstream.behave(SILENT, lambda request: [])
    socks = []
    for client in clients:
        sock = stack.enter_context(
            lab.client_socket(client, socket.SOCK_DGRAM))
        sock.connect((GATEWAY6 if ":" in client else GATEWAY4, 53))
        for number in range(count):
            sock.send(dns.message.make_query(
                SILENT, "A", id=number, use_edns=0).to_wire())
        server.out.wait_for(rf"^{client} ~> \[{count - 1}\]")
        socks.append(sock)
    return socks


def test_D22_the_largest_holders_oldest_request_makes_room(lab):
    """Two clients have all places: a third one is served, by UDP and TCP."""
    site = lab.site()
    server = lab.dnsfw(RESOLVE_ALL, "--max-connections", "128")
    with contextlib.ExitStack() as stack:
        socks = hoard_places(lab, stack, server, (CLIENT4, OTHER4))
        assert lab.resolve(site, CLIENT6)
        server.out.wait_for(
            rf"^{CLIENT4} <! \[0\] too many requests in flight")
        answer = dns.message.from_wire(socks[0].recv(512))
        assert answer.id == 0
        assert answer.rcode() == dns.rcode.SERVFAIL
        assert answer.options[0].text == "too many requests in flight"
        server.err.wait_for("1 request turned away")
        # There is a place now that nobody has; and then the next one goes.
        with lab.client_socket(CLIENT6, socket.SOCK_DGRAM) as sock:
            sock.connect((GATEWAY6, 53))
            sock.send(dns.message.make_query(SILENT, "A", id=1).to_wire())
            server.out.wait_for(rf"^{CLIENT6} ~> \[1\]")
            assert lab.resolve(site, OTHER6, tcp=True)
            assert dns.message.from_wire(socks[1].recv(512)).id == 0
            # Nobody else has noticed.
            assert not select.select([*socks, sock], [], [], 0.1)[0]


def test_D22_who_joined_a_question_that_makes_room_has_its_answer(lab):
    """Its first client has to go; another one waits for the same."""
    answers = threading.Event()

    def answer(request):
        assert answers.wait(DEADLINE)
        return [request.reply(f"{NAME} 60 IN A 10.78.9.9")]
    lab.upstream.behave(NAME, answer)
    server = lab.dnsfw(RESOLVE_ALL, "--max-connections", "128")
    query = dns.message.make_query(NAME, "A", id=99).to_wire()
    with contextlib.ExitStack() as stack:
        stack.callback(answers.set)
        socks = []
        for client in (CLIENT4, OTHER4):
            sock = stack.enter_context(
                lab.client_socket(client, socket.SOCK_DGRAM))
            sock.connect((GATEWAY4, 53))
            sock.send(query)
            server.out.wait_for(rf"^{client} ~> \[99\]")
            socks.append(sock)
        hoard_places(lab, stack, server, (CLIENT4, OTHER4), 63)
        other = stack.enter_context(
            lab.client_socket(CLIENT6, socket.SOCK_DGRAM))
        other.connect((GATEWAY6, 53))
        other.send(dns.message.make_query(SILENT, "A", id=1).to_wire())
        rejected = dns.message.from_wire(socks[0].recv(512))
        assert rejected.rcode() == dns.rcode.SERVFAIL
        answers.set()
        assert dns.message.from_wire(socks[1].recv(512)).answer
        assert len(lab.upstream.requests(NAME)) == 1


def test_D22_one_ipv6_subnet_has_one_share_of_connections(lab):
    site = lab.site()
    lab.dnsfw(RESOLVE_ALL, "--max-connections", "256")
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(lab.client_socket(
            client, socket.SOCK_STREAM))
            for client in [CLIENT6] * 32 + [OTHER6] * 33]
        for sock in socks:
            sock.connect((GATEWAY6, 53))
        assert socks[-1].recv(1) == b""
        assert not select.select(socks[:-1], [], [], 0.1)[0]
        assert lab.resolve(site, CLIENT4, tcp=True)


def test_D22_who_is_at_its_share_closes_nobodys_connection(lab):
    """All are in use: another client's would have to go."""
    lab.dnsfw(RESOLVE_ALL, "--max-connections", "65")
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(lab.client_socket(
            client, socket.SOCK_STREAM))
            for client in [OTHER4] + [CLIENT4] * 65]
        for sock in socks:
            sock.connect((GATEWAY4, 53))
        assert socks[-1].recv(1) == b""
        assert not select.select(socks[:-1], [], [], 0.1)[0]


def test_D22_the_largest_holders_oldest_connection_makes_room(lab):
    """All connections are in use, and each waits for an answer."""
    lab.upstream.behave(SILENT, lambda request: [])
    site = lab.site()
    server = lab.dnsfw(RESOLVE_ALL, "--max-connections", "64")
    with contextlib.ExitStack() as stack:
        socks = []
        for number in range(64):
            client = CLIENT4 if number < 32 else OTHER4
            socks.append(connected(stack, lab, client))
            send_tcp(socks[-1], dns.message.make_query(
                SILENT, "A", id=number).to_wire())
            server.out.wait_for(rf"^{client} ~> \[{number}\]")
        assert lab.resolve(site, CLIENT6, tcp=True)
        server.err.wait_for("1 TCP connection closed: --max-connections")
        assert socks[0].recv(1) == b""
        assert not select.select(socks[1:], [], [], 0.1)[0]


def connected(stack, lab, client, **options):
    sock = stack.enter_context(lab.client_socket(client, socket.SOCK_STREAM))
    for option, value in options.items():
        sock.setsockopt(socket.SOL_SOCKET, getattr(socket, option), value)
    sock.connect((GATEWAY4, 53))
    return sock


def is_closed(sock):
    """Did the other side end it?  What has come before is of no interest."""
    sock.setblocking(False)
    try:
        while sock.recv(65536):
            pass
        return True
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_D22_who_hoards_answers_makes_room_itself(lab):
    """Two connections of 250 answers, 25 MB in all, none of which is taken."""
    site = lab.site()
    asked = threading.Event()

    def answer(request):
        """Who has unsent answers is read no more: all is asked before."""
        asked.wait(DEADLINE)
        return [request.reply(*(f'{NAME} 60 IN TXT "{number:0250}"'
                                for number in range(200)))]
    lab.upstream.behave(NAME, answer)
    server = lab.dnsfw(RESOLVE_ALL)
    with contextlib.ExitStack() as stack:
        stack.callback(asked.set)
        other = connected(stack, lab, OTHER4)
        send_tcp(other, dns.message.make_query(site.name, "A").to_wire())
        for _ in range(3):
            sock = connected(stack, lab, CLIENT4, SO_RCVBUF=4096)
            seen = len(server.out.lines)
            for number in range(250):
                send_tcp(sock, dns.message.make_query(
                    NAME, "TXT", id=number).to_wire())
            server.out.wait_for(r"~> \[249\]", start=seen)
        asked.set()
        server.err.wait_for(r"1 TCP connection closed: .*memory")
        assert receive_tcp(other)
        assert lab.resolve(site, OTHER4, tcp=True)
        # The last one is not the one that makes room.
        sock.settimeout(5)
        assert receive_tcp(sock)


def test_D22_half_messages_of_one_client_are_bounded(lab):
    """400 of 60,000 octets: 24 MB, or 26 MB of buffers."""
    site = lab.site()
    server = lab.dnsfw(RESOLVE_ALL)
    with contextlib.ExitStack() as stack:
        other = connected(stack, lab, OTHER4)
        other.send(b"\0")
        first = connected(stack, lab, CLIENT4)
        first.sendall(b"\xff\xff" + bytes(60000))
        for _ in range(400):
            sock = connected(stack, lab, CLIENT4)
            sock.sendall(b"\xff\xff" + bytes(60000))
        server.err.wait_for(r"1 TCP connection closed: .*memory")
        until(lambda: is_closed(first))
        assert not is_closed(sock)
        assert not is_closed(other)
        assert lab.resolve(site, CLIENT4, tcp=True)


@pytest.mark.parametrize("frame", [b"\0\0", b"\0\x0b" + bytes(11)],
                         ids=["empty", "short"])
def test_D22_frames_without_a_header_keep_no_connection(lab, frame):
    lab.dnsfw(RESOLVE_ALL)
    with lab.client_socket(CLIENT4, socket.SOCK_STREAM) as sock:
        sock.connect((GATEWAY4, 53))
        sock.send(frame)
        sock.settimeout(5)
        assert sock.recv(1) == b""


@contextlib.contextmanager
def toil(lab, kind, connections):
    """So many TCP connections of CLIENT4, all with messages that take long."""
    with subprocess.Popen(
            [build_dir() / "tests" / "e2e" / "toil", lab.client.path, GATEWAY4,
             kind, str(connections), "30"], stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env=clean_environment()) as process:
        try:
            yield
            assert process.poll() is None, process.stderr.read()
        finally:
            process.kill()


def work_of(pid, function):
    """For how many seconds a process runs meanwhile."""
    begin = ran(pid)
    function()
    return ran(pid) - begin


def work_beside(lab, server, sock, kind, connections):
    """Of the worker, from a question of OTHER4 to the answer: the median."""
    worker, = server.those("worker")
    site = lab.site()
    assert lab.resolve(site, OTHER4)
    query = dns.message.make_query(site.name, "A").to_wire()

    def ask():
        sock.send(query)
        sock.recv(512)

    with toil(lab, kind, connections):
        begin = ran(worker)
        until(lambda: ran(worker) > begin + 0.1)    # the work has begun
        works = sorted(work_of(worker, ask) for _ in range(31))
        # Over TCP connections take turns, each with a slice.
        assert lab.resolve(site, OTHER4, tcp=True)
    return works[15]


@pytest.mark.parametrize("kind", ["stairs", "labels"])
@pytest.mark.parametrize("connections", [20, 100])
def test_D21_long_work_for_one_client_is_not_waited_for(lab, kind, connections):
    """It has no rule, so all of its messages are read and refused.

    In one go they would take as long as there are connections: the median was
    370 ms and more of 100, and is about 3 ms of one or all.
    """
    server = lab.dnsfw(f"{OTHER4} ~> *", "--log-level", "none")
    with lab.client_socket(OTHER4, socket.SOCK_DGRAM) as sock:
        sock.connect((GATEWAY4, 53))
        one, all_ = (work_beside(lab, server, sock, kind, count)
                     for count in (1, connections))
    print(f"{one * 1000:.1f} ms, of all {all_ * 1000:.1f} ms")
    assert all_ < connections / 2 * max(one, 0.001)
    assert server.children()


def long_chain(request):
    """64 KiB: 17 long names that differ in one letter, and their addresses."""
    def name(number):
        return (b"\x3f" + b"a" * 63) * 3 + b"\x3c" + b"a" * 59 + bytes(
            (97 + number,)) + b"\0"
    def record(owner, kind, rdata):
        return owner + struct.pack("!HHIH", kind, 1, 60, len(rdata)) + rdata
    question = request.wire[12:request.wire.index(b"\0", 12) + 5]
    body, starts = question + record(b"\xc0\x0c", CNAME, name(0)), []
    for number in range(16):
        starts.append(struct.pack("!H", 0xc000 | 12 + len(body)))
        body += record(name(number), CNAME, name(number + 1))
    records = 17
    while len(body) <= 65535 - 12 - 16:
        body += record(starts[records % 16], A, bytes((
            10, 90, records >> 8, records & 255)))
        records += 1
    return (request.wire[:2] + struct.pack("!5H", 0x8180, 1, records, 0, 0) +
            body)


def test_D21_a_long_answer_for_many_is_not_waited_for(lab, fw):
    """32 queries wait for an answer whose names take long to follow."""
    server = lab.dnsfw(f"{CLIENT4} -> *:TCP:443\n{OTHER4} ~> *", fw=fw)
    worker, = server.those("worker")
    site = lab.site()
    lab.upstream.behave(NAME, lambda request: [Later(0.3, long_chain(request))])
    assert lab.resolve(site, OTHER4)
    query = dns.message.make_query(site.name, "A").to_wire()
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(lab.client_socket(
            CLIENT4, socket.SOCK_STREAM))
        client.connect((GATEWAY4, 53))
        sock = stack.enter_context(lab.client_socket(
            OTHER4, socket.SOCK_DGRAM))
        sock.connect((GATEWAY4, 53))

        def ask():
            sock.send(query)
            sock.recv(512)

        for number in range(32):
            send_tcp(client, dns.message.make_query(
                NAME, "A", id=number).to_wire())
        begin, works = ran(worker), []
        while not select.select([client], [], [], 0)[0]:
            works.append(work_of(worker, ask))
        works += [work_of(worker, ask) for _ in range(30)]
        answers = [receive_tcp(client) for _ in range(32)]
        whole = ran(worker) - begin
    print(f"{len(works)} answers, the slowest after {max(works) * 1000:.1f} ms"
          f" of {whole * 1000:.1f} ms of work")
    assert {answer[3] & 0xf for answer in answers} == {dns.rcode.SERVFAIL}
    # It is read once, in one go; but not for all of them.
    assert max(works) < whole / 2


def test_D21_nothing_that_waits_for_its_slice_is_lost(lab):
    """More than a slice, then the end: all are answered, in their order."""
    lab.dnsfw(f"{OTHER4} ~> *")
    wires = [dns.message.make_query(NAME, "A", id=number).to_wire()
             for number in range(2000)]
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(lab.client_socket(
            CLIENT4, socket.SOCK_STREAM)) for _ in range(4)]
        for sock in socks:
            sock.connect((GATEWAY4, 53))
            sock.sendall(b"".join(
                len(wire).to_bytes(2, "big") + wire for wire in wires))
            sock.shutdown(socket.SHUT_WR)
        for sock in socks:
            answers = [receive_tcp(sock) for _ in wires]
            assert [answer[:2] for answer in answers] == [
                wire[:2] for wire in wires]
            assert sock.recv(1) == b""


def test_P4_a_worker_ends_when_the_channel_ends_behind_STOP(lab):
    """The end of the channel is there with STOP, and a query beside it."""
    lab.site(name=NAME)
    server = lab.dnsfw(RESOLVE_ALL)
    assert lab.ask(NAME).answer     # so that the neighbours are known
    worker, = server.those("worker")
    watch = os.pidfd_open(worker)
    try:
        with stopped(worker), lab.client_socket(
                CLIENT4, socket.SOCK_DGRAM) as sock:
            server.signal(signal.SIGTERM)
            # The compiler has ended, so STOP was sent to all.
            until(lambda: server.children() == [worker])
            server.signal(signal.SIGKILL)
            server.wait_exit()
            sock.connect((GATEWAY4, 53))
            sock.send(dns.message.make_query(NAME, "A").to_wire())
        ended = select.select([watch], [], [], 5)[0]
        if not ended:
            os.kill(worker, signal.SIGKILL)
        assert ended, "the worker goes on"
    finally:
        os.close(watch)
