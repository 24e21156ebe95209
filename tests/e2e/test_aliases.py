"""Alias targets over time (D14): their end, reloads, restarts, workers.

What is asked and granted for them is in scenarios/aliases.txt.
"""

import time

import dns.rcode
import pytest

from lab import (CLIENT4, CLIENT6, OTHER4, OTHER6, OTHER_PORT, PORT, READY,
                 addresses_of, ttls_of)
from process import until
from test_reload import reload
from upstream import Later

WWW = "www.shop.example"
RULE = f"{CLIENT4} -> {WWW}:TCP:{PORT}\n"


def alias(lab, target, name=WWW, ttl=300):
    """The name is an alias of a new site with the target's name."""
    site = lab.site(name=target)
    lab.upstream.add(name, ttl, "CNAME", f"{target}.")
    return site


def rcode(lab, name, **query):
    return lab.ask(name, **query).rcode()


def comments(fw):
    return {entry.address: entry.comment.rstrip(".")
            for entry in fw.entries()}


def test_D14_a_target_ends_with_its_record(lab):
    lab.dnsfw(RULE, "--min-rule-time", "1", "--max-rule-time", "2")
    alias(lab, "t.cdn.example")
    begin = time.monotonic()
    assert lab.ask(WWW).rcode() == 0
    assert rcode(lab, "t.cdn.example") == 0
    until(lambda: rcode(lab, "t.cdn.example") == dns.rcode.REFUSED)
    assert time.monotonic() - begin >= 2
    lab.ask(WWW)
    assert rcode(lab, "t.cdn.example") == 0


def test_D14_nobody_keeps_an_alias_for_longer_than_its_rule_says(lab):
    """For how long the target is remembered: test_follow.c."""
    lab.dnsfw(f"{RULE[:-1]} ttl 1..60\n{CLIENT4} -> plain.example:TCP:1\n")
    for name, ttl in ((WWW, 60), ("plain.example", 3600)):
        alias(lab, "t.cdn.example", name, ttl=3600)
        # NODATA behind it: no grant has its say.
        lab.upstream.behave(name, lambda request: [request.reply(
            f"{request.name}. 3600 IN CNAME t.cdn.example.")])
        assert ttls_of(lab.ask(name, "AAAA")) == [ttl]
        assert rcode(lab, "t.cdn.example") == 0


def test_D14_no_ring_of_names_lives_on_by_itself(lab):
    """What is led to through more than 16 answers is not remembered."""
    lab.dnsfw(RULE)
    names = [WWW] + [f"t{n}.cdn.example" for n in range(1, 18)]
    for name, target in zip(names, names[1:] + ["t1.cdn.example"]):
        lab.upstream.behave(name, lambda request, target=target: [
            request.reply(f"{request.name}. 300 IN CNAME {target}.")])
    assert [rcode(lab, name) for name in names] == 17 * [
        dns.rcode.NOERROR] + [dns.rcode.REFUSED]


def test_D14_a_target_whose_time_ends_while_its_answer_is_on_the_way(lab, fw):
    lab.dnsfw(RULE, "--min-rule-time", "1", "--max-rule-time", "1", fw=fw)
    site = alias(lab, "t.cdn.example")
    lab.upstream.behave("t.cdn.example", lambda request: [
        Later(1.2, request.reply(f"t.cdn.example 60 IN A {site.v4}"))])
    lab.ask(WWW)
    assert addresses_of(lab.ask("t.cdn.example")) == [site.v4]
    assert lab.reaches(site.v4)


def test_D14_a_reload_without_the_origin_revokes(lab, fw):
    server = lab.dnsfw(RULE + f"{CLIENT4} -> other.example:TCP:{PORT}\n",
                       fw=fw)
    site = alias(lab, "t.cdn.example")
    lab.ask(WWW)
    lab.upstream.behave("t.cdn.example", lambda request: [
        request.reply("t.cdn.example 60 IN A 10.78.1.250")])
    assert addresses_of(lab.ask("t.cdn.example")) == ["10.78.1.250"]
    assert comments(fw) == {site.v4: WWW, "10.78.1.250": WWW}
    reload(server, f"{CLIENT4} -> other.example:TCP:{PORT}\n")
    until(lambda: not fw.entries())
    until(lambda: rcode(lab, "t.cdn.example") == dns.rcode.REFUSED)


def test_D14_a_reload_with_the_origin_keeps(lab, fw):
    server = lab.dnsfw(RULE + f"{CLIENT4} -> old.example:TCP:{PORT}\n",
                       fw=fw)
    site = alias(lab, "t.cdn.example")
    lab.ask(WWW)
    lab.ask("t.cdn.example")
    lab.resolve(lab.site(name="old.example"))
    assert len(fw.entries()) == 2
    reload(server, f"10.0.0.0/8 -> *.shop.example:TCP:{PORT}\n"
           f"10.0.0.0/8 -> *.shop.example:TCP:{OTHER_PORT}\n")
    until(lambda: comments(fw) == {site.v4: WWW})
    # Its ports are those of the new list.
    until(lambda: rcode(lab, "t.cdn.example") == 0 and
          {entry.port for entry in fw.entries()} == {PORT, OTHER_PORT})
    assert lab.reaches(site.v4) and lab.reaches(site.v4, port=OTHER_PORT)


