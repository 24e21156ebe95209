"""The firewall is changed often, or for a part of it (G10): what that costs, and
what is told of it."""

import signal
import time

import pytest

from firewall import NFTABLES_RULES
from lab import ALLOW, CLIENT6
from process import until
from test_service import Manager


def test_G10_what_cannot_be_repaired_is_tried_once_a_second(lab):
    """However often somebody adds rules; and at once when it can be."""
    fw = lab.set_up_firewall("nftables")
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site(ttl=1000)
    lab.resolve(site)
    begin = time.monotonic()
    lab.gateway.run("nft", "-f", "-", text="flush ruleset\n" + NFTABLES_RULES +
                    "table inet filter { chain x { }; chain y { }; set "
                    "dnsfw_ipv4_allow { type ipv4_addr; }; }")
    server.err.wait_for("cannot put sets and rules")
    for _ in range(50):
        lab.gateway.run("nft", "add rule inet filter x jump y")
    tries = str(server.err).count("cannot put sets and rules")
    # The first pauses are shorter: 50 ms, then twice as long each time.
    assert tries <= time.monotonic() - begin + 6
    seen = len(server.err.lines)
    lab.gateway.run("nft", "-f", "-", text="flush ruleset\n" + NFTABLES_RULES)
    server.err.wait_for("are put back", start=seen)
    assert lab.reaches(site.v4)


def test_G10_a_chain_that_gets_a_hook_is_left_alone(lab):
    """Its rules are the operator's, and a rule of ours would accept there."""
    fw = lab.set_up_firewall("iptables")
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site(ttl=1000)
    lab.resolve(site)
    theirs = ("table ip filter { chain DNSFW { type filter hook forward "
              "priority 10; tcp dport 9 drop; }; }")
    lab.gateway.run("nft", "-f", "-", text="flush table ip filter\n"
                    "delete chain ip filter DNSFW\n" + theirs)
    server.err.wait_for("our chain of IPv4 is gone")
    # What is seen now and then, and at a reload, changes nothing.
    server.signal(signal.SIGHUP)
    server.err.wait_for("the ACL was reloaded")
    lab.resolve(site, CLIENT6)
    text = lab.gateway.run("nft", "list chain ip filter DNSFW")
    assert "tcp dport 9 drop" in text and "match" not in text


def test_G10_one_family_is_watched_while_the_other_is_gone(lab):
    fw = lab.set_up_firewall("iptables")
    server = lab.dnsfw(ALLOW, fw=fw)
    lab.gateway.run("ip6tables-nft", "-F")
    lab.gateway.run("ip6tables-nft", "-X", "DNSFW")
    server.err.wait_for("our chain of IPv6 is gone")
    for chain in ("FORWARD", "OUTPUT"):
        lab.gateway.run("iptables-nft", "-D", chain, "-j", "DNSFW")
    server.err.wait_for("no rule leads to our chain of IPv4")
    lab.gateway.run("ip6tables-nft", "-N", "DNSFW")
    lab.gateway.run("iptables-nft", "-A", "FORWARD", "-j", "DNSFW")
    server.err.wait_for("no rule leads to our chain of IPv6")
    lab.gateway.run("ip6tables-nft", "-A", "FORWARD", "-j", "DNSFW")
    server.err.wait_for("a rule leads to our chain again")


@pytest.mark.parametrize("commands, text", [
    (("ip6tables-nft",), "nothing of IPv6 is granted"),
    (("iptables-nft", "ip6tables-nft"), "nothing is granted")])
def test_O1_the_status_tells_at_once_what_is_not_granted(lab, commands, text):
    fw = lab.set_up_firewall("iptables")
    with Manager(lab, str(lab.tmp / "notify")) as manager:
        server = lab.start_dnsfw(ALLOW, fw=fw, env=manager.environment)
        assert "changed" not in manager.receive()["STATUS"]
        # At once, or the rules are put back before the chain goes.
        for command in commands:
            lab.gateway.run(f"{command}-restore", "--noflush",
                            text="*filter\n-F\n-X DNSFW\nCOMMIT\n")
        server.err.wait_for("our chain.* is gone")
        expected = "; the firewall was changed: " + text
        until(lambda: manager.receive()["STATUS"].endswith(expected))
        for command in commands:
            lab.gateway.run(command, "-N", "DNSFW")
        until(lambda: "changed" not in manager.receive()["STATUS"])
