"""Under load a process is killed, or stands still for a while (P4, G1, G2, G9).

DNSFW_SUDDEN_ROUNDS is how often each is killed; once if it is not given.
"""

import collections
import contextlib
import ipaddress
import os
import pathlib
import select
import signal
import socket
import time

import dns.message
import dns.rcode
import pytest

from lab import (DNS4, GATEWAY4, GATEWAY6, READY, addresses_of, receive_tcp,
                 send_tcp)
from load import CLIENTS, PORT, Load, grant_of, is_refused
from process import DEADLINE, stopped

ROUNDS = int(os.environ.get("DNSFW_SUDDEN_ROUNDS") or 1)
RATE = 1000         # queries a second
NAMES = 2000        # of each kind; so most ask for a new grant
ENOUGH = 500        # queries until something happens
# Of three workers the first has the clients of IPv4, the second those of IPv6.
OPTIONS = ("--workers", "3", "--min-rule-time", "1000", "--log-level",
           "refused")
ROLES = ("keeper", "helper", "compiler", "worker 1", "worker 2")


def processes(server):
    """The pid of each role."""
    found = {"keeper": server.pid}
    for role in ("helper", "compiler"):
        found[role], = server.those(role)
    for number, pid in enumerate(server.those("worker"), 1):
        found[f"worker {number}"] = pid
    assert len(found) == 6
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


def take_ports(lab):
    """They are free for everybody, or this fails."""
    for address in (GATEWAY4, GATEWAY6, "127.0.0.1", "::1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with lab.gateway.socket(family, kind) as sock:
                if kind == socket.SOCK_STREAM:      # for those that wait
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind((address, 53))


def by_grant(entries):
    return {(str(ipaddress.ip_address(entry.client)), entry.proto, entry.port,
             str(ipaddress.ip_address(entry.address))): entry
            for entry in entries}


def grants_of(queries):
    return {grant_of(query) for query in queries} - {None}


class Listing:
    """What the kernel has, and when it was asked."""

    def __init__(self, fw):
        self.begin = time.monotonic()
        self.entries = by_grant(fw.entries())
        self.end = time.monotonic()

    def assert_kept(self, later, longer=False):
        """All are there later, with the same names and ends.

        longer: what was asked for again may have a later end.  What is listed
        is rounded down.
        """
        for key, entry in self.entries.items():
            assert key in later.entries, f"{entry} is gone"
            now = later.entries[key]
            assert now.comment == entry.comment
            assert now.timeout >= entry.timeout - (
                later.end - self.begin) - 1, f"{entry} was shortened: {now}"
            assert longer or now.timeout <= entry.timeout - (
                later.begin - self.end) + 1, f"{entry} was lengthened: {now}"


class Questions:
    """Names that nobody has asked for, of each client over UDP and TCP."""

    EACH = 8

    def __init__(self, lab, load):
        self._lab = lab
        self._stack = contextlib.ExitStack()
        self._poll = select.poll()
        self._open = {}     # (descriptor, id): the grant it needs
        self._socks = {}
        for client in CLIENTS:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                sock = lab.client_socket(client, kind)
                self._stack.enter_context(sock)
                sock.connect((GATEWAY6 if ":" in client else GATEWAY4, 53))
                self._socks[sock.fileno()] = sock
                self._poll.register(sock, select.POLLIN)
                self._ask(sock, client, load)

    def close(self):
        self._stack.close()

    def _ask(self, sock, client, load):
        for number in range(self.EACH):
            name, address = load.other_name(client)
            wire = dns.message.make_query(
                name, "AAAA" if ":" in client else "A", id=number).to_wire()
            if sock.type == socket.SOCK_STREAM:
                send_tcp(sock, wire)
            else:
                sock.send(wire)
            self._open[sock.fileno(), number] = (client, "tcp", PORT, address)

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


class Work:
    """dnsfw, and its load.

    While that goes on, nft cannot list the ruleset: it begins anew after each
    transaction.
    """

    def __init__(self, lab, fw):
        self._lab = lab
        self._fw = fw
        self.load = Load(lab, NAMES)

    def start(self, *options):
        self.server = self._lab.start_dnsfw(self.load.acl, *OPTIONS, *options,
                                            fw=self._fw, upstream=DNS4)
        self.server.err.wait_for(READY)
        self.processes = processes(self.server)

    def begin(self):
        self.load.begin(RATE, 4 * DEADLINE, ENOUGH)

    def listing(self):
        return Listing(self._fw)

    def ask(self):
        """All answers come, and can be used; returns their grants."""
        with contextlib.closing(Questions(self._lab, self.load)) as questions:
            rcodes, grants = questions.receive_all()
        assert set(rcodes) == {"NOERROR"}
        return grants


@pytest.fixture
def work(lab, fw):
    return Work(lab, fw)


@pytest.mark.long
@pytest.mark.parametrize("role", ROLES)
def test_P4_G1_G9_killed_under_load(work, lab, role):
    work.start()
    for _ in range(ROUNDS):
        work.begin()
        descriptors = [os.pidfd_open(pid) for pid in work.processes.values()]
        os.kill(work.processes[role], signal.SIGKILL)
        print(f"{role} killed: all gone in {wait_for_end(descriptors):.3f} s")
        assert inhabitants(lab.gateway) == []
        take_ports(lab)
        assert work.server.wait_exit() == (
            -signal.SIGKILL if role == "keeper" else 1)
        listing = work.listing()
        queries = work.load.end()
        grants = grants_of(queries)
        assert grants and grants <= set(listing.entries), \
            "answers without a grant"
        assert not list(filter(is_refused, queries))
        work.start()
        work.server.err.wait_for(f"{len(listing.entries)} existing grants "
                                 "kept, 0 stale entries removed")
        listing.assert_kept(work.listing())
        work.ask()


@pytest.mark.long
@pytest.mark.parametrize("role, timeout", [
    *((role, "10") for role in ROLES), ("keeper", "1"), ("worker 1", "1")])
def test_G1_G2_stands_still_under_load(work, lab, role, timeout):
    """For a second at least, which may be longer than --timeout."""
    work.start("--timeout", timeout)
    work.ask()
    before = work.listing()
    work.begin()
    with contextlib.ExitStack() as stack:
        with stopped(work.processes[role]):
            questions = stack.enter_context(contextlib.closing(
                Questions(lab, work.load)))
            meanwhile, grants = questions.receive(1)
        then, more = questions.receive_all()
    print(f"{role} stopped: {dict(meanwhile)}, then {dict(then)}")
    if role in ("keeper", "helper"):
        assert not grants
    elif role != "compiler":
        assert sum(then.values()) >= Questions.EACH * len(CLIENTS)
    assert set(meanwhile + then) <= {"NOERROR", "SERVFAIL"}
    if role == "helper":
        work.server.err.wait_for("dnsfw-priv, the helper, answers again")
    grants |= more | work.ask()
    queries = work.load.end()
    after = work.listing()
    assert grants | grants_of(queries) <= set(after.entries)
    assert not list(filter(is_refused, queries))
    before.assert_kept(after, longer=True)
