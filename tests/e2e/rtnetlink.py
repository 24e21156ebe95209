"""What the lab needs of ip(8), without a program for each namespace.

rtnetlink(7); the numbers are those of <linux/rtnetlink.h> and its neighbours.
"""

import collections
import ipaddress
import os
import socket
import struct

# The numbers of links are chosen here, so that nobody has to look them up.
Link = collections.namedtuple("Link", "name number")
LOOPBACK = Link("lo", 1)

NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE = 0x1, 0x4, 0x400
FLAGS = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE
NLMSG_ERROR = 2
RTM_NEWLINK, RTM_GETLINK, RTM_NEWADDR, RTM_NEWROUTE = 16, 18, 20, 24

IFLA_IFNAME, IFLA_OPERSTATE, IFLA_LINKINFO, IFLA_NET_NS_FD = 3, 16, 18, 28
IF_OPER_UP = 6
IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER = 1, 2, 1
IFF_UP = 1
IFA_ADDRESS, IFA_LOCAL = 1, 2
IFA_F_NODAD = 2
RTA_DST, RTA_OIF, RTA_GATEWAY = 1, 4, 5
RT_TABLE_MAIN, RT_TABLE_LOCAL = 254, 255
RTN_UNICAST, RTN_LOCAL = 1, 2
RT_SCOPE_UNIVERSE, RT_SCOPE_HOST = 0, 254
RTPROT_BOOT = 3


def _attribute(number, value):
    return (struct.pack("=HH", 4 + len(value), number) + value +
            bytes(-len(value) % 4))


def _link(link, flags=0):
    """struct ifinfomsg"""
    return struct.pack("=BxHiII", socket.AF_UNSPEC, 0, link.number, flags,
                       flags)


def _named(link):
    return _link(link) + _attribute(IFLA_IFNAME,
                                    link.name.encode("ascii") + b"\0")


def _family(address):
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def veth(link, peer, namespace):
    """A pair: link here, and peer in the namespace.

    If both had the same number, Linux would take up to a second to use them.
    """
    other = _named(peer) + _attribute(IFLA_NET_NS_FD,
                                      struct.pack("=I", namespace.fd))
    return RTM_NEWLINK, _named(link) + _attribute(
        IFLA_LINKINFO, _attribute(IFLA_INFO_KIND, b"veth") + _attribute(
            IFLA_INFO_DATA, _attribute(VETH_INFO_PEER, other)))


def link_up(link):
    return RTM_NEWLINK, _link(link, IFF_UP)


def add_address(text, link):
    """ADDRESS/PREFIX; an IPv6 one at once, as nobody else can have it."""
    one = ipaddress.ip_interface(text)
    return RTM_NEWADDR, struct.pack(
        "=BBBBi", _family(one), one.network.prefixlen,
        IFA_F_NODAD if one.version == 6 else 0, RT_SCOPE_UNIVERSE,
        link.number) + (_attribute(IFA_LOCAL, one.packed) +
                        _attribute(IFA_ADDRESS, one.packed))


def _route(net, table, scope, kind, where):
    """struct rtmsg, and its attributes."""
    return RTM_NEWROUTE, struct.pack(
        "=BBBBBBBBI", _family(net), net.prefixlen, 0, 0, table, RTPROT_BOOT,
        scope, kind, 0) + _attribute(
            RTA_DST, net.network_address.packed) + where


def route(net, gateway):
    return _route(net, RT_TABLE_MAIN, RT_SCOPE_UNIVERSE, RTN_UNICAST,
                  _attribute(RTA_GATEWAY,
                             ipaddress.ip_address(gateway).packed))


def default_route(gateway):
    return route(ipaddress.ip_network("::/0" if ":" in gateway
                                      else "0.0.0.0/0"), gateway)


def local_route(net):
    """All its addresses are this host's own."""
    return _route(net, RT_TABLE_LOCAL, RT_SCOPE_HOST, RTN_LOCAL,
                  _attribute(RTA_OIF, struct.pack("=I", LOOPBACK.number)))


def request(namespace, *messages):
    """Send them in their order; an error of one is raised."""
    with namespace.socket(socket.AF_NETLINK, socket.SOCK_RAW) as sock:
        sock.sendto(b"".join(
            struct.pack("=IHHII", 16 + len(body), kind, FLAGS, number, 0) +
            body for number, (kind, body) in enumerate(messages)), (0, 0))
        for number, message in enumerate(messages):
            _, kind, _, sequence, _, error = struct.unpack_from(
                "=IHHIIi", sock.recv(4096))
            assert (kind, sequence) == (NLMSG_ERROR, number)
            if error != 0:
                raise OSError(-error, f"{os.strerror(-error)}: {message}")


def is_up(namespace, link):
    """Does it carry packets?  Not at once: the other end must be up, too."""
    with namespace.socket(socket.AF_NETLINK, socket.SOCK_RAW) as sock:
        sock.sendto(struct.pack("=IHHII", 32, RTM_GETLINK, NLM_F_REQUEST, 0,
                                0) + _link(link), (0, 0))
        answer = sock.recv(16384)
    at = 32
    while at < len(answer):
        length, number = struct.unpack_from("=HH", answer, at)
        if number == IFLA_OPERSTATE:
            return answer[at + 4] == IF_OPER_UP
        at += length + -length % 4
    return False
