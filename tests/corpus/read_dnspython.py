#!/usr/bin/python3
"""The reader of dnspython; see reader.h."""

import struct
import sys

import dns.exception
import dns.message


def records(section, rrsets):
    for rrset in rrsets:
        # Of an update (RFC 2136): the class of the record itself, and a
        # record without rdata, which names a set.
        rdclass = getattr(rrset, "deleting", None) or rrset.rdclass
        for rdata in [rdata.to_wire().hex() for rdata in rrset] or [""]:
            yield (f"{section} {rrset.name.to_wire().hex()} "
                   f"{int(rrset.rdtype)} {int(rdclass)} {rrset.ttl} {rdata}")


def read(wire):
    message = dns.message.from_wire(wire, one_rr_per_rrset=True)
    fields = ["-"] if not message.question else []
    for question in message.question:
        fields.append(f"{question.name.to_wire().hex()} "
                      f"{int(question.rdtype)} {int(question.rdclass)}")
    for section in (1, 2, 3):
        fields += records(section, message.sections[section])
    for special in (message.opt, message.tsig):
        fields += records(3, [special] if special else [])
    return "ok " + "|".join(fields)


def main():
    source = sys.stdin.buffer
    while len(head := source.read(4)) == 4:
        wire = source.read(struct.unpack("!I", head)[0])
        try:
            print(read(wire))
        except dns.exception.DNSException as error:
            print("refused", type(error).__name__)
        except (ValueError, struct.error, IndexError) as error:
            print("refused", type(error).__name__)


if __name__ == "__main__":
    main()
