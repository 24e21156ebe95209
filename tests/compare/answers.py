"""Answers of all shapes, from a seed, with and without forbidden addresses."""

import collections
import dataclasses
import itertools
import random
import struct

from addresses import (A, AAAA, ADDITIONAL_KINDS, HTTPS, KINDS, SVCB, Pool,
                       bad_of, forbidden)

NS, CNAME, SOA, OPT, RRSIG = 2, 5, 6, 41, 46
IPV4HINT, IPV6HINT = 4, 6
LONGEST_CHAIN = 16


@dataclasses.dataclass(slots=True)
class Record:
    """rdata: octets, and domain names as tuples of labels."""
    owner: tuple
    rdtype: int
    ttl: int
    rdata: list

    def cleaned(self):
        """What dnsfw must leave of it, or None."""
        if self.rdtype in (A, AAAA) and forbidden(self.rdata[0]):
            return None
        return self


class Service(Record):
    """An SVCB or HTTPS record; params: key to octets, or to addresses."""

    __slots__ = ("head", "params")

    def __init__(self, owner, rdtype, ttl, head, params):
        self.head = head
        self.params = params
        Record.__init__(self, owner, rdtype, ttl, [head + b"".join(
            struct.pack("!HH", key, len(value)) + value for key, value in
            ((key, b"".join(value) if isinstance(value, list) else value)
             for key, value in sorted(params.items())))])

    def cleaned(self):
        params = {}
        for key, value in self.params.items():
            if isinstance(value, list):
                value = [one for one in value if not forbidden(one)]
                if not value and struct.pack("!H", key) in \
                        self.params.get(0, b""):
                    return None         # "mandatory" would name what is gone
                if not value:
                    continue
            params[key] = value
        return Service(self.owner, self.rdtype, self.ttl, self.head, params)


class Writer:
    """A message; names are compressed when and where compress() says so."""

    def __init__(self, flags, counts, compress):
        self._data = bytearray(struct.pack("!6H", 0, flags, 1, *counts))
        self._at = {}
        self._compress = compress

    def name(self, labels):
        data = self._data
        may_point = self._compress()
        for i, label in enumerate(labels):
            at = self._at.setdefault(labels[i:], len(data))
            if at != len(data) and may_point:
                data += struct.pack("!H", 0xc000 | at)
                return
            if len(data) >= 0x4000:
                del self._at[labels[i:]]
            data.append(len(label))
            data += label
        data.append(0)

    def question(self, labels, rdtype):
        self.name(labels)
        self._data += struct.pack("!HH", rdtype, 1)

    def record(self, record):
        data = self._data
        self.name(record.owner)
        data += struct.pack("!HHIH", record.rdtype, 1, record.ttl, 0)
        start = len(data)
        for part in record.rdata:
            if isinstance(part, tuple):
                self.name(part)
            else:
                data += part
        struct.pack_into("!H", data, start - 2, len(data) - start)

    def wire(self, opt):
        """opt: the whole OPT record, or nothing."""
        return bytes(self._data + opt)


RESPONSE = 0x8180       # QR, RD, RA

Answer = collections.namedtuple(
    "Answer", "kind depth labels rdtype family edns sections wire cleaned good")
"""An answer and its query.

kind     of the forbidden address, or None; depth: CNAMEs before it
labels   of the question, with rdtype; family: of the client, 4 or 6
edns     the query has an OPT record
sections the three lists of Records; wire: the message, with id 0
cleaned  of a kind: what must be left, as a message without compression
good     packed addresses that the answer section must keep
"""


def assemble(labels, rdtype, sections, opt=b"", compress=lambda: True):
    """The message with that question."""
    sections = list(sections)
    counts = [len(section) for section in sections]
    counts[2] += bool(opt)
    writer = Writer(RESPONSE, counts, compress)
    writer.question(labels, rdtype)
    for section in sections:
        for record in section:
            writer.record(record)
    return writer.wire(opt)


