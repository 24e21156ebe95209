"""A full table, and who may fill it (G11)."""

import dns.rcode
import pytest

from lab import CLIENT4, CLIENT6, OTHER4, PORT
from process import until

ACL = (f"{CLIENT4} -> *.example.com:TCP:{PORT}\n"
       f"{OTHER4} -> *.example.com:TCP:{PORT}\n"
       f"{CLIENT6} -> *.example.com:TCP:{PORT}\n")


def addresses(lab, first, count):
    """A name with so many addresses, all with one TTL."""
    name = f"many{first}.example.com"
    lab.upstream.add(name, 900, "A", *(
        f"10.78.{(first + i) // 250 + 100}.{(first + i) % 250 + 1}"
        for i in range(count)))
    return name


def test_G11_a_client_does_not_take_the_room_of_others(lab, fw):
    server = lab.dnsfw(ACL, "--max-grants", "100", fw=fw)
    refused = 0
    for i in range(12):
        refused += lab.ask(addresses(lab, 10 * i, 10)).rcode() != 0
    assert refused > 0
    mine = [entry.client for entry in fw.entries()]
    # Half of all, and the part of an answer that was refused in the end.
    assert set(mine) == {CLIENT4} and 50 <= len(mine) <= 59
    for _ in range(16):
        lab.resolve(lab.site(), OTHER4)
    site = lab.site()
    lab.resolve(site, CLIENT6)
    assert lab.reaches(site.v6, CLIENT6)
    server.err.wait_for(r"WARN.* grants? refused: .* live, .*--max-grants is "
                        "100")
    warnings = [line for line in server.err.lines if "refused:" in line]
    assert len(warnings) == 1


def test_G11_a_small_table_is_one_clients(lab, fw):
    lab.dnsfw(ACL, "--max-grants", "16", fw=fw)
    for _ in range(16):
        lab.resolve(lab.site())
    assert lab.ask(lab.site().name).rcode() == dns.rcode.SERVFAIL
    assert len(fw.entries()) == 16


def test_G11_there_is_room_again_when_grants_have_ended(lab, fw):
    """Slots that the kernel has not collected yet are no obstacle."""
    lab.dnsfw(ACL, "--max-grants", "16", "--min-rule-time", "1",
              "--max-rule-time", "1", fw=fw)
    for _ in range(3):
        sites = [lab.site(ttl=1) for _ in range(16)]
        for site in sites:
            until(lambda one=site: lab.ask(one.name).rcode() == 0)
        until(lambda: lab.ask(sites[-1].name).rcode() == 0 and
              lab.reaches(sites[-1].v4))


@pytest.mark.parametrize("count, rcode", [(1024, dns.rcode.NOERROR),
                                          (1025, dns.rcode.SERVFAIL)])
def test_G4_all_addresses_of_an_answer_or_none(lab, fw, count, rcode):
    """So many grants are the most that one answer can ask for."""
    server = lab.dnsfw(ACL, fw=fw)
    assert lab.ask(addresses(lab, 0, count), tcp=True).rcode() == rcode
    if rcode == dns.rcode.SERVFAIL:
        server.out.wait_for("<! .* too many addresses to grant")
        count = 0
    assert len(fw.entries()) == count


def test_D21_an_address_of_a_thousand_goes(lab, fw):
    """Such an answer is granted, and stripped, in several turns."""
    name = "bad.example.com"
    good = [f"10.78.{100 + i // 250}.{i % 250 + 1}" for i in range(1000)]
    lab.upstream.add(name, 900, "A", *good[:500], "127.0.0.1", *good[500:])
    server = lab.dnsfw(ACL, fw=fw)
    for _ in range(2):      # the second time all is known
        answer = lab.ask(name, tcp=True)
        assert answer.rcode() == dns.rcode.NOERROR
        assert {record.address for record in answer.answer[0]} == set(good)
        assert len(fw.entries()) == len(good)
    server.err.wait_for("address 127.0.0.1 is never granted, and was removed")
