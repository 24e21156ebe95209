"""--audit: nothing is refused, and what would be is told (U8)."""

import json

import dns.edns
import dns.rcode
import pytest

from lab import (ALLOW, CLIENT4, CLIENT6, GATEWAY4, PORT, READY,
                 addresses_of)
from process import until
from test_control import fine, stats_text

# And a block, one in other words, and an address of the list's own.
LIST = ALLOW + f"""
{CLIENT4} -| blocked.test
{CLIENT4} -| nowhere.test = 0.0.0.0
{CLIENT4} -| router.test = 192.0.2.1
"""


def ede_of(answer):
    return [option for option in answer.options
            if option.otype == dns.edns.OptionType.EDE]


@pytest.mark.parametrize("name, why", [
    ("www.other.test", "would be refused: no ACL rule allows it"),
    ("blocked.test", "would be blocked by ACL line 5"),
    ("nowhere.test", "would be blocked by ACL line 6"),
])
def test_U8_what_would_be_refused_is_answered(lab, name, why):
    server = lab.dnsfw(LIST, "--audit")
    server.err.wait_for(r"\[WARN \] .*--audit: nothing is refused")
    site = lab.site(name=name)
    answer = lab.ask(name, use_edns=0, id=7)
    assert addresses_of(answer) == [site.v4]
    assert not ede_of(answer)
    server.out.wait_for(rf"^{CLIENT4} \?> \[7\] {name}\.$")
    server.out.wait_for(rf"^{CLIENT4} <~ \[7\]$")
    until(lambda: fine(server, "stats")[0]["counters"]["audited"] == 1)
    (found,) = fine(server, "why", CLIENT4)
    assert (found["event"], found["name"], found["reason"]) == (
        "audit", f"{name}.", why)
    assert "let through 1\n" in stats_text(server)
    counters = fine(server, "stats")[0]["counters"]
    assert counters["refused"] == 0


def test_U8_every_type_that_the_list_does_not_allow(lab):
    site = lab.site()
    server = lab.start(lab.dnsfw_argv(LIST, "--audit", "--log-format", "json"))
    server.err.wait_for(READY)
    lab.upstream.add(site.name, 60, "TXT", '"text"')
    answer = lab.ask(site.name, "TXT")
    assert str(answer.answer[0][0]) == '"text"'
    server.out.wait_for('"event":"audit"')
    line = json.loads(server.out.lines[0])
    assert (line["name"], line["type"], line["rule"]["line"]) == (
        f"{site.name}.", "TXT", 2)


def test_U8_what_the_list_allows_is_granted_as_ever(lab, fw):
    lab.dnsfw(LIST, "--audit", fw=fw)
    site, other = lab.site(), lab.site(under="other.test")
    lab.resolve(site)
    lab.resolve(site, CLIENT6)
    lab.resolve(other)
    assert {(entry.address, entry.port) for entry in fw.entries()} == {
        (site.v4, PORT), (site.v6, PORT)}
    assert lab.reaches(site.v4)
    assert not lab.reaches(other.v4)
    assert addresses_of(lab.ask("router.test")) == ["192.0.2.1"]


def test_U8_addresses_that_are_never_granted_go_from_answers(lab, any_fw):
    """A name that the list does not allow leads nobody to the inside."""
    lab.dnsfw(LIST, "--audit", fw=any_fw)
    site = lab.site(under="other.test")
    for bad in (GATEWAY4, "127.0.0.1", "10.77.1.255"):
        lab.upstream.add(site.name, 300, "A", bad)
    answer = lab.ask(site.name)
    assert addresses_of(answer) == [site.v4]


def test_U8_other_families_stay_in_the_answer(lab, fw):
    """No way is opened for them, so none is shut."""
    lab.dnsfw(LIST, "--audit", "--family-mismatch", "filter", fw=fw)
    site, other = lab.site(), lab.site(under="other.test")
    assert addresses_of(lab.ask(site.name, "AAAA")) == []
    assert addresses_of(lab.ask(other.name, "AAAA")) == [other.v6]


def test_U8_malformed_queries_and_other_kinds_are_refused_as_ever(lab):
    server = lab.dnsfw(LIST, "--audit")
    assert lab.ask("other.test", "AXFR").rcode() == dns.rcode.REFUSED
    assert lab.ask("other.test", "A", rdclass="CH").rcode() == \
        dns.rcode.REFUSED
    server.out.wait_for(r" \|> \[\d+\] other\.test\.$", start=1)
    assert fine(server, "stats")[0]["counters"]["audited"] == 0


def test_U8_a_blocked_alias(lab):
    server = lab.dnsfw(LIST, "--audit", "--block-aliases")
    lab.upstream.add("alias.example.com", 60, "CNAME", "blocked.test.")
    lab.upstream.add("blocked.test", 60, "A", "10.78.9.9")
    answer = lab.ask("alias.example.com")
    assert addresses_of(answer) == ["10.78.9.9"]
    server.out.wait_for(r" \?> \[\d+\] alias\.example\.com\.$")


@pytest.mark.parametrize("off", [(), ("--audit=no",)])
def test_U8_without_it_all_is_refused_as_ever(lab, off):
    server = lab.dnsfw(LIST, *off)
    lab.site(name="blocked.test")
    answer = lab.ask("blocked.test", use_edns=0)
    assert answer.rcode() == dns.rcode.REFUSED
    assert ede_of(answer)
    server.out.wait_for(r" \|> ")
    assert "--audit" not in str(server.err)


def test_U11_the_line_of_an_included_file(lab):
    (lab.tmp / "more.acl").write_text(
        f"\n\n{CLIENT4} -| blocked.test\n", encoding="ascii")
    server = lab.dnsfw("# the first line\ninclude more.acl\n", "--audit")
    site = lab.site(name="blocked.test")
    assert addresses_of(lab.ask(site.name)) == [site.v4]
    until(lambda: fine(server, "stats")[0]["counters"]["audited"] == 1)
    (found,) = fine(server, "why", CLIENT4)
    assert found["reason"] == "would be blocked by ACL line 3 of more.acl"
