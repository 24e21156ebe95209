#!/usr/bin/python3
"""Real messages through a running dnsfw, under "~> *", by UDP and TCP.

    replay.py [--every N] MESSAGES

MESSAGES is what extract.py printed; every Nth (1) is used.  Each goes through
as a query, which the upstream echoes, and as the answer to its own question.
What model.py takes must pass octet for octet, but for the id and, over UDP, an
EDNS size above 1232 (D1, D13); what it refuses must not pass (D8, D10).
Needs root, for namespaces; DNSFW_BUILD is where dnsfw was built.
"""

import argparse
import collections
import pathlib
import select
import socket
import struct
import sys

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from ending import exit_on_signals                      # noqa: E402
from lab import CLIENT4, DNS4, GATEWAY4, READY, Lab     # noqa: E402
import model                                            # noqa: E402

PATIENCE = 5            # seconds
EDNS_SIZE = 1232
DATAGRAM_MAX = 65507
CLIENT_SIZE = 4096      # that the client announces for answers
TRANSFERS = {251, 252}  # AXFR, IXFR: several messages, not supported
FORMERR, SERVFAIL, REFUSED = 1, 2, 5
SHOWN = 10


class Upstream:
    """What dnsfw asks, by UDP and TCP."""

    def __init__(self, namespace):
        self.udp = namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((DNS4, 53))
        self.tcp = namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((DNS4, 53))
        self.tcp.listen()
        self.connections = []

    def sockets(self):
        return [self.udp, self.tcp, *self.connections]

    def read(self, sock):
        """(query, function that sends an answer), or None."""
        if sock is self.udp:
            wire, peer = sock.recvfrom(65535)
            return wire, lambda answer: self.udp.sendto(answer, peer)
        if sock is self.tcp:
            connection = sock.accept()[0]
            at_once(connection)
            self.connections.append(connection)
            return None
        wire = read_frame(sock)
        if wire is None:
            self.connections.remove(sock)
            return None
        return wire, lambda answer: send_frame(sock, answer)


