"""What the backends leave in the kernel (F1, F2), as its own tools list it."""

import re

import pytest

from firewall import Iptables, Nftables, dump
from lab import ALLOW, CLIENT4, CLIENT6, PORT

LOCAL = f"127.0.0.1 -> *.example.com:UDP:{PORT}\n"


def rules(family, name="DNSFW"):
    """What the command lists for the chain of that family."""
    return (f"-N {name}\n"
            f"-A {name} -m set --match-set {name}-ipv{family}-allow "
            "src,dst,dst -j ACCEPT\n"
            f"-A {name} -m addrtype --src-type LOCAL -m set --match-set "
            f"{name}-ipv{family}-allow-local dst,dst -j ACCEPT\n")


def test_F1_rules_are_ordinary_and_the_chain_was_flushed(lab):
    fw = lab.set_up_firewall("iptables")
    lab.gateway.run("iptables-nft", "-A", "DNSFW", "-s", "192.0.2.1",
                    "-j", "DROP")
    others = lab.gateway.run("iptables-nft", "-S", "FORWARD")
    lab.dnsfw(ALLOW, fw=fw)
    for family, command in ((4, "iptables-nft"), (6, "ip6tables-nft")):
        assert lab.gateway.run(command, "-S", "DNSFW") == rules(family)
        for rule in rules(family).splitlines()[1:]:
            spec = rule.removeprefix("-A ").split()
            lab.gateway.run(command, "-C", *spec)
    assert lab.gateway.run("iptables-nft", "-S", "FORWARD") == others


def test_F1_rules_can_be_saved_and_restored(lab):
    fw = lab.set_up_firewall("iptables")
    lab.dnsfw(ALLOW, fw=fw)
    site = lab.site()
    lab.resolve(site)
    for command in ("iptables-nft", "ip6tables-nft"):
        saved = lab.gateway.run(f"{command}-save")
        lab.gateway.run(f"{command}-restore", text=saved)
    assert lab.gateway.run("iptables-nft", "-S", "DNSFW") == rules(4)
    assert lab.reaches(site.v4)


def test_F1_sets_and_entries(lab):
    fw = lab.set_up_firewall("iptables")
    lab.dnsfw(ALLOW + LOCAL, fw=fw)
    site = lab.site(ttl=100)
    lab.resolve(site, CLIENT4)
    lab.resolve(site, CLIENT6)
    lab.ask(site.name, "A", "127.0.0.1")
    sets = fw.sets()
    kinds = {"": "hash:ip,port,ip", "-local": "hash:ip,port"}
    assert set(sets) == {f"DNSFW-ipv{family}-allow{suffix}"
                         for family in "46" for suffix in kinds}
    for name, text in sets.items():
        assert f"Type: {kinds[name[16:]]}\n" in text
        family = "inet6" if "ipv6" in name else "inet"
        header = re.search(r"Header: (.*)", text)[1]
        assert f"family {family} " in header
        assert "timeout" in header and "comment" in header
    assert re.search(
        rf'\n{CLIENT4},tcp:{PORT},{site.v4} timeout 1\d\d '
        rf'comment "{site.name}\.?"', sets["DNSFW-ipv4-allow"])
    assert re.search(
        rf'\n{CLIENT6},tcp:{PORT},{site.v6} timeout 1\d\d '
        rf'comment "{site.name}\.?"', sets["DNSFW-ipv6-allow"])
    assert re.search(
        rf'\n{site.v4},udp:{PORT} timeout 1\d\d comment "{site.name}\.?"',
        sets["DNSFW-ipv4-allow-local"])


@pytest.mark.parametrize("family", [4, 6])
def test_F1_a_family_without_the_chain_is_left_out(lab, family):
    fw = Iptables(lab.gateway)
    fw.set_up(families=[family])
    server = lab.dnsfw(ALLOW, fw=fw)
    server.err.wait_for(rf"WARN.*{'ip6tables' if family == 4 else 'iptables'}"
                        rf"|WARN.*IPv{10 - family}")
    site = lab.site()
    there, missing = (CLIENT4, CLIENT6) if family == 4 else (CLIENT6, CLIENT4)
    lab.resolve(site, there)
    assert lab.reaches(site.address(there), there)
    lab.ask(site.name, "A" if ":" in there else "AAAA", missing)
    assert [entry.client for entry in fw.entries()] == [there]


def test_F1_longest_name_of_a_chain(lab):
    name = "A" * 14
    fw = Iptables(lab.gateway, name)
    fw.set_up()
    fw.options = ("--firewall", "iptables", "--chain", name)
    lab.dnsfw(ALLOW, fw=fw)
    lab.resolve(lab.site())
    assert lab.gateway.run("iptables-nft", "-S", name) == rules(4, name)
    assert len(fw.entries()) == 1


