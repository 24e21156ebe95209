"""What the specification demands of a message, written a second time.

check(wire) is None, or the rule that forbids the message.  Short and slow, and
from the text of the specification and the RFCs, not from the parser: where the
two disagree, one of them is wrong.
"""

import struct

SHORT = "the message ends before what it announces (RFC 1035 4.1)"
QUESTIONS = "more than one question (RFC 9619)"
LABEL = "label type 01 or 10 (RFC 6891 5, RFC 1035 4.1.4)"
FORWARD = "compression pointer not to an earlier name (D10, RFC 1035 4.1.4)"
HOPS = "more pointers than a name has labels (D10: linear work)"
STEPS = "names that lead through more than 4096 pointers in all (D21)"
CHANGES = "a name through octets that change on the way: id, flags, counts, " \
    "fixed fields of records, letters of the question (D10)"
COMPRESSED = "a compressed name where none may be (RFC 1035 4.1.4, RFC 9460)"
LONG = "name above 255 octets (RFC 1035 3.1)"
OPT = "OPT twice, in another section, or not at the root (D10, RFC 6891 6.1)"
RDATA = "rdata is not of its type's format (RFC 1035 3.3, RFC 3596, " \
    "RFC 9460)"

NAMES = {2: "n", 3: "n", 4: "n", 5: "n", 6: "nn884", 7: "n", 8: "n", 9: "n",
         12: "n", 14: "nn", 15: "2n", 17: "nn", 18: "2n", 21: "2n",
         24: "99n*", 30: "n*", 39: "n", 46: "99n*", 47: "n*", 58: "uu",
         66: "5u", 107: "2u", 249: "u*", 250: "u*"}
ONLY_IN = {1: "4", 23: "u", 26: "2nn", 28: "88", 33: "6n", 35: "4sssn",
           36: "2n", 64: "2up", 65: "2up"}


class Refused(Exception):
    pass


class Message:
    def __init__(self, wire):
        self.wire = wire
        self.changing = set(range(12))
        self.question_end = 12
        self.opt = False
        self.steps = 0

    def octet(self, at, end, rule=SHORT):
        if at >= end:
            raise Refused(rule)
        return self.wire[at]

    def name(self, at, end, pointers=True, rule=SHORT):
        """Where the name at offset at ends."""
        size, hops, start, after = 1, 0, at, None
        while True:
            n = self.octet(at, end, rule)
            if n >= 0xc0:
                target = (n & 0x3f) << 8 | self.octet(at + 1, end, rule)
                after = after or at + 2
                if not pointers:
                    raise Refused(COMPRESSED)
                if target >= start:
                    raise Refused(FORWARD)
                if hops == 127:
                    raise Refused(HOPS)
                if at + 1 < self.question_end:
                    raise Refused(CHANGES)
                if hops and self.changing & set(range(start, at + 2)):
                    raise Refused(CHANGES)
                hops += 1
                self.steps += 1
                if self.steps > 4096:
                    raise Refused(STEPS)
                rule, end, at, start = FORWARD, start, target, target
                continue
            if n > 63:
                raise Refused(LABEL)
            size += n + 1 if n else 0
            if size > 255:
                raise Refused(LONG)
            if at + 1 + n > end:
                raise Refused(rule)
            at += 1 + n
            if n == 0:
                if hops and self.changing & set(range(start, at)):
                    raise Refused(CHANGES)
                return after or at

    def rdata(self, kind, rdclass, at, end):
        layout = NAMES.get(kind) or (rdclass == 1 and ONLY_IN.get(kind)) or "*"
        for field in layout:
            if field in "nu":
                at = self.name(at, end, field == "n", RDATA)
            elif field == "s":
                at += 1 + self.octet(at, end, RDATA)
            elif field == "p":
                at = self.parameters(at, end)
            elif field == "*":
                at = end
            else:
                at += int(field)
            if at > end:
                raise Refused(RDATA)
        if at != end:
            raise Refused(RDATA)

    def parameters(self, at, end):
        last = -1
        while at < end:
            if end - at < 4:
                raise Refused(RDATA)
            key, length = struct.unpack_from("!HH", self.wire, at)
            unit = {4: 4, 6: 16}.get(key)
            if key <= last or (unit and (length == 0 or length % unit)):
                raise Refused(RDATA)
            last, at = key, at + 4 + length
        return at

    def options(self, at, end):
        while at < end:
            if end - at < 4:
                raise Refused(RDATA)
            at += 4 + struct.unpack_from("!H", self.wire, at + 2)[0]
        if at != end:
            raise Refused(RDATA)

    def record(self, at, section):
        end = len(self.wire)
        fixed = self.name(at, end)
        if end - fixed < 10:
            raise Refused(SHORT)
        kind, rdclass, _, length = struct.unpack_from("!HHIH", self.wire, fixed)
        self.changing |= set(range(fixed, fixed + 10))
        rdata, after = fixed + 10, fixed + 10 + length
        if after > end:
            raise Refused(SHORT)
        opcode = self.wire[2] >> 3 & 15
        if kind == 41:
            if section != 3 or self.opt or fixed - at != 1:
                raise Refused(OPT)
            self.opt = True
            self.options(rdata, after)
        elif length or opcode != 5 or rdclass not in (254, 255):
            self.rdata(kind, rdclass, rdata, after)
        return after

    def all(self):
        if len(self.wire) < 12:
            raise Refused(SHORT)
        counts = struct.unpack_from("!4H", self.wire, 4)
        if counts[0] > 1:
            raise Refused(QUESTIONS)
        at = 12
        if counts[0]:
            at = self.name(at, len(self.wire), False) + 4
            if at > len(self.wire):
                raise Refused(SHORT)
        self.question_end = at
        for section in (1, 2, 3):
            for _ in range(counts[section]):
                at = self.record(at, section)


def check(wire):
    try:
        Message(wire).all()
    except Refused as why:
        return str(why)
    return None


# Which addresses an answer opens (G4, G6), from records that some parser read:
# (section, owner, type, class, ttl, rdata), owners folded, names uncompressed.

def name_end(octets, at=0):
    while octets[at]:
        at += 1 + octets[at]
    return at + 1


def addresses(qname, records):
    """{address: TTL} of all that the question's name leads to."""
    chain, found = [qname], {}
    answer = [r for r in records if r[0] == 1 and r[3] == 1]
    for name in chain:          # which grows
        for _, owner, kind, _, ttl, rdata in answer:
            if owner != name:
                continue
            target, hints = None, []
            if kind == 5:
                target = rdata.lower()
            elif kind in (64, 65):
                end = name_end(rdata, 2)
                target = rdata[2:end].lower() if end > 3 else None
                hints = hints_of(rdata, end) if rdata[:2] != b"\0\0" else []
            elif kind in (1, 28):
                hints = [rdata]
            for address in hints:
                seconds = ttl if ttl < 1 << 31 else 0
                found[address] = max(found.get(address, 0), seconds)
            if target and target not in chain and len(chain) < 17:
                chain.append(target)
    return found


def hints_of(rdata, at):
    found = []
    while at < len(rdata):
        key, length = struct.unpack_from("!HH", rdata, at)
        size = {4: 4, 6: 16}.get(key)
        for i in range(0, length, size or length + 1):
            if size:
                found.append(rdata[at + 4 + i:at + 4 + i + size])
        at += 4 + length
    return found