def at_once(sock):
    """Small segments do not wait for the ones before them."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def read_frame(sock):
    """A message of a connection, or None at its end."""
    data = b""
    while len(data) < 2 or len(data) < 2 + struct.unpack("!H", data[:2])[0]:
        want = 2 if len(data) < 2 else 2 + struct.unpack("!H", data[:2])[0]
        try:
            more = sock.recv(want - len(data))
        except ConnectionResetError:
            more = b""
        if not more:
            sock.close()
            return None
        data += more
    return data[2:]


def send_frame(sock, wire):
    sock.sendall(struct.pack("!H", len(wire)) + wire)


class Client:
    def __init__(self, lab, tcp):
        self.lab = lab
        self.tcp = tcp
        self.sock = None

    def send(self, wire):
        if self.sock is None:
            self.sock = self.lab.client_socket(
                CLIENT4, socket.SOCK_STREAM if self.tcp else
                socket.SOCK_DGRAM)
            self.sock.connect((GATEWAY4, 53))
            if self.tcp:
                at_once(self.sock)
        if self.tcp:
            send_frame(self.sock, wire)
        else:
            self.sock.send(wire)

    def read(self):
        wire = read_frame(self.sock) if self.tcp else self.sock.recv(65535)
        if wire is None:
            self.sock = None
        return wire


def exchange(client, upstream, query, answers):
    """Send the query.  (what came upstream or None, what came back or None).

    answers(wire) gives what the upstream sends, one after the other.
    """
    client.send(query)
    asked = None
    while True:
        ready = select.select([client.sock, *upstream.sockets()], [], [],
                              PATIENCE)[0]
        if not ready:
            return asked, None
        for sock in ready:
            if sock is client.sock:
                return asked, client.read()
            found = upstream.read(sock)
            if found:
                asked, send = found
                for answer in answers(asked):
                    send(answer)


def with_id(wire, other):
    return other[:2] + wire[2:]


def question_of(wire):
    """(offset behind it, type), or None if it is not to be read."""
    message = model.Message(wire)
    try:
        count = struct.unpack_from("!H", wire, 4)[0]
        if count == 0:
            return 12, None
        end = message.name(12, len(wire), False) + 4
        if count > 1 or end > len(wire):
            return None
        return end, struct.unpack_from("!H", wire, end - 4)[0]
    except (model.Refused, struct.error):
        return None


def opt_offset(wire):
    """The offset of OPT, or None, in a message that model.py takes."""
    message = model.Message(wire)
    counts = struct.unpack_from("!4H", wire, 4)
    at = message.name(12, len(wire), False) + 4 if counts[0] else 12
    message.question_end = at
    for section in (1, 2, 3):
        for _ in range(counts[section]):
            start, had, at = at, message.opt, message.record(at, section)
            if message.opt and not had:
                return start
    return None


def edns_size(wire):
    at = opt_offset(wire)
    return None if at is None else struct.unpack_from("!H", wire, at + 3)[0]


def limited(wire):
    """As it goes upstream by UDP."""
    if (edns_size(wire) or 0) <= EDNS_SIZE:
        return wire
    at = opt_offset(wire) + 3
    return wire[:at] + struct.pack("!H", EDNS_SIZE) + wire[at + 2:]


def rcode(wire):
    return wire[3] & 15


class Replay:
    def __init__(self, lab):
        self.lab = lab
        self.upstream = Upstream(lab.internet)
        self.clients = [Client(lab, False), Client(lab, True)]
        self.counts = collections.Counter()
        self.bad = []

    def check(self, good, what, wire, *details):
        self.counts[what] += 1
        if not good:
            self.bad.append((what, wire.hex(), *(
                d.hex() if isinstance(d, bytes) else d for d in details)))

    def query(self, client, wire):
        """A message as a query that the upstream echoes."""
        proto = "TCP" if client.tcp else "UDP"
        rule = model.check(wire)
        asked, back = exchange(client, self.upstream, wire, lambda q: [
            q[:2] + bytes([q[2] | 0x80]) + q[3:]])
        if rule is not None:
            self.check(asked is None and back and rcode(back) == FORMERR and
                       back[:2] == wire[:2],
                       f"{proto} query refused", wire, rule, asked, back)
            return
        if question_of(wire)[1] in TRANSFERS:
            self.check(asked is None and back and rcode(back) == REFUSED,
                       f"{proto} zone transfer refused", wire, asked, back)
            return
        there = wire if client.tcp else limited(wire)
        self.check(asked == with_id(there, asked or b""),
                   f"{proto} query upstream the same", wire, asked)
        limit = 65535 if client.tcp else max(512, edns_size(wire) or 0)
        there = there[:2] + bytes([there[2] | 0x80]) + there[3:]
        if len(there) > limit:
            self.check(back and len(back) <= limit and back[2] & 2,
                       f"{proto} echo truncated", wire, back)
        else:
            self.check(back == there, f"{proto} echo the same", wire, back)

    def answer(self, client, wire):
        """A message as the answer to its question."""
        proto = "TCP" if client.tcp else "UDP"
        end, kind = question_of(wire)
        if kind in TRANSFERS:
            return
        query = (b"\x12\x34" + bytes([wire[2] & 0x78 | 1, 0]) + wire[4:6] +
                 bytes(5) + b"\1" + wire[12:end] + b"\0\0\x29" +
                 struct.pack("!H", CLIENT_SIZE) + bytes(6))
        true = []

        def answers(asked):
            true.append(with_id(query[:2] + bytes([query[2] | 0x80]) +
                                query[3:], asked))
            return [with_id(wire, asked), true[-1]]

        asked, back = exchange(client, self.upstream, query, answers)
        rule = model.check(wire)
        limit = 65535 if client.tcp else CLIENT_SIZE
        if asked is None or back is None:
            self.check(False, f"{proto} answer lost", wire, asked, back)
        elif rule is not None:
            # Over UDP the true answer behind it may be waited for.
            self.check(rcode(back) == SERVFAIL or
                       back == with_id(true[0], query),
                       f"{proto} answer refused", wire, rule, back)
        elif len(wire) > limit:
            self.check(len(back) <= limit and back[2] & 2,
                       f"{proto} answer truncated", wire, back)
        else:
            self.check(back == with_id(wire, query),
                       f"{proto} answer the same", wire, back)

    def run(self, wires):
        for wire in wires:
            if len(wire) < 12:
                continue        # not even a header: dropped (D8)
            query = wire[:2] + bytes([wire[2] & 0x7f]) + wire[3:]
            response = wire[:2] + bytes([wire[2] | 0x80]) + wire[3:]
            for client in self.clients:
                if not client.tcp and len(wire) > DATAGRAM_MAX:
                    continue
                self.query(client, query)
                if question_of(response):
                    self.answer(client, response)

    def report(self):
        for what, n in sorted(self.counts.items()):
            print(f"{n:7} {what}")
        for details in self.bad[:SHOWN]:
            print("WRONG", *details, sep="\n    ")
        print(f"{len(self.bad)} wrong")


def load(path, every):
    wires = dict.fromkeys(
        bytes.fromhex(line.split("\t")[1])
        for line in path.read_text(encoding="ascii").splitlines())
    return list(wires)[::every]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("messages", type=pathlib.Path)
    args = parser.parse_args()
    exit_on_signals()
    wires = load(args.messages, args.every)
    print(f"{len(wires)} messages", flush=True)
    with Lab() as lab:
        server = lab.start_dnsfw(f"{CLIENT4} ~> *", "--timeout", "3")
        server.err.wait_for(READY)
        replay = Replay(lab)
        replay.run(wires)
    replay.report()
    return 1 if replay.bad else 0


if __name__ == "__main__":
    sys.exit(main())