@pytest.mark.parametrize("new, expected", [
    (RULE + "::1 ~> x\n", 0), (f"{OTHER4} ~> x\n", dns.rcode.SERVFAIL)])
def test_D14_a_reload_while_the_target_is_asked(lab, fw, new, expected):
    server = lab.dnsfw(RULE, fw=fw)
    site = alias(lab, "t.cdn.example")
    lab.ask(WWW, "AAAA")

    def answer(request):
        reload(server, new)
        return [Later(0.2, request.reply(
            f"t.cdn.example 60 IN A {site.v4}"))]

    lab.upstream.behave("t.cdn.example", answer)
    assert rcode(lab, "t.cdn.example") == expected
    assert [entry.address for entry in fw.entries()] == (
        [site.v4] if expected == 0 else [])


def test_D14_two_workers(lab, fw):
    clients = (CLIENT4, CLIENT6, OTHER4, OTHER6)
    lab.dnsfw("".join(f"{client} -> *.shop.example:TCP:{PORT}\n"
                      for client in clients), "--workers", "2", fw=fw)
    for number, client in enumerate(clients):
        name, target = f"{number}.shop.example", f"t{number}.cdn.example"
        rdtype = "AAAA" if ":" in client else "A"
        site = alias(lab, target, name)
        assert rcode(lab, target, rdtype=rdtype,
                     client=client) == dns.rcode.REFUSED
        lab.ask(name, "HTTPS", client, number % 2 == 0)
        for tcp in (False, True):
            lab.resolve(site, client, tcp)
        assert lab.reaches(site.address(client), client)
        assert rcode(lab, target, rdtype=rdtype, client=clients[
            number - 1]) == dns.rcode.REFUSED
    assert len(fw.entries()) == len(clients)


def test_D14_a_restart_forgets(lab, fw):
    server = lab.dnsfw(RULE, fw=fw)
    site = alias(lab, "t.cdn.example")
    lab.ask(WWW)
    lab.resolve(site)
    server.stop()
    lab.dnsfw(RULE, fw=fw)
    assert lab.reaches(site.v4)         # G9
    assert rcode(lab, "t.cdn.example") == dns.rcode.REFUSED
    lab.ask(WWW)
    lab.resolve(site)


def test_D14_one_client_may_not_fill_the_table(lab):
    """Ten times its share; the others still have theirs."""
    share = 512
    lab.dnsfw(f"{CLIENT4} ~> *.many.example\n{OTHER4} ~> {WWW}\n")
    alias(lab, "t.cdn.example")
    lab.ask(WWW, client=OTHER4)
    for n in range(10 * share // 16):
        name = f"n{n}.many.example"
        targets = [f"t{n}-{i}.x.example." for i in range(16)]
        lab.upstream.behave(name, lambda request, name=name, targets=targets: [
            request.reply(*(f"{owner} 300 IN CNAME {target}" for owner, target
                            in zip([f"{name}.", *targets], targets)))])
        assert len(lab.ask(name, tcp=True).answer) == 16
    last = 10 * share // 16 - 1
    assert rcode(lab, f"t{last}-15.x.example") == dns.rcode.NXDOMAIN
    first = last + 1 - share // 16
    assert rcode(lab, f"t{first}-0.x.example") == dns.rcode.NXDOMAIN
    assert rcode(lab, f"t{first - 1}-15.x.example") == dns.rcode.REFUSED
    assert rcode(lab, "t.cdn.example", client=OTHER4) == 0


@pytest.mark.parametrize("variables, blocked, signal", [
    ((), 0, dns.rcode.NXDOMAIN),
    (("BLOCK_ALIASES=yes", "BYPASS_SIGNALS=pass"), dns.rcode.REFUSED, 0),
    (("BLOCK_ALIASES=no", "BYPASS_SIGNALS=answer"), 0, dns.rcode.NXDOMAIN),
])
def test_D16_D19_as_variables(lab, variables, blocked, signal):
    lab.upstream.add("bad.example", 60, "TXT", "x")
    server = lab.start_dnsfw(f"{CLIENT4} ~> *\n{CLIENT4} -| bad.example\n",
                             wrapper=("env", *variables))
    server.err.wait_for(READY)
    alias(lab, "bad.example")
    lab.site(name="use-application-dns.net")
    assert rcode(lab, WWW) == blocked
    assert rcode(lab, "use-application-dns.net") == signal
