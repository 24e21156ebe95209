"""What dnsfw is for: the way opens for who asked for an allowed name."""

import concurrent.futures
import time

import pytest

from lab import (ALLOW, CLIENT4, CLIENT6, DNS4, OTHER4, OTHER6, OTHER_PORT,
                 PORT)
from process import until

CLIENTS = [CLIENT4, CLIENT6]
OTHER = {CLIENT4: OTHER4, CLIENT6: OTHER6}


def test_lab_passes_without_a_firewall_and_nothing_with_one(lab, fw):
    """The lab itself: what the other tests see is dnsfw's doing."""
    site = lab.site()
    for client in (*CLIENTS, "127.0.0.1", "::1"):
        for proto in ("tcp", "udp"):
            assert not lab.reaches(site.address(client), client, proto=proto)
    lab.gateway.run("nft", "flush", "ruleset")
    for client in (*CLIENTS, "127.0.0.1", "::1"):
        for proto in ("tcp", "udp"):
            assert lab.reaches(site.address(client), client, proto=proto)
    assert len(lab.services.visits) == 8


@pytest.mark.parametrize("proto", ["tcp", "udp"])
@pytest.mark.parametrize("tcp", [False, True], ids=["by_udp", "by_tcp"])
@pytest.mark.parametrize("client", CLIENTS)
def test_G1_allowed_name_opens_exactly_its_way(lab, fw, client, tcp, proto):
    lab.dnsfw(f"{client} -> *.example.com:{proto}:{PORT}", fw=fw)
    site, never_asked = lab.site(), lab.site()
    address = site.address(client)
    assert not lab.reaches(address, client, proto=proto)

    lab.resolve(site, client, tcp)
    assert lab.reaches(address, client, proto=proto)

    other_proto = "udp" if proto == "tcp" else "tcp"
    assert not lab.reaches(address, client, OTHER_PORT, proto)
    assert not lab.reaches(address, client, PORT, other_proto)
    assert not lab.reaches(address, OTHER[client], PORT, proto)
    assert not lab.reaches(never_asked.address(client), client, PORT, proto)
    assert [tuple(visit) for visit in lab.services.visits] == [
        (proto, client, address, PORT)]


@pytest.mark.parametrize("client", CLIENTS)
def test_refused_client_opens_nothing(lab, fw, client):
    lab.dnsfw(ALLOW, fw=fw)
    site = lab.site()
    answer = lab.ask(site.name, "AAAA" if ":" in client else "A",
                     OTHER[client])
    assert answer.rcode() == 5      # REFUSED
    assert not lab.reaches(site.address(client), OTHER[client])
    assert fw.entries() == []
    assert lab.upstream.received == []


@pytest.mark.parametrize("client", CLIENTS)
def test_G3_the_way_closes_when_the_time_is_over(lab, fw, client):
    lab.dnsfw(ALLOW, "--min-rule-time", "1", "--max-rule-time", "2", fw=fw)
    site = lab.site(ttl=1)
    address = site.address(client)
    begin = time.monotonic()
    lab.resolve(site, client)
    assert lab.reaches(address, client)
    until(lambda: not lab.reaches(address, client), 8, "the end of the grant")
    assert time.monotonic() - begin >= 1
    until(lambda: fw.entries() == [], what="an empty set")
    # And open again for who asks again.
    lab.resolve(site, client)
    assert lab.reaches(address, client)


def test_G1_no_answer_is_ahead_of_its_grant(lab, fw):
    """200 names, eight at a time: connect at once after the answer."""
    lab.dnsfw(ALLOW, fw=fw)
    sites = [lab.site() for _ in range(200)]

    def visit(number):
        client = CLIENTS[number % 2]
        lab.resolve(sites[number], client)
        return lab.reaches(sites[number].address(client), client)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(visit, range(200)))
    assert len(fw.entries()) == 200


def test_main_job_with_a_real_resolver(lab, fw):
    """unbound behind dnsfw, and dig as the client."""
    config = lab.tmp / "unbound.conf"
    config.write_text(f"""
server:
    interface: {DNS4}
    access-control: 0.0.0.0/0 allow
    username: ""
    chroot: ""
    pidfile: ""
    directory: "{lab.tmp}"
    use-syslog: no
    do-daemonize: no
    local-zone: "example.com." static
    local-data: "www.example.com. 60 IN CNAME web.example.com."
    local-data: "web.example.com. 60 IN A 10.78.9.9"
    local-data: "web.example.com. 60 IN AAAA fd78::9:9"
remote-control:
    control-enable: no
""", encoding="ascii")
    unbound = lab.start(["unbound", "-d", "-c", str(config)], lab.internet)
    unbound.err.wait_for("start of service")
    server = lab.start_dnsfw(ALLOW, fw=fw)
    server.err.wait_for("Server started")

    def dig(*args):
        return lab.client.run("dig", "+tries=1", *args)

    assert not lab.reaches("10.78.9.9")
    assert dig("+short", "@10.77.1.1", "web.example.com") == "10.78.9.9\n"
    assert lab.reaches("10.78.9.9")
    assert dig("-b", CLIENT6, "+short", "+tcp", "@fd77:1::1", "web.example.com",
               "AAAA") == "fd78::9:9\n"
    assert lab.reaches("fd78::9:9", CLIENT6)
    assert "status: REFUSED" in dig("@10.77.1.1", "www.example.net")
    assert "EDE: " in dig("@10.77.1.1", "www.example.net")

