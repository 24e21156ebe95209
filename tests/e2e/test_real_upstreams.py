"""Real DNS servers behind dnsfw: what they send is accepted as it is."""

import shutil
import signal
import socket
import subprocess

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from lab import (CLIENT4, CLIENT6, DNS4, GATEWAY4, PORT, READY,
                 addresses_of, receive_tcp, send_tcp)
from process import until

SO_RCVBUFFORCE = 33     # asm-generic/socket.h; Python has no name for it

ACL = f"""
{CLIENT4} -> *.example.com:TCP:{PORT}
{CLIENT6} -> *.example.com:TCP:{PORT}
{CLIENT4} ~> *.example.com
{CLIENT4} ~> *.example.net
"""

MANY = [f"10.78.20.{number}" for number in range(1, 91)]     # named takes 100
TEXTS = [f"{number:0200}" for number in range(12)]
HTTPS = "1 . alpn=h2,h3 ipv4hint=10.78.1.1 ipv6hint=fd78::1"

ZONE = "\n".join([
    "$ORIGIN example.com.", "$TTL 60", "@ SOA ns root 1 2 3 4 5", "@ NS ns",
    f"ns A {DNS4}", "www A 10.78.1.1", "www AAAA fd78::1",
    "alias CNAME www", "far CNAME alias", "mail MX 10 www",
    "_sip._tcp SRV 1 2 5060 www", f"https HTTPS {HTTPS}",
    *(f"many A {address}" for address in MANY),
    *(f'big TXT "{text}"' for text in TEXTS)]) + "\n"


def https():
    return dns.rrset.from_text("x.", 60, "IN", "HTTPS", HTTPS)[0]


NAMED = """
options {{
    directory "{tmp}";
    pid-file none;
    session-keyfile "{tmp}/session.key";
    listen-on {{ {address}; }};
    listen-on-v6 {{ none; }};
    recursion no;
    dnssec-validation no;
    minimal-responses no;
}};
controls {{ }};
zone "example.com" {{ type primary; file "{tmp}/zone"; }};
"""


def named(lab):
    (lab.tmp / "zone").write_text(ZONE)
    (lab.tmp / "named.conf").write_text(NAMED.format(tmp=lab.tmp,
                                                     address=DNS4))
    return ["named", "-g", "-n", "1", "-c", str(lab.tmp / "named.conf")]


UNBOUND = """
server:
    interface: {address}
    access-control: 0.0.0.0/0 allow
    module-config: "iterator"
    username: ""
    chroot: ""
    pidfile: ""
    directory: "{tmp}"
    use-syslog: no
    do-daemonize: no
remote-control:
    control-enable: no
auth-zone:
    name: "example.com"
    zonefile: "{tmp}/zone"
    for-downstream: yes
    for-upstream: no
"""


def unbound(lab):
    (lab.tmp / "zone").write_text(ZONE)
    (lab.tmp / "unbound.conf").write_text(UNBOUND.format(tmp=lab.tmp,
                                                         address=DNS4))
    return ["unbound", "-d", "-c", str(lab.tmp / "unbound.conf")]


def dnsmasq(lab):
    lines = ["port=53", f"listen-address={DNS4}", "bind-interfaces",
             "no-resolv", "no-hosts", "local=/com/", "local-ttl=60",
             f"pid-file={lab.tmp}/dnsmasq.pid", "user=root",
             "mx-host=mail.example.com,www.example.com,10",
             "srv-host=_sip._tcp.example.com,www.example.com,5060,1,2",
             "cname=alias.example.com,www.example.com",
             "cname=far.example.com,alias.example.com"]
    (lab.tmp / "hosts").write_text("\n".join(
        ["10.78.1.1 www.example.com", "fd78::1 www.example.com"] +
        [f"{address} many.example.com" for address in MANY]) + "\n")
    lines += [f"addn-hosts={lab.tmp}/hosts"]
    lines += [f"txt-record=big.example.com,{text}" for text in TEXTS]
    lines += [f"dns-rr=https.example.com,65,{https().to_wire().hex()}"]
    (lab.tmp / "dnsmasq.conf").write_text("\n".join(lines) + "\n")
    return ["dnsmasq", "-k", "-C", str(lab.tmp / "dnsmasq.conf"),
            "--log-facility=-"]


SERVERS = {"bind9": named, "unbound": unbound, "dnsmasq": dnsmasq}


def start(lab, fw, make, *options):
    """The server, and dnsfw in front of it; what is in the kernel is fw's."""
    argv = make(lab)
    assert shutil.which(argv[0]), f"{argv[0]} is not installed"
    process = lab.start(argv, namespace=lab.internet)
    question = lab.internet.command("dig", "+short", "+tries=1", "+time=1",
                                    f"@{DNS4}", "www.example.com")
    until(lambda: process.popen.poll() is not None or
          b"10.78.1.1" in subprocess.run(question, capture_output=True,
                                         check=False).stdout,
          what=f"an answer of {argv[0]}")
    assert process.popen.poll() is None, process.err
    server = lab.start_dnsfw(ACL, "--timeout", "3", *options, fw=fw)
    server.err.wait_for(READY)
    return process, server


