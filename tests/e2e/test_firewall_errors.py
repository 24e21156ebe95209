"""A firewall that cannot be used: a clear error, and nothing was touched."""

import re

import pytest

from firewall import Iptables, Nftables, dump
from lab import ALLOW

SETS = [f"DNSFW-ipv{family}-allow{suffix}"
        for family in "46" for suffix in ("", "-local")]


@pytest.fixture
def fails(lab):
    """Start dnsfw, which must fail with these words and change nothing."""
    def run(fw, *words, **kwargs):
        before = dump(lab.gateway)
        status, text = lab.dnsfw_fails(ALLOW, fw=fw, **kwargs)
        assert status == 1
        for word in words:
            assert re.search(word, text), f"{word!r} is not in: {text}"
        assert "[ERROR]" in text
        assert dump(lab.gateway) == before
    return run


def test_iptables_without_any_table(lab, fails):
    fails(Iptables(lab.gateway), "DNSFW", "iptables -N DNSFW")


def test_iptables_without_the_chain(lab, fails):
    fw = lab.set_up_firewall("iptables")
    fw.options = ("--firewall", "iptables", "--chain", "OTHER")
    fails(fw, "OTHER")


def test_built_in_chain_is_not_flushed(lab, fails):
    fw = lab.set_up_firewall("iptables")
    fw.options = ("--firewall", "iptables", "--chain", "FORWARD")
    fails(fw, "FORWARD has a hook", "flushes")


@pytest.mark.parametrize("chain", ["INPUT", "FORWARD", "OUTPUT"])
def test_built_in_chain_that_nobody_used_yet(lab, fails, chain):
    """There is no table; to make the chain would be bad advice."""
    fw = Iptables(lab.gateway)
    fw.options = ("--firewall", "iptables", "--chain", chain)
    fails(fw, rf"(?m)^\[ERROR\] iptables: chain {chain} is built in; dnsfw, which "
          "flushes its chain, needs one of its own, to which yours jumps "
          r"\(iptables -N NAME\)$")


def test_nftables_chain_with_a_hook(lab, fails):
    fw = lab.set_up_firewall("nftables")
    fw.options = ("--firewall", "nftables", "--table", "inet filter",
                  "--chain", "forward")
    fails(fw, "forward has a hook")


def test_iptables_chain_that_only_legacy_sees(lab, fails):
    lab.gateway.run("iptables-legacy", "-N", "DNSFW",
                    env={"PATH": "/usr/sbin:/usr/bin",
                         "XTABLES_LOCKFILE": str(lab.tmp / "xtables.lock")})
    fails(Iptables(lab.gateway), "DNSFW", "legacy")


@pytest.mark.parametrize("name", SETS)
def test_ipset_of_another_type(lab, fails, name):
    fw = lab.set_up_firewall("iptables")
    lab.gateway.run("ipset", "create", name, "hash:net", "family",
                    "inet6" if "6" in name else "inet", "timeout", "9",
                    "comment")
    fails(fw, name, "hash:net")


@pytest.mark.parametrize("name", SETS)
def test_ipset_of_the_other_family(lab, fails, name):
    fw = lab.set_up_firewall("iptables")
    lab.gateway.run(
        "ipset", "create", name,
        "hash:ip,port" if "local" in name else "hash:ip,port,ip",
        "family", "inet" if "6" in name else "inet6", "timeout", "9",
        "comment")
    fails(fw, name)


@pytest.mark.parametrize("options", [("timeout", "9"), ("comment",)],
                         ids=["no_comment", "no_timeout"])
def test_ipset_that_lacks_something(lab, fails, options):
    fw = lab.set_up_firewall("iptables")
    lab.gateway.run("ipset", "create", SETS[0], "hash:ip,port,ip", *options)
    fails(fw, SETS[0])


def test_iptables_name_that_is_too_long_for_its_sets(lab, fails):
    fw = Iptables(lab.gateway, "A" * 15)
    fw.set_up()
    fw.options = ("--firewall", "iptables", "--chain", "A" * 15)
    before = dump(lab.gateway)
    status, text = lab.dnsfw_fails(ALLOW, fw=fw)
    assert status == 2
    assert "A" * 15 in text and "14" in text
    assert dump(lab.gateway) == before


