"""Many clients, and what they ask, of the names of tests/bench/query.h."""

import contextlib
import ipaddress
import resource
import socket
import struct

from lab import CLIENT4, CLIENT6, GATEWAY4, GATEWAY6
from process import DEADLINE

NET4 = ipaddress.ip_network("10.96.0.0/12")
NET6 = ipaddress.ip_network("fd96::/32")
DESCRIPTORS = 65536
SO_RCVBUFFORCE = 33     # of Linux, as the next one
IP_PKTINFO = 8
BUFFER = 8 << 20        # octets

# What tests/bench/hostile.c does, by a name's first letter.
ALIASES, HELD, PLAIN, RELEASE, SILENT, USELESS = "ahnrsu"


def question(letter, number):
    return struct.pack("!HHHHHH", number & 0xffff, 0x100, 1, 0, 0, 0) + (
        f"\x09{letter}{number:08x}\x05bench\x04test\0\0\1\0\1".encode("ascii"))


def long_question(number, length):
    """With an option, so that it has so many octets."""
    query = bytearray(question(SILENT, number))
    query[11] = 1       # an OPT record
    size = length - len(query) - 15
    return bytes(query) + struct.pack("!BHHIHHH", 0, 41, 1232, 0, size + 4,
                                      65001, size) + bytes(size)


@contextlib.contextmanager
def descriptors():
    """As many as this process may have."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE,
                           (DESCRIPTORS, max(DESCRIPTORS, before[1])))
    except ValueError:      # some are root, and may not
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


class Crowd:
    """Clients: each has an address that nobody had before it."""

    def __init__(self, lab):
        self._client = lab.client
        self._number = 1
        for net, via in ((NET4, CLIENT4), (NET6, CLIENT6)):
            lab.client.run("ip", "route", "add", "local", str(net), "dev",
                           "lo")
            lab.gateway.run("ip", "route", "add", str(net), "via", via)
        lab.client.sysctl(ipv6__ip_nonlocal_bind=1)

    def v4(self):
        self._number += 1
        return str(NET4[self._number])

    def v6(self):
        """In a /64 for itself."""
        self._number += 1
        return str(NET6[self._number << 64 | 1])

    def datagrams(self, family):
        """A socket for send()."""
        sock = self._client.socket(family, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        sock.settimeout(DEADLINE)
        return sock

    def connection(self, client):
        six = ":" in client
        sock = self._client.socket(socket.AF_INET6 if six else socket.AF_INET,
                                   socket.SOCK_STREAM)
        sock.bind((client, 0))
        sock.connect((GATEWAY6 if six else GATEWAY4, 53))
        return sock


def send(sock, client, message):
    """A datagram of this client."""
    if ":" in client:
        where, kind = GATEWAY6, (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO)
        info = struct.pack("16si", socket.inet_pton(socket.AF_INET6, client),
                           0)
    else:
        where, kind = GATEWAY4, (socket.IPPROTO_IP, IP_PKTINFO)
        info = struct.pack("i4s4x", 0, socket.inet_aton(client))
    sock.sendmsg([message], [(*kind, info)], 0, (where, 53))
