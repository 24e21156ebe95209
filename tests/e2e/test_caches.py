"""Resolvers in front of dnsfw keep its negative answers (D18, RFC 2308)."""

import re
import subprocess

import pytest

from lab import ALLOW, CLIENT4, GATEWAY4
from process import until

PORT = 5300
LOCAL = "local.example.com"
ACL = f"{ALLOW}{CLIENT4} -| {LOCAL} = 192.0.2.1\n"

UNBOUND = """
server:
    interface: 127.0.0.1
    port: {port}
    module-config: "iterator"
    num-threads: 1
    username: ""
    chroot: ""
    pidfile: ""
    directory: "{tmp}"
    use-syslog: no
    do-daemonize: no
    outgoing-interface: {client}
remote-control:
    control-enable: no
forward-zone:
    name: "."
    forward-addr: {server}
"""

NAMED = """
options {{
    directory "{tmp}";
    pid-file none;
    session-keyfile "{tmp}/session.key";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    forward only;
    forwarders {{ {server}; }};
    query-source address {client};
    dnssec-validation no;
}};
controls {{ }};
"""

DNSMASQ = """
port={port}
listen-address=127.0.0.1
bind-interfaces
no-resolv
no-hosts
server={server}@{client}
pid-file={tmp}/dnsmasq.pid
user=root
"""

PROGRAMS = {
    "unbound": (UNBOUND, ["unbound", "-d", "-c"]),
    "named": (NAMED, ["named", "-g", "-n", "1", "-c"]),
    "dnsmasq": (DNSMASQ, ["dnsmasq", "-k", "--log-facility=-", "-C"]),
}


def start_cache(lab, program):
    """It forwards to dnsfw; returns a function that asks it."""
    template, argv = PROGRAMS[program]
    config = lab.tmp / "cache.conf"
    config.write_text(template.format(tmp=lab.tmp, port=PORT, client=CLIENT4,
                                      server=GATEWAY4))
    process = lab.start([*argv, str(config)], namespace=lab.client)

    def ask(name, rdtype):
        return subprocess.run(
            lab.client.command("dig", "+tries=1", "+time=2", "-p", str(PORT),
                               "@127.0.0.1", name, rdtype),
            capture_output=True, text=True, check=False).stdout

    site = lab.site()
    until(lambda: process.popen.poll() is not None or
          site.v4 in ask(site.name, "A"))
    assert process.popen.poll() is None, str(process.err)
    return ask


@pytest.mark.parametrize("how, status", [("nxdomain", "NXDOMAIN"),
                                         ("nodata", "NOERROR")])
@pytest.mark.parametrize("program", PROGRAMS)
def test_D18_a_cache_keeps_what_was_refused(lab, program, how, status):
    server = lab.dnsfw(ACL, "--refuse-with", how)
    ask = start_cache(lab, program)
    for name, rdtype, rcode in (("www.none.example", "A", status),
                                ("www.none.example", "AAAA", status),
                                (LOCAL, "AAAA", "NOERROR")):
        for _ in range(3):
            out = ask(name, rdtype)
            assert f"status: {rcode}," in out and "ANSWER: 0," in out, out
        # How long it keeps it: what the SOA says.
        owner = name if rcode == "NOERROR" else name.partition(".")[2]
        ttl = re.search(rf"^{owner}\.\s+(\d+)\s+IN\s+SOA", out, re.M)
        assert program == "dnsmasq" or 50 <= int(ttl[1]) <= 60, out
    # Neither is the name next to it gone, nor one below.
    assert "192.0.2.1" in ask(LOCAL, "A")
    site = lab.site(under=f"{LOCAL}")
    assert site.v4 in ask(site.name, "A")

    def came(name):
        return sum(re.search(rf" \|> \[\d+\] {re.escape(name)}\.", line)
                   is not None for line in server.out.lines)

    # Once for each type; a cache may take NXDOMAIN for all types (RFC 8020).
    until(lambda: came(LOCAL) >= 2)
    assert came("www.none.example") == (
        1 if how == "nxdomain" and program != "unbound" else 2)
    assert came(LOCAL) == 2
