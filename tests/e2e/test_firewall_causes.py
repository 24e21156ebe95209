"""Why the firewall cannot be used, to the letter: what is, what must be."""

import subprocess

import pytest

from firewall import Iptables, Nftables, dump
from lab import ALLOW, CLIENT4, PORT
from test_processes import status_of

NEEDED = {
    "NET_ADMIN": "program the firewall",
    "SETGID": "become other users",
    "SETUID": "become other users",
    "SETPCAP": "give up all other capabilities",
    "SYS_CHROOT": "make an empty directory the root directory"}
CAPABILITIES = (
    "dnsfw starts with these capabilities and gives them up: what starts "
    "it must leave them to it (CapabilityBoundingSet= of a unit, --cap-add of "
    "a container)")
UNUSABLE = "the firewall cannot be used"

GRANT4 = "type ipv4_addr . inet_proto . inet_service . ipv4_addr"
LOCAL6 = "type inet_proto . inet_service . ipv6_addr"
NFT_SETS = {
    # what is there: its name, how it is made, how it is told
    "other key": ("ipv4_allow", "type ipv4_addr; flags timeout;",
                  "set", "type ipv4_addr; flags timeout", GRANT4),
    "keys that dnsfw never has": (
        "ipv4_allow", "type ipv4_addr . ether_addr . mark; flags timeout;",
        "set", "type ipv4_addr . another . another; flags timeout", GRANT4),
    "no timeout": ("ipv6_allow_local", f"{LOCAL6};", "set", LOCAL6, LOCAL6),
    "intervals": ("ipv4_allow", f"{GRANT4}; flags interval, timeout;", "set",
                  f"{GRANT4}; flags interval,timeout", GRANT4),
    "dynamic": ("ipv6_allow_local", f"{LOCAL6}; flags timeout, dynamic;",
                "set", f"{LOCAL6}; flags timeout,dynamic", LOCAL6),
    "constant": ("ipv6_allow_local", f"{LOCAL6}; flags constant;", "set",
                 f"{LOCAL6}; flags constant", LOCAL6),
    "map": ("ipv4_allow", f"{GRANT4} : verdict; flags timeout;", "map",
            f"{GRANT4}; flags timeout", GRANT4)}

IP_SETS = {
    "hash:ip,port,ip timeout 9": "hash:ip,port,ip family inet timeout, no "
                                 "comment",
    "hash:ip,port,ip comment": "hash:ip,port,ip family inet, no timeout "
                               "comment",
    "hash:ip,port,ip family inet6 timeout 9 comment":
        "hash:ip,port,ip family inet6 timeout comment",
    "hash:ip,port,net timeout 9 comment":
        "hash:ip,port,net family inet timeout comment",
    "bitmap:port range 0-9 timeout 9 comment":
        "bitmap:port family none timeout comment",
    "hash:ip,port,ip timeout 9 comment forceadd":
        "hash:ip,port,ip family inet timeout comment forceadd"}


@pytest.fixture(name="errors")
def _errors(lab):
    """The errors of a start that must fail and change nothing."""
    def run(fw, **kwargs):
        before = dump(lab.gateway)
        status, text = lab.dnsfw_fails(ALLOW, fw=fw, **kwargs)
        assert status == 1
        assert dump(lab.gateway) == before
        return [line.removeprefix("[ERROR] ") for line in text.splitlines()
                if line.startswith("[ERROR] ")]
    return run


def without(*capabilities):
    """What an exec gives root in a container that lacks these."""
    names = ",".join(f"-{name.lower()}" for name in capabilities)
    return ("setpriv", "--bounding-set", names, "--inh-caps", names)


def missing(*capabilities):
    return [f"CAP_{name} is missing: it is needed to {NEEDED[name]}"
            for name in capabilities] + [CAPABILITIES]


@pytest.mark.parametrize("name", NEEDED)
def test_a_capability_is_missing(lab, errors, name):
    fw = lab.set_up_firewall("nftables")
    assert errors(fw, wrapper=without(name)) == missing(name)


def test_all_capabilities_are_missing(fw, errors):
    assert errors(fw, wrapper=without(*NEEDED)) == missing(*NEEDED)


