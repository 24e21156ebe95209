"""The firewall is changed under us (G10): noticed, and put back."""

import signal
import threading

import dns.rcode
import pytest

from firewall import IPTABLES_RULES, NFTABLES_RULES, Iptables, dump
from firewall_trouble import Trouble
from lab import ALLOW, CLIENT4, CLIENT6, OTHER4, OTHER6, PORT
from process import until

LOST = r"the firewall was changed: .* put back"


def restored(lab, fw, site, server, start):
    """The client reaches the site again, without asking.

    How soon it is noticed is for the units, which have the clock.
    """
    server.err.wait_for(LOST, start=start)
    until(lambda: lab.reaches(site.v4) and
          lab.reaches(site.v6, CLIENT6))
    (four, six) = sorted(fw.entries(), key=lambda entry: ":" in entry.address)
    assert four[:4] == (CLIENT4, "tcp", PORT, site.v4)
    assert six[:4] == (CLIENT6, "tcp", PORT, site.v6)
    assert 900 < four.timeout <= 1015


@pytest.fixture
def served(lab, fw):
    """A server with two grants; what it has in the kernel then."""
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site(ttl=1000)
    lab.resolve(site, CLIENT4)
    lab.resolve(site, CLIENT6)
    return server, site, dump(lab.gateway)


NFT = {
    "reload": ["-f", "-"],
    "flush_set": ["flush set inet filter dnsfw_ipv4_allow"],
    "flush_chain": ["flush chain inet filter dnsfw"],
    "delete_element": ["delete element inet filter dnsfw_ipv4_allow "
                       "{{ 10.77.1.2 . tcp . 8000 . {site.v4} }}"],
}


@pytest.mark.parametrize("how", NFT)
def test_G10_nftables(lab, how):
    fw = lab.set_up_firewall("nftables")
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site(ttl=1000)
    lab.resolve(site, CLIENT4)
    lab.resolve(site, CLIENT6)
    before, seen = dump(lab.gateway), len(server.err.lines)
    lab.gateway.run("nft", *(part.format(site=site) for part in NFT[how]),
                    text="flush ruleset\n" + NFTABLES_RULES)
    restored(lab, fw, site, server, seen)
    assert sorted(dump(lab.gateway).split()) == sorted(before.split())


IPTABLES = {
    "ipset_flush": [["ipset", "flush"]],
    "ipset_del": [["ipset", "del", "DNSFW-ipv4-allow",
                   "10.77.1.2,tcp:8000,{site.v4}"]],
    "ipset_destroy": [["iptables-nft", "-F", "DNSFW"],
                      ["ip6tables-nft", "-F", "DNSFW"],
                      ["ipset", "destroy"]],
    "flush_chain": [["iptables-nft", "-F", "DNSFW"]],
    "restore": [["iptables-nft-restore"]],
}


@pytest.mark.parametrize("how", IPTABLES)
def test_G10_iptables(lab, how):
    fw = lab.set_up_firewall("iptables")
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site(ttl=1000)
    lab.resolve(site, CLIENT4)
    lab.resolve(site, CLIENT6)
    before, seen = dump(lab.gateway), len(server.err.lines)
    # dnsfw sees what the commands did together, and repairs nothing between.
    server.signal(signal.SIGSTOP)
    for command in IPTABLES[how]:
        lab.gateway.run(*(part.format(site=site) for part in command),
                        text=IPTABLES_RULES.format(
                            chain="DNSFW", reject="icmp-admin-prohibited",
                            outside="10.77.2.0/24", icmp="icmp"))
    server.signal(signal.SIGCONT)
    restored(lab, fw, site, server, seen)
    assert sorted(dump(lab.gateway).split()) == sorted(before.split())


def test_G10_no_chain_no_answer_until_it_is_there_again(lab, fw, served):
    server, site, before = served
    seen = len(server.err.lines)
    Trouble(lab.gateway, fw.name).take_down("46")
    server.err.wait_for(r"ERROR.*the firewall was changed: our chain",
                        start=seen)
    other = lab.site()
    # What is known, and what is new.
    for name in (site.name, other.name):
        answer = lab.ask(name)
        assert answer.rcode() == dns.rcode.SERVFAIL
        assert not answer.answer
    seen = len(server.err.lines)
    fw.set_up()
    restored(lab, fw, site, server, seen)
    lab.resolve(other)
    assert lab.reaches(other.v4)
    lab.ask(other.name, "AAAA", CLIENT4)
    assert dump(lab.gateway).count("comment") >= before.count("comment")