@pytest.fixture(params=SERVERS.values(), ids=SERVERS.keys())
def real(request, lab, fw):
    start(lab, fw, request.param)
    return lab


def granted(fw):
    return sorted(entry.address for entry in fw.entries())


@pytest.mark.parametrize("tcp", [False, True], ids=["by_udp", "by_tcp"])
def test_D1_common_types(real, fw, tcp):
    assert addresses_of(real.ask("www.example.com", tcp=tcp)) == ["10.78.1.1"]
    answer = real.ask("www.example.com", "AAAA", CLIENT6, tcp)
    assert addresses_of(answer) == ["fd78::1"]
    assert granted(fw) == ["10.78.1.1", "fd78::1"]
    assert real.reaches("10.78.1.1") and real.reaches("fd78::1", CLIENT6)
    for name, rdtype in (("mail", "MX"), ("_sip._tcp", "SRV")):
        (rrset,) = real.ask(f"{name}.example.com", rdtype, tcp=tcp).answer
        assert rrset.rdtype == dns.rdatatype.from_text(rdtype)
    for rdtype in ("SOA", "DNSKEY", "TYPE65280"):
        answer = real.ask("mail.example.com", rdtype, tcp=tcp,
                          want_dnssec=True)
        assert answer.rcode() == dns.rcode.NOERROR and not answer.answer
    assert real.ask("nobody.example.com", tcp=tcp).rcode() == \
        dns.rcode.NXDOMAIN
    assert real.ask("www.example.net", tcp=tcp).rcode() in (
        dns.rcode.REFUSED, dns.rcode.SERVFAIL)


def test_D1_mixed_case_and_edns(real):
    query = dns.message.make_query(
        "wWw.eXaMpLe.CoM", "A", use_edns=0, payload=4096, want_dnssec=True,
        options=[dns.edns.GenericOption(10, b"01234567")])
    answer = dns.message.from_wire(real.exchange(query.to_wire()))
    assert answer.question[0].name.to_text() == "wWw.eXaMpLe.CoM."
    assert addresses_of(answer) == ["10.78.1.1"]


def test_G4_aliases(real, fw):
    assert addresses_of(real.ask("far.example.com")) == ["10.78.1.1"]
    assert granted(fw) == ["10.78.1.1"]


def test_G6_https(real, fw):
    (rrset,) = real.ask("https.example.com", "HTTPS").answer
    assert list(rrset) == [https()]
    assert granted(fw) == ["10.78.1.1"]
    real.ask("https.example.com", "HTTPS", CLIENT6)
    assert granted(fw) == ["10.78.1.1", "fd78::1"]


def test_D6_truncated_over_udp_whole_over_tcp(real, fw):
    for name, rdtype, count in (("big", "TXT", len(TEXTS)),
                                ("many", "A", len(MANY))):
        answer = real.ask(f"{name}.example.com", rdtype)
        assert answer.flags & dns.flags.TC
        answer = real.ask(f"{name}.example.com", rdtype, tcp=True)
        assert not answer.flags & dns.flags.TC
        assert sum(len(rrset) for rrset in answer.answer) == count
    assert granted(fw) == sorted(MANY)


def test_D7_pipelined(real):
    """Fifty queries at once on one connection."""
    queries = [dns.message.make_query("www.example.com",
                                      "A" if number % 2 else "AAAA")
               for number in range(50)]
    with real.client_socket(CLIENT4, 1) as sock:
        sock.connect((GATEWAY4, 53))
        for number, query in enumerate(queries):
            query.id = 1000 + number
            send_tcp(sock, query.to_wire())
        answers = [dns.message.from_wire(receive_tcp(sock))
                   for _ in queries]
    by_id = {answer.id: answer for answer in answers}
    for query in queries:
        assert query.is_response(by_id[query.id])
        assert addresses_of(by_id[query.id])


@pytest.mark.parametrize("make", SERVERS.values(), ids=SERVERS.keys())
def test_D6_one_connection_carries_a_burst(lab, fw, make):
    """What one takes no more of (dnsmasq after 100) goes to the next."""
    real, server = start(lab, fw, make, "--upstream-transport", "tcp",
                         "--max-connections", "2000")
    queries = [dns.message.make_query("www.example.com", 1000 + number)
               for number in range(400)]
    with lab.client_socket(CLIENT4, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        sock.connect((GATEWAY4, 53))
        real.signal(signal.SIGSTOP)
        for number, query in enumerate(queries):
            query.id = number
            sock.send(query.to_wire())
            # No more than the socket has room for, and soon enough.
            if number % 50 == 49:
                server.out.wait_for(rf"~> \[{number}\]")
        real.signal(signal.SIGCONT)
        answers = [dns.message.from_wire(sock.recv(4096)) for _ in queries]
    assert sorted(answer.id for answer in answers) == list(range(400))
    assert {answer.rcode() for answer in answers} == {dns.rcode.NOERROR}
