"""Queries of the scenarios: from their words to octets, and back."""

import re
import struct

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rrset

from lab import CLIENT4

QR = 0x8000
TC = 0x0200
RCODE = 0x000f
HEADER_FLAGS = {"aa": 0x0400, "tc": TC, "rd": 0x0100, "ra": 0x0080,
                "ad": 0x0020, "cd": 0x0010}


class Query:
    """One query: who sends which octets, how."""

    def __init__(self, line, number):
        self.line = line
        self.id = number
        self.client = CLIENT4
        self.tcp = False
        self.name = None        # of a query that was built, not spelled
        words = line.rest.split()
        if words and re.fullmatch(r"[0-9]+\.[0-9.]+|[0-9a-f:]*:[0-9a-f:]*",
                                  words[0]) and line.verb != "send":
            self.client = words.pop(0)
        if line.verb == "send":
            self._spell(words)
        else:
            self._build(words)

    def _build(self, words):
        flags = [word[1:] for word in words if word.startswith("+")]
        plain = [word for word in words if not word.startswith("+")]
        assert 1 <= len(plain) <= 3, f"line {self.line.number}: {words}"
        name, rdtype, rdclass = plain + ["A", "IN"][len(plain) - 1:]
        self.name = dns.name.from_text(name)
        message = dns.message.make_query(self.name, rdtype, rdclass,
                                         use_edns=0, payload=1232)
        message.id = self.id
        for flag in flags:
            self._set(message, *flag.partition("=")[::2])
        self.edns = message.edns >= 0
        self.wire = message.to_wire()

    def _set(self, message, flag, value):
        if flag == "tcp":
            self.tcp = True
        elif flag == "noedns":
            message.use_edns(False)
        elif flag == "size":
            set_edns(message, payload=int(value))
        elif flag == "version":
            set_edns(message, edns=int(value))
        elif flag == "ednsflags":
            set_edns(message, ednsflags=int(value, 16))
        elif flag == "do":
            message.want_dnssec(True)
        elif flag == "option":
            set_edns(message, options=[*message.options, edns_option(value)])
        elif flag == "opcode":
            message.set_opcode(dns.opcode.from_text(value))
        elif flag == "nord":
            message.flags &= ~dns.flags.RD
        else:
            message.flags |= HEADER_FLAGS[flag]

    def _spell(self, words):
        self.edns = False
        if "+tcp" in words:
            words.remove("+tcp")
            self.tcp = True
        if words and words[0].startswith("from="):
            self.client = words.pop(0)[5:]
        self.wire = spell(words, self.id)

    @property
    def question(self):
        """The octets of the question."""
        return self.wire[12:12 + question_length(self.wire)]

    @property
    def shown(self):
        """The name as the access log has it."""
        return "".join(
            "".join(chr(octet) if 33 <= octet <= 126 and octet not in b"\\."
                    else f"\\{octet:03d}" for octet in label.lower()) + "."
            for label in self.name.labels[:-1]) or "."


def set_edns(message, **changes):
    """Change a part of OPT."""
    message.use_edns(**{"edns": message.edns, "payload": message.payload,
                        "ednsflags": message.ednsflags,
                        "options": list(message.options), **changes})


def edns_option(text):
    """CODE:HEX"""
    code, _, data = text.partition(":")
    return dns.edns.GenericOption(int(code), bytes.fromhex(data))


def option_texts(message):
    """All options as edns_option() takes them; "none" if there are none."""
    texts = [f"{int(option.otype)}:{option.to_wire().hex()}"
             for option in message.options]
    return texts or ["none"]


def spell(words, number, question=b""):
    """Octets: hexadecimal digits, "name:www.example.com", "id", ..."""
    wire = b""
    for word in words:
        kind, _, value = word.partition(":")
        if word == "id":
            wire += struct.pack("!H", number)
        elif word == "question":
            wire += question
        elif kind == "name":
            wire += dns.name.from_text(value).to_wire()
        elif kind == "zeros":
            wire += bytes(int(value))
        else:
            wire += bytes.fromhex(word)
    return wire


def question_length(wire):
    """Of the first question of a message, without a look at its sense."""
    if len(wire) < 12 or wire[4:6] == b"\0\0":
        return 0
    at = 12
    while at < len(wire) and 0 < wire[at] < 64:
        at += 1 + wire[at]
    return at + 5 - 12


class Answer:
    """What came back."""

    def __init__(self, wire):
        self.wire = wire
        self.id, self.flags, self.questions = struct.unpack("!3H", wire[:6])
        self.question = wire[12:12 + question_length(wire)]
        try:
            self.message = dns.message.from_wire(
                plain(wire), one_rr_per_rrset=True, ignore_trailing=True)
        except dns.exception.DNSException as error:
            self.message = None
            self.error = error

    def __str__(self):
        return self.wire.hex() if self.message is None else str(self.message)

    @property
    def rcode(self):
        """With the upper bits that OPT has."""
        return dns.rcode.to_text(self.message.rcode() if self.message
                                 else self.flags & RCODE)

    @property
    def flag_names(self):
        return {name for name, bit in HEADER_FLAGS.items()
                if self.flags & bit}

    @property
    def records(self):
        return [record_text(rrset) for rrset in self.message.answer]

    @property
    def errors(self):
        """The Extended DNS Errors: (code, text)."""
        return [(int.from_bytes(wire[:2], "big"), wire[2:].decode())
                for wire in (option.to_wire()
                             for option in self.message.options
                             if option.otype == 15)]


def plain(wire):
    """With opcode QUERY in place of one that dnspython does not know."""
    opcode = wire[2] >> 3 & 15
    return wire if opcode in (0, 1, 2, 4, 5) else (
        wire[:2] + bytes([wire[2] & 0x87]) + wire[3:])


def record_text(rrset):
    """OWNER TTL CLASS TYPE RDATA, the owner in lower case."""
    return f"{rrset.name.to_text().lower()} " + " ".join(
        rrset.to_text().split(" ")[1:])


def rrset(text):
    """OWNER TTL [CLASS] TYPE RDATA"""
    owner, ttl, kind, rest = text.split(None, 3)
    rdclass = dns.rdataclass.IN
    if kind in ("CH", "HS", "ANY", "NONE"):
        rdclass = dns.rdataclass.from_text(kind)
        kind, rest = rest.split(None, 1)
    return dns.rrset.from_text(dns.name.from_text(owner), int(ttl), rdclass,
                               kind, rest)