def test_F2_the_operators_rules_stay(lab):
    fw = lab.set_up_firewall("nftables")
    lab.gateway.run("nft", "add rule inet filter dnsfw ip saddr 192.0.2.1 "
                    'counter drop comment "the operator\'s"')
    lab.dnsfw(ALLOW + LOCAL, fw=fw)
    text = lab.gateway.run("nft", "list", "chain", "inet", "filter", "dnsfw")
    assert text.count("the operator's") == 1
    for line in (r"ip saddr \. meta l4proto \. th dport \. ip daddr @\S+ .*"
                 "accept",
                 r"ip6 saddr \. meta l4proto \. th dport \. ip6 daddr @\S+ .*"
                 "accept",
                 r"fib saddr type local .*ip daddr.* @\S+ .*accept",
                 r"fib saddr type local .*ip6 daddr.* @\S+ .*accept"):
        assert len(re.findall(line, text)) == 1, line


def test_F2_sets_and_entries(lab):
    fw = lab.set_up_firewall("nftables")
    lab.dnsfw(ALLOW + LOCAL, fw=fw)
    site = lab.site(ttl=100)
    lab.resolve(site, CLIENT4)
    lab.resolve(site, CLIENT6)
    lab.ask(site.name, "A", "127.0.0.1")
    assert sorted(tuple(one["type"]) for one in fw.objects("set")) == [
        ("inet_proto", "inet_service", "ipv4_addr"),
        ("inet_proto", "inet_service", "ipv6_addr"),
        ("ipv4_addr", "inet_proto", "inet_service", "ipv4_addr"),
        ("ipv6_addr", "inet_proto", "inet_service", "ipv6_addr")]
    assert all("timeout" in one["flags"] for one in fw.objects("set"))
    text = lab.gateway.run("nft", "list", "ruleset")
    for key in (rf"{CLIENT4} \. tcp \. {PORT} \. {site.v4}",
                rf"{CLIENT6} \. tcp \. {PORT} \. {site.v6}",
                rf"udp \. {PORT} \. {site.v4}"):
        assert re.search(rf'{key} timeout 1m\d+s expires 1m\S+ comment '
                         rf'"{site.name}\.?"', text), key


def test_F2_the_listing_can_be_loaded_again(lab):
    fw = lab.set_up_firewall("nftables")
    lab.dnsfw(ALLOW, fw=fw)
    site = lab.site()
    lab.resolve(site)
    text = lab.gateway.run("nft", "list", "ruleset")
    lab.gateway.run("nft", "-f", "-", text="flush ruleset\n" + text)
    assert lab.reaches(site.v4)


@pytest.mark.parametrize("family, there, missing", [
    ("ip", CLIENT4, CLIENT6), ("ip6", CLIENT6, CLIENT4)])
def test_F2_tables_of_one_family(lab, family, there, missing):
    lab.gateway.run("nft", "-f", "-", text=f"""
        table {family} own {{
            chain names {{ }}
            chain forward {{
                type filter hook forward priority filter; policy accept;
                ct state established,related accept
                jump names
                meta l4proto tcp reject with tcp reset
            }}
        }}""")
    fw = Nftables(lab.gateway)
    fw.options = ("--firewall", "nftables", "--table", f"{family} own",
                  "--chain", "names")
    lab.dnsfw(ALLOW, fw=fw)
    site = lab.site()
    assert not lab.reaches(site.address(there), there)
    lab.resolve(site, there)
    assert lab.reaches(site.address(there), there)
    lab.ask(site.name, "A" if ":" in there else "AAAA", missing)
    assert [entry.client for entry in fw.entries()] == [there]


def test_restart_puts_up_the_same_and_nothing_twice(lab, fw):
    first = lab.dnsfw(ALLOW, fw=fw)
    before = dump(lab.gateway)
    first.stop()
    lab.dnsfw(ALLOW, fw=fw)
    assert dump(lab.gateway) == before
    site = lab.site()
    lab.resolve(site)
    assert lab.reaches(site.v4)


def test_set_limits_are_those_of_max_grants(lab, fw):
    lab.dnsfw(ALLOW, "--max-grants", "3", fw=fw)
    sites = [lab.site() for _ in range(5)]
    granted = [site for site in sites if lab.ask(site.name).rcode() == 0]
    assert granted == sites[:3]
    assert len(fw.entries()) == 3
    assert [lab.reaches(site.v4) for site in sites] == [
        True, True, True, False, False]
