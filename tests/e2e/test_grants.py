"""Lifetimes, and which records of an answer become grants (section 3)."""

import time

import dns.message
import dns.rcode
import pytest

from lab import (ALLOW, CLIENT4, CLIENT6, DNS4, DNS6, OTHER4, PORT,
                 addresses_of, ttls_of)
from process import until

GRACE = 15      # seconds, G3


def granted(fw):
    return sorted(entry.address for entry in fw.entries())


@pytest.mark.parametrize("ttl, options, lifetime, in_kernel, seen", [
    (300, (), 300, 300 + GRACE, 300),
    (2, ("--min-rule-time", "30"), 30, 30 + GRACE, 2),
    (0, (), 5, 5 + GRACE, 0),
    (3600, ("--max-rule-time", "60"), 60, 60, 60),
    (50, ("--max-rule-time", "60"), 50, 60, 50),
    (86399, (), 86399, 86400, 86399),
    (86400, (), 86400, 86400, 86400),
    (86401, (), 86400, 86400, 86400),
    (0x7fffffff, (), 86400, 86400, 86400),
    (0x7fffffff, ("--max-rule-time", "2147483"), 2147483, 2147483, 2147483),
    (0x80000001, (), 5, 5 + GRACE, 0),      # RFC 2181 section 8
], ids=["ttl", "min", "zero", "max", "grace_up_to_max",
        "under_a_day", "day", "over_a_day", "for_ever", "weeks", "top_bit"])
def test_G3_lifetime(lab, fw, ttl, options, lifetime, in_kernel, seen):
    server = lab.dnsfw(ALLOW, *options, fw=fw)
    site = lab.site()
    wire_ttl = ttl.to_bytes(4, "big")

    def with_ttl(request):
        # dnspython refuses to write a TTL above 2^31.
        wire = request.reply(f"{site.name}. 7 IN A {site.v4}").to_wire()
        return [wire.replace(b"\0\0\0\x07\0\x04", wire_ttl + b"\0\x04")]

    lab.upstream.behave(site.name, with_ttl)
    begin = time.monotonic()
    answer = lab.resolve(site)
    (entry,) = fw.entries()
    # Whole seconds that a slow machine has taken.
    passed = int(time.monotonic() - begin)
    # A grant that may not last longer has a little less left already.
    assert ttls_of(answer)[0] in ((seen,) if seen < in_kernel else
                                  range(seen - 2 - passed, seen))
    assert entry[:4] == (CLIENT4, "tcp", PORT, site.v4)
    assert in_kernel - 2 - passed <= entry.timeout <= in_kernel
    assert entry.comment.rstrip(".") == site.name
    server.out.wait_for(rf"<- \[\d+\] {site.name}\. \[{site.v4}\]:TCP:{PORT} "
                        rf"TTL:{lifetime}$")


def test_G2_a_smaller_ttl_never_shortens(lab, fw):
    lab.dnsfw(ALLOW, fw=fw)
    long, short = lab.site(ttl=1000), "short.example.com"
    lab.upstream.add(short, 5, "A", long.v4)
    lab.resolve(long)
    assert ttls_of(lab.ask(short)) == [5]
    (entry,) = fw.entries()
    assert entry.timeout > 900


def test_G2_a_greater_ttl_lengthens_and_relabels(lab, fw):
    lab.dnsfw(ALLOW, fw=fw)
    short, long = lab.site(ttl=5), "long.example.com"
    lab.upstream.add(long, 1000, "A", short.v4)
    lab.resolve(short)
    lab.ask(long)
    (entry,) = fw.entries()
    assert 1000 <= entry.timeout <= 1000 + GRACE
    assert entry.comment.rstrip(".") == long


def test_G3_client_never_sees_more_than_its_grant_has_left(lab, fw):
    lab.dnsfw(ALLOW, "--min-rule-time", "1", "--max-rule-time", "3", fw=fw)
    site = lab.site(ttl=100)
    end = time.monotonic() + 4

    def look():
        (ttl,) = ttls_of(lab.resolve(site))
        received = time.monotonic()
        entries = fw.entries()
        listed = time.monotonic() - received
        reached = lab.reaches(site.v4)
        # On a slow machine it may have ended meanwhile.
        if time.monotonic() - received < ttl:
            (entry,) = entries
            # The kernel rounds down to whole seconds.
            assert ttl <= entry.timeout + 1 + int(listed)
            assert reached
        return received > end

    until(look)


