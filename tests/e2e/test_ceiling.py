"""All that a worker may have in memory, at the same time (D22).

Thousands of clients of bad will and their upstream fill each part of what
docs/performance.md divides, with the default options but for the time of a
query, so that a slow machine gets it full; all but the connections to the
upstream.
"""

import contextlib
import fcntl
import itertools
import os
import socket
import struct
import sys
import termios

import pytest

import crowd
from lab import (CLIENT4, CLIENT6, DNS4, GATEWAY4, GATEWAY6, READY,
                 build_dir)
from process import DEADLINE, TOO_LONG, stopped, until
from sockets import sockets_of
from test_memory import (CONNECTIONS, KEPT, KIB, MIB, REQUESTS_DEFAULT,
                         ceiling, most_memory)

pytestmark = pytest.mark.xdist_group("crowds")

ACL = (f"{crowd.NET4} -> *.bench.test:TCP:443\n"
       f"{crowd.NET6} -> *.bench.test:TCP:443\n"
       f"{CLIENT4} ~> *\n{CLIENT6} ~> *\n")
LEAST = 0.9             # of the ceiling

ALIASED = 8192 // 16    # who has aliases: as many as are followed, each
HALF = 16 * KIB         # octets of a message, which then does not go on
HALVES = CONNECTIONS // HALF
WAITING = 16384 // 3    # answers that wait for three grants, each
LONG = 64 * KIB - 1000  # octets of a message
LONGS = KEPT // LONG
BATCH = 64              # messages that are read at once
ARRIVALS = 32           # and answers
FREE = 100              # places of requests, for others
SHORTS = REQUESTS_DEFAULT - LONGS - WAITING - FREE
GROUP = 500             # that are on their way at once
IDLE = 1024             # sockets that are kept for later
MORE = 20               # of each kind that there is no room for


def groups(total, size=GROUP):
    for begin in range(0, total, size):
        yield range(begin, min(begin + size, total))


