"""Asks for prepared answers, many at once, and gives them as the upstream."""

import contextlib
import multiprocessing
import selectors
import socket
import struct
import time

from answers import OPT, assemble
from lab import (CLIENT4, CLIENT6, DNS4, GATEWAY4, GATEWAY6, receive_tcp,
                 send_tcp)

WINDOW = 64             # queries under way
PATIENCE = 3            # seconds until a query is asked again
TRIES = 3
EDNS_SIZE = 1232
PLAIN_SIZE = 512
QUERY_OPT = b"\0" + struct.pack("!HHIH", OPT, EDNS_SIZE, 0, 0)
TRUNCATED = 0x0200
NXDOMAIN = 3


def question_of(wire):
    return wire[12:wire.index(b"\0", 12) + 5]


def query_for(answer, number):
    return (struct.pack("!6H", number & 0xffff, 0x0100, 1, 0, 0,
                        answer.edns) + question_of(answer.wire) +
            QUERY_OPT * answer.edns)


def needs_tcp(answer):
    return len(answer.wire) > (EDNS_SIZE if answer.edns else PLAIN_SIZE)


# --- the upstream ---

class Upstream:
    """Gives the answers on DNS4 in a process of its own; a context manager."""

    def __init__(self, namespace, answers):
        self._answers = {question_of(answer.wire).lower(): answer.wire
                         for answer in answers}
        # Resolvers ask for the targets of CNAMEs themselves.
        self._tails = {
            (b".".join(record.rdata[0]).lower(), answer.rdtype):
            (answer, step) for answer in answers for step, record in
            enumerate(answer.sections[0][:answer.depth], 1)}
        self._udp = namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((DNS4, 53))
        self._tcp = namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._tcp.bind((DNS4, 53))
        self._tcp.listen(64)
        self._process = multiprocessing.get_context("fork").Process(
            target=self._serve, daemon=True)
        self._process.start()
        self._udp.close()
        self._tcp.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._process.terminate()
        self._process.join()

    def _reply(self, query, limit):
        """In the letters of the query; names point to its question."""
        asked = question_of(query)
        end = 12 + len(asked)
        wire = self._answers.get(asked.lower()) or self._tail(asked)
        if wire is None:        # of a resolver's own accord
            return query[:2] + struct.pack("!5H", 0x8180 | NXDOMAIN, 1, 0, 0,
                                           0) + asked
        if limit and len(wire) > limit:
            return query[:2] + struct.pack("!5H", 0x8180 | TRUNCATED, 1, 0, 0,
                                           0) + asked
        return query[:2] + wire[2:12] + asked + wire[end:]

    def _tail(self, asked):
        """The answer for a CNAME's target, or None."""
        labels, at = [], 0
        while asked[at]:
            labels.append(asked[at + 1:at + 1 + asked[at]])
            at += 1 + asked[at]
        answer, step = self._tails.get(
            (b".".join(labels).lower(),
             struct.unpack("!H", asked[at + 1:at + 3])[0]), (None, 0))
        if answer is None:
            return None
        first, *others = answer.sections
        return assemble(tuple(labels), answer.rdtype, (first[step:], *others))

    def _on_datagram(self):
        query, peer = self._udp.recvfrom(65535)
        limit = EDNS_SIZE if query[10:12] != b"\0\0" else PLAIN_SIZE
        with contextlib.suppress(OSError):      # who asked may be gone
            self._udp.sendto(self._reply(query, limit), peer)

    def _on_stream(self, stream):
        """Whoever connects is a resolver, which sends whole queries."""
        try:
            query = receive_tcp(stream)
        except (EOFError, OSError):
            return False
        with contextlib.suppress(OSError):
            send_tcp(stream, self._reply(query, 0))
        return True

    def _serve(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self._udp, selectors.EVENT_READ)
            selector.register(self._tcp, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._udp:
                        self._on_datagram()
                    elif key.fileobj is self._tcp:
                        selector.register(self._tcp.accept()[0],
                                          selectors.EVENT_READ)
                    elif not self._on_stream(key.fileobj):
                        selector.unregister(key.fileobj)
                        key.fileobj.close()


# --- the client ---

class Client:
    """Asks every answer's question and keeps what came, or None.

    It takes at most limit seconds.  An answer that is truncated, although the
    prepared one fits, is asked for again by TCP if resolver is set: it has
    compressed the message in its own way.
    """

    def __init__(self, lab, answers, limit, resolver=False):
        self._lab = lab
        self._resolver = resolver
        self._answers = answers
        self._end = time.monotonic() + limit
        self.results = [None] * len(answers)

    def run(self):
        by_udp = [i for i, answer in enumerate(self._answers)
                  if not needs_tcp(answer)]
        by_tcp = [i for i, answer in enumerate(self._answers)
                  if needs_tcp(answer)]
        self._ask_by_udp(by_udp)
        if self._resolver:
            by_tcp += [i for i in by_udp if self._is_truncated(i)]
        for client in (CLIENT4, CLIENT6):
            self._ask_by_tcp(client, [i for i in by_tcp
                                      if self._client_of(i) == client])
        return self.results

    def _is_truncated(self, i):
        got = self.results[i]
        return got is not None and got[2] & TRUNCATED >> 8 != 0

    def _client_of(self, i):
        return CLIENT6 if self._answers[i].family == 6 else CLIENT4

    def _ask_by_udp(self, numbers):
        with contextlib.ExitStack() as stack, \
                selectors.DefaultSelector() as selector:
            sockets = {}
            for client, server in ((CLIENT4, GATEWAY4), (CLIENT6, GATEWAY6)):
                sock = sockets[client] = stack.enter_context(
                    self._lab.client_socket(client, socket.SOCK_DGRAM))
                sock.setblocking(False)
                sock.connect((server, 53))
                selector.register(sock, selectors.EVENT_READ)
            waiting = {}        # id -> [number, time, tries]
            todo = list(reversed(numbers))
            while time.monotonic() < self._end:
                self._fill(waiting, todo, sockets)
                if not waiting:
                    return
                for key, _ in selector.select(0.5):
                    self._collect(key.fileobj, waiting)

    def _fill(self, waiting, todo, sockets):
        """Ask again what is late, and then for more."""
        now = time.monotonic()
        late = [number for number, since, _ in waiting.values()
                if now - since > PATIENCE]
        for number in late:
            _, _, tries = waiting.pop(number & 0xffff)
            if tries < TRIES:
                self._send(number, tries + 1, waiting, sockets)
        while todo and len(waiting) < WINDOW and \
                todo[-1] & 0xffff not in waiting:
            self._send(todo.pop(), 1, waiting, sockets)

    def _send(self, number, tries, waiting, sockets):
        waiting[number & 0xffff] = [number, time.monotonic(), tries]
        sockets[self._client_of(number)].send(
            query_for(self._answers[number], number))

    def _collect(self, sock, waiting):
        while True:
            try:
                wire = sock.recv(65535)
            except BlockingIOError:
                return
            found = waiting.get(struct.unpack("!H", wire[:2])[0])
            if found and question_of(wire) == \
                    question_of(self._answers[found[0]].wire):
                self.results[found[0]] = wire
                del waiting[found[0] & 0xffff]

    def _ask_by_tcp(self, client, numbers):
        """One after the other; servers may end a connection at any time."""
        server = GATEWAY6 if client == CLIENT6 else GATEWAY4
        todo = [(number, 1) for number in reversed(numbers)]
        while todo and time.monotonic() < self._end:
            with self._lab.client_socket(client, socket.SOCK_STREAM) as sock, \
                    contextlib.suppress(EOFError, OSError):
                sock.connect((server, 53))
                while todo and time.monotonic() < self._end:
                    number, tries = todo.pop()
                    if tries < TRIES:
                        todo.append((number, tries + 1))
                    send_tcp(sock, query_for(self._answers[number], number))
                    self.results[number] = receive_tcp(sock)
                    if tries < TRIES:
                        todo.pop()
