"""What dnsfw's rules can do where they are: their place in the operator's chain
(F1, F2), and whether a way leads to it (G10)."""

import re

import pytest

from firewall import Nftables
from lab import ALLOW, CLIENT4, CLIENT6
from process import until

UNREACHED = r"WARN .*no rule leads to our chain"
REACHED = "a rule leads to our chain again"
BLOCKED = r"WARN .*a rule that ends our chain{} stands before ours"

# The operator's chain ends by itself, as the last of a gateway.
OWN_END = """table inet filter {
    chain dnsfw {
        ip daddr 10.78.200.0/24 drop
        %s
        limit rate 1/minute log prefix "denied: "
        meta l4proto tcp reject with tcp reset
        counter reject
    }
    chain forward {
        type filter hook forward priority filter; policy accept;
        ct state established,related accept
        %s
    }
}
"""


def rules(lab):
    """Those of the chain, each "dnsfw" or its first word."""
    text = lab.gateway.run("nft", "-s", "list chain inet filter dnsfw")
    return ["dnsfw" if "dnsfw:managed" in line else line.split()[0]
            for line in text.splitlines()[2:-2]]


def handles(lab, pattern):
    """Of the chain's rules that match."""
    text = lab.gateway.run("nft", "-a", "list chain inet filter dnsfw")
    return re.findall(pattern + r".*# handle (\d+)", text)


def load(lab, text):
    lab.gateway.run("nft", "-f", "-", text=text)
    return Nftables(lab.gateway)


# Before what ends the chain, and behind what is said before.
PLACED = ["ip"] + 4 * ["dnsfw"] + ["limit", "meta", "counter"]


def test_F2_rules_stand_before_the_end_of_the_chain(lab):
    fw = load(lab, OWN_END % ("", "jump dnsfw"))
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site(ttl=1000)
    for client in (CLIENT4, CLIENT6):
        assert not lab.reaches(site.address(client), client)
        lab.resolve(site, client)
        assert lab.reaches(site.address(client), client)
    assert rules(lab) == PLACED
    # One is repaired.
    seen = len(server.err.lines)
    lab.gateway.run("nft", "delete rule inet filter dnsfw handle " +
                    handles(lab, "@dnsfw_ipv4_allow ")[0])
    server.err.wait_for("are put back", start=seen)
    assert rules(lab) == PLACED
    # All are.
    lab.gateway.run("nft", "-f", "-", text="".join(
        f"delete rule inet filter dnsfw handle {handle}\n"
        for handle in handles(lab, "dnsfw:managed")))
    until(lambda: rules(lab) == PLACED)
    server.stop()
    server = lab.dnsfw(ALLOW, fw=fw)
    assert rules(lab) == PLACED
    assert lab.reaches(site.v4)
    assert "stands before" not in str(server.err)


def test_F2_rules_stay_where_the_operator_puts_others_around_them(lab):
    fw = load(lab, OWN_END % ("", "jump dnsfw"))
    server = lab.dnsfw(ALLOW, fw=fw)
    lab.gateway.run("nft", "insert rule inet filter dnsfw udp dport 9 drop")
    lab.gateway.run("nft", "add rule inet filter dnsfw position " +
                    handles(lab, "dnsfw:managed")[3] +
                    " tcp dport 25 accept")
    expected = ["udp"] + PLACED[:5] + ["tcp"] + PLACED[5:]
    assert rules(lab) == expected
    seen = len(server.err.lines)
    lab.gateway.run("nft", "delete rule inet filter dnsfw handle " +
                    handles(lab, "dnsfw:managed")[0])
    server.err.wait_for("are put back", start=seen)
    assert rules(lab) == expected
    server.stop()
    lab.dnsfw(ALLOW, fw=fw)
    assert rules(lab) == expected


def stop_all(lab, fw, command="iptables-nft"):
    """What the operator does who wants nothing to pass now."""
    if fw.name == "nftables":
        lab.gateway.run("nft", "insert rule inet filter dnsfw counter drop")
    else:
        lab.gateway.run(command, "-I", "DNSFW", "-j", "DROP")


def test_F2_a_rule_that_ends_the_chain_before_ours(lab):
    """It may be meant: ours are not put before it, but the log tells."""
    fw = lab.set_up_firewall("nftables")
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site(ttl=1000)
    lab.resolve(site)
    stop_all(lab, fw)
    server.err.wait_for(BLOCKED.format(""))
    lab.gateway.run("nft", "delete rule inet filter dnsfw handle " +
                    handles(lab, "dnsfw:managed")[0])
    server.err.wait_for("are put back")
    assert rules(lab) == ["counter"] + 4 * ["dnsfw"]
    server.stop()
    server = lab.dnsfw(ALLOW, fw=fw)
    assert re.search(BLOCKED.format(""), str(server.err))
    assert rules(lab) == ["counter"] + 4 * ["dnsfw"]
    lab.gateway.run("nft", "delete rule inet filter dnsfw handle " +
                    handles(lab, "counter packets . bytes . drop")[0])
    server.err.wait_for("our rules come before the end of our chain again")
    assert lab.reaches(site.v4)