def test_F3_DNS_alone_needs_no_power_over_the_network(lab):
    server = lab.dnsfw(ALLOW, wrapper=without("NET_ADMIN"))
    lab.resolve(lab.site())
    assert int(status_of(server.pid)["CapPrm"], 16) == 0


@pytest.mark.parametrize("name", [n for n in NEEDED if n != "NET_ADMIN"])
def test_F3_DNS_alone_needs_the_other_powers(errors, name):
    assert errors(None, wrapper=without(name, "NET_ADMIN")) == missing(name)


def test_F3_DNS_alone_keeps_no_power_over_the_network(lab):
    server = lab.dnsfw(ALLOW)
    lab.resolve(lab.site())
    for name in ("CapPrm", "CapEff"):
        assert int(status_of(server.pid)[name], 16) == 0


@pytest.fixture(name="owner")
def _owner(lab):
    """A program that owns tables with our chain, as long as it lives."""
    program = subprocess.Popen(
        lab.gateway.command("nft", "-i"), text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    with program:
        for family, chain in (("inet", "dnsfw"), ("ip6", "DNSFW")):
            program.stdin.write(
                f"add table {family} filter {{ flags owner; }}\n"
                f"add chain {family} filter {chain}\n")
        program.stdin.write("list chain ip6 filter DNSFW\n")
        program.stdin.flush()
        for line in program.stdout:
            if "chain DNSFW" in line:
                break
        yield program
        program.stdin.close()


@pytest.mark.parametrize("table, backend", [
    ("inet filter", Nftables), ("ip6 filter", Iptables)])
def test_a_table_that_belongs_to_another_program(lab, errors, owner, table,
                                                 backend):
    assert errors(backend(lab.gateway)) == [
        f"table {table} belongs to another program (nft: \"flags owner\"; "
        f"netlink port {owner.pid}, most often its process id), and nobody "
        "else can change it: a table without an owner is needed", UNUSABLE]


@pytest.mark.parametrize("kind", NFT_SETS)
def test_nftables_set_with_another_key_or_flags(lab, errors, kind):
    name, made, what, told, key = NFT_SETS[kind]
    fw = lab.set_up_firewall("nftables")
    lab.gateway.run("nft", f"add {what} inet filter dnsfw_{name} {{ {made} }}")
    assert errors(fw) == [
        f'{what} dnsfw_{name} in table inet filter is "{told}", but must be a '
        f'set with "{key}; flags timeout"; remove it (nft delete {what} inet '
        f"filter dnsfw_{name}) with the rules that use it, dnsfw makes it "
        "anew", UNUSABLE]
    lab.gateway.run("nft", f"delete {what} inet filter dnsfw_{name}")
    lab.dnsfw(ALLOW, fw=fw)


def test_nftables_set_that_is_declared_as_it_must_be(lab):
    """In the operator's file, for example, with a size of his own."""
    fw = lab.set_up_firewall("nftables")
    lab.gateway.run("nft", "add set inet filter dnsfw_ipv4_allow { "
                    f"{GRANT4}; size 7; flags timeout; gc-interval 9s; }}")
    lab.dnsfw(ALLOW, fw=fw)
    site = lab.site()
    lab.resolve(site)
    assert [entry[:4] for entry in fw.entries()] == [
        (CLIENT4, "tcp", PORT, site.v4)]


@pytest.mark.parametrize("made", IP_SETS)
def test_ipset_with_another_type_or_options(lab, errors, made):
    fw = lab.set_up_firewall("iptables")
    lab.gateway.run("ipset", "create", "DNSFW-ipv4-allow", *made.split())
    assert errors(fw) == [
        f"ipset DNSFW-ipv4-allow is {IP_SETS[made]}, but must be "
        "hash:ip,port,ip family inet timeout comment; remove it (ipset "
        "destroy DNSFW-ipv4-allow), dnsfw makes it anew", UNUSABLE]
    lab.gateway.run("ipset", "destroy", "DNSFW-ipv4-allow")
    lab.dnsfw(ALLOW, fw=fw)
