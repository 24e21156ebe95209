#!/usr/bin/python3
"""Real messages, and mutants of them, through dnsfw's parser and others'.

    compare.py [--mutants N] [--seed N] [--build DIR] MESSAGES

MESSAGES is what extract.py printed.  Each is read as a query and as an answer;
then come answers with a compression pointer somewhere in the rdata of each
type, and the mutants.  Fails if
 - dnsfw takes a message that another parser reads differently,
 - dnsfw and model.py, which is the specification once more, do not take and
   refuse the same messages, or see other addresses to grant in them.
What dnsfw refuses and another takes is counted by the rule that forbids it.
"""

import argparse
import collections
import itertools
import pathlib
import random
import struct
import subprocess
import sys
import threading

import model

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(1, str(HERE.parent / "e2e"))

from ending import exit_on_signals      # noqa: E402

OTHERS = ("bind", "dnspython", "glibc", "knot", "ldns")
SHOWN = 10          # differences that are printed in full
CHUNK = 40000       # messages that are in memory at a time
OPT, NONE, ANY = 41, 254, 255

# Records that a parser reads in a way of its own, whoever sent them: the other
# parsers are of dnsfw's opinion.
OPAQUE = "does not know the type's format: a pointer in it stays one"
PARTIAL = "leaves out rdata behind the last field that it knows"
KNOWN = {
    "bind": {38: "follows a pointer in A6 (historic, RFC 6563)"},
    "dnspython": {
        **dict.fromkeys((3, 4, 7, 8, 9, 14, 24, 30), OPAQUE),
        20: "drops an empty subaddress", 42: "drops zeros of a prefix",
        55: "follows a pointer in HIP (RFC 8005: none may be there)"},
    "glibc": {},
    "knot": {},
    "ldns": {
        # A and AAAA: of another class than IN, where they are opaque to us.
        **dict.fromkeys((1, 13, 19, 20, 23, 27, 28, 40, 51, 104, 105, 106,
                         108, 109, 249, 250), PARTIAL),
        55: "follows a pointer in HIP (RFC 8005: none may be there)"},
}


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mutants", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--build", type=pathlib.Path,
                        default=HERE.parents[1] / "build")
    parser.add_argument("messages", type=pathlib.Path)
    return parser.parse_args()


def load(path):
    """The messages as queries and as answers."""
    seen = {}
    for line in path.read_text(encoding="ascii").splitlines():
        wire = bytearray.fromhex(line.split("\t")[1])
        for response in (0, 0x80):
            wire[2] = wire[2] & 0x7f | response
            seen[bytes(wire)] = None
    return list(seen)


ODD = (0, 1, 0x0c, 0x29, 0x3f, 0x40, 0x80, 0xc0, 0xff)


def mutant(wire, other, draw):
    """One to four small changes, or a piece of another message."""
    wire = bytearray(wire)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(wire)) if wire else 0
        kind = draw.randrange(8)
        if kind == 0 and wire:
            wire[at] ^= 1 << draw.randrange(8)
        elif kind == 1 and wire:
            wire[at] = draw.choice(ODD)
        elif kind == 2 and wire:
            wire[at] = draw.randrange(256)
        elif kind == 3:
            wire[at:at] = draw.randbytes(draw.randint(1, 4))
        elif kind == 4:
            del wire[at:at + draw.randint(1, 4)]
        elif kind == 5 and len(wire) > 12:      # a pointer
            at = draw.randrange(12, len(wire))
            target = draw.randrange(at)
            wire[at:at + 2] = struct.pack("!H", 0xc000 | target & 0x3fff)
        elif kind == 6 and len(wire) > 12:      # a count
            wire[draw.choice((5, 7, 9, 11))] = draw.randrange(4)
        elif kind == 7 and other:
            start = draw.randrange(len(other))
            wire[at:at + draw.choice((0, 16))] = \
                other[start:start + draw.randint(1, 64)]
    return bytes(wire[:65535])


def typed():
    """Answers whose rdata has a pointer to the question's name."""
    head = (b"\x12\x34\x84\0\0\1\0\1\0\0\0\0"
            b"\3www\7example\3com\0")
    for kind in range(1, 280):
        for before in range(26):
            for fill in (b"\0", b"\1"):
                for after in (0, 4, 20):
                    rdata = fill * before + b"\xc0\x0c" + bytes(after)
                    yield (head + struct.pack("!HH", kind, 1) + b"\xc0\x0c" +
                           struct.pack("!HHIH", kind, 1, 60, len(rdata)) +
                           rdata)


