"""What explain says is what dnsfw does (U4)."""

import contextlib
import json
import random

import dns.rcode
import dns.rdatatype
import pytest

from lab import CLIENT4, CLIENT6, OTHER4, OTHER6, addresses_of
from process import until
from test_ctl import LABELS, ctl, random_name, random_rules
from test_reload import acl_of, reload

# Of the random lists, and what they are in the lab.
SUBNETS = {"10.1.0.0/16": "10.77.0.0/16", "10.1.0.0/31": "10.77.1.2/31",
           "10.1.0.1/32": "10.77.1.3/32", "fd00::1/128": "fd77:1::2/128"}
STATIC = "10.9.9.9"
LISTS = 20
QUESTIONS = 100         # of each list, which make 2,000


def random_list(rng):
    text = "\n".join(random_rules(rng)[0]) + "\n"
    for one, other in SUBNETS.items():
        text = text.replace(one, other)
    return text


def serve(name, v4, v6):
    records = {dns.rdatatype.A: f"A {v4}", dns.rdatatype.AAAA: f"AAAA {v6}",
               dns.rdatatype.TXT: 'TXT "text"'}

    def reply(request):
        rdtype = request.message.question[0].rdtype
        return [request.reply(f"{name}. 600 IN {records[rdtype]}")]
    return reply


def add_names(lab, number):
    """All names there are, with addresses of that list alone."""
    addresses = {}
    names = [""]
    for _ in range(3):
        names = [f"{label}.{name}".rstrip(".")
                 for label in LABELS for name in names]
        for name in names:
            at = len(addresses) + 1
            addresses[name] = (f"10.78.{number}.{at}",
                               f"fd78:{number + 1:x}::{at:x}")
            lab.upstream.behave(name, serve(name, *addresses[name]))
    return addresses


def explained(path, asked):
    done = ctl("explain", "--acl", path, "-",
               text="\n".join(map(" ".join, asked)))
    return [json.loads(line) for line in done.stdout.splitlines()]


def outcome(answer):
    """In explain's words; what is granted only the kernel knows."""
    if answer.rcode() == dns.rcode.REFUSED:
        return "refuse"
    assert answer.rcode() == dns.rcode.NOERROR
    return "answer" if answer.answer and \
        addresses_of(answer) != [STATIC] else "static"


def expected(verdict):
    decision = verdict["decision"]
    return "answer" if decision in ("grant", "resolve") else decision


def question(rng):
    client, rdtype = rng.choice((
        (CLIENT4, "A"), (OTHER4, "A"), (CLIENT6, "AAAA"), (OTHER6, "AAAA"),
        (CLIENT4, "TXT")))
    return client, random_name(rng), rdtype


@pytest.mark.long
def test_U4_explain_says_what_dnsfw_does(lab, fw):
    rng = random.Random(2000)
    server = lab.dnsfw("10.0.0.0/8 -| *\n", fw=fw)
    for number in range(LISTS):
        addresses = add_names(lab, number)
        reload(server, text := random_list(rng))
        asked = [question(rng) for _ in range(QUESTIONS)]
        grants = set()
        for (client, name, rdtype), verdict in zip(
                asked, explained(acl_of(server), asked), strict=True):
            assert outcome(lab.ask(name, rdtype, client)) == \
                expected(verdict), (client, name, rdtype, text)
            grants |= {(client, port, addresses[name][rdtype == "AAAA"])
                       for port in verdict["allow"]}
        ours = set(sum(addresses.values(), ()))

        def granted():
            return {(entry.client, f"{entry.proto}:{entry.port}",
                     entry.address)
                    for entry in fw.entries() if entry.address in ours}

        # While a set is hashed anew, which the revoked ones make it, a listing
        # in several parts may lack some.
        with contextlib.suppress(AssertionError):
            until(lambda: granted() == grants)
        assert granted() == grants, text
