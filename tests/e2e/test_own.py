"""Addresses that are never granted because of where we are (G8)."""

import pytest

from lab import (ALLOW, CLIENT4, CLIENT6, GATEWAY4, GATEWAY6, PORT,
                 addresses_of)
from process import until


def granted(fw):
    return {entry.address for entry in fw.entries()}


def ask_for(lab, *addresses):
    """What of the addresses of a new name reaches the client."""
    name = lab.site(under="example.com").name
    name = "x" + name
    rdtype = "AAAA" if ":" in addresses[0] else "A"
    lab.upstream.add(name, 60, rdtype, *addresses)
    answer = lab.ask(name, rdtype, CLIENT6 if rdtype == "AAAA" else CLIENT4)
    assert answer.rcode() == 0
    return set(addresses_of(answer))


@pytest.mark.parametrize("address", [
    GATEWAY4, "10.77.2.1", "10.77.1.255", "10.77.2.255", "10.77.1.0",
    GATEWAY6, "fd77:2::1", "fd77:1::", "::ffff:10.77.1.1",
    "64:ff9b::10.77.2.1", "2002:a4d:101::1"])
def test_G8_own_addresses_are_never_granted(lab, fw, address):
    lab.dnsfw(ALLOW, fw=fw)
    good = "fd78::1:1" if ":" in address else "10.78.200.1"
    assert ask_for(lab, address, good) == {good}
    assert granted(fw) == {good}


def test_G8_changes_are_followed(lab, fw):
    lab.dnsfw(ALLOW, fw=fw)
    assert ask_for(lab, "10.78.200.2") == {"10.78.200.2"}
    lab.gateway.run("ip", "address", "add", "10.78.200.2/32", "dev", "wan")
    # What was granted before goes.
    until(lambda: granted(fw) == set(), 1)
    assert ask_for(lab, "10.78.200.2", "10.78.200.3") == {"10.78.200.3"}
    lab.gateway.run("ip", "address", "del", "10.78.200.2/32", "dev", "wan")
    until(lambda: ask_for(lab, "10.78.200.2") == {"10.78.200.2"}, 1)


def test_G8_deny_and_allow(lab, fw):
    lab.dnsfw(ALLOW, "--deny-answer", "10.78.0.0/17,fd78::/112",
              "--allow-answer", f"10.78.5.0/24,{GATEWAY4}", fw=fw)
    assert ask_for(lab, "10.78.4.1", "10.78.5.1", "10.78.200.1",
                   GATEWAY4) == {"10.78.5.1", "10.78.200.1", GATEWAY4}
    assert ask_for(lab, "fd78::1", "fd78::1:1", "64:ff9b::10.78.4.1",
                   "64:ff9b::10.78.5.1") == {"fd78::1:1", "64:ff9b::a4e:501"}


def test_G8_the_environment_has_them_too(lab):
    fw = lab.set_up_firewall("nftables")
    argv = lab.dnsfw_argv(ALLOW, fw=fw)
    lab.upstream        # is there before it is asked
    server = lab.start(["env", "DENY_ANSWER=10.78.9.0/24", "HOLD_LIVE=no",
                        *argv])
    server.err.wait_for("Server started")
    assert ask_for(lab, "10.78.9.1", "10.78.8.1") == {"10.78.8.1"}


@pytest.mark.parametrize("option, value", [
    ("deny-answer", "10.0.0.0/33"), ("allow-answer", "example.com"),
    ("deny-answer", ",".join(["10.0.0.1"] * 65)), ("hold-live=maybe", None)])
def test_bad_values_are_errors(lab, option, value):
    status, text = lab.dnsfw_fails(
        ALLOW, f"--{option}", *([value] if value else []))
    assert status == 2
    assert option.split("=")[0] in text
