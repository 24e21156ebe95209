#!/usr/bin/python3
"""The table of behaviour: what dnsfw, dnsmasq, and unbound do in some cases.

    behaviour.py [--reference FILE] [TEXT]

Only the rows with TEXT in their head.  Each cell is tried, in a lab of its own.
The reference, the program dns-firewall 1.2, has a column if it is named.  Fails
if dnsfw does not do what it should.  Needs root, dnsmasq, and unbound.
"""

import argparse
import contextlib
import pathlib
import re
import socket
import struct
import sys
import time

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from addresses import HTTPS                             # noqa: E402
from asking import (FIRST_SITE, OTHER_SITE, PATIENCE,   # noqa: E402
                    SECOND, Row, answer_to, ask, granted, told)
from ending import exit_on_signals                      # noqa: E402
from field import FIELD_ROWS                            # noqa: E402
from host import Host                                   # noqa: E402
from lab import (CLIENT4, DNS4, GATEWAY4, OTHER4, Lab,  # noqa: E402
                 addresses_of)
from process import until                               # noqa: E402
from proxies import (ALL, BLOCK_LINE, BLOCKED, LOCAL,    # noqa: E402
                     Reference)
from reference import version_of                        # noqa: E402

GLIBC_PATIENCE = 5      # until it asks again

# --- the probes ---

def refused_name(proxy):
    proxy.start()
    seconds, (status, out, _) = Host(proxy.lab).timed("getent", "ahosts",
                                                      BLOCKED)
    assert status == 2 and out == "", out
    when = "at once" if seconds < 0.2 else f"after {seconds:.0f} s"
    return f"{told(ask(proxy, BLOCKED))}; glibc knows {when}"


def extended_error(proxy):
    proxy.start()
    answer = ask(proxy, BLOCKED, use_edns=0)
    for option in answer.options:
        if option.otype == dns.edns.EDE:
            return f"{int(option.code)}, “{option.text or ''}”"
    return "none" if answer.edns >= 0 else "none, and no OPT record"


def mixed_case(proxy):
    proxy.start()
    site = proxy.lab.site()
    proxy.lab.site(name=BLOCKED)
    name = site.name.swapcase()
    answer = ask(proxy, name)
    spelling = ""
    if answer.question:
        spelled = answer.question[0].name.to_text(omit_final_dot=True)
        spelling = (", in the client's spelling" if spelled == name
                    else ", respelled")
    blocked = ask(proxy, BLOCKED.capitalize())
    open_to = addresses_of(blocked) if blocked else []
    return (f"{told(answer)}{spelling}; a block "
            f"{'is evaded' if open_to else 'holds'}")


def local_other_type(proxy):
    proxy.start()
    proxy.lab.upstream.add(LOCAL, 60, "TXT", '"from the upstream"')
    answer = ask(proxy, LOCAL, "TXT")
    kinds = {dns.rdatatype.to_text(rrset.rdtype)
             for rrset in answer.answer}
    return f"{told(answer)}, {'/'.join(sorted(kinds)) or 'no'} record"


def block_below_all(proxy):
    proxy.start(wide=True)
    proxy.lab.site(name=BLOCKED)
    answer = ask(proxy, BLOCKED)
    asked = proxy.lab.upstream.requests(BLOCKED)
    return (f"{told(answer)}; the upstream "
            f"{'is' if asked else 'is not'} asked")


def bad_input(proxy):
    proxy.start()
    cut = struct.pack("!6H", 1, 0x100, 1, 0, 0, 0) + b"\3www\7exam"
    twice = dns.message.make_query(proxy.lab.site().name, "A").to_wire()
    twice = twice[:4] + b"\0\2" + twice[6:] + twice[12:]
    return (f"cut: {answer_to(proxy, cut)}; "
            f"two questions: {answer_to(proxy, twice)}")


def https(proxy):
    proxy.start()
    lab = proxy.lab
    lab.upstream.add("web.example.com", 60, "HTTPS",
                     f"1 . alpn=h2 ipv4hint={FIRST_SITE}")
    answer = ask(proxy, "web.example.com", "HTTPS")
    assert answer.rcode() or any(rrset.rdtype == HTTPS
                                 for rrset in answer.answer)
    return f"{told(answer)}{granted(proxy, FIRST_SITE)}"


def truncated(proxy):
    proxy.start()
    many = [f"10.78.201.{i}" for i in range(1, 101)]
    records = [f"many.example.com 60 IN A {address}" for address in many]

    def behave(request):
        if request.proto == "tcp":
            return [request.reply(*records)]
        answer = request.reply(*records[:2])
        answer.flags |= dns.flags.TC
        return [answer]

    proxy.lab.upstream.behave("many.example.com", behave)
    by_udp = ask(proxy, "many.example.com")
    first = len(proxy.lifetimes())
    by_tcp = ask(proxy, "many.example.com", tcp=True)
    text = (f"UDP: {'TC' if by_udp.flags & dns.flags.TC else 'no TC'}, "
            f"{len(addresses_of(by_udp))}; TCP: {len(addresses_of(by_tcp))}")
    if proxy.grants:
        text += f"; granted {first}, then {len(proxy.lifetimes())}"
    return text


