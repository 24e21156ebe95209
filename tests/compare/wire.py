"""A quick reader of answers: where TTLs and addresses are."""

import struct

from addresses import A, AAAA, HTTPS, SVCB
from answers import IPV4HINT, IPV6HINT, OPT


def skip_name(wire, at):
    while wire[at]:
        if wire[at] >= 0xc0:
            return at + 2
        at += 1 + wire[at]
    return at + 1


def records(wire):
    """(section, type, offset of the TTL, rdata) of each record."""
    counts = struct.unpack("!4H", wire[4:12])
    at = 12
    for _ in range(counts[0]):
        at = skip_name(wire, at) + 4
    for section in (1, 2, 3):
        for _ in range(counts[section]):
            at = skip_name(wire, at)
            rdtype, _, _, length = struct.unpack("!HHIH", wire[at:at + 10])
            yield section, rdtype, at + 4, wire[at + 10:at + 10 + length]
            at += 10 + length


def hints(rdata):
    at = skip_name(rdata, 2)
    while at < len(rdata):
        key, length = struct.unpack("!HH", rdata[at:at + 4])
        value = rdata[at + 4:at + 4 + length]
        at += 4 + length
        size = {IPV4HINT: 4, IPV6HINT: 16}.get(key)
        if size:
            yield from (value[i:i + size] for i in range(0, length, size))


def addresses(wire, sections=(1, 2, 3)):
    """All addresses, of records and of hints."""
    for section, rdtype, _, rdata in records(wire):
        if section in sections:
            if rdtype in (A, AAAA):
                yield rdata
            elif rdtype in (SVCB, HTTPS):
                yield from hints(rdata)


def same_but_ttls(wire, other):
    """Are the messages equal but for the id, and no TTL of other higher?"""
    if wire[2:] == other[2:]:
        return True
    if len(wire) != len(other):
        return False
    mine, theirs = bytearray(wire[2:]), bytearray(other[2:])
    for _, rdtype, at, _ in records(wire):
        if rdtype == OPT:
            continue
        field = slice(at - 2, at + 2)
        if mine[field] < theirs[field]:
            return False
        mine[field] = theirs[field] = bytes(4)
    return mine == theirs
