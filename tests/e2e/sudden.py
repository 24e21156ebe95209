"""What becomes of dnsfw when a process is killed, or stands still."""

import collections
import contextlib
import copy
import errno
import ipaddress
import os
import pathlib
import select
import socket
import time

import dns.message
import dns.rcode

from lab import GATEWAY4, GATEWAY6, addresses_of, receive_tcp, send_tcp
from load import CLIENTS
from process import DEADLINE


def processes(server):
    """The pid of each role; of several workers each has its number."""
    found = {"keeper": server.pid}
    for role in ("helper", "compiler"):
        found[role], = server.those(role)
    workers = server.those("worker")
    for number, pid in enumerate(workers, 1):
        found[f"worker {number}" if len(workers) > 1 else "worker"] = pid
    assert workers
    return found


def wait_for_end(descriptors):
    """Until all of these processes have ended; returns how long that took."""
    begin = time.monotonic()
    with contextlib.ExitStack() as stack:
        poll = select.poll()
        for fd in descriptors:
            stack.callback(os.close, fd)
            poll.register(fd, select.POLLIN)
        left = set(descriptors)
        while left:
            ready = poll.poll(DEADLINE * 1000)
            assert ready, "a process is still there"
            for fd, _ in ready:
                poll.unregister(fd)
                left.remove(fd)
    return time.monotonic() - begin


def inhabitants(namespace):
    """The pids of all that live in a network namespace."""
    where = os.fstat(namespace.fd)
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            there = os.stat(folder / "ns" / "net")
            if (there.st_dev, there.st_ino) == (where.st_dev, where.st_ino):
                found.append(int(folder.name))
    return found


def has_free_ports(lab):
    """For everybody: the kernel closes sockets at the very end of a process,
    after it has left its namespaces."""
    try:
        take_ports(lab)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return False
    return True


def take_ports(lab):
    """They are free for everybody, or this fails."""
    for address in (GATEWAY4, GATEWAY6, "127.0.0.1", "::1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with lab.gateway.socket(family, kind) as sock:
                if kind == socket.SOCK_STREAM:      # for those that wait
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind((address, 53))


def _plain(address):
    """The one way to write it; of IPv4 there is no other."""
    return str(ipaddress.ip_address(address)) if ":" in address else address


def by_grant(entries):
    return {(_plain(entry.client), entry.proto, entry.port,
             _plain(entry.address)): entry for entry in entries}


class Listing:
    """What the kernel has, and when it was asked."""

    def __init__(self, fw):
        self.begin = time.monotonic()
        self.entries = by_grant(fw.entries())
        self.end = time.monotonic()

    def only(self, keys):
        """The same of these alone."""
        part = copy.copy(self)
        part.entries = {key: entry for key, entry in self.entries.items()
                        if key in keys}
        return part

    def assert_kept(self, later, longer=False, rounded=0):
        """All are there later, with the same names and ends.

        longer: what was asked for again may have a later end.  What is listed
        is rounded down; with ipset what is put back is so many seconds off.
        """
        for key, entry in self.entries.items():
            assert key in later.entries, f"{entry} is gone"
            now = later.entries[key]
            assert now.comment == entry.comment
            assert now.timeout >= entry.timeout - (
                later.end - self.begin) - 1 - rounded, f"{entry} was shortened: {now}"
            assert longer or now.timeout <= entry.timeout - (
                later.begin - self.end) + 1 + rounded, f"{entry} was lengthened: {now}"


class Questions:
    """Names that nobody has asked for, of each client over UDP and TCP.

    names.other_name(client) tells them, with the address for that client; the
    port is that of the service there, which the clients are granted.
    """

    EACH = 8

    def __init__(self, lab, names, port):
        self._lab = lab
        self._stack = contextlib.ExitStack()
        self._poll = select.poll()
        self._unsent = []
        self._open = {}     # (descriptor, id): the grant it needs
        self._socks = {}
        for client in CLIENTS:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                sock = lab.client_socket(client, kind)
                self._stack.enter_context(sock)
                sock.connect((GATEWAY6 if ":" in client else GATEWAY4, 53))
                self._socks[sock.fileno()] = sock
                self._poll.register(sock, select.POLLIN)
                self._prepare(sock, client, names, port)

    def close(self):
        self._stack.close()

    def _prepare(self, sock, client, names, port):
        for number in range(self.EACH):
            name, address = names.other_name(client)
            self._unsent.append((sock, dns.message.make_query(
                name, "AAAA" if ":" in client else "A", id=number).to_wire()))
            self._open[sock.fileno(), number] = (client, "tcp", port, address)

    def send(self):
        """Ask them all, once."""
        for sock, wire in self._unsent:
            if sock.type == socket.SOCK_STREAM:
                send_tcp(sock, wire)
            else:
                sock.send(wire)
        self._unsent = []

    def _receive(self, sock):
        """An answer's RCODE, and its grant, which counts at once."""
        answer = dns.message.from_wire(
            receive_tcp(sock) if sock.type == socket.SOCK_STREAM
            else sock.recv(4096))
        grant = self._open.pop((sock.fileno(), answer.id))
        if not any(fd == sock.fileno() for fd, _ in self._open):
            self._poll.unregister(sock)     # who says no more is closed
        if answer.rcode() != dns.rcode.NOERROR:
            return answer.rcode(), None
        client, _, port, address = grant
        assert addresses_of(answer) == [address]
        with self._lab.client_socket(client, socket.SOCK_STREAM) as one:
            one.connect((address, port))
        return answer.rcode(), grant

    def receive(self, patience):
        """What comes, until there is nothing for so many seconds, or no
        question is open: how many of each RCODE, and the grants."""
        rcodes, grants = collections.Counter(), set()
        while self._open:
            ready = self._poll.poll(patience * 1000)
            if not ready:
                break
            for fd, _ in ready:
                rcode, grant = self._receive(self._socks[fd])
                rcodes[dns.rcode.to_text(rcode)] += 1
                grants.add(grant)
        return rcodes, grants - {None}

    def receive_all(self):
        rcodes, grants = self.receive(DEADLINE)
        assert not self._open, f"{len(self._open)} questions without an answer"
        return rcodes, grants

    def receive_last(self):
        """The grants of what was answered before all of dnsfw had ended."""
        grants = set()
        for sock in self._socks.values():
            if sock.type == socket.SOCK_DGRAM:
                sock.setblocking(False)
            with contextlib.suppress(BlockingIOError, EOFError,
                                     ConnectionResetError):
                while True:
                    # An error of ICMP comes before the answers.
                    with contextlib.suppress(ConnectionRefusedError):
                        grants.add(self._receive(sock)[1])
        return grants - {None}