def test_G10_a_family_is_gone_the_other_goes_on(lab):
    fw = lab.set_up_firewall("iptables")
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site()
    Trouble(lab.gateway, fw.name).take_down("6")
    server.err.wait_for(r"ERROR.*our chain of IPv6 is gone")
    assert lab.ask(site.name, "AAAA", CLIENT6).rcode() == dns.rcode.SERVFAIL
    lab.resolve(site, CLIENT4)
    assert lab.reaches(site.v4)
    # What is lost of the one that goes on is noticed all the same.
    lab.gateway.run("ipset", "flush", "DNSFW-ipv4-allow")
    until(lambda: lab.reaches(site.v4), what="the entry of before")


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_F1_a_family_whose_chain_comes_later(lab, family, workers):
    """It is taken in without a restart, and every worker knows."""
    fw = Iptables(lab.gateway)
    fw.set_up(families=[10 - family])
    server = lab.dnsfw(f"10.77.1.0/24 -> *.example.com:TCP:{PORT}\n"
                       f"fd77:1::/64 -> *.example.com:TCP:{PORT}\n",
                       "--workers", workers, fw=fw)
    site = lab.site()
    clients = [CLIENT4, OTHER4] if family == 4 else [CLIENT6, OTHER6]
    for client in clients:
        lab.ask(site.name, "A" if family == 4 else "AAAA", client)
    assert not fw.entries()
    seen = len(server.err.lines)
    fw.set_up(families=[family])
    server.err.wait_for(f"the chain of IPv{family} is there now", start=seen)
    server.err.wait_for(LOST, start=seen)
    for client in clients:
        until(lambda one=client: lab.resolve(site, one) and
              lab.reaches(site.address(one), one), what=client)
    assert sorted(entry.client for entry in fw.entries()) == clients
    # It is one as the other now: what goes is put back.
    lab.gateway.run("ipset", "flush")
    until(fw.entries, what="the entry of before")
    assert "no rule leads" not in str(server.err)


def test_G9_a_family_whose_chain_comes_later_has_entries(lab):
    """Those of before the start that the list still gives are kept."""
    fw = lab.set_up_firewall("iptables")
    server = lab.dnsfw(ALLOW, fw=fw)
    kept, revoked = lab.site(ttl=1000), lab.site(ttl=1000)
    for site in (kept, revoked):
        lab.resolve(site, CLIENT6)
    server.stop()
    Trouble(lab.gateway, "iptables").take_down("6")
    server = lab.dnsfw(f"{CLIENT4} -> *.example.com:TCP:{PORT}\n"
                       f"{CLIENT6} -> {kept.name}:TCP:{PORT}\n", fw=fw)
    lab.gateway.run("ipset", "add", "DNSFW-ipv6-allow",
                    f"{CLIENT6},tcp:{PORT},fd78::9", "timeout", "0")
    fw.set_up(families=[6])
    until(lambda: [entry.address for entry in fw.entries()] == [kept.v6],
          what="what the list gives")
    assert lab.reaches(kept.v6, CLIENT6)
    assert 900 < fw.entries()[0].timeout <= 1015


def test_F1_a_family_that_comes_later_with_a_set_of_another_type(lab):
    """It is left out, and the other one goes on."""
    fw = Iptables(lab.gateway)
    fw.set_up(families=[4])
    server = lab.dnsfw(ALLOW, fw=fw)
    lab.gateway.run("ipset", "create", "DNSFW-ipv6-allow", "hash:net",
                    "family", "inet6")
    lab.gateway.run("ipset", "add", "DNSFW-ipv6-allow", "fd78::/64")
    fw.set_up(families=[6])
    server.err.wait_for("ERROR.*ipset DNSFW-ipv6-allow is hash:net")
    site = lab.site()
    lab.resolve(site)
    assert lab.reaches(site.v4)
    assert "fd78::/64" in fw.sets()["DNSFW-ipv6-allow"]
    assert str(server.err).count("is hash:net") == 1
    # When that is mended, and the chain is made anew, it is taken in.
    lab.gateway.run("ipset", "destroy", "DNSFW-ipv6-allow")
    Trouble(lab.gateway, "iptables").take_down("6")
    fw.set_up(families=[6])
    until(lambda: lab.resolve(site, CLIENT6) and
          lab.reaches(site.v6, CLIENT6), what=site.v6)


@pytest.mark.parametrize("how", ["rename", "delete"])
def test_G10_a_chain_that_is_renamed_is_gone(lab, how):
    fw = lab.set_up_firewall("nftables")
    server = lab.dnsfw(ALLOW, fw=fw)
    if how == "rename":
        lab.gateway.run("nft", "rename chain inet filter dnsfw other")
    else:
        lab.gateway.run("nft", "flush chain inet filter forward; "
                        "flush chain inet filter output; "
                        "delete chain inet filter dnsfw")
    server.err.wait_for("ERROR.*our chain is gone")
    assert lab.ask(lab.site().name).rcode() == dns.rcode.SERVFAIL
    fw.set_up()
    server.err.wait_for(LOST)
    lab.resolve(lab.site())


