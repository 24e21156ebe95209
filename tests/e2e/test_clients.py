"""What people really have in front of dnsfw: resolvers, libraries, tools."""

import re

import dns.edns
import pytest

from host import HTTP, PATIENT, Host
from lab import (CLIENT4, CLIENT6, GATEWAY4, GATEWAY6, addresses_of,
                 clean_environment)
from process import DEADLINE, until
from real_servers import START_RESOLVED, resolved
from upstream import Later

TIME = str(DEADLINE - 1)    # of curl, seconds
# The kernel chooses which of its addresses the client has.
ACL = f"""
10.77.1.0/24 -| bad.example.com
fd77:1::/64  -| bad.example.com
10.77.1.0/24 -| ads.example.com = 192.0.2.1
10.77.1.0/24 -> *.example.com:TCP:{HTTP}
fd77:1::/64  -> *.example.com:TCP:{HTTP}
10.77.1.0/24 ~> *.example.org
"""
BLOCK_LINE = 2

def dig(lab, *argv, program="dig", server=GATEWAY4):
    """Run dig or kdig on the client, and return what it printed."""
    quick = ("+time=5", "+tries=1") if program == "dig" else (
        "+time=5", "+retry=0")
    return lab.client.run(program, f"@{server}", *quick, *argv,
                          env=clean_environment(HOME=str(lab.tmp)))


def test_D2_glibc_hears_a_refusal_at_once(lab):
    """The reference's answer costs glibc 10 s: it has no question."""
    lab.dnsfw(ACL)
    host = Host(lab, resolver=PATIENT)
    for name in ("www.example.net", "bad.example.com"):
        status, out, _ = host.run("getent", "ahosts", name)
        assert status == 2 and out == "", name


def test_D2_glibc_gets_addresses_of_both_families(lab):
    lab.dnsfw(ACL)
    site = lab.site()
    status, out, _ = Host(lab, resolver=PATIENT).run("getent", "ahosts",
                                                     site.name)
    assert status == 0
    assert {line.split()[0] for line in out.splitlines()} == {site.v4,
                                                             site.v6}


def test_D3_glibc_takes_local_answers(lab):
    lab.dnsfw(ACL)
    status, out, _ = Host(lab).run("getent", "ahosts", "ads.example.com")
    assert status == 0
    assert {line.split()[0] for line in out.splitlines()} == {"192.0.2.1"}


def test_D6_glibc_follows_a_truncated_answer_to_tcp(lab, fw):
    lab.dnsfw(ACL, fw=fw)
    addresses = [f"10.78.9.{i}" for i in range(1, 101)]
    lab.upstream.add("many.example.com", 60, "A", *addresses)
    status, out, _ = Host(lab).run("getent", "ahostsv4", "many.example.com")
    assert status == 0
    assert {line.split()[0] for line in out.splitlines()} == set(addresses)
    assert {entry.address for entry in fw.entries()} == set(addresses)


@pytest.mark.parametrize("how", ["nxdomain", "nodata"])
def test_D3_musl_hears_a_refusal_at_once(lab, lookup, how):
    """musl waits for another answer than REFUSED until its time is up."""
    lab.dnsfw(ACL, "--refuse-with", how)
    host = Host(lab, resolver=PATIENT)
    for name in ("www.example.net", "bad.example.com"):
        status, out, _ = host.run(lookup, name)
        assert status == 1 and out.startswith("error: "), out


def test_D2_musl_gets_addresses(lab, lookup):
    lab.dnsfw(ACL)
    site = lab.site()
    host = Host(lab, resolver=PATIENT)
    status, out, _ = host.run(lookup, site.name)
    assert status == 0
    assert set(out.split()[:-1]) == {site.v4, site.v6}
    status, out, _ = host.run(lookup, "ads.example.com")
    assert status == 0 and out.split()[:-1] == ["192.0.2.1"]


DIG = {
    "plain": (), "noedns": ("+noedns",), "tcp": ("+tcp",),
    "tcp_noedns": ("+tcp", "+noedns"), "dnssec": ("+dnssec",),
    "cookie": ("+cookie",), "size": ("+bufsize=4096",),
    "flags": ("+cdflag", "+adflag"), "padding": ("+padding=128",),
    "subnet": ("+subnet=192.0.2.0/24",), "nsid": ("+nsid",),
}