class Generator:
    """Answers without end, always the same from the same seed."""

    def __init__(self, seed):
        self._rng = random.Random(seed)
        self.pool = Pool(self._rng)
        self._names = itertools.count(1)
        self._kinds = itertools.cycle(KINDS)

    # Names.

    def _label(self, lengths=(1, 12)):
        rng = self._rng
        text = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789-_",
                                   k=rng.randint(*lengths)))
        return text.encode()

    def _name(self, *under):
        """A new name; the letters' case is random, too."""
        rng = self._rng
        labels = [f"n{next(self._names)}".encode()]
        labels += [self._label() for _ in range(rng.choice((0, 0, 1, 2)))]
        if rng.random() < 0.02:
            labels.insert(1, self._label((40, 63)))
        labels += under
        if rng.random() < 0.3:
            labels = [bytes(octet ^ 0x20 if 97 <= octet <= 122 and
                            rng.random() < 0.5 else octet
                            for octet in label) for label in labels]
        return tuple(labels)

    def _ttl(self):
        return self._rng.choice((0, 1, 30, 60, 300, 300, 3600, 86400,
                                 0x7fffffff))

    # Records.

    def _addresses(self, owner, rdtype, addresses):
        ttl = self._ttl()
        return [Record(owner, rdtype, ttl, [one]) for one in addresses]

    def _service(self, owner, rdtype, hints):
        """A record with those hints and a choice of other parameters."""
        rng = self._rng
        params = dict(hints)
        if rng.random() < 0.7:
            params[1] = b"\2h2\2h3"                     # alpn
        if rng.random() < 0.3:
            params[3] = struct.pack("!H", rng.choice((443, 8443)))
        if rng.random() < 0.3:
            params[5] = rng.randbytes(rng.randint(1, 60))       # ech
        if rng.random() < 0.2:
            params[65400] = rng.randbytes(rng.randint(0, 20))
        if params and rng.random() < 0.2:
            listed = rng.sample(sorted(params), rng.randint(1, len(params)))
            params[0] = b"".join(struct.pack("!H", key)
                                 for key in sorted(listed))
        target = b"\0"
        if rng.random() < 0.3:
            target = b"".join(bytes([len(label)]) + label for label in
                              self._name(b"example", b"net")) + b"\0"
        head = struct.pack("!H", rng.randint(1, 9)) + target
        return Service(owner, rdtype, self._ttl(), head, params)

    def _services(self, owner, kind, rdtype):
        """One or two records; the first has a forbidden hint if of a kind."""
        rng = self._rng
        hints = {IPV4HINT: self.pool.some(A, 1, 3),
                 IPV6HINT: self.pool.some(AAAA, 1, 3)}
        for key in (IPV4HINT, IPV6HINT):
            if rng.random() < 0.3:
                del hints[key]
        if kind:
            key = IPV4HINT if kind.endswith("ipv4hint") else IPV6HINT
            hints[key] = hints.get(key, []) + [
                bad_of(kind, rng) for _ in range(rng.randint(1, 3))]
            rng.shuffle(hints[key])
        records = [self._service(owner, rdtype, hints)]
        if rng.random() < 0.3:
            records.append(self._service(
                owner, rdtype, {IPV4HINT: self.pool.some(A, 1, 2)}))
        return records

    def _rrsig(self, owner, rdtype):
        rng = self._rng
        return Record(owner, RRSIG, 300, [struct.pack(
            "!HBBIIIH", rdtype, 13, len(owner), 300, 1900000000, 1700000000,
            rng.randrange(65536)) + b"\7example\3com\0" + rng.randbytes(64)])

    def _authority(self):
        zone = (b"example", b"com")
        if self._rng.random() < 0.5:
            return [Record(zone, NS, 300, [(f"ns{i}".encode(), *zone)])
                    for i in range(self._rng.randint(1, 3))]
        return [Record(zone, SOA, 300, [(b"ns1", *zone), (b"root", *zone),
                                        self._rng.randbytes(20)])]

    def _additional(self, kind):
        """Addresses of other names; of a kind, a forbidden one among them."""
        rng = self._rng
        owner = self._name(b"example", b"net")
        records = [*self._addresses(owner, A, self.pool.some(A, 0, 2)),
                   *self._addresses(owner, AAAA, self.pool.some(AAAA, 1, 2))]
        if kind:
            records += self._addresses(owner, A, [bad_of(kind, rng)])
            rng.shuffle(records)
        return records

    def _opt(self):
        """The OPT record of the answer, now and then with an option."""
        option = b""
        if self._rng.random() < 0.3:
            octets = self._rng.randbytes(self._rng.randint(0, 20))
            option = struct.pack("!HH", 65001, len(octets)) + octets
        return b"\0" + struct.pack("!HHIH", OPT, 1232, 0, len(option)) + option

    # Messages.

    def _chain(self, depth, question):
        """CNAMEs from the question, and the name that they end with."""
        records, owner = [], question
        for _ in range(depth):
            target = self._name(b"example", self._rng.choice(
                (b"com", b"net", b"org")))
            records.append(Record(owner, CNAME, self._ttl(), [target]))
            owner = target
        return records, owner

    def _final(self, owner, kind, rdtype):
        """The records that were asked for."""
        rng = self._rng
        if rdtype in (HTTPS, SVCB):
            return self._services(owner, kind, rdtype)
        addresses = self.pool.some(rdtype, 0 if kind else 1, 4)
        if kind:
            addresses += [bad_of(kind, rng) for _ in range(rng.randint(1, 3))]
            rng.shuffle(addresses)
        return self._addresses(owner, rdtype, addresses)

    def _sections(self, question, kind, depth, rdtype):
        """The sections, and those of their records that were asked for."""
        rng = self._rng
        answer, owner = self._chain(depth, question)
        apart = kind if kind in ADDITIONAL_KINDS else None
        final = self._final(owner, None if apart else kind, rdtype)
        answer += final
        if rng.random() < 0.15:
            answer.append(self._rrsig(owner, rdtype))
        authority = self._authority() if rng.random() < 0.2 else []
        additional = []
        if apart or rng.random() < 0.25:
            additional = self._additional(apart)
        return (answer, authority, additional), final

    def _family(self, rdtype):
        """The client's: mostly one that can be granted the addresses."""
        family = 4 if rdtype == A else 6
        odds = 0.1 if rdtype in (A, AAAA) else 0.5
        return 10 - family if self._rng.random() < odds else family

    def _answer(self, kind, depth, rdtype):
        rng = self._rng
        question = self._name(b"example", b"com")
        if rdtype == SVCB:
            question = (b"_dns", *question)
        sections, final = self._sections(question, kind, depth, rdtype)
        edns = rng.random() < 0.8
        opt = self._opt() if edns and rng.random() < 0.9 else b""
        share = rng.choice((0, 0.5, 1))
        wire = assemble(question, rdtype, sections, opt,
                        lambda: rng.random() < share)
        cleaned = None
        if kind:
            cleaned = assemble(question, rdtype, map(clean, sections), opt)
        good = {address for record in clean(final)
                for address in record_addresses(record)}
        return Answer(kind, depth, question, rdtype,
                      self._family(rdtype), edns, sections, wire,
                      cleaned, good)

    def bad(self):
        """The next answer with a forbidden address."""
        kind = next(self._kinds)
        return self._answer(kind, self._rng.randint(0, LONGEST_CHAIN),
                            KINDS[kind][0])

    def clean(self):
        """The next answer without one."""
        rng = self._rng
        depth = rng.choice((0, 0, 0, 0, 0, 1, 1, 2, 3,
                            rng.randint(0, LONGEST_CHAIN)))
        return self._answer(None, depth, rng.choice(
            (A, A, A, AAAA, AAAA, HTTPS, SVCB)))


def clean(section):
    """What dnsfw must leave of the records."""
    return [left for record in section if (left := record.cleaned())]


def record_addresses(record):
    if isinstance(record, Service):
        return [one for value in record.params.values()
                if isinstance(value, list) for one in value]
    return record.rdata if record.rdtype in (A, AAAA) else []