def test_F1_to_look_for_a_chain_makes_no_legacy_table(lab):
    fw = Iptables(lab.gateway)
    fw.set_up(families=[4])
    server = lab.dnsfw(ALLOW, fw=fw)
    assert "ip6tables: there is no chain DNSFW" in str(server.err)
    lab.gateway.run("ip6tables-nft", "-N", "OTHER")
    for command in ("iptables", "ip6tables"):
        names = command.replace("tables", "_tables_names")
        assert lab.gateway.run("cat", f"/proc/net/{names}") == ""
    # The tool would say so, too.
    assert "legacy" not in lab.gateway.run(
        "sh", "-c", "ip6tables-nft -S 2>&1; iptables-nft -S 2>&1")


def test_G10_the_operators_jump_is_missed(lab, fw, served):
    server, site, _ = served
    seen = len(server.err.lines)
    if fw.name == "nftables":
        text = lab.gateway.run("nft", "-a", "list", "ruleset")
        for chain in ("forward", "output"):
            block = text.split(f"chain {chain} ")[1]
            line = next(line for line in block.splitlines()
                        if "jump dnsfw" in line)
            lab.gateway.run("nft", "delete rule inet filter "
                            f"{chain} handle {line.split()[-1]}")
    else:
        for command in ("iptables-nft", "ip6tables-nft"):
            for chain in ("FORWARD", "OUTPUT"):
                lab.gateway.run(command, "-D", chain, "-j", "DNSFW")
    server.err.wait_for(r"WARN.*no rule leads to our chain", start=seen)
    assert not lab.reaches(site.v4)
    seen = len(server.err.lines)
    if fw.name == "nftables":
        lab.gateway.run("nft", "insert rule inet filter forward jump dnsfw")
    else:
        for command in ("iptables-nft", "ip6tables-nft"):
            lab.gateway.run(command, "-I", "FORWARD", "-j", "DNSFW")
    server.err.wait_for(r"a rule leads to our chain again", start=seen)
    assert lab.reaches(site.v4)


def test_G10_who_removes_the_chain_stops_dnsfw_first(lab):
    fw = lab.set_up_firewall("iptables")
    server = lab.dnsfw(ALLOW, fw=fw)
    seen = len(server.err.lines)
    lab.gateway.run("iptables-nft", "-F")
    server.err.wait_for("are put back", start=seen)
    with pytest.raises(AssertionError):
        lab.gateway.run("iptables-nft", "-X", "DNSFW")
    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    lab.gateway.run("iptables-nft", "-F")
    lab.gateway.run("iptables-nft", "-X", "DNSFW")


def test_G10_saved_entries_do_not_come_back(lab):
    """A ruleset with entries was saved; one of them has been revoked."""
    fw = lab.set_up_firewall("nftables")
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site(ttl=1000)
    lab.resolve(site, CLIENT4)
    lab.resolve(site, CLIENT6)
    saved = lab.gateway.run("nft", "list", "ruleset")
    seen = len(server.err.lines)
    lab.gateway.run(
        "nft", "-f", "-", text="flush ruleset\n" + saved +
        "add element inet filter dnsfw_ipv4_allow { "
        f"{CLIENT4} . tcp . {PORT} . 10.78.9.9 timeout 1h }}")
    restored(lab, fw, site, server, seen)
    assert not lab.reaches("10.78.9.9")


def test_G10_ten_times_under_load(lab):
    """Reloads while a client asks and connects: an answer with an address
    that came after a reload was noticed is good."""
    fw = lab.set_up_firewall("nftables")
    server = lab.dnsfw(ALLOW, fw=fw)
    sites = [lab.site(ttl=1000) for _ in range(40)]
    failed = []
    done = threading.Event()

    def client():
        while not done.is_set():
            for site in sites:
                if lab.ask(site.name).rcode() == 0:
                    until(lambda one=site: lab.reaches(one.v4), what=site.v4)

    def guarded():
        try:
            client()
        except AssertionError as error:
            failed.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    for _ in range(10):
        seen = len(server.err.lines)
        lab.gateway.run("nft", "-f", "-",
                        text="flush ruleset\n" + NFTABLES_RULES)
        server.err.wait_for(LOST, start=seen)
    done.set()
    thread.join()
    assert not failed
    # The client may not have come to all of them meanwhile.
    for site in sites:
        lab.resolve(site)
    assert len(fw.entries()) == 40