@pytest.mark.parametrize("options", DIG.values(), ids=DIG.keys())
@pytest.mark.parametrize("program", ["dig", "kdig"])
def test_D1_dig_and_kdig(lab, program, options):
    lab.dnsfw(ACL)
    site = lab.site()
    for server in (GATEWAY4, GATEWAY6):
        out = dig(lab, *options, site.name, program=program, server=server)
        assert re.search(r"status: NOERROR", out), out
        assert re.search(rf"\sA\s+{re.escape(site.v4)}$", out, re.M), out
        assert "WARNING" not in out.upper(), out
    out = dig(lab, *options, "bad.example.com", program=program)
    assert "status: REFUSED" in out, out
    assert "WARNING" not in out.upper(), out
    if program == "dig" and "+noedns" not in options:
        # kdig does without EDNS unless an option needs it.
        assert re.search(rf"EDE: 15 .*ACL line {BLOCK_LINE}\b", out), out


def test_D2_kdig_shows_the_reason(lab):
    lab.dnsfw(ACL)
    out = dig(lab, "+edns=0", "bad.example.com", program="kdig")
    assert re.search(rf"(?i)15 \(Blocked\).*ACL line {BLOCK_LINE}\b", out)
    out = dig(lab, "+edns=0", "www.example.net", program="kdig")
    assert re.search(r"\((Blocked|Filtered|Prohibited)\)", out)


@pytest.mark.parametrize("program", ["dig", "kdig"])
def test_D7_keepopen(lab, program):
    """Several queries on one connection, allowed and refused."""
    server = lab.dnsfw(ACL)
    sites = [lab.site() for _ in range(5)]
    names = [site.name for site in sites] + ["bad.example.com",
                                             sites[0].name]
    out = dig(lab, "+tcp", "+keepopen", *names, program=program)
    assert out.count("status: NOERROR") == 6, out
    assert out.count("status: REFUSED") == 1, out
    for site in sites:
        assert site.v4 in out
    until(lambda: len(server.out.lines) >= 13)


def test_D1_cookies_of_the_upstream_stay_there(lab):
    """It has them, and each answer says so; dig never hears of it."""
    lab.dnsfw(ACL)

    def with_cookie(request):
        assert request.message.options == ()
        reply = request.reply("www.example.org. 60 IN A 10.78.1.1")
        reply.use_edns(0, payload=1232, options=[
            dns.edns.GenericOption(10, bytes(24))])
        return [reply]

    lab.upstream.behave("www.example.org", with_cookie)
    assert "10.78.1.1" in dig(lab, "+cookie", "www.example.org")
    assert "COOKIE" not in dig(lab, "+cookie", "www.example.org")


UNBOUND = """
server:
    interface: 127.0.0.1
    port: 5300
    access-control: 127.0.0.0/8 allow
    module-config: "iterator"
    do-not-query-localhost: no
    use-caps-for-id: {caps}
    num-threads: 1
    username: ""
    chroot: ""
    pidfile: ""
    directory: "{tmp}"
    use-syslog: no
    do-daemonize: no
    outgoing-interface: {client}
    tcp-upstream: {tcp}
remote-control:
    control-enable: no
forward-zone:
    name: "."
    forward-addr: {server}
"""


def start_unbound(lab, **values):
    """unbound on the client, which forwards to dnsfw."""
    config = lab.tmp / "unbound.conf"
    config.write_text(UNBOUND.format(tmp=lab.tmp, **values))
    process = lab.start(["unbound", "-d", "-c", str(config)],
                        namespace=lab.client)
    process.err.wait_for("start of service")


@pytest.mark.parametrize("server, client, caps, tcp", [
    (GATEWAY4, CLIENT4, "no", "no"), (GATEWAY4, CLIENT4, "yes", "no"),
    (GATEWAY4, CLIENT4, "yes", "yes"), (GATEWAY6, CLIENT6, "yes", "no")],
    ids=["udp", "mixed_case", "tcp", "ipv6"])