class Server:
    """dnsfw, its upstream, and what is under way."""

    def __init__(self, lab, stack):
        self.lab = lab
        self._stack = stack
        self.crowd = crowd.Crowd(lab)
        self._upstream = lab.start(
            [build_dir() / "tests" / "bench" / "bench_hostile", DNS4],
            lab.internet)
        self.dnsfw = lab.start_dnsfw(ACL, "--timeout", TOO_LONG,
                                     fw=lab.set_up_firewall("nftables"))
        self.dnsfw.err.wait_for(READY)
        self.worker, = self.dnsfw.those("worker")
        self._four, self._six = (
            stack.enter_context(self.crowd.datagrams(family))
            for family in (socket.AF_INET, socket.AF_INET6))
        self._numbers = itertools.count()
        # No copy as of a socket, which would change how theirs waits.
        self._listening = [
            os.dup(sock.fileno()) for sock in sockets_of(self.worker)
            if sock.type == socket.SOCK_DGRAM and
            sock.getsockname()[0] in (GATEWAY4, GATEWAY6)]
        for number in self._listening:
            stack.callback(os.close, number)

    def number(self):
        return next(self._numbers)

    def taken(self):
        """Wait until nothing is left that was sent to it over UDP."""
        def left(sock):
            count = bytearray(4)
            fcntl.ioctl(sock, termios.FIONREAD, count)
            return int.from_bytes(count, sys.byteorder)

        until(lambda: not any(left(sock) for sock in self._listening))

    def sockets(self):
        return len(os.listdir(f"/proc/{self.worker}/fd"))

    def send(self, client, message):
        crowd.send(self._six if ":" in client else self._four, client,
                   message)

    def connect(self, stack, clients, data):
        """A connection of each client, with something to read."""
        for client in clients:
            sock = stack.enter_context(self.crowd.connection(client))
            sock.sendall(data())

    def connect_all(self, stack, count, address, data):
        for group in groups(count):
            before = self.sockets()
            self.connect(stack, (address() for _ in group), data)
            until(lambda end=before + len(group): self.sockets() >= end)

    def fill_clients(self):
        """As many as requests, whose answers are late, and connections."""
        count = REQUESTS_DEFAULT - FREE
        before = self.sockets()
        with contextlib.ExitStack() as stack, stopped(self._upstream.pid):
            self.connect_all(stack, count, self.crowd.v6, bytes)
            asked = [(self.crowd.v6(),
                      crowd.question(crowd.PLAIN, self.number()))
                     for _ in range(count)]
            self.ask(asked)
        self.wait_for_answers(asked)
        until(lambda: self.sockets() <= before + IDLE)

    def wait_for_answers(self, asked):
        """Who has none asks again: of so many at once the kernel loses some."""
        waiting = {message[:2]: (client, message) for client, message in asked}

        def received():
            with contextlib.suppress(TimeoutError):
                while waiting:
                    waiting.pop(self._six.recv(512)[:2], None)
            self.ask(list(waiting.values()))
            return not waiting

        self._six.settimeout(1)
        until(received)
        self._six.settimeout(DEADLINE)

    def fill_aliases(self):
        """And the table of grants that are known."""
        for group in groups(ALIASED, BATCH):
            for _ in group:
                self.send(self.crowd.v4(),
                          crowd.question(crowd.ALIASES, self.number()))
            for _ in group:
                assert self._four.recv(4096)[3] & 15 == 0

    def send_long(self, count):
        client = self.crowd.v4()
        for _ in range(count):
            self.send(client, crowd.long_question(self.number(), LONG))

    def fill_kept(self):
        """The first ones at once, so that each has its place to be read."""
        first, *others = groups(LONGS, BATCH)
        with stopped(self.worker):
            self.send_long(len(first))
        self.taken()
        for group in others:
            self.send_long(len(group))
            self.taken()

    def fill_requests(self):
        """Returns what was asked, by whom."""
        letters = crowd.USELESS * ARRIVALS + crowd.SILENT * SHORTS
        asked = [(self.crowd.v6(), crowd.question(letter, self.number()))
                 for letter in letters[:SHORTS]]
        self.ask(asked)
        return asked

    def ask(self, asked):
        for group in groups(len(asked)):
            for i in group:
                self.send(*asked[i])
            self.taken()

    def fill_arrivals(self):
        """To each of so many attempts something comes, at the same time."""
        with stopped(self.worker), self.lab.internet.socket(
                socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(DEADLINE)
            sock.connect((DNS4, 53))
            sock.send(crowd.question(crowd.RELEASE, 0))
            assert sock.recv(512)

    @staticmethod
    def half():
        """With one octet more it might get twice the room."""
        return b"\xff\xff" + bytes(HALF - 3)

    def fill_connections(self):
        self.connect_all(self._stack, HALVES, self.crowd.v6, self.half)

    def held(self):
        message = crowd.question(crowd.HELD, self.number())
        return struct.pack("!H", len(message)) + message

    def fill_grants(self):
        """The firewall is not asked."""
        self.connect_all(self._stack, WAITING, self.crowd.v4, self.held)

    def fill_more(self):
        """What there is no room for is refused, or takes others' room."""
        self.send_long(MORE)
        for address, data in ((self.crowd.v4, self.held),
                              (self.crowd.v6, self.half)):
            self.connect(self._stack, (address() for _ in range(MORE)), data)

    def wait_for_refusals(self):
        for refused in ("not kept: the room for long ones",
                        "too many grants are under way",
                        "TCP connections? closed"):
            self.dnsfw.err.wait_for(f"WARN.*{refused}")


@pytest.mark.long
@pytest.mark.memory
def test_D22_a_worker_has_no_more_than_the_ceiling(lab):
    """It comes to nine tenths of it, and others are served all the while."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(crowd.descriptors())
        server = Server(lab, stack)
        begin = most_memory(server.dnsfw)
        server.fill_clients()
        server.fill_aliases()
        server.fill_kept()
        asked = server.fill_requests()
        server.fill_arrivals()
        server.fill_connections()
        # The keeper answers no grant, and writes no line, meanwhile.
        with stopped(server.dnsfw.pid):
            server.fill_grants()
            # They ask again, which is another try, with a socket of its own.
            server.ask(asked)
            limit = ceiling(REQUESTS_DEFAULT)
            until(lambda: most_memory(server.dnsfw) >= LEAST * limit)
            server.fill_more()
            for client in (CLIENT4, CLIENT6):
                for tcp in (False, True):
                    answer = lab.exchange(crowd.question(
                        crowd.PLAIN, server.number()), client, tcp)
                    assert answer[3] & 15 == 0
            most = most_memory(server.dnsfw)
        server.wait_for_refusals()
    print(f"{begin / MIB:.1f} MiB, and then {most / MIB:.1f} of "
          f"{limit / MIB:.1f}")
    assert most <= limit