def test_F1_a_rule_that_ends_the_chain_before_ours(lab):
    """Of one family; it lasts until dnsfw, whose chain it is, flushes it."""
    fw = lab.set_up_firewall("iptables")
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site(ttl=1000)
    lab.resolve(site, CLIENT6)
    # What is not for everything, or behind ours, is no matter.
    lab.gateway.run("ip6tables-nft", "-I", "DNSFW", "-p", "udp", "-j", "DROP")
    lab.gateway.run("ip6tables-nft", "-A", "DNSFW", "-j", "REJECT")
    assert lab.reaches(site.v6, CLIENT6)
    stop_all(lab, fw, "ip6tables-nft")
    server.err.wait_for(BLOCKED.format(" of IPv6"))
    assert str(server.err).count("stands before") == 1
    server.stop()
    server = lab.dnsfw(ALLOW, fw=fw)
    assert "stands before" not in str(server.err)
    assert lab.reaches(site.v6, CLIENT6)


WAYS = {
    # How the operator leads there; what takes the way away, and puts it back.
    "anonymous map": (
        "", 'iifname vmap { "lan" : jump dnsfw, "x" : accept }',
        "flush chain inet filter forward",
        'add rule inet filter forward iifname vmap { "lan" : goto dnsfw }'),
    "named map": (
        'map m { type ifname : verdict; elements = { "lan" : jump dnsfw }; }',
        "iifname vmap @m",
        'delete element inet filter m { "lan" }',
        'add element inet filter m { "lan" : jump dnsfw }'),
    "flushed map": (
        'map m { type ifname : verdict; elements = { "lan" : jump dnsfw }; }',
        "iifname vmap @m",
        "flush map inet filter m",
        'add element inet filter m { "lan" : goto dnsfw }'),
    "another chain": (
        "chain lan { jump dnsfw; }", 'iifname "lan" goto lan',
        "flush chain inet filter forward",
        'add rule inet filter forward iifname "lan" jump lan'),
    "chain before": (
        "chain lan { jump dnsfw; }", 'iifname "lan" goto lan',
        "flush chain inet filter lan",
        "add rule inet filter lan jump dnsfw"),
}


@pytest.mark.parametrize("how", WAYS)
def test_G10_a_way_is_missed(lab, how):
    others, way, take, put = WAYS[how]
    text = OWN_END % ("", way)
    fw = load(lab, text.replace("    chain forward",
                                f"    {others}\n    chain forward"))
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site(ttl=1000)
    lab.resolve(site)
    assert lab.reaches(site.v4)
    assert "no rule leads" not in str(server.err)
    lab.gateway.run("nft", take)
    server.err.wait_for(UNREACHED)
    lab.gateway.run("nft", put)
    server.err.wait_for(REACHED)
    assert lab.reaches(site.v4)
    assert str(server.err).count("no rule leads") == 1


def test_G10_a_jump_from_a_chain_without_a_hook_is_no_way(lab):
    fw = load(lab, (OWN_END % ("", "accept")).replace(
        "    chain forward", "    chain lan { jump dnsfw; }\n"
        "    chain forward"))
    server = lab.dnsfw(ALLOW, fw=fw)
    assert re.search(UNREACHED, str(server.err))
    lab.gateway.run("nft", "insert rule inet filter forward jump lan")
    server.err.wait_for(REACHED)


def test_G10_a_way_through_chains_of_iptables_is_missed(lab):
    fw = lab.set_up_firewall("iptables")
    for command in ("iptables-nft", "ip6tables-nft"):
        lab.gateway.run(f"{command}-restore", text="""*filter
            :FORWARD ACCEPT
            :LAN -
            :DNSFW -
            -A FORWARD -i lan -g LAN
            -A LAN -p tcp -j DNSFW
            COMMIT\n""".replace("            ", ""))
    server = lab.dnsfw(ALLOW, fw=fw)
    assert "no rule leads" not in str(server.err)
    lab.gateway.run("ip6tables-nft", "-F", "FORWARD")
    server.err.wait_for(UNREACHED + " of IPv6")
    lab.gateway.run("iptables-nft", "-F", "FORWARD")
    server.err.wait_for(UNREACHED + ": ")
    seen = len(server.err.lines)
    for command in ("iptables-nft", "ip6tables-nft"):
        lab.gateway.run(command, "-I", "OUTPUT", "-j", "LAN")
    server.err.wait_for(REACHED, start=seen)