def staircase(flags, each, total):
    """Owners lead through so many pointers each, and all of them in total."""
    # At offset 30, in rdata of an unknown type: the root, and pointers, of
    # which each leads to the one before.
    stairs = b"\0" + b"".join(struct.pack("!H", 0xc000 | max(30, 29 + 2 * i))
                              for i in range(each - 1))
    steps = [each] * (total // each) + [total % each] * (total % each > 0)
    return (struct.pack("!6H", 0x1234, flags, 1, 1 + len(steps), 0, 0) +
            b"\1q\0\0\1\0\1\0" +
            struct.pack("!HHIH", 65280, 1, 0, len(stairs)) + stairs +
            b"".join(struct.pack("!HHHIH", 0xc000 | max(30, 27 + 2 * n), 65280,
                                 1, 0, 0) for n in steps))


def staircases():
    """4,096 pointers in all, and one more; 127 in a name, and one more."""
    for flags in (0, 0x8000):
        for each in (1, 2, 64, 127):
            for total in (4095, 4096, 4097):
                yield staircase(flags, each, total)
        yield staircase(flags, 128, 128)


def mutants(messages, count, seed):
    draw = random.Random(seed)
    small = [m for m in messages if len(m) <= 1500]
    for _ in range(count):
        yield mutant(draw.choice(small), draw.choice(small), draw)


def command(name, build):
    if name == "dnspython":
        return [str(HERE / "read_dnspython.py")]
    return [str(build / "tests" / "corpus" / f"read_{name}")]


def run(name, build, frames, results):
    done = subprocess.run(command(name, build), input=frames,
                          capture_output=True, check=False)
    if done.returncode != 0:
        results[name] = done.stderr.decode(errors="replace")
    else:
        results[name] = done.stdout.decode("ascii").splitlines()


def read_all(messages, build):
    """What each parser says, in the order of the messages."""
    frames = b"".join(struct.pack("!I", len(m)) + m for m in messages)
    results = {}
    threads = [threading.Thread(target=run, args=(n, build, frames, results))
               for n in ("dnsfw", *OTHERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, lines in results.items():
        if isinstance(lines, str) or len(lines) != len(messages):
            sys.exit(f"read_{name} failed: {str(lines)[-2000:]}")
    return results


def fold(octets):
    return bytes.fromhex(octets).lower()


class Reading:
    """A line of a reader; letter case does not count."""

    def __init__(self, line):
        verdict, _, rest = line.partition(" ")
        # A reader that only finds out on the way (glibc's) says BROKEN there.
        self.accepted = verdict == "ok" and "BROKEN" not in rest
        self.reason = rest if verdict == "refused" else "broken record"
        if not self.accepted:
            return
        fields = rest.split("|")
        self.question = fields.pop(0).lower()
        self.grants = {}
        self.records = []
        for field in fields:
            words = field.split(" ")
            if words[0] == "grant":
                self.grants[bytes.fromhex(words[1])] = int(words[2])
            elif len(words) == 3:           # another question
                self.question += " " + field
            else:
                section, owner, kind, rdclass, ttl, rdata = words
                self.records.append((int(section), fold(owner), int(kind),
                                     int(rdclass), int(ttl),
                                     bytes.fromhex(rdata)))
        if self.question != "-":
            words = self.question.split()
            self.qname = fold(words[0])
            words[0] = self.qname.hex()
            self.question = " ".join(words)


def comparable(record):
    """Without the differences that say nothing about the message."""
    section, owner, kind, rdclass, ttl, rdata = record
    if kind != OPT and ttl >= 1 << 31:
        ttl = 0                     # RFC 2181 8, done on reading by some
    if not rdata and rdclass in (NONE, ANY):
        ttl = 0                     # RFC 2136: has no meaning
    return section, owner, kind, rdclass, ttl, rdata.lower()


def difference(name, ours, theirs):
    """What the two parsers read differently, or None."""
    if ours.question != theirs.question:
        return f"question: {ours.question} / {theirs.question}"
    a = collections.Counter(map(comparable, ours.records))
    b = collections.Counter(map(comparable, theirs.records))
    if all(record[2] in KNOWN[name] for record in (a - b) + (b - a)):
        return None
    return f"records: only dnsfw {list(a - b)} / only the other {list(b - a)}"


class Comparison:
    def __init__(self):
        self.counts = collections.Counter()
        self.refused = collections.Counter()    # (rule, other): messages
        self.theirs = collections.Counter()     # (other, reason): messages
        self.bad = []

    def wrong(self, message, text):
        self.bad.append(f"{message.hex()}\n    {text}")

    def against_model(self, message, ours):
        rule = model.check(message)
        self.counts["accepted" if ours.accepted else "refused"] += 1
        if ours.accepted != (rule is None):
            self.wrong(message, f"dnsfw: {ours.reason[:60]}; model: {rule}")
        elif ours.accepted and message[2] & 0x80 and ours.question != "-":
            wanted = model.addresses(ours.qname, ours.records)
            if wanted != ours.grants:
                self.wrong(message, f"grants {ours.grants}, not {wanted}")
        return rule

    def add(self, message, readings):
        ours = Reading(readings["dnsfw"])
        rule = self.against_model(message, ours)
        for name in OTHERS:
            theirs = Reading(readings[name])
            if theirs.accepted and not ours.accepted:
                self.refused[rule, name] += 1
            elif ours.accepted and not theirs.accepted:
                self.theirs[name, theirs.reason] += 1
            elif ours.accepted:
                self.counts["read alike by " + name] += 1
                text = difference(name, ours, theirs)
                if text:
                    self.wrong(message, f"{name}: {text}")

    def report(self):
        for what, n in sorted(self.counts.items()):
            print(f"{n:9} {what}")
        print("\nRefused by dnsfw, taken by others, and the rule:")
        for rule in sorted({rule for rule, _ in self.refused}, key=str):
            counts = ", ".join(f"{name} {self.refused[rule, name]}"
                               for name in OTHERS if self.refused[rule, name])
            print(f"  {rule}: {counts}")
        print("\nTaken by dnsfw, refused by others (who check more rdata):")
        for (name, reason), n in sorted(self.theirs.items()):
            print(f"  {name} {n}: {reason}")
        for text in self.bad[:SHOWN]:
            print("\nWRONG", text)
        print(f"\n{len(self.bad)} unexplained differences")


def main():
    args = arguments()
    exit_on_signals()
    messages = load(args.messages)
    print(f"{len(messages)} messages, {args.mutants} mutants, "
          f"seed {args.seed}", flush=True)
    comparison = Comparison()
    source = itertools.chain(messages, typed(), staircases(),
                             mutants(messages, args.mutants, args.seed))
    while chunk := list(itertools.islice(source, CHUNK)):
        results = read_all(chunk, args.build)
        for i, message in enumerate(chunk):
            comparison.add(message, {n: results[n][i] for n in results})
    comparison.report()
    return 1 if comparison.bad else 0


if __name__ == "__main__":
    sys.exit(main())
