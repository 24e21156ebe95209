"""Socket buffers of the size that an unprivileged container gets.

Its root may not go beyond net.core.wmem_max and rmem_max, which tests cannot
change for themselves: so the sockets are made smaller when dnsfw serves.
"""

import concurrent.futures
import ipaddress
import signal
import socket

import dns.message
import dns.rcode
import pytest

from lab import CLIENT4, CLIENT6, GATEWAY4, PORT, addresses_of
from process import stopped, until
from sockets import shrink, unread

DEFAULT = 212992            # of both limits, in older kernels
ACL = (f"{CLIENT4} -> *.example.com:TCP:{PORT}\n"
       f"{CLIENT6} -> *.example.com:TCP:{PORT}\n")
GRANT = 176         # octets of a struct msg_grant
EACH = 1000                 # addresses of a name
NAMES = 8
MSG_OWN_MAX = 4096


@pytest.fixture(name="serve")
def _serve(lab):
    def start(*options, acl=ACL, **kwargs):
        server = lab.dnsfw(acl, *options, **kwargs)
        assert shrink(server, DEFAULT) > 5
        return server
    return start


def large(lab, number):
    """A name with so many addresses that only TCP takes them."""
    name = f"large{number}.example.com"
    first = ipaddress.ip_address("10.78.0.0") + 4096 * (number + 1)
    for i in range(EACH):
        lab.upstream.add(name, 600, "A", str(first + i))
    return name


def ask_all(lab, server, names):
    """At the same time, while the keeper does nothing."""
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        with stopped(server.pid):
            answers = [pool.submit(lab.ask, name, tcp=True) for name in names]
            for name in names:
                server.out.wait_for(rf"-> .* {name}\.$")
        return [answer.result() for answer in answers]


def test_G1_all_grants_of_many_large_answers(lab, fw, serve):
    """Several times more than a worker's channel takes."""
    server = serve("--max-grants", "262144", fw=fw)
    names = [large(lab, number) for number in range(NAMES)]
    for answer in ask_all(lab, server, names):
        assert len(addresses_of(answer)) == EACH
    assert len(fw.entries()) == NAMES * EACH


def fill(lab, fw, count):
    """Put entries of somebody else into the set for IPv4 clients."""
    first = ipaddress.ip_address("10.79.0.0")
    entries = [(CLIENT4, str(first + i)) for i in range(count)]
    if fw.name == "iptables":
        lab.gateway.run("ipset", "restore", text="".join(
            f"add DNSFW-ipv4-allow {client},tcp:9,{address} timeout 600\n"
            for client, address in entries))
    else:
        lab.gateway.run(
            "nft", "-f", "-", text="add element inet filter dnsfw_ipv4_allow "
            "{" + ",".join(f"{client} . tcp . 9 . {address} timeout 10m"
                           for client, address in entries) + "}")


def test_G11_the_kernel_refuses_all_grants_of_a_large_answer(lab, fw, serve):
    """It has an error for each message, and all of them arrive.

    What somebody else added is removed, so that the last ones may find room.
    """
    server = serve("--max-grants", str(EACH), fw=fw)
    name = large(lab, 0)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with stopped(server.pid):
            answer = pool.submit(lab.ask, name, tcp=True)
            until(lambda: unread(server.pid) >= EACH * GRANT)
            fill(lab, fw, EACH if fw.name == "iptables" else 2 * EACH)
        assert answer.result().rcode() == dns.rcode.SERVFAIL
    server.signal(signal.SIGUSR1)
    given, full = (
        int(server.err.wait_for(rf"grants asked for, {text}: (\d+)$")[1])
        for text in ("granted", "too many grants"))
    assert (given + full, full > 0) == (EACH, True)
    server.err.wait_for("it is full$")
    assert not any("No buffer space" in line for line in server.err.lines)


def test_G10_all_grants_are_put_back(lab, fw, serve):
    """Events of so many elements do not fit, nor need they."""
    server = serve("--max-grants", "262144", fw=fw)
    names = [large(lab, number) for number in range(3)]
    ask_all(lab, server, names)
    lab.gateway.run(*(("ipset", "flush") if fw.name == "iptables" else
                      ("nft", "flush", "set", "inet", "filter",
                       "dnsfw_ipv4_allow")))
    server.err.wait_for(rf"{3 * EACH} grants are put back")
    assert len(fw.entries()) == 3 * EACH
    # A review of them all, with a channel to the compiler as small.
    next(lab.tmp.glob("acl-*")).write_text(
        f"{CLIENT4} -> {names[0]}:TCP:{PORT}\n", encoding="ascii")
    server.signal(signal.SIGHUP)
    until(lambda: len(fw.entries()) == EACH)


def test_G8_the_largest_set_of_own_addresses(lab, fw, serve):
    """It comes to a worker as a whole, or not yet."""
    first = ipaddress.ip_address("10.79.0.0")
    ours = [str(first + i) for i in range(MSG_OWN_MAX - 16)]
    lab.gateway.run("ip", "-batch", "-", text="".join(
        f"address add {one}/32 dev wan\n" for one in ours))
    server = serve(fw=fw)
    site = lab.site()
    lab.upstream.add("own.example.com", 9, "A", site.v4, ours[-1], "10.80.0.1")
    worker = server.children()[-1]
    with stopped(worker):
        for verb in ("add", "del", "add"):
            lab.gateway.run("ip", "address", verb, "10.80.0.1/32", "dev", "wan")
        with lab.client_socket(CLIENT4, socket.SOCK_DGRAM) as sock:
            sock.connect((GATEWAY4, 53))
            for _ in range(100):
                sock.send(dns.message.make_query(site.name, "A").to_wire())
    until(lambda: addresses_of(lab.ask("own.example.com", client=CLIENT6)) ==
          [site.v4])
    lab.resolve(site)
    assert server.popen.poll() is None