def test_G4_every_address_gets_every_port(lab, fw):
    lab.dnsfw(f"{CLIENT4} -> www.example.com:TCP:{PORT}\n"
              f"{CLIENT4} -> *.example.com:UDP:{PORT}\n", fw=fw)
    addresses = ["10.78.5.1", "10.78.5.2", "10.78.5.3"]
    lab.upstream.add("www.example.com", 60, "A", *addresses)
    lab.ask("www.example.com")
    assert sorted(entry[1:4] for entry in fw.entries()) == sorted(
        (proto, PORT, address) for proto in ("tcp", "udp")
        for address in addresses)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_G4_cname_chain_in_any_order(lab, fw, order):
    lab.dnsfw(ALLOW, fw=fw)
    records = ["www.example.com. 60 IN CNAME a.example.net.",
               "a.example.net. 60 IN CNAME b.example.org.",
               "b.example.org. 60 IN A 10.78.6.1"]
    lab.upstream.behave("www.example.com", lambda request: [
        request.reply(*(records[i] for i in order))])
    assert addresses_of(lab.ask("www.example.com")) == ["10.78.6.1"]
    assert granted(fw) == ["10.78.6.1"]
    assert lab.reaches("10.78.6.1")
    (entry,) = fw.entries()
    assert entry.comment.rstrip(".") == "www.example.com"


def test_U11_each_port_of_a_list_and_range_is_granted(lab, fw):
    lab.upstream.add("other.example.com", 300, "A", "10.78.6.9")
    lab.upstream.add("two.example.com", 300, "A", "10.78.6.1", "10.78.6.2")
    lab.dnsfw(f"{CLIENT4} -> two.example.com, other.example.com:"
              "UDP:53,8000-8003", fw=fw)
    lab.ask("two.example.com", "A", CLIENT4)
    ports = (53, 8000, 8001, 8002, 8003)
    assert sorted(entry[:4] for entry in fw.entries()) == [
        (CLIENT4, "udp", port, address) for port in ports
        for address in ("10.78.6.1", "10.78.6.2")]
    lab.ask("other.example.com", "A", CLIENT4)
    assert len(fw.entries()) == 3 * len(ports)


def test_U11_more_grants_than_an_answer_may_have(lab, fw):
    lab.upstream.add("eight.example.com", 300, "A", *(
        f"10.78.6.{host}" for host in range(1, 9)))
    lab.upstream.add("nine.example.com", 300, "A", *(
        f"10.78.7.{host}" for host in range(1, 10)))
    lab.dnsfw(f"{CLIENT4} -> *.example.com:TCP:1000-1127", fw=fw)
    answer = lab.ask("eight.example.com", "A", CLIENT4)
    assert answer.rcode() == dns.rcode.NOERROR
    assert len(fw.entries()) == 1024
    answer = lab.ask("nine.example.com", "A", CLIENT4)
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert len(fw.entries()) == 1024


def test_G4_cname_loop_ends(lab, fw):
    lab.dnsfw(ALLOW, fw=fw)
    lab.upstream.behave("www.example.com", lambda request: [request.reply(
        "www.example.com. 60 IN CNAME loop.example.com.",
        "loop.example.com. 60 IN CNAME www.example.com.",
        "other.example.com. 60 IN A 10.78.6.2")])
    lab.ask("www.example.com")
    assert granted(fw) == []
    lab.resolve(lab.site())         # goes on


def test_G4_other_owners_and_sections_are_not_granted(lab, fw):
    lab.dnsfw(ALLOW, fw=fw)
    lab.upstream.behave("www.example.com", lambda request: [request.reply(
        "www.example.com. 60 IN A 10.78.6.3",
        "bank.example.com. 60 IN A 10.78.6.4",
        additional=["ns.example.com. 60 IN A 10.78.6.5",
                    "www.example.com. 60 IN A 10.78.6.6"])])
    lab.ask("www.example.com")
    assert granted(fw) == ["10.78.6.3"]
    for address in ("10.78.6.4", "10.78.6.5", "10.78.6.6"):
        assert not lab.reaches(address)


