"""Resolvers on the client's side, with their defaults, in front of dnsfw.

They ask again for the names that an alias led to, look for keys up to the root,
send cookies, and complain in ways of their own.  Behind them ask glibc, musl.
"""

import re

import dns.rcode
import pytest

from host import HTTP, Host
from lab import CLIENT4, OTHER4, PORT, READY, addresses_of
from real_servers import (dnsmasq_forwarder, kresd_forwarder,
                          named_forwarder, named_upstream,
                          resolved_forwarder, unbound_forwarder,
                          unbound_upstream)
from signed import (EDGE, EDGE4, EDGE6, HINT4, MOVED, MOVED4, OTHER,
                    OTHER_SITE, PLAIN, PLAIN4, POOL, POOL4, SERVICE, SHORT,
                    SHORT4, WWW)

pytestmark = pytest.mark.real

NAMES = (WWW, SHORT, MOVED, SERVICE, PLAIN)
ACL = "".join(f"{CLIENT4} -> {name}:TCP:{port}\n"
              for name in NAMES for port in (HTTP, PORT))
CURL = ("curl", "-sS", "--noproxy", "*", "-m", "10")

VALIDATORS = {"unbound": unbound_forwarder, "named": named_forwarder,
              "kresd": kresd_forwarder}
FORWARDERS = {**VALIDATORS, "resolved": resolved_forwarder,
              "dnsmasq": dnsmasq_forwarder}
# named is the zones' own server: of a chain of aliases that goes from zone to
# zone it gives one step.  unbound gives the whole chain.  dnsmasq is no
# resolver: it needs an upstream that is one.
UPSTREAMS = {"named": named_upstream, "unbound": unbound_upstream}
CASES = [(name, upstream, ("iptables", "nftables")[number % 2])
         for number, (name, upstream) in enumerate(
             (name, upstream) for upstream in UPSTREAMS
             for name in FORWARDERS)
         if (name, upstream) != ("dnsmasq", "named")]
SILENCE = 5000      # ms after which the first of them gives up who is silent
# What each says where it would rather have another server.
COMPLAINTS = r"missing expected cookie|degraded feature set|broken trust"


class Front:
    """A client's own resolver, and dnsfw behind it."""

    def __init__(self, lab, zones, forwarder, upstream, backend):
        self.lab = lab
        self.fw = lab.set_up_firewall(backend)
        self.server = lab.start_dnsfw(
            ACL, fw=self.fw, upstream=UPSTREAMS[upstream](lab, zones))
        self.server.err.wait_for(READY)
        self.address, self.process = FORWARDERS[forwarder](lab, zones)
        self.host = Host(lab, self.address)
        self.validates = forwarder in VALIDATORS

    def dig(self, name, rdtype):
        """The state, the flags, the last records and the milliseconds."""
        out = self.lab.client.run("dig", f"@{self.address}", "+time=10",
                                  "+tries=1", "+noall", "+comments",
                                  "+answer", "+stats", name, rdtype)
        records = re.findall(rf"\sIN\s+{rdtype}\s+(.+)", out)
        return (re.search(r"status: (\w+)", out)[1],
                re.search(r"flags: ([\w ]+);", out)[1].split(), records,
                int(re.search(r"Query time: (\d+)", out)[1]))

    def check(self, name, rdtype, *wanted, secure=True):
        status, flags, records, _ = self.dig(name, rdtype)
        assert (status, records) == ("NOERROR", list(wanted)), (name, rdtype)
        assert ("ad" in flags) == (secure and self.validates), (name, rdtype)

    def fetch(self, name, *options):
        """The page, as a program with glibc gets it."""
        status, out, err = self.host.run(*CURL, *options,
                                         f"http://{name}:{HTTP}/")
        assert (status, out) == (0, "welcome\n"), err

    def grants(self):
        return {(entry.client, entry.address, entry.comment.rstrip("."))
                for entry in self.fw.entries()}


@pytest.mark.parametrize("forwarder, upstream, backend", CASES)
def test_D14_D17_resolver_in_front(lab, zones, http, lookup, forwarder,
                                   upstream, backend):
    front = Front(lab, zones, forwarder, upstream, backend)
    for address in (EDGE4, SHORT4):
        assert not lab.reaches(address)
    for name, address in ((WWW, EDGE4), (SHORT, SHORT4)):
        front.fetch(name)
        status, out, _ = front.host.run(str(lookup), name)
        assert status == 0 and address in out.split(), out
        assert lab.reaches(address)
        assert not lab.reaches(address, OTHER4)
    front.check(WWW, "A", EDGE4)
    front.check(WWW, "AAAA", EDGE6)
    front.check(WWW, "HTTPS", f'1 . alpn="h2" ipv4hint={HINT4}')
    assert lab.reaches(HINT4)
    front.check(SHORT, "AAAA")
    front.check(SHORT, "HTTPS")
    # Debian's curl cannot ask for HTTPS records; a browser does this.
    front.check(SERVICE, "HTTPS", f"1 {POOL}.")
    front.fetch(SERVICE, "--connect-to", f"{SERVICE}:{HTTP}:{POOL}:{HTTP}")
    for name, address, secure in ((MOVED, MOVED4, True),
                                  (PLAIN, PLAIN4, False)):
        front.check(name, "A", address, secure=secure)
        assert lab.reaches(address)
    assert front.grants() == {(CLIENT4, *grant) for grant in (
        (EDGE4, WWW), (HINT4, WWW), (SHORT4, SHORT), (POOL4, SERVICE),
        (MOVED4, MOVED), (PLAIN4, PLAIN))}
    assert not re.search(COMPLAINTS, str(front.process.err))


@pytest.mark.parametrize("forwarder, upstream, backend", [
    (name, "unbound", ("iptables", "nftables")[number % 2])
    for number, name in enumerate(FORWARDERS)])
def test_D3_D14_not_more_than_the_list(lab, zones, forwarder, upstream,
                                       backend):
    """What is refused is heard at once, and led to is who asked, alone."""
    front = Front(lab, zones, forwarder, upstream, backend)
    for rdtype in ("A", "AAAA", "HTTPS"):
        status, _, records, took = front.dig(OTHER, rdtype)
        assert status in ("REFUSED", "SERVFAIL") and not records
        assert took < SILENCE
    # Not through the resolver, which may keep in mind that this failed.
    assert lab.ask(EDGE).rcode() == dns.rcode.REFUSED
    status, _, _ = front.host.run(*CURL, f"http://{OTHER}:{HTTP}/")
    assert status == 6
    front.check(WWW, "A", EDGE4)
    for client, rcode in ((CLIENT4, dns.rcode.NOERROR),
                          (OTHER4, dns.rcode.REFUSED)):
        answer = lab.ask(EDGE, client=client)
        assert answer.rcode() == rcode
        assert addresses_of(answer) == [EDGE4] * (client == CLIENT4)
    assert lab.ask(OTHER).rcode() == dns.rcode.REFUSED
    assert not lab.reaches(OTHER_SITE) and not lab.reaches(EDGE4, OTHER4)
    assert front.grants() == {(CLIENT4, EDGE4, WWW)}