def silent(proxy):
    proxy.start()
    proxy.lab.upstream.behave("dead.example.com", lambda request: [])
    start = time.monotonic()
    answer = ask(proxy, "dead.example.com")
    seconds = time.monotonic() - start
    if answer is None:
        return f"no answer in {PATIENCE} s"
    limit = getattr(proxy, "TIMEOUT", None)
    if limit:
        assert limit - 0.5 < seconds < limit + 1, seconds
        return f"{told(answer)} after --timeout"
    return f"{told(answer)} after {seconds:.0f} s"


def seconds_as_glibc(proxy, name):
    """How long a name takes who asks again every five seconds, or None."""
    query = dns.message.make_query(name, "A").to_wire()
    start = time.monotonic()
    with proxy.lab.client_socket(CLIENT4, socket.SOCK_DGRAM) as sock:
        sock.connect((GATEWAY4, 53))
        sock.settimeout(GLIBC_PATIENCE)
        for _ in range(PATIENCE // GLIBC_PATIENCE):
            sock.send(query)
            with contextlib.suppress(TimeoutError):
                answer = dns.message.from_wire(sock.recv(65535))
                if answer.flags & dns.flags.QR:     # else it is ignored
                    assert addresses_of(answer) == [FIRST_SITE], answer
                    return time.monotonic() - start
    return None


def one_goes_silent(proxy):
    """The one that has answered, when another one could."""
    lab = proxy.lab
    lab.internet.run("ip", "address", "add", f"{SECOND}/24", "dev", "wan")
    second = lab.start_upstream(SECOND)
    for name in ("started.example.com", "works.example.com"):
        second.behave(name, lambda request: [])
        lab.upstream.add(name, 60, "A", FIRST_SITE)
    proxy.start((DNS4, SECOND))
    assert seconds_as_glibc(proxy, "works.example.com") is not None
    times = []
    for number in range(6):
        name = f"two{number}.example.com"
        second.add(name, 60, "A", FIRST_SITE)
        lab.upstream.behave(name, lambda request: [])
        times.append(seconds_as_glibc(proxy, name))
        if times[-1] is None:
            return "no answer"
    return f"six names in turn: {', '.join(f'{t:.1f}' for t in times)} s"


def failing_firewall(proxy):
    proxy.start()
    site = proxy.lab.site()
    if not proxy.grants:
        return "–"
    proxy.lose_firewall()
    return told(ask(proxy, site.name))


def per_client(proxy):
    proxy.start()
    if not proxy.grants:
        return "–"
    site = proxy.lab.site()
    ask(proxy, site.name)
    until(lambda: site.v4 in proxy.lifetimes(), what="the grant")
    assert proxy.lab.reaches(site.v4)
    other = proxy.lab.reaches(site.v4, OTHER4)
    return ("open for every client" if other else
            "open for the client that asked")


def lifetime(proxy):
    proxy.start()
    if not proxy.grants:
        return "–"
    lab = proxy.lab
    lab.upstream.add("long.example.com", 600, "A", FIRST_SITE)
    lab.upstream.add("short.example.com", 5, "A", FIRST_SITE)
    ask(proxy, "long.example.com")
    until(lambda: FIRST_SITE in proxy.lifetimes(), what="the grant")
    first = proxy.lifetimes()[FIRST_SITE]
    ask(proxy, "short.example.com")
    second = proxy.lifetimes()[FIRST_SITE]
    if first is None:
        return "for ever"
    length = "600 s and a grace" if first >= 600 else f"{first} s"
    return (f"TTL 600: {length}; " +
            ("not shortened" if second >= first - 10 else "shortened") +
            " by another name's TTL 5")


def outside_the_chain(proxy):
    proxy.start()
    proxy.lab.upstream.behave("chain.example.com", lambda request: [
        request.reply("chain.example.com 60 IN CNAME end.example.com.",
                      f"end.example.com 60 IN A {FIRST_SITE}",
                      f"www.example.org 60 IN A {OTHER_SITE}")])
    proxy.lab.upstream.add("end.example.com", 60, "A", FIRST_SITE)
    found = addresses_of(ask(proxy, "chain.example.com"))
    assert FIRST_SITE in found
    return (("passed" if OTHER_SITE in found else "removed") +
            granted(proxy, OTHER_SITE))


def junk(proxy):
    """From the upstream's own address and port, before the true answer."""
    proxy.start()

    def behave(request):
        answer = request.reply(f"junk.example.com 60 IN A {FIRST_SITE}")
        forged = request.reply(f"junk.example.com 60 IN A {OTHER_SITE}")
        wire = forged.to_wire()
        other_id = bytes([wire[0] ^ 1]) + wire[1:]
        other_name = wire.replace(b"\4junk", b"\4jxnk")
        return [other_id, other_name, answer]

    proxy.lab.upstream.behave("junk.example.com", behave)
    start = time.monotonic()
    answer = ask(proxy, "junk.example.com")
    seconds = time.monotonic() - start
    true = answer is not None and addresses_of(answer) == [FIRST_SITE]
    tries = len(proxy.lab.upstream.requests("junk.example.com"))
    if not true:
        return f"not the true answer: {told(answer)}"
    return "the true answer" + (
        "" if tries == 1 else f" after {tries} tries, {seconds:.1f} s")


def rebinding(proxy, protected):
    proxy.start(protected=protected)
    proxy.lab.upstream.add("inside.example.com", 60, "A", "127.0.0.1",
                           FIRST_SITE)
    answer = ask(proxy, "inside.example.com")
    found = addresses_of(answer)
    if "127.0.0.1" not in found:
        return told(answer) + (" (removed)" if found else
                               ", no address (all removed)")
    return "passed" + granted(proxy, "127.0.0.1")


def rebinding_by_default(proxy):
    return rebinding(proxy, False)


def rebinding_protected(proxy):
    return rebinding(proxy, True)


# --- the table ---

REMOVED = r"NOERROR, 1 address \(removed\)"

ROWS = [
    Row("A blocked name", refused_name,
        r"REFUSED; glibc knows at once"),
    Row("… its Extended DNS Error", extended_error,
        rf"15, “blocked by ACL line {BLOCK_LINE}”"),
    Row("… where all other names are allowed (`~> *`)", block_below_all,
        r"REFUSED; the upstream is not asked"),
    Row("Mixed-case query for an allowed name; for a blocked one",
        mixed_case,
        r"NOERROR, 1 address, in the client's spelling; a block holds"),
    Row("TXT query for a name with a local address", local_other_type,
        r"NOERROR, no record"),
    Row("Bad query", bad_input,
        r"cut: FORMERR; two questions: FORMERR"),
    Row("HTTPS query, with an address hint", https,
        r"NOERROR; granted"),
    Row("Upstream truncates 100 addresses to 2", truncated,
        r"UDP: TC, .*; TCP: 100; granted \d+, then 100"),
    Row("Upstream is silent", silent, r"SERVFAIL after --timeout"),
    Row("The upstream in use goes silent, another would answer",
        one_goes_silent, r".*: [012]\.\d, .*, 0\.\d s"),
    Row("Before the true answer: another id; another question", junk,
        r"the true answer"),
    Row("The firewall's set is gone: the answer", failing_firewall,
        r"SERVFAIL"),
    Row("A grant is", per_client,
        r"open for the client that asked"),
    Row("… and lasts", lifetime,
        r"TTL 600: 600 s and a grace; not shortened .*"),
    Row("Address record outside the CNAME chain", outside_the_chain,
        r".*; not granted"),
    Row("127.0.0.1 in an answer, by default", rebinding_by_default,
        REMOVED),
    Row("… with stop-dns-rebind, private-address", rebinding_protected,
        REMOVED),
    *FIELD_ROWS,
]


def try_cell(kind, row):
    with Lab() as lab:
        lab.upstream        # is there before it is asked
        return row.probe(kind(lab))


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.
        RawDescriptionHelpFormatter)
    parser.add_argument("--reference", metavar="FILE", type=pathlib.Path)
    parser.add_argument("text", nargs="?", default="", metavar="TEXT")
    return parser.parse_args()


def columns(reference):
    """The programs; says it if the reference is left out."""
    if reference is None:
        print("No column of dns-firewall 1.2: name it with --reference\n")
        return ALL
    Reference.program = str(reference.resolve())
    Reference.name = version_of(Reference.program)
    return (*ALL, Reference)


def main():
    args = arguments()
    exit_on_signals()
    kinds = columns(args.reference)
    wrong = []
    print("| | " + " | ".join(kind.name for kind in kinds) + " |")
    print("|---" * (len(kinds) + 1) + "|")
    for row in ROWS:
        if args.text not in row.head:
            continue
        cells = [try_cell(kind, row) for kind in kinds]
        print(f"| {row.head} | " + " | ".join(cells) + " |", flush=True)
        if not re.fullmatch(row.wanted, cells[0]):
            wrong.append(f"{row.head}: {cells[0]!r}, not {row.wanted!r}")
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
