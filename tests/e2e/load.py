"""Many questions a second, each with a connection right after its answer.

tests/soak/answer is upstream and "internet", tests/soak/ask the clients.
"""

import collections
import ipaddress
import itertools
import signal
import struct

from lab import (CLIENT4, CLIENT6, DNS4, GATEWAY4, GATEWAY6, OTHER4, OTHER6,
                 REJECTED, build_dir)
from process import until

PORT = 8002             # of the load's own service
CLIENTS = (CLIENT4, OTHER4, CLIENT6, OTHER6)
NAMES_MAX = 4096

# What ask writes; outcomes in the order of its enum.
RECORD = struct.Struct("=QQQQHHBBBx")
CONNECTED, CONNECT_FAILED, NO_ADDRESS, LOST, SOCKET_ERROR = range(5)
OUTCOMES = ("connected", "first connection failed", "no address", "lost",
            "not sent")

Query = collections.namedtuple(
    "Query", "asked arrived answered ended name detail kind client outcome")


def read_record(path):
    """The queries, in the order in which they were sent."""
    return sorted(Query(*fields)
                  for fields in RECORD.iter_unpack(path.read_bytes()))


def address_of(kind, number, client):
    """What answer says of such a name."""
    if ":" in client:
        return str(ipaddress.ip_address(
            0xfd78 << 112 | ord(kind) << 16 | number))
    return f"10.78.{(16 if kind == 's' else 64) + (number >> 8)}.{number & 255}"


def grant_of(query):
    """The first fields of the entry that the answer needs, or None."""
    if not query.arrived or query.outcome == NO_ADDRESS:
        return None
    client = CLIENTS[query.client]
    return (client, "tcp", PORT,
            address_of(chr(query.kind), query.name, client))


def is_refused(query):
    """Its connection was, so it had an answer without a grant."""
    return query.outcome == CONNECT_FAILED and query.detail in REJECTED


class Load:
    """Names below this number are asked for, others are left to the test."""

    acl = "".join(f"{client} -> *.load.test:TCP:{PORT}\n"
                  for client in CLIENTS)

    def __init__(self, lab, names, wrapper=()):
        self._lab = lab
        self._names = names
        self._wrapper = wrapper
        self._tools = build_dir() / "tests" / "soak"
        self._files = itertools.count()
        self._others = itertools.count(names)
        server = lab.start([*wrapper, str(self._tools / "answer"), DNS4,
                            str(PORT)], namespace=lab.internet)
        server.err.wait_for("ready")
        # It does not know DNS over TCP.
        self._upstream = lab.start_upstream(DNS4, udp=False)

    def other_name(self, client):
        """One that nobody has asked for, and its address for the client."""
        number = next(self._others)
        assert number < NAMES_MAX
        name, address = f"s{number}.load.test", address_of("s", number, client)
        self._upstream.add(name, 3600, "AAAA" if ":" in client else "A",
                           address)
        return name, address

    def begin(self, rate, seconds, enough):
        """Ask for so long, or until end(); returns after so many queries."""
        self._record = self._lab.tmp / f"record{next(self._files)}"
        pairs = [f"{client}={GATEWAY6 if ':' in client else GATEWAY4}"
                 for client in CLIENTS]
        self._process = self._lab.start(
            [*self._wrapper, str(self._tools / "ask"), str(rate),
             str(seconds), str(self._names), str(PORT), str(self._record),
             *pairs], namespace=self._lab.client)
        until(lambda: self._record.exists() and
              self._record.stat().st_size >= enough * RECORD.size,
              what="answers to the load")

    def end(self):
        """All queries; what was under way has had its time."""
        self._process.signal(signal.SIGTERM)
        status = self._process.wait_exit()
        self._process.err.wait_end()
        assert status == 0, self._process.err
        print("".join(f"{line}\n" for line in self._process.err.lines), end="")
        return read_record(self._record)
