"""What clients want to reach: TCP and UDP services that say hello."""

import collections
import selectors
import socket
import struct
import threading

from process import DEADLINE

# <linux/in.h>, <linux/in6.h>; Python's socket module does not have them.
IP_PKTINFO = 8
IPV6_FREEBIND = 78

Visit = collections.namedtuple("Visit", "proto client address port")


def plain(address):
    """An IPv4-mapped address as IPv4."""
    return address.removeprefix("::ffff:")


class Services:
    """One greeting on each port, TCP and UDP, on every local address."""

    def __init__(self, namespace, ports):
        self.visits = []
        self._closing = False
        self._selector = selectors.DefaultSelector()
        for port in ports:
            tcp = namespace.socket(socket.AF_INET6, socket.SOCK_STREAM)
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tcp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            tcp.bind(("::", port))
            tcp.listen(256)
            self._selector.register(tcp, selectors.EVENT_READ, self._on_tcp)
            udp4 = namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp4.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
            udp4.bind(("0.0.0.0", port))
            udp6 = namespace.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            udp6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            udp6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            udp6.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
            udp6.bind(("::", port))
            for udp in (udp4, udp6):
                self._selector.register(udp, selectors.EVENT_READ,
                                        self._on_udp)
        self._wake_read, self._wake_write = socket.socketpair()
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def _loop(self):
        while not self._closing:
            for key, _ in self._selector.select():
                if key.data is not None:
                    key.data(key.fileobj)

    def _on_tcp(self, listener):
        connection, peer = listener.accept()
        with connection:
            address, port = connection.getsockname()[:2]
            self.visits.append(Visit("tcp", plain(peer[0]), plain(address),
                                     port))
            connection.sendall(b"hello")

    def _on_udp(self, sock):
        data, info, _, peer = sock.recvmsg(65535, 128)
        family = sock.family
        if family == socket.AF_INET:
            local = info[0][2][4:8]         # in_pktinfo.ipi_spec_dst
            answer = struct.pack("=i4s4s", 0, local, bytes(4))
        else:
            local = info[0][2][0:16]        # in6_pktinfo.ipi6_addr
            answer = struct.pack("=16si", local, 0)
        self.visits.append(Visit("udp", peer[0],
                                 socket.inet_ntop(family, local),
                                 sock.getsockname()[1]))
        # From the address that was asked, of which there are many.
        sock.sendmsg([b"hello " + data], [(info[0][0], info[0][1], answer)],
                     0, peer)

    def close(self):
        self._closing = True
        self._wake_write.send(b"x")
        self._thread.join(DEADLINE)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()
        self._wake_write.close()
