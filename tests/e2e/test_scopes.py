"""Clients that ask from one address and connect from another (G12)."""

import socket

import dns.message
import pytest

from lab import (CLIENT4, CLIENT6, GATEWAY4, GATEWAY6, PORT, addresses_of,
                 family_of)

GLOBAL6 = "2001:db8:77::2"
LINK4 = "169.254.7.7"
LINK6 = "fe80::77:2"
SITE4, ULA, GLOBAL = "10.78.250.1", "fd78::250:1", "2001:db8:78::1"

ACL = f"""
0.0.0.0/0 -> *.example.com:TCP:{PORT}
::/0 -> *.example.com:TCP:{PORT}
::/0 ~> *.plain.test
"""
SHUT = "from a link-local address"


@pytest.fixture
def names(lab):
    """The client has an address of each kind, and names as well."""
    lab.client.run("ip", "-batch", "-", text=f"""\
address add {GLOBAL6}/64 dev lan nodad
address add {LINK6}/64 dev lan nodad
address add {LINK4}/16 dev lan
""")
    lab.gateway.run("ip", "-batch", "-", text="""\
address add 2001:db8:77::1/64 dev lan nodad
address add 169.254.7.1/16 dev lan
""")
    for name, address in (("site4", SITE4), ("ula", ULA),
                          ("global", GLOBAL)):
        rdtype = "AAAA" if ":" in address else "A"
        lab.upstream.add(f"{name}.example.com", 60, rdtype, address)
        lab.upstream.add(f"{name}.plain.test", 60, rdtype, address)


def ask(lab, name, client, rdtype=None):
    """The addresses that the client gets, which may be link-local."""
    rdtype = rdtype or ("A" if name.startswith("site4") else "AAAA")
    query = dns.message.make_query(name, rdtype, use_edns=0)
    with lab.client.socket(family_of(client), socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        if ":" in client:
            with lab.client.entered():
                scope = socket.if_nametoindex("lan")
            sock.bind((client, 0, 0, scope if client == LINK6 else 0))
        else:
            sock.bind((client, 0))
        sock.connect((GATEWAY6 if ":" in client else GATEWAY4, 53))
        sock.send(query.to_wire())
        answer = dns.message.from_wire(sock.recv(65535))
    assert query.is_response(answer) and answer.rcode() == 0, answer
    return addresses_of(answer)


def warnings(server):
    return [line for line in server.err.lines if " asked for " in line]


def granted(fw):
    return {(entry.client, entry.address) for entry in fw.entries()}


@pytest.mark.parametrize("client, name, address", [
    (LINK4, "site4", SITE4), (LINK6, "ula", ULA), (LINK6, "global", GLOBAL)])
def test_G12_no_grant_for_a_link_local_client(lab, fw, names, client, name,
                                              address):
    """The answer passes, and the log says once why nothing was granted."""
    server = lab.dnsfw(ACL, fw=fw)
    for _ in range(2):
        assert ask(lab, f"{name}.example.com", client) == [address]
    server.err.wait_for(rf"WARN.*{client} asked for {name}\.example\.com\. "
                        f"{SHUT}, from which it cannot connect to {address}:")
    assert granted(fw) == set()
    server.out.wait_for(rf"^{client} <~ ")
    assert not any("<-" in line for line in server.out.lines)
    assert len(warnings(server)) == 1


def test_G12_with_the_filter_it_is_no_address_for_the_client(lab, fw, names):
    """As one of a family that has no chain."""
    lab.dnsfw(ACL, "--family-mismatch", "filter", fw=fw)
    assert ask(lab, "ula.example.com", LINK6) == []
    assert ask(lab, "site4.example.com", LINK4) == []
    assert ask(lab, "ula.plain.test", LINK6) == [ULA]
    assert ask(lab, "ula.example.com", CLIENT6) == [ULA]
    assert granted(fw) == {(CLIENT6, ULA)}


@pytest.mark.parametrize("client, name, address, mend", [
    (CLIENT6, "global", GLOBAL, "unique local address.*RDNSS"),
    (GLOBAL6, "ula", ULA, "global address.*one kind alone")])
def test_G12_of_another_scope(lab, fw, names, client, name, address, mend):
    """It gets the grant, and the log has one line of the client a day."""
    server = lab.dnsfw(ACL, fw=fw)
    for _ in range(3):
        assert ask(lab, f"{name}.example.com", client) == [address]
    assert granted(fw) == {(client, address)}
    server.err.wait_for(rf"WARN.*{client} asked for {name}\.example\.com\. "
                        f"from a {mend}")
    assert len(warnings(server)) == 1


def test_G12_no_warning_where_all_is_well(lab, fw, names):
    """Of one scope, over IPv4, of this host, or without a grant."""
    server = lab.dnsfw(ACL, fw=fw)
    assert ask(lab, "ula.example.com", CLIENT6) == [ULA]
    assert ask(lab, "global.example.com", GLOBAL6) == [GLOBAL]
    assert ask(lab, "site4.example.com", CLIENT4) == [SITE4]
    assert ask(lab, "global.example.com", CLIENT4) == [GLOBAL]
    assert ask(lab, "site4.example.com", CLIENT6) == [SITE4]
    assert lab.ask("global.example.com", "AAAA", client="::1").answer
    for client in (CLIENT6, LINK6):
        assert ask(lab, "global.plain.test", client) == [GLOBAL]
    assert granted(fw) == {(CLIENT6, ULA), (GLOBAL6, GLOBAL),
                           (CLIENT4, SITE4), (None, GLOBAL)}
    server.stop()
    assert not warnings(server)


def test_G12_no_warning_without_a_firewall(lab, names):
    server = lab.dnsfw(ACL)
    assert ask(lab, "global.example.com", CLIENT6) == [GLOBAL]
    assert ask(lab, "global.example.com", LINK6) == [GLOBAL]
    server.stop()
    assert not warnings(server)


def test_G12_the_filter_needs_a_firewall(lab, names):
    """Without one nothing is granted, so nothing is out of reach."""
    lab.dnsfw(ACL, "--family-mismatch", "filter")
    assert ask(lab, "site4.example.com", CLIENT6) == [SITE4]
    assert ask(lab, "ula.example.com", LINK6) == [ULA]
