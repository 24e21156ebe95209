"""As a service (O1, O2): what the service manager is told, and what is waited
for."""

import dns.message
import pytest

from lab import ALLOW, CLIENT4, CLIENT6, GATEWAY4, GATEWAY6
from process import until

LATER4 = "10.77.1.9"
LATER6 = "fd77:1::9"


def asked_at(lab, site, server, tcp):
    """The answer of that address of the gateway."""
    client, rdtype = (CLIENT6, "AAAA") if ":" in server else (CLIENT4, "A")
    question = dns.message.make_query(site.name, rdtype)
    return dns.message.from_wire(lab.exchange(
        question.to_wire(), client, tcp, server=server))


@pytest.mark.parametrize("workers", [1, 2])
def test_O2_an_address_that_comes_later(lab, workers):
    """One line each, nothing else than that; then both transports serve."""
    server = lab.dnsfw(ALLOW, "--bind", f"{LATER4},{LATER6}",
                       "--workers", str(workers))
    site = lab.site()
    for address in (LATER4, LATER6):
        warnings = [line for line in server.err.lines if address in line]
        assert len(warnings) == 1, warnings
        assert f"[WARN ] no interface has the address {address}" in warnings[0]
    for address in (GATEWAY4, GATEWAY6):
        assert asked_at(lab, site, address, False).answer
    lab.gateway.run("ip", "address", "add", f"{LATER4}/24", "dev", "lan")
    lab.gateway.run("ip", "address", "add", f"{LATER6}/64", "dev", "lan",
                    "nodad")
    for address in (LATER4, LATER6):
        for tcp in (False, True):
            assert asked_at(lab, site, address, tcp).answer


def test_O2_an_address_that_is_tentative(lab):
    """Duplicate address detection takes a second or two: no reason to end."""
    lab.gateway.sysctl(ipv6__conf__lan__accept_dad=1,
                       ipv6__conf__lan__dad_transmits=2)
    lab.gateway.run("ip", "address", "add", f"{LATER6}/64", "dev", "lan")
    assert "tentative" in lab.gateway.run("ip", "address", "show", "dev",
                                          "lan", "to", LATER6)
    server = lab.dnsfw(ALLOW, "--bind", LATER6)
    server.err.wait_for(f"no interface has the address {LATER6}")
    until(lambda: "tentative" not in lab.gateway.run(
        "ip", "address", "show", "dev", "lan", "to", LATER6))
    assert asked_at(lab, lab.site(), LATER6, False).answer


def test_O2_addresses_that_are_there_are_bound_as_ever(lab):
    """And a port that is in use stays an error."""
    server = lab.dnsfw(ALLOW)
    assert "no interface" not in str(server.err)
    status, text = lab.dnsfw_fails(ALLOW, "--bind", LATER4)
    assert status == 1
    assert "10.77.1.1 port 53" in text and "in use" in text
