"""Cookies (RFC 7873) of real servers, and clients that hold servers to them."""

import subprocess

import dns.rcode
import pytest

from cookies import SOON, Client
from lab import CLIENT4, DNS4, GATEWAY4, PORT, READY, addresses_of
from real_servers import (DNSMASQ, RECURSIVE, UNBOUND, named_upstream, start,
                          write)
from signed import OTHER, OTHER_SITE, SHOP, WWW

pytestmark = pytest.mark.real

REFUSED, LOCAL = "www.example.net", "ads.example.com"
ACL = f"""
{CLIENT4} -> {OTHER}:TCP:{PORT}
{CLIENT4} -| {LOCAL} = 192.0.2.1
"""


def test_D1_client_that_demands_cookies(lab, zones):
    """What is answered here counts as much as what the upstream said."""
    server = lab.start_dnsfw(ACL, upstream=named_upstream(lab, zones))
    server.err.wait_for(READY)
    query = lab.internet.run("dig", f"@{DNS4}", "+cookie", OTHER)
    assert "(good)" in query, "the upstream sends no cookies"
    client = Client(lab)
    for _ in range(3):
        for name, rcode, addresses in (
                (OTHER, dns.rcode.NOERROR, [OTHER_SITE]),
                (REFUSED, dns.rcode.REFUSED, []),
                (LOCAL, dns.rcode.NOERROR, ["192.0.2.1"])):
            answer = client.ask(name)
            assert answer is not None, f"no answer for {name} that counts"
            assert answer.rcode() == rcode
            assert addresses_of(answer) == addresses


@pytest.mark.parametrize("rule, wanted", [
    (f"-| {SHOP}", "REFUSED"), (f"-| {SHOP} = 192.0.2.1", "\t192.0.2.1\n")])
def test_D1_delv_has_nothing_to_complain_of(lab, zones, rule, wanted):
    """The alias is the upstream's answer, and what it leads to is ours."""
    server = lab.start_dnsfw(
        f"{CLIENT4} -> {WWW}:TCP:{PORT}\n{CLIENT4} {rule}\n",
        upstream=named_upstream(lab, zones))
    server.err.wait_for(READY)
    done = subprocess.run(
        lab.client.command("delv", f"@{GATEWAY4}", "-i", WWW, "A"),
        text=True, capture_output=True, timeout=60, check=False)
    text = done.stdout + done.stderr
    assert wanted in text and "cookie" not in text, text


def strict_unbound(lab):
    """With Debian's access-control: this host, and nobody else."""
    start(lab, lab.internet, RECURSIVE, "unbound", "-d", "-c", write(
        lab, "strict.conf", UNBOUND, address=RECURSIVE, more="",
        key="/dev/null"))


def empty_dnsmasq(lab):
    """It has no server to ask for what it does not know."""
    conf = DNSMASQ.replace("127.0.0.1", RECURSIVE).replace("server=", "#")
    start(lab, lab.internet, RECURSIVE, "dnsmasq", "-k", "-C",
          write(lab, "empty.conf", conf, server=""))


@pytest.fixture(params=[strict_unbound, empty_dnsmasq],
                ids=["unbound", "dnsmasq"])
def refuses(request, lab):
    """An upstream that answers REFUSED to all; unbound without a question."""
    lab.internet.run("ip", "address", "add", f"{RECURSIVE}/24", "dev", "wan")
    request.param(lab)
    return RECURSIVE


def ask(lab, tcp):
    return lab.ask(OTHER, timeout=SOON, tcp=tcp)


@pytest.mark.parametrize("tcp", [False, True], ids=["by_udp", "by_tcp"])
def test_D6_D15_one_of_two_refuses(lab, zones, refuses, tcp):
    named_upstream(lab, zones)
    server = lab.start_dnsfw(
        ACL, *(("--upstream-transport", "tcp") if tcp else ()),
        upstream=f"{refuses},{DNS4}")
    server.err.wait_for(READY)
    for _ in range(4):
        assert addresses_of(ask(lab, tcp)) == [OTHER_SITE]
    assert "does not answer" not in str(server.err)


def test_D15_the_only_one_refuses(lab, refuses):
    server = lab.start_dnsfw(ACL, upstream=refuses)
    server.err.wait_for(READY)
    for tcp in (False, True):
        assert ask(lab, tcp).rcode() == dns.rcode.REFUSED
