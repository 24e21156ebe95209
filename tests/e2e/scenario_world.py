"""Runs the cases of one scenario file against one dnsfw and firewall."""

import contextlib
import ipaddress
import itertools
import re
import socket
import struct

from conftest import ACCESS_LINE
from lab import (DNS4, DNS6, GATEWAY4, GATEWAY6, READY, Lab, family_of,
                 receive_tcp, send_tcp)
from process import DEADLINE
from scenario_query import Answer, Query
from scenario_upstream import Resolver
from scenario_want import Wants

GRACE = 15      # seconds, G3
RULE_TIME_MAX = 86400       # the default of --max-rule-time
MORE_CLIENTS = ("10.77.1.9/24", "10.77.1.200/24", "fd77:1::9/64",
                "fd77:1::200/64")
LAN4 = ipaddress.ip_network("10.77.1.0/24")
LAN6 = ipaddress.ip_network("fd77:1::/64")


class World:
    """A lab with one dnsfw, for the cases of one scenario."""

    def __init__(self, scenario, backend):
        self.scenario = scenario
        self._stack = contextlib.ExitStack()
        self._ids = itertools.count(1000)
        self.log_wanted = {}        # id -> number of lines
        try:
            self.lab = self._stack.enter_context(Lab())
            self.fw = self.lab.set_up_firewall(backend)
            self.upstream = Resolver(self.lab.internet, (DNS4, DNS6))
            self._stack.callback(self.upstream.close)
            for address in MORE_CLIENTS:
                self.lab.client.run("ip", "address", "add", address, "dev",
                                    "lan", "nodad")
            self.server = self.lab.start_dnsfw(
                scenario.acl, *scenario.options, fw=self.fw)
            if not scenario.errors:
                self.server.err.wait_for(READY)
        except BaseException:
            self._stack.close()
            raise

    def close(self):
        self._stack.close()

    def _end(self):
        """Nothing came late into the log, and nothing is malformed."""
        self.server.stop()
        lines = self.server.out.lines
        assert self.server.popen.returncode == 0, self.server.err
        assert "Sanitizer" not in str(self.server.err), self.server.err
        wrong = [f"  not the access log's syntax: {line!r}"
                 for line in lines if not ACCESS_LINE.fullmatch(line)]
        for number, wanted in self.log_wanted.items():
            found = [line for line in lines if f" [{number}]" in line]
            if len(found) > wanted:
                wrong.append(f"  more than {wanted} lines: {found}")
        return wrong

    @property
    def refusal(self):
        """The RCODE of a name that is not allowed (D3)."""
        return {"refused": "REFUSED", "nxdomain": "NXDOMAIN",
                "nodata": "NOERROR"}[self.option("--refuse-with", "refused")]

    def option(self, name, default):
        """The value of one of the file's options."""
        options = self.scenario.options
        return (options[options.index(name) + 1] if name in options
                else default)

    def lifetime(self, ttl):
        """Of a grant without its grace (G3)."""
        low = int(self.option("--min-rule-time", 5))
        high = int(self.option("--max-rule-time", RULE_TIME_MAX))
        return min(max(ttl, low), high)

    def grace(self, ttl):
        high = int(self.option("--max-rule-time", RULE_TIME_MAX))
        return min(GRACE, high - self.lifetime(ttl))

    # Asking.

    def _home(self, client):
        """Where the client is, and the server that it asks."""
        address = ipaddress.ip_address(client)
        v6 = address.version == 6
        if address in LAN4 or address in LAN6:
            return self.lab.client, GATEWAY6 if v6 else GATEWAY4
        return self.lab.gateway, "::1" if v6 else "127.0.0.1"

    def _connect(self, query):
        namespace, server = self._home(query.client)
        sock = namespace.socket(
            family_of(query.client),
            socket.SOCK_STREAM if query.tcp else socket.SOCK_DGRAM)
        sock.settimeout(DEADLINE)
        sock.bind((query.client, 0))
        sock.connect((server, 53))
        return sock

    def run(self, case):
        """Run a case; returns all that differs, a line each."""
        if case is self.scenario.end:
            return self._end()
        wrong = []
        for step in case.steps:
            wants = Wants(self, case, step.wants)
            self.upstream.lines = step.upstream
            self.upstream.replies.clear()
            queries = [Query(line, next(self._ids)) for line in step.queries]
            wrong += wants.check(queries,
                                 self._exchange(queries, wants.nothing))
        return wrong

    def _exchange(self, queries, nothing):
        with contextlib.ExitStack() as stack:
            sockets = []
            for query in queries:
                sock = stack.enter_context(self._connect(query))
                sockets.append(sock)
                if query.tcp:
                    send_tcp(sock, query.wire)
                else:
                    sock.send(query.wire)
            return [self._receive(query, sock, nothing)
                    for query, sock in zip(queries, sockets)]

    def _receive(self, query, sock, nothing):
        """The answer; None if nothing comes, or the connection ends."""
        if query.tcp:
            try:
                return Answer(receive_tcp(sock))
            except (EOFError, ConnectionError):
                return None
        if nothing:
            self._settle()
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                return Answer(sock.recv(65535))
            return None
        try:
            return Answer(sock.recv(65535))
        except TimeoutError:
            return None

    def _settle(self):
        """Come back when what was sent before has been dealt with.

        What dnsfw reads while one query is answered, it has read when the
        next one is.
        """
        for _ in range(2):
            wire = struct.pack("!6H", next(self._ids), 0x0100, 1, 0, 0, 0)
            answer = Answer(self.lab.exchange(wire))
            assert answer.rcode == "FORMERR", answer.rcode

    # Looking.

    def entries(self):
        """What is in the kernel: (client, proto, port, address) -> entry."""
        return {(entry.client, entry.proto, entry.port, entry.address): entry
                for entry in self.fw.entries()}

    def log_of(self, query):
        """The lines of the access log with the id of the query."""
        return [line for line in list(self.server.out.lines)
                if f" [{query.id}]" in line]

    # Lists that are wrong.

    def run_error(self, case):
        """The mistakes of a list are told; returns what differs."""
        wrong = []
        found = self._told()
        for number, column, pattern in case.wants:
            at, text = found.pop(number, (None, "nothing"))
            if column not in (None, at) or not re.search(pattern, text,
                                                         re.IGNORECASE):
                wrong.append(f"  line {number}, column {at}: {text!r}, "
                             f"wanted {column}: {pattern!r}")
        for number, _ in case.lines:
            if number in found:
                wrong.append(f"  line {number}: {found[number]}")
        return wrong

    def _told(self):
        """What is said about the list: line -> (column, text)."""
        assert self.server.wait_exit() == 2
        self.server.err.wait_end()
        found = re.findall(r"(?m)\bacl-\d+:(\d+):(\d+): (.*)$",
                           str(self.server.err))
        return {int(line): (int(column), text)
                for line, column, text in found}
