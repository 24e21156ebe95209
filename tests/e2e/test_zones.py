"""Addresses with a zone (D20): one address is on two links."""

import json
import socket

import dns.message
import pytest

from lab import DEADLINE, DNS4, dnsfw_program, receive_tcp, send_tcp

NAME = "www.example.com"
LINKS = (("gateway", "lan", "fe80::1"), ("client", "lan", "fe80::2"),
         ("gateway", "wan", "fe80::1"), ("internet", "wan", "fe80::2"))


@pytest.fixture
def links(lab):
    """The client and its DNS server have the same address."""
    for where, link, address in LINKS:
        getattr(lab, where).run("ip", "address", "add", f"{address}/64",
                                "dev", link, "nodad")
    with lab.internet.entered():
        upstream = lab.start_upstream("fe80::2%wan")
    upstream.add(NAME, 60, "A", "10.78.1.1")
    return upstream


def start(lab, *options, upstream="fe80::2%wan"):
    server = lab.start([
        str(dnsfw_program()), "--firewall=none", "--bind-port=53",
        f"--acl-file={lab.write_acl('fe80::/10 ~> *')}",
        "--bind", "fe80::1%lan", "--upstream", upstream, *options])
    lab.servers.append(server)
    server.err.wait_for("Server started")
    return server


def ask(namespace, link, tcp, name=NAME):
    """From fe80::2 on the link to fe80::1."""
    query = dns.message.make_query(name, "A")
    kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
    with namespace.entered(), socket.socket(socket.AF_INET6, kind) as sock:
        sock.settimeout(DEADLINE)
        index = socket.if_nametoindex(link)
        sock.bind(("fe80::2", 0, 0, index))
        sock.connect(("fe80::1", 53, 0, index))
        if tcp:
            send_tcp(sock, query.to_wire())
            wire = receive_tcp(sock)
        else:
            sock.send(query.to_wire())
            wire = sock.recv(65535)
    answer = dns.message.from_wire(wire)
    assert query.is_response(answer)
    return [str(rdata) for rrset in answer.answer for rdata in rrset]


@pytest.mark.parametrize("options", [
    (), ("--upstream-transport=tcp",), ("--workers=2",)], ids=" ".join)
def test_D20_bind_and_upstream(lab, links, options):
    start(lab, *options)
    for tcp in (False, True):
        assert ask(lab.client, "lan", tcp) == ["10.78.1.1"]
    assert len(links.received) == 2


def test_D20_one_address_on_two_links(lab, links):
    start(lab, "--bind", "fe80::1%wan")
    assert ask(lab.client, "lan", False) == ["10.78.1.1"]
    assert ask(lab.internet, "wan", False) == ["10.78.1.1"]
    assert len(links.received) == 2


def test_D20_by_number_and_in_the_log(lab, links):
    """The log has the name."""
    number = json.loads(lab.gateway.run("ip", "-j", "link", "show", "wan"))
    index = number[0]["ifindex"]
    server = start(lab, "--log-format=json", "--timeout=1",
                   upstream=f"fe80::2%{index}")
    assert ask(lab.client, "lan", False) == ["10.78.1.1"]
    line = server.out.wait_for(r'.*"upstream":.*')
    assert json.loads(line[0])["upstream"] == "fe80::2%wan"
    links.behave("silent.example.com", lambda request: [])
    for _ in range(3):
        ask(lab.client, "lan", False, name="silent.example.com")
    server.err.wait_for(r"upstream fe80::2%wan does not answer")
    lab.servers.remove(server)      # this is not the text form


@pytest.mark.parametrize("option", ["--bind", "--upstream"])
def test_D20_no_such_interface(lab, option):
    for zone in ("nowhere", "4000000000", "1x"):
        status, text = lab.dnsfw_fails(
            "::/0 ~> *", option, f"fe80::9%{zone}", upstream=DNS4)
        assert (status, text) == (
            1, f'[ERROR] {option} "fe80::9%{zone}": there is no interface '
            f'"{zone}"')
