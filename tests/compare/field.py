"""Rows of the table for what stands around a forwarder in the field.

Resolvers that follow aliases and look for keys by themselves, clients and
upstreams with cookies, upstreams of few words.
"""

import struct
import time

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from asking import FIRST_SITE, SECOND, SOON, Row, ask, granted, told
from cookies import COOKIE, Client
from lab import DNS4, OTHER4
from proxies import BLOCKED, LOCAL

ALIAS, TARGET = "alias.example.com", "edge.example.net"
OPTION = 65001      # unknown (RFC 6891 9)


def alias_target(proxy):
    """As a resolver asks: the name, and then what it is an alias of."""
    proxy.start()
    lab = proxy.lab
    lab.upstream.behave(ALIAS, lambda request: [
        request.reply(f"{ALIAS} 60 IN CNAME {TARGET}.")])
    lab.upstream.add(TARGET, 60, "A", FIRST_SITE)
    assert ask(proxy, ALIAS).answer
    text = f"{told(ask(proxy, TARGET))}{granted(proxy, FIRST_SITE)}"
    query = dns.message.make_query(TARGET, "A").to_wire()
    other = dns.message.from_wire(lab.exchange(query, OTHER4))
    return f"{text}; another client's: {told(other)}"


def cookies(proxy):
    """A client that has seen a cookie takes no answer without one."""
    proxy.start()
    name = proxy.lab.site().name

    def behave(request):
        answer = request.reply(f"{name} 60 IN A {FIRST_SITE}")
        answer.use_edns(0, options=[
            dns.edns.GenericOption(COOKIE, option.data[:8] + bytes(16))
            for option in request.message.options
            if option.otype == COOKIE])
        return [answer]

    proxy.lab.upstream.behave(name, behave)
    client = Client(proxy.lab)
    return "; ".join(f"{what}: {told(client.ask(asked))}" for what, asked in (
        ("allowed", name), ("refused", BLOCKED), ("local", LOCAL)))


def without_question(request):
    """REFUSED in twelve octets, as unbound says it to strangers."""
    return [request.wire[:2] + struct.pack("!5H", 0x8105, 0, 0, 0, 0)]


def seconds_of(proxy, name):
    """How long the answer to one query takes, and the answer in words."""
    start = time.monotonic()
    answer = told(ask(proxy, name))
    seconds = time.monotonic() - start
    return answer if answer == "no answer" else (
        f"{answer}, " + ("at once" if seconds < 0.5 else
                         f"after {seconds:.0f} s"))


def short_refusal(proxy):
    proxy.start()
    proxy.lab.upstream.behave("short.example.com", without_question)
    return seconds_of(proxy, "short.example.com")


def short_refusal_of_one(proxy):
    """The worst of several names, since a forwarder may take either."""
    lab = proxy.lab
    lab.internet.run("ip", "address", "add", f"{SECOND}/24", "dev", "wan")
    second = lab.start_upstream(SECOND)
    second.behave("started.example.com", without_question)
    names = [f"one{number}.example.com" for number in range(4)]
    for name in names:
        lab.upstream.behave(name, without_question)
        second.add(name, 60, "A", FIRST_SITE)
    proxy.start((DNS4, SECOND))
    return max((seconds_of(proxy, name) for name in names), key=len)


def discovery(proxy):
    """The name by which clients find a resolver that encrypts (RFC 9462)."""
    proxy.start(wide=True)
    name = "_dns.resolver.arpa"
    proxy.lab.upstream.behave(name, lambda request: [request.reply(
        f"{name} 60 IN SVCB 1 dns.example.net. alpn=h2 port=443 "
        f"ipv4hint={FIRST_SITE}")])
    answer = ask(proxy, name, "SVCB")
    led = any(rrset.rdtype == dns.rdatatype.SVCB for rrset in answer.answer)
    return (f"{told(answer)}, " + ("led to another resolver" if led else
                                   "no record"))


