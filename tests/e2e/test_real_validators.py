"""Programs behind dnsfw that believe signatures only, up to the root."""

import subprocess

import dns.rcode
import pytest

from lab import CLIENT4, GATEWAY4, OTHER4, PORT, READY
from real_servers import (named_upstream, unbound_forwarder,
                          unbound_upstream)
from signed import (BOGUS, EDGE4, OTHER, PLAIN, PLAIN4, SHORT, WWW)

pytestmark = pytest.mark.real

ACL = "".join(f"{CLIENT4} -> {name}:TCP:{PORT}\n"
              for name in (WWW, SHORT, BOGUS, PLAIN))


@pytest.fixture(params=[named_upstream, unbound_upstream],
                ids=["named", "unbound"])
def upstream(request, lab, zones):
    """dnsfw between the client and a server of the signed zones."""
    server = lab.start_dnsfw(ACL, upstream=request.param(lab, zones))
    server.err.wait_for(READY)


def delv(lab, zones, name, rdtype="A"):
    done = subprocess.run(lab.client.command(
        "delv", f"@{GATEWAY4}", "-a", zones.anchors("static-key"), "+root=.",
        name, rdtype), capture_output=True, text=True, timeout=60, check=False)
    assert "cookie" not in done.stderr
    return done.stdout + done.stderr


def test_D17_delv(lab, zones, upstream):
    text = delv(lab, zones, WWW)
    assert text.startswith("; fully validated") and f"\t{EDGE4}\n" in text
    text = delv(lab, zones, SHORT, "AAAA")      # proven not to be there
    assert text.startswith("; fully validated") and "NXRRSET" in text
    text = delv(lab, zones, PLAIN)
    assert text.startswith("; unsigned answer") and f"\t{PLAIN4}\n" in text
    text = delv(lab, zones, BOGUS)
    assert "resolution failed" in text and "\tA\t" not in text


def test_D17_unbound(lab, zones, upstream):
    server, _ = unbound_forwarder(lab, zones)

    def ask(name, *options):
        return lab.client.run("dig", f"@{server}", "+time=10", "+tries=1",
                              *options, name)

    assert " ad;" in ask(WWW) and EDGE4 in ask(WWW)
    assert "NOERROR" in ask(PLAIN) and " ad;" not in ask(PLAIN)
    assert "SERVFAIL" in ask(BOGUS)
    assert "NOERROR" in ask(BOGUS, "+cd")


@pytest.mark.parametrize("name, rdtype, client", [
    ("example.com", "A", CLIENT4), ("example.com", "NS", CLIENT4),
    ("com", "TXT", CLIENT4), (".", "ANY", CLIENT4), (OTHER, "DS", CLIENT4),
    (WWW, "RRSIG", CLIENT4), (WWW, "TXT", CLIENT4),
    ("example.org", "DNSKEY", OTHER4), (".", "DNSKEY", OTHER4)])
def test_D17_nothing_else(lab, name, rdtype, client):
    """Keys are no way to other types, other names, or for other clients."""
    lab.dnsfw(ACL)
    lab.upstream.add(name, 60, "TXT", '"there"')
    assert lab.ask(name, rdtype, client).rcode() == dns.rcode.REFUSED
    assert not lab.upstream.requests(name)
