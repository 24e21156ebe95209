"""A DNS server whose behaviour a test sets.

It is a thread of the test, with its sockets in a namespace, so a test hands it
records or a function and looks at what it received, without a protocol between.
"""

import contextlib
import selectors
import socket
import struct
import threading
import time

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from process import DEADLINE


class Later:
    """A reply that is sent after so many seconds."""

    def __init__(self, seconds, reply):
        self.seconds = seconds
        self.reply = reply


class Close(Exception):
    """Raised by a behaviour: end the connection without an answer."""


class Request:
    """One query as it came."""

    def __init__(self, wire, proto, peer, local):
        self.wire = wire
        self.proto = proto          # "udp" or "tcp"
        self.peer = peer            # (address, port) of who asked
        self.local = local          # (address, port) that was asked
        self.time = time.monotonic()
        try:
            self.message = dns.message.from_wire(wire)
        except (dns.exception.DNSException, ValueError):
            self.message = None     # forwarded as it came, and not for us

    @property
    def name(self):
        """Lower case, without the final dot; empty without a question."""
        if self.message is None or not self.message.question:
            return ""
        name = self.message.question[0].name
        return name.to_text(omit_final_dot=True).lower()

    def reply(self, *records, rcode=dns.rcode.NOERROR, additional=()):
        """An answer; records are "OWNER TTL CLASS TYPE RDATA"."""
        answer = dns.message.make_response(self.message,
                                           recursion_available=True)
        answer.set_rcode(rcode)
        for section, texts in ((answer.answer, records),
                               (answer.additional, additional)):
            section.extend(rrset(text) for text in texts)
        return answer


def rrset(text):
    owner, ttl, rdclass, rdtype, rdata = text.split(None, 4)
    return dns.rrset.from_text(dns.name.from_text(owner), int(ttl), rdclass,
                               rdtype, rdata)


class Upstream:
    """Serves UDP and TCP on every address until close().

    Or TCP alone, if somebody else has the UDP port.
    """

    def __init__(self, namespace, addresses, port=53, udp=True):
        self.received = []
        self._records = {}          # name -> list of record texts
        self._behaviours = {}       # name -> function of a Request
        self._changed = threading.Condition()
        self._closing = False
        self._timers = []
        self._connections = []
        self._selector = selectors.DefaultSelector()
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            # With the zone of a link-local one, in the thread's namespace.
            self._listen(namespace, family,
                         socket.getaddrinfo(address, port)[0][4], udp)
        self._wake_read, self._wake_write = socket.socketpair()
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def _listen(self, namespace, family, address, with_udp):
        if with_udp:
            udp = namespace.socket(family, socket.SOCK_DGRAM)
            udp.bind(address)
            self._selector.register(udp, selectors.EVENT_READ,
                                    self._on_datagram)
        tcp = namespace.socket(family, socket.SOCK_STREAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind(address)
        tcp.listen(256)
        self._selector.register(tcp, selectors.EVENT_READ, self._on_connection)

    # What a test says.

    def add(self, name, ttl, rdtype, *rdatas):
        """Serve these records; the name may be a CNAME's target, too."""
        records = self._records.setdefault(name.lower(), [])
        records.extend(f"{name}. {ttl} IN {rdtype} {rdata}"
                       for rdata in rdatas)

    def behave(self, name, function):
        """function(request) gives the replies: messages, bytes, Later."""
        self._behaviours[name.lower()] = function

    # What a test asks.

    def requests(self, name):
        with self._changed:
            return [r for r in self.received if r.name == name.lower()]

    def wait_for(self, name, count=1, timeout=DEADLINE):
        """Wait until that many queries for the name have come."""
        with self._changed:
            self._changed.wait_for(
                lambda: sum(r.name == name for r in self.received) >= count,
                timeout)
        found = self.requests(name)
        assert len(found) >= count, f"{len(found)} queries for {name}"
        return found

    # The server.

    def _loop(self):
        while not self._closing:
            for key, _ in self._selector.select():
                if key.data is not None:
                    key.data(key.fileobj)

    def _on_datagram(self, sock):
        wire, peer = sock.recvfrom(65535)
        self._serve(Request(wire, "udp", peer, sock.getsockname()),
                    lambda reply: sock.sendto(reply, peer))

    def _on_connection(self, listener):
        connection, peer = listener.accept()
        self._connections.append(connection)
        threading.Thread(target=self._converse, args=(connection, peer),
                         daemon=True).start()

    def _converse(self, connection, peer):
        with contextlib.suppress(Close, OSError), connection, \
                connection.makefile("rb") as stream:
            while len(head := stream.read(2)) == 2:
                wire = stream.read(struct.unpack("!H", head)[0])
                self._serve(
                    Request(wire, "tcp", peer, connection.getsockname()),
                    lambda reply: connection.sendall(
                        struct.pack("!H", len(reply)) + reply))

    def _serve(self, request, send):
        with self._changed:
            self.received.append(request)
            self._changed.notify_all()
        behave = self._behaviours.get(request.name, self._from_records)
        try:
            replies = behave(request) or ()
        except (dns.exception.DNSException, ValueError):
            replies = ()        # not a message that dnspython can answer
        for reply in replies:
            if isinstance(reply, Later):
                timer = threading.Timer(reply.seconds, self._send,
                                        (send, reply.reply))
                timer.daemon = True
                self._timers.append(timer)
                timer.start()
            else:
                self._send(send, reply)

    def _send(self, send, reply):
        if not isinstance(reply, bytes):
            reply = reply.to_wire(max_size=65535)
        with contextlib.suppress(OSError):  # who asked may be gone
            send(reply)

    def _from_records(self, request):
        if not request.name:
            return []
        rdtype = dns.rdatatype.to_text(request.message.question[0].rdtype)
        owner, answer, seen = request.name, [], set()
        while owner in self._records and owner not in seen:
            seen.add(owner)
            found = [r for r in self._records[owner]
                     if r.split()[3] == rdtype]
            alias = [r for r in self._records[owner]
                     if r.split()[3] == "CNAME"]
            answer += found or alias
            if found or not alias:
                break
            owner = alias[0].split()[4].rstrip(".").lower()
        missing = request.name not in self._records
        return [request.reply(*answer, rcode=dns.rcode.NXDOMAIN if missing
                              else dns.rcode.NOERROR)]

    def close(self):
        self._closing = True
        self._wake_write.send(b"x")
        self._thread.join(DEADLINE)
        for timer in self._timers:
            timer.cancel()
        for connection in self._connections:
            with contextlib.suppress(OSError):  # its thread closes it, too
                connection.shutdown(socket.SHUT_RDWR)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()
        self._wake_write.close()