def keys(proxy):
    """What a validator behind needs to believe a name that is allowed."""
    proxy.start()
    upstream = proxy.lab.upstream
    upstream.behave(".", lambda request: [
        request.reply(". 60 IN DNSKEY 257 3 13 AAAA")])
    for zone in ("com", "example.com"):
        upstream.add(zone, 60, "DS", f"1 13 2 {'00' * 32}")
        upstream.add(zone, 60, "DNSKEY", "257 3 13 AAAA")
    asked = [(".", "DNSKEY"), ("com", "DS"), ("com", "DNSKEY"),
             ("example.com", "DS"), ("example.com", "DNSKEY")]
    there = [name for name, rdtype in asked if ask(proxy, name, rdtype).answer]
    return f"{len(there)} of {len(asked)}"


def rcode_of(wire):
    """Of 12 bits, if there is an OPT record with the upper ones."""
    try:
        return dns.message.from_wire(wire).rcode()
    except ValueError:      # dnspython does not know the opcode
        return wire[3] & 15


def lacks_option(wire):
    return not any(option.otype == OPTION
                   for option in dns.message.from_wire(wire).options)


def has_edns(wire):
    """In version 0, without flags that nobody knows."""
    answer = dns.message.from_wire(wire)
    return answer.edns == 0 and not answer.ednsflags & ~dns.flags.DO


def edns_cases(name):
    """(what, the query, what the answer must be) of RFC 6891 and RFC 1035."""
    def query(**more):
        return dns.message.make_query(name, "A", **more).to_wire()

    version = dns.message.make_query(name, "A")
    version.use_edns(1)
    opcode = bytearray(query(use_edns=0))
    opcode[2] |= 15 << 3
    bare = struct.pack("!6H", 1, 15 << 11, 0, 0, 0, 0)
    return (
        ("version", version.to_wire(), lambda wire: has_edns(wire) and
         rcode_of(wire) == dns.rcode.BADVERS),
        ("option", query(use_edns=0, options=[
            dns.edns.GenericOption(OPTION, b"x")]), lacks_option),
        ("flag", query(use_edns=0, ednsflags=0x40), has_edns),
        ("DO", query(want_dnssec=True), has_edns),
        ("opcode", bytes(opcode),
         lambda wire: rcode_of(wire) == dns.rcode.NOTIMP),
        ("opcode without question", bare,
         lambda wire: rcode_of(wire) == dns.rcode.NOTIMP))


def edns(proxy):
    """Over an allowed, a refused and a local name."""
    proxy.start()
    wrong = set()
    for name in (proxy.lab.site().name, BLOCKED, LOCAL):
        for what, query, right in edns_cases(name):
            try:
                wire = proxy.lab.exchange(query, timeout=SOON)
            except TimeoutError:
                wrong.add(f"{what}: no answer")
                continue
            if not right(wire):
                wrong.add(f"{what}: {dns.rcode.to_text(rcode_of(wire))}")
    return "; ".join(sorted(wrong)) or "all right"


FIELD_ROWS = [
    Row("An alias's target, asked for by a resolver behind", alias_target,
        r"NOERROR, 1 address; granted; another client's: REFUSED"),
    Row("Upstream with cookies: what a client hears that then demands them",
        cookies, r"allowed: NOERROR, 1 address; refused: REFUSED; "
        r"local: NOERROR, 1 address"),
    Row("Upstream says REFUSED without a question", short_refusal,
        r"REFUSED, at once"),
    Row("… one of two upstreams does", short_refusal_of_one,
        r"NOERROR, 1 address, at once"),
    Row("`_dns.resolver.arpa` SVCB, where all names are allowed", discovery,
        r"NOERROR, no record"),
    Row("Keys that a validator behind needs for an allowed name", keys,
        r"5 of 5"),
    Row("EDNS compliance of allowed, refused and local names", edns,
        r"all right"),
]
