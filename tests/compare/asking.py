"""How the rows of the table ask, and how they say what came."""

import collections

import dns.flags
import dns.message
import dns.rcode

from lab import addresses_of

PATIENCE = 20           # seconds for an answer
SOON = 2                # seconds in which nothing can still be expected
SECOND = "10.77.2.3"    # another upstream
FIRST_SITE = "10.78.200.1"
OTHER_SITE = "10.78.200.2"

Row = collections.namedtuple("Row", "head probe wanted")


def told(answer):
    """An answer in words."""
    if answer is None:
        return "no answer"
    words = [dns.rcode.to_text(answer.rcode())]
    lacks = [what for what, there in (
        ("QR", answer.flags & dns.flags.QR), ("question", answer.question))
             if not there]
    if lacks:
        words.append(f"without {' and '.join(lacks)}")
    found = addresses_of(answer)
    if found:
        words.append(f"{len(found)} address{'es' * (len(found) > 1)}")
    return ", ".join(words)


def ask(proxy, name, rdtype="A", tcp=False, **query):
    """What comes back, answer or not, or None."""
    wire = dns.message.make_query(name, rdtype, **query).to_wire()
    try:
        return dns.message.from_wire(
            proxy.lab.exchange(wire, tcp=tcp, timeout=PATIENCE))
    except TimeoutError:
        return None


def answer_to(proxy, wire):
    """The code of the answer to some octets, which may be malformed, too."""
    try:
        answer = proxy.lab.exchange(wire, timeout=SOON)
    except TimeoutError:
        return "silence"
    return dns.rcode.to_text(answer[3] & 15)


def granted(proxy, address):
    if not proxy.grants:
        return ""
    return ("; granted" if address in proxy.lifetimes()
            else "; not granted")
