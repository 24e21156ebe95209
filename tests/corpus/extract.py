#!/usr/bin/python3
"""The distinct DNS messages in what tests/corpus/fetch fetched.

    extract.py [DIR] > messages

A line a message: where it comes from, a tab, and its octets in hexadecimal.
"""

import os
import pathlib
import re
import struct
import sys

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

SHORTEST = 4        # octets; of less there is little to learn
DNS_PORTS = {53, 5353, 8053}
# Byte order, by what the first octets read as in little-endian order.
PCAP_ORDER = {0xa1b2c3d4: "<", 0xa1b23c4d: "<",
              0xd4c3b2a1: ">", 0x4d3cb2a1: ">"}
# Link types: what precedes the network layer's header (pcap-linktype(7)).
LINK_HEADER = {0: 4, 1: 14, 12: 0, 101: 0, 108: 4, 113: 16}
ETHERTYPE_VLAN = 0x8100
HEX = re.compile(r"[0-9a-fA-F]+")


def default_dir():
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache) / "dnsfw-corpus"


def from_raw(path):
    """A file is a message."""
    yield path.read_bytes()


def from_hex(path):
    """unbound's test_packets: files of two forms.

    In some every line is a message, or the number of one; in the others,
    which have comments, a message takes several lines.
    """
    text = path.read_text(encoding="latin-1")
    packets = re.split(r"(?m)^;--.*$", text) if ";" in text \
        else text.splitlines()
    for packet in packets:
        digits = "".join(HEX.findall(re.sub(r"[;#].*", "", packet)))
        if len(digits) % 2 == 0 and len(digits) >= 2 * SHORTEST:
            yield bytes.fromhex(digits)


def ip_payload(packet):
    """(protocol, what follows the IP header) of an unfragmented packet."""
    if len(packet) >= 20 and packet[0] >> 4 == 4:
        if struct.unpack_from("!H", packet, 6)[0] & 0x3fff:
            return None, b""
        length = struct.unpack_from("!H", packet, 2)[0]
        return packet[9], packet[4 * (packet[0] & 15):length or None]
    if len(packet) >= 40 and packet[0] >> 4 == 6:
        return packet[6], packet[40:]
    return None, b""


def from_pcap(path):
    """DNS by UDP, and by TCP in a segment of whole messages."""
    data = path.read_bytes()
    if len(data) < 24:
        return
    order = PCAP_ORDER.get(struct.unpack_from("<I", data)[0])
    if order is None:
        return
    skip = LINK_HEADER.get(struct.unpack_from(order + "I", data, 20)[0])
    at = 24
    while skip is not None and at + 16 <= len(data):
        size = struct.unpack_from(order + "I", data, at + 8)[0]
        frame = data[at + 16:at + 16 + size]
        at += 16 + size
        vlan = skip == 14 and frame[12:14] == ETHERTYPE_VLAN.to_bytes(2, "big")
        proto, segment = ip_payload(frame[skip + 4 * vlan:])
        if len(segment) < 20 or \
                not DNS_PORTS & set(struct.unpack_from("!HH", segment)):
            continue
        if proto == 17:
            yield segment[8:]
        elif proto == 6:
            yield from whole_messages(segment[4 * (segment[12] >> 4):])


def whole_messages(stream):
    while len(stream) > 2:
        length = int.from_bytes(stream[:2], "big")
        if length < SHORTEST or len(stream) < 2 + length:
            return
        yield stream[2:2 + length]
        stream = stream[2 + length:]


class Entry:
    """An entry of a replay scenario (unbound's testdata, *.rpl)."""

    def __init__(self):
        self.message = dns.message.Message(id=4711)
        self.section = None
        self.last = None

    def flags(self, words):
        for word in words:
            if word in dns.flags.Flag.__members__:
                self.message.flags |= dns.flags.Flag[word]
            elif word in dns.rcode.Rcode.__members__:
                self.message.set_rcode(dns.rcode.Rcode[word])
            elif word in dns.opcode.Opcode.__members__:
                self.message.set_opcode(dns.opcode.Opcode[word])
            elif word == "DO":
                self.message.use_edns(ednsflags=dns.flags.DO)

    def record(self, line):
        words = line.split()
        owner = dns.name.from_text(words.pop(0))
        if self.section is self.message.question:
            kind = dns.rdatatype.from_text(words.pop())
            self.section.append(dns.rrset.RRset(
                owner, dns.rdataclass.from_text(words.pop()), kind))
            return
        ttl = int(words.pop(0)) if words[0].isdigit() else 3600
        words = words[1:] if words[0] in ("IN", "CH") else words
        self.section.append(dns.rrset.from_text(
            owner, ttl, "IN", words[0], " ".join(words[1:])))

    def line(self, line):
        words = line.split()
        if words[0] == "REPLY":
            self.flags(words[1:])
        elif words[0] == "SECTION":
            self.section = {
                "QUESTION": self.message.question,
                "ANSWER": self.message.answer,
                "AUTHORITY": self.message.authority,
                "ADDITIONAL": self.message.additional}[words[1]]
        elif self.section is not None:
            self.record(re.sub(r"\s;.*", "", line))


def from_replay(path):
    """The messages of a scenario, as dnspython writes them."""
    entry = None
    for line in path.read_text(encoding="latin-1").splitlines():
        line = line.strip()
        if line.startswith("ENTRY_BEGIN"):
            entry = Entry()
        elif entry is not None and line and line[0] not in ";#":
            try:
                if line.startswith("ENTRY_END"):
                    yield entry.message.to_wire(max_size=65535)
                    entry = None
                else:
                    entry.line(line)
            except (dns.exception.DNSException, KeyError, IndexError,
                    ValueError, TypeError):
                entry = None        # not of this simple form


READERS = [
    ("bind9", "**/*.in/*", from_raw),
    ("c-ares", "**/fuzzinput/*", from_raw),
    ("unbound", "**/test_packets.*", from_hex),
    ("unbound", "**/*.rpl", from_replay),
    ("tcpdump", "**/*.pcap", from_pcap),
]


def messages(top):
    """(origin, octets) of each distinct message."""
    seen = set()
    for package, pattern, reader in READERS:
        for path in sorted((top / package).glob(pattern)):
            if not path.is_file():
                continue
            origin = f"{package}/{path.name}"
            for wire in reader(path):
                if SHORTEST <= len(wire) <= 65535 and wire not in seen:
                    seen.add(wire)
                    yield origin, wire


def main():
    top = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default_dir()
    for origin, wire in messages(top):
        print(f"{origin}\t{wire.hex()}")


if __name__ == "__main__":
    main()