def test_nftables_without_the_table(lab, fails):
    fails(Nftables(lab.gateway), "inet filter")


def test_nftables_without_the_chain(lab, fails):
    fw = lab.set_up_firewall("nftables")
    fw.options = (*fw.options[:-1], "other")
    fails(fw, "other")


def test_nftables_table_of_another_family(lab, fails):
    fw = lab.set_up_firewall("nftables")
    fw.options = ("--firewall", "nftables", "--table", "ip filter",
                  "--chain", "dnsfw")
    fails(fw, "ip filter")


def with_table(fw, table, chain):
    fw.options = ("--firewall", "nftables", "--table", table,
                  "--chain", chain)
    return fw


@pytest.mark.parametrize("family", [4, 6])
def test_F2_table_that_iptables_made(lab, fails, family):
    """With a set in it, iptables-save would save nothing, with status 0."""
    lab.set_up_firewall("iptables")
    command = "iptables-nft" if family == 4 else "ip6tables-nft"
    before = lab.gateway.run(f"{command}-save")
    assert "-A FORWARD -j DNSFW" in before
    table = "ip filter" if family == 4 else "ip6 filter"
    fails(with_table(Nftables(lab.gateway), table, "DNSFW"),
          f"table {table} is that of iptables", "--firewall iptables")
    # The tool writes the time of day into its comments.
    for text in (before, lab.gateway.run(f"{command}-save")):
        assert "incompatible" not in text
        assert "-A FORWARD -j DNSFW" in text


@pytest.mark.parametrize("table, base", [
    ("ip mangle", "PREROUTING { type filter hook prerouting priority mangle"),
    ("ip6 security", "FORWARD { type filter hook forward priority 50"),
    ("ip filter", "OUTPUT { type filter hook output priority 9")])
def test_F2_table_that_iptables_would_take_for_its_own(lab, fails, table,
                                                       base):
    """It has not made it, but finds it by its name."""
    lab.gateway.run("nft", f"table {table} {{ chain dnsfw {{ }}; "
                    f"chain {base}; }}; }}")
    fails(with_table(Nftables(lab.gateway), table, "dnsfw"),
          f"table {table} is that of iptables")


@pytest.mark.parametrize("table, chain, warns", [
    ("ip filter", "forward", True),     # nobody uses iptables here, yet
    ("ip Filter", "FORWARD", False),
    ("inet filter", "FORWARD", False)])     # of which iptables knows nothing
def test_F2_table_that_iptables_does_not_use(lab, table, chain, warns):
    # Beside it, iptables has tables of its own.
    lab.gateway.run("iptables-nft", "-t", "nat", "-A", "POSTROUTING",
                    "-j", "ACCEPT")
    lab.gateway.run("nft", f"table {table} {{ chain dnsfw {{ }}; chain "
                    f"{chain} {{ type filter hook forward priority 0; "
                    "jump dnsfw; }; chain RAW { }; }")
    server = lab.dnsfw(ALLOW, fw=with_table(Nftables(lab.gateway), table,
                                            "dnsfw"))
    assert warns == bool(re.search(
        r"WARN .*table ip filter has a name that iptables takes",
        str(server.err)))


def test_nftables_set_of_another_type(lab, fails):
    fw = lab.set_up_firewall("nftables")
    lab.dnsfw(ALLOW, fw=fw).stop()
    names = [one["name"] for one in fw.objects("set")]
    assert len(names) == 4
    for name in names:
        lab.gateway.run("nft", "flush", "ruleset")
        fw.set_up()
        lab.gateway.run("nft", f"add set inet filter {name} "
                        "{ type ipv4_addr; flags timeout; }")
        fails(fw, name)


def test_no_permission(lab, fw, fails):
    """Root without CAP_NET_ADMIN, as a container may have it."""
    fails(fw, "CAP_NET_ADMIN|not permitted|ermission", wrapper=(
        "setpriv", "--bounding-set", "-net_admin", "--inh-caps",
        "-net_admin"))


def test_error_comes_before_another_server_is_disturbed(lab, fw, fails):
    """The port is taken: by a dnsfw that runs, for example."""
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site()
    lab.resolve(site)
    fails(fw, "10.77.1.1 port 53", "in use")
    assert lab.reaches(site.v4)
    lab.resolve(lab.site())
    assert server.popen.poll() is None