def test_D1_unbound_in_front(lab, fw, server, client, caps, tcp):
    lab.dnsfw(ACL, fw=fw)
    site = lab.site()
    start_unbound(lab, server=server, client=client, caps=caps, tcp=tcp)
    rdtype = "AAAA" if client == CLIENT6 else "A"
    out = dig(lab, "-p", "5300", site.name, rdtype, server="127.0.0.1")
    assert site.address(client) in out, out
    (entry,) = fw.entries()
    assert entry[:4] == (client, "tcp", HTTP, site.address(client))
    # A refusal is not a silent server, for which unbound would wait longer
    # than dig does.
    out = dig(lab, "-p", "5300", "bad.example.com", rdtype,
              server="127.0.0.1")
    assert re.search(r"status: (SERVFAIL|REFUSED)", out), out
    out = dig(lab, "-p", "5300", site.name, rdtype, server="127.0.0.1")
    assert "status: NOERROR" in out


RESOLVED = """
[Resolve]
DNS={server}
FallbackDNS=
Domains=~.
LLMNR=no
MulticastDNS=no
DNSSEC=no
DNSOverTLS=no
Cache=no
ReadEtcHosts=no
"""

def test_D2_systemd_resolved_in_front(lab, fw):
    lab.dnsfw(ACL, fw=fw)
    site = lab.site()
    config = lab.tmp / "resolved.conf"
    config.write_text(RESOLVED.format(server=GATEWAY4))
    process = lab.start(["unshare", "--mount", "sh", "-c", START_RESOLVED,
                         "sh", str(config), resolved()], namespace=lab.client)
    process.err.wait_for("Creating stub listener")
    out = dig(lab, site.name, server="127.0.0.53")
    assert "status: NOERROR" in out and site.v4 in out, out
    assert [entry[:4] for entry in fw.entries()] == [
        (CLIENT4, "tcp", HTTP, site.v4)]
    for name in ("bad.example.com", "www.example.net"):
        out = dig(lab, name, server="127.0.0.53")
        assert "status: REFUSED" in out, out
    out = dig(lab, "ads.example.com", server="127.0.0.53")
    assert "192.0.2.1" in out
    # It has not taken dnsfw for a server of an older kind.
    assert "Using degraded feature set" not in str(process.err)


@pytest.mark.parametrize("server, client", [
    (GATEWAY4, CLIENT4), (GATEWAY6, CLIENT6)], ids=["ipv4", "ipv6"])
def test_G1_curl(lab, fw, http, server, client):
    lab.dnsfw(ACL, fw=fw)
    site = lab.site()
    host = Host(lab, server, PATIENT)
    family = "-6" if client == CLIENT6 else "-4"
    curl = ("curl", "-sS", "--noproxy", "*", "-m", TIME, family)
    url = f"http://{site.name}:{HTTP}/"
    bare = f"[{site.v6}]" if client == CLIENT6 else site.v4
    status, _, err = host.run(*curl, f"http://{bare}:{HTTP}/")
    assert status == 7, err         # nobody has asked for the name yet
    status, out, err = host.run(*curl, url)
    assert (status, out) == (0, "welcome\n"), err
    # Not 28, which is that its time is over.
    status, _, err = host.run(*curl, f"http://www.example.net:{HTTP}/")
    assert status == 6, err


def test_G1_curl_takes_either_family(lab, fw, http):
    """It asks over IPv4 for both; the way is open for IPv4 only (G5)."""
    lab.dnsfw(ACL, fw=fw)
    status, out, err = Host(lab).run(
        "curl", "-sS", "--noproxy", "*", "-m", TIME,
        f"http://{lab.site().name}:{HTTP}/")
    assert (status, out) == (0, "welcome\n"), err


def test_D12_stub_resolvers_that_ask_at_once(lab):
    """Twenty programs, one slow name: each has its answer.

    Two of dig may get one port from the kernel, and then each other's answers.
    """
    lab.dnsfw(ACL)
    lab.upstream.behave("slow.example.com", lambda request: [Later(
        0.5, request.reply("slow.example.com. 60 IN A 10.78.1.1")
        if b"\0\x01\0\x01" in request.wire else request.reply())])
    lines = lab.client.run(
        "bash", "-c", "for i in {20001..20020}; do dig +short +tries=1 "
        f"+time=5 -b '{CLIENT4}#'$i @{GATEWAY4} slow.example.com & done; "
        "wait").splitlines()
    assert lines == ["10.78.1.1"] * 20
    assert len(lab.upstream.requests("slow.example.com")) <= 20
    assert addresses_of(lab.ask("slow.example.com")) == ["10.78.1.1"]