def test_G4_class_of_the_record_must_be_in(lab, fw):
    lab.dnsfw(ALLOW, fw=fw)

    def chaos(request):
        wire = request.reply("www.example.com. 60 IN A 10.78.6.7").to_wire()
        return [wire.replace(b"\0\x01\0\x01\0\0\0\x3c",
                             b"\0\x01\0\x03\0\0\0\x3c")]

    lab.upstream.behave("www.example.com", chaos)
    # dnspython cannot read an A record of that class.
    lab.exchange(dns.message.make_query("www.example.com", "A").to_wire())
    assert granted(fw) == []


@pytest.mark.parametrize("client", ["127.0.0.1", "::1"])
def test_G5_loopback_client_is_this_host_in_both_families(lab, fw, client):
    lab.dnsfw(f"{client} -> *.example.com:TCP:{PORT}", fw=fw)
    site = lab.site()
    assert not lab.reaches(site.v4, client)
    assert not lab.reaches(site.v6, client)
    lab.ask(site.name, "A", client)
    lab.ask(site.name, "AAAA", client)
    assert lab.reaches(site.v4, client)
    assert lab.reaches(site.v6, client)
    assert sorted(entry[:4] for entry in fw.entries()) == sorted(
        (None, "tcp", PORT, address) for address in (site.v4, site.v6))
    # For this host, and for nobody behind it.
    assert not lab.reaches(site.v4, CLIENT4)
    assert not lab.reaches(site.v6, CLIENT6)


def test_G5_families_must_agree(lab, fw):
    lab.dnsfw(ALLOW, fw=fw)
    site = lab.site()
    lab.ask(site.name, "AAAA", CLIENT4)
    lab.ask(site.name, "A", CLIENT6)
    assert fw.entries() == []


def test_G7_a_repeated_answer_changes_nothing_in_the_kernel(lab, fw):
    lab.dnsfw(ALLOW, fw=fw)
    site = lab.site(ttl=300)
    lab.resolve(site)
    (first,) = fw.entries()
    left = until(lambda: [entry.timeout for entry in fw.entries()
                          if entry.timeout < first.timeout])[0]
    lab.resolve(site)
    (second,) = fw.entries()
    assert second.timeout <= left


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.1.1", "0.0.0.0",
                                     "224.0.0.1", "255.255.255.255"])
def test_G8_never_granted(lab, fw, address):
    lab.dnsfw(ALLOW, fw=fw)
    lab.upstream.add("www.example.com", 60, "A", address)
    assert addresses_of(lab.ask("www.example.com")) == []
    assert fw.entries() == []


def test_G1_failed_grant_is_servfail_and_says_why(lab, fw):
    server = lab.dnsfw(ALLOW, "--max-grants", "1", fw=fw)
    first, second = lab.site(), lab.site()
    lab.resolve(first)
    answer = lab.ask(second.name)
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert addresses_of(answer) == []
    assert not lab.reaches(second.v4)
    server.out.wait_for(rf"^{CLIENT4} <! \[\d+\] .+")
    server.err.wait_for("WARN.*--max-grants")
    # Nothing else breaks.
    lab.resolve(first)
    assert lab.reaches(first.v4)


def test_resolving_alone_grants_nothing(lab, fw):
    lab.dnsfw(f"{CLIENT4} ~> *\n{OTHER4} -> *:TCP:{PORT}\n", fw=fw)
    site = lab.site()
    lab.resolve(site)
    assert fw.entries() == []
    assert not lab.reaches(site.v4)


def test_upstream_over_ipv6(lab, fw):
    lab.dnsfw(ALLOW, fw=fw, upstream=DNS6)
    site = lab.site()
    lab.resolve(site)
    assert lab.reaches(site.v4)
    assert lab.upstream.received[0].local[0] == DNS6 != DNS4
